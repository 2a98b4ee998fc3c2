"""`emulator import`: what Segment or Terraform says, as a workspace file."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from segment_insider_emulator.cli.terminal import make_terminal_safe, print_lines
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.workspace.importing.assembling import (
    ImportedWorkspace,
    build_imported_workspace,
)
from segment_insider_emulator.workspace.importing.reading import (
    list_import_files,
    read_import_files,
)
from segment_insider_emulator.workspace.importing.writing import format_yaml


@click.command("import", epilog="Example: emulator import destination.json subscriptions.json")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="Write the workspace file there.")
@click.option("--destination", help="Id of the destination, where there are several.")
@click.option("--keep-secrets", is_flag=True, help="Keep the key of the Insider One account.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the workspace and the findings as JSON."
)
@click.pass_context
def import_command(
    ctx: click.Context,
    files: tuple[Path, ...],
    output: Path | None,
    destination: str | None,
    keep_secrets: bool,
    as_json: bool,
) -> None:
    """Make a workspace file of answers of Segment's Public API, or of Terraform.

    Each FILE is an answer (a destination, its subscriptions, its filters, a source; alone or
    together), the output of `terraform show -json`, a state file, or configuration (.tf,
    .tf.json); or a folder of them, such as Segment's Git Sync writes. Exits 0, or 1 when something
    could not be taken over, or 2 when a FILE cannot be read.
    """
    every = [file for given in files for file in list_import_files(given)]
    resources = read_import_files((str(file), _read_import_file(file)) for file in every)
    imported = build_imported_workspace(resources, destination, keep_secrets=keep_secrets)
    text = format_yaml(imported.document, imported.skipped_subscriptions)
    if output:
        _write_workspace_file(output, text)
    if as_json:
        click.echo(_format_import_json(imported))
    else:
        if not output:
            click.echo(make_terminal_safe(text), nl=False)
        for each in imported.findings:
            place = f"{each.where}: " if each.where else ""
            print_lines([f"{each.severity}: {place}{each.what}. {each.remedy}"], err=True)
    ctx.exit(int(any(each.severity != "note" for each in imported.findings)))


def _read_import_file(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise EmulatorError(
            what, str(file), "Name a file that Segment or Terraform wrote."
        ) from None


def _write_workspace_file(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise EmulatorError(what, str(file), "Name a file in a folder you may write to.") from None


def _format_import_json(imported: ImportedWorkspace) -> str:
    findings = [asdict(each) for each in imported.findings]
    document = {
        "workspace": imported.document,
        "findings": findings,
        "leftOut": imported.skipped_subscriptions,
    }
    return json.dumps(document, indent=2)
