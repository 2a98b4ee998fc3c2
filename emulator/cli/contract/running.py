"""`emulator contract run`: what happens to each case."""

from pathlib import Path

import click
import orjson

from emulator.cli.contract.files import FILES, Reader
from emulator.contract.running import actual


@click.command(epilog="Example: emulator contract run cases.ndjson > actual.ndjson")
@FILES
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...]) -> None:
    """Print each case with "actual": what happens."""
    reader = Reader(files)
    for case in reader:
        click.echo(orjson.dumps({**case.document, "actual": actual(case)}))
    ctx.exit(2 if reader.unusable else 0)
