"""`emulator export`: a workspace for Segment, for Terraform, or as a file with all spelled out."""

import json
from pathlib import Path

import click

from segment_insider_emulator.cli.running import is_address, running_workspace
from segment_insider_emulator.cli.terminal import for_terminal, tell
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import PRESETS, Workspace, load, preset
from segment_insider_emulator.workspace.exporting import workspace_file
from segment_insider_emulator.workspace.exporting.applied import unwritten
from segment_insider_emulator.workspace.exporting.public_api import requests
from segment_insider_emulator.workspace.exporting.terraform import configuration
from segment_insider_emulator.workspace.loading import from_document

FORMATS = ("public-api", "terraform", "workspace")


@click.command(
    "export", epilog="Example: emulator export shop.yaml --format terraform > insider.tf"
)
@click.argument("file", required=False)
@click.option("--preset", "name", type=click.Choice(PRESETS), help="A preset instead of a file.")
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="What to write.")
@click.option("--output", type=click.Path(path_type=Path), help="Write it to this file.")
@click.option("--keep-secrets", is_flag=True, help="Write the key of the Insider One account.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; public-api always is.")
def command(
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
    if keep_secrets and is_address(file or ""):
        raise click.UsageError("A running emulator tells no key: leave --keep-secrets out.")
    workspace = preset(name) if name else _workspace(file or "")
    left_out = _left_out(workspace, form)
    text = _text(workspace, form, left_out, keep_secrets=keep_secrets, as_json=as_json)
    if left_out:
        told = f"left out, because it has no place there: {', '.join(left_out)}"
        tell([f"note: {told}. Set it by hand where you need it."], err=True)
    if output is None:
        click.echo(for_terminal(text), nl=False)
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise EmulatorError(what, str(output), "Name a file you may write to.") from None


def _workspace(file: str) -> Workspace:
    return from_document(running_workspace(file), file) if is_address(file) else load(file)


def _left_out(workspace: Workspace, form: str) -> list[str]:
    if form == "workspace":
        return []
    return unwritten(workspace, controlled=form != "terraform" or workspace.plan is not None)


def _text(
    workspace: Workspace, form: str, left_out: list[str], *, keep_secrets: bool, as_json: bool
) -> str:
    written: JSONObject
    match form:
        case "public-api":
            written = {"requests": requests(workspace, keep_secrets=keep_secrets)}
        case "terraform" if as_json:
            written = {"configuration": configuration(workspace, keep_secrets=keep_secrets)}
        case "terraform":
            return configuration(workspace, keep_secrets=keep_secrets)
        case _ if as_json:
            written = {"workspace": workspace_file.document(workspace, keep_secrets=keep_secrets)}
        case _:
            return workspace_file.workspace_file(workspace, keep_secrets=keep_secrets)
    indent = None if form == "terraform" else 2
    return json.dumps(written | {"leftOut": left_out}, indent=indent) + "\n"
