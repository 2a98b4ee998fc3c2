"""`emulator export`: a workspace for Segment, for Terraform, or as a file with all spelled out."""

import json
from pathlib import Path

import click

from segment_insider_emulator.cli.running import fetch_running_workspace, is_emulator_url
from segment_insider_emulator.cli.terminal import make_terminal_safe, print_lines
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import (
    PRESET_NAMES,
    Workspace,
    load_preset,
    load_workspace_or_preset,
)
from segment_insider_emulator.workspace.exporting import workspace_file
from segment_insider_emulator.workspace.exporting.applied import list_unexported_paths
from segment_insider_emulator.workspace.exporting.public_api import build_api_requests
from segment_insider_emulator.workspace.exporting.terraform import build_terraform
from segment_insider_emulator.workspace.loading import load_workspace_from_document

EXPORT_FORMATS = ("public-api", "terraform", "workspace")


@click.command(
    "export", epilog="Example: emulator export shop.yaml --format terraform > insider.tf"
)
@click.argument("file", required=False)
@click.option(
    "--preset", "name", type=click.Choice(PRESET_NAMES), help="A preset instead of a file."
)
@click.option(
    "--format", "form", type=click.Choice(EXPORT_FORMATS), required=True, help="What to write."
)
@click.option("--output", type=click.Path(path_type=Path), help="Write it to this file.")
@click.option("--keep-secrets", is_flag=True, help="Write the key of the Insider One account.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; public-api always is.")
def export_command(
    file: str | None,
    name: str | None,
    form: str,
    output: Path | None,
    keep_secrets: bool,
    as_json: bool,
) -> None:
    """Write a workspace so that it can be applied at Segment, or edited.

    FILE is a workspace file, or the address of a running emulator. public-api prints the requests
    to make, in order; terraform resources: both of the destination, the tracking plan and what the
    source does about violations; what has no place there is told. workspace prints a workspace
    file in which every trigger and mapping is spelled out.
    """
    if (file is None) == (name is None):
        raise click.UsageError("Give a FILE, or --preset NAME.")
    if keep_secrets and is_emulator_url(file or ""):
        raise click.UsageError("A running emulator tells no key: leave --keep-secrets out.")
    workspace = load_preset(name) if name else _load_workspace_or_url(file or "")
    left_out = _list_left_out(workspace, form)
    text = _render_export(workspace, form, left_out, keep_secrets=keep_secrets, as_json=as_json)
    if left_out:
        notice = f"left out, because it has no place there: {', '.join(left_out)}"
        print_lines([f"note: {notice}. Set it by hand where you need it."], err=True)
    if output is None:
        click.echo(make_terminal_safe(text), nl=False)
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise EmulatorError(what, str(output), "Name a file you may write to.") from None


def _load_workspace_or_url(file: str) -> Workspace:
    return (
        load_workspace_from_document(fetch_running_workspace(file), file)
        if is_emulator_url(file)
        else load_workspace_or_preset(file)
    )


def _list_left_out(workspace: Workspace, form: str) -> list[str]:
    if form == "workspace":
        return []
    return list_unexported_paths(
        workspace,
        exports_schema_settings=form != "terraform" or workspace.tracking_plan is not None,
    )


def _render_export(
    workspace: Workspace, form: str, left_out: list[str], *, keep_secrets: bool, as_json: bool
) -> str:
    written: JSONObject
    match form:
        case "public-api":
            written = {"requests": build_api_requests(workspace, keep_secrets=keep_secrets)}
        case "terraform" if as_json:
            written = {"configuration": build_terraform(workspace, keep_secrets=keep_secrets)}
        case "terraform":
            return build_terraform(workspace, keep_secrets=keep_secrets)
        case _ if as_json:
            written = {
                "workspace": workspace_file.export_document(workspace, keep_secrets=keep_secrets)
            }
        case _:
            return workspace_file.export_workspace_file(workspace, keep_secrets=keep_secrets)
    indent = None if form == "terraform" else 2
    return json.dumps(written | {"leftOut": left_out}, indent=indent) + "\n"
