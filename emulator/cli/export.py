"""`emulator export`: a workspace as request bodies for Segment, or as Terraform configuration."""

import json
from pathlib import Path

import click

from emulator.errors import EmulatorError
from emulator.workspace import PRESETS, load, preset
from emulator.workspace.exporting.applied import unwritten
from emulator.workspace.exporting.public_api import requests
from emulator.workspace.exporting.terraform import configuration

FORMATS = ("public-api", "terraform")


@click.command(
    "export", epilog="Example: emulator export shop.yaml --format terraform > insider.tf"
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--preset", "name", type=click.Choice(PRESETS), help="A preset instead of a file.")
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="What to write.")
@click.option("--output", type=click.Path(path_type=Path), help="Write it to this file.")
@click.option("--keep-secrets", is_flag=True, help="Write the key of the Insider One account.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; public-api always is.")
def command(
    file: Path | None,
    name: str | None,
    form: str,
    output: Path | None,
    keep_secrets: bool,
    as_json: bool,
) -> None:
    """Write a workspace FILE so that it can be applied at Segment.

    That is its destination, tracking plan and what the source does about violations; what has no
    place there is told. public-api prints the requests to make, in order; terraform resources.
    """
    if (file is None) == (name is None):
        raise click.UsageError("Give a FILE, or --preset NAME.")
    workspace = preset(name) if name else load(file or "")
    terraform = form == "terraform"
    left_out = unwritten(workspace, controlled=not terraform or workspace.plan is not None)
    if terraform:
        text = configuration(workspace, keep_secrets=keep_secrets)
        if as_json:
            text = json.dumps({"configuration": text, "leftOut": left_out}) + "\n"
    else:
        made = requests(workspace, keep_secrets=keep_secrets)
        text = json.dumps({"requests": made, "leftOut": left_out}, indent=2) + "\n"
    if left_out:
        told = f"left out, because it has no place there: {', '.join(left_out)}"
        click.echo(f"note: {told}. Set it by hand where you need it.", err=True)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise EmulatorError(what, str(output), "Name a file you may write to.") from None
