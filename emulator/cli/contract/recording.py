"""`emulator contract record`: cases written from what happens."""

from itertools import chain, islice
from pathlib import Path

import click

from emulator.cli.captured import captured
from emulator.cli.contract.files import FILES, case_files, replace, usable_cases
from emulator.contract.normalising import read_rules
from emulator.contract.recording import file_text, record, text_of
from emulator.contract.running import actual
from emulator.errors import EmulatorError
from emulator.workspace import load


@click.command(epilog="Example: emulator contract record --from http://127.0.0.1:8282 cases.ndjson")
@FILES
@click.option(
    "--from", "source", metavar="SOURCE",
    help="Make the cases of traffic: the address of a running emulator, its database, or a file "
    "of events. EMULATOR_TOKEN opens an emulator that asks for it.",
)  # fmt: skip
@click.option("--workspace", default="guide", show_default=True, help="File or preset.")
@click.option(
    "--rule", "rules", multiple=True, metavar="PLACE=WORD",
    help="What changes each run at a place of the event: time, ip, or a word that is numbered.",
)  # fmt: skip
@click.pass_context
def command(
    ctx: click.Context,
    files: tuple[Path, ...],
    source: str | None,
    workspace: str,
    rules: tuple[str, ...],
) -> None:
    """Write "expect" of each case in the files: what happens now is what shall happen.

    With --from the cases themselves are made, one for each event and mapping that takes it, in a
    file of lines or, where FILE is a folder or has no suffix, in a file each. Exits 1, and writes
    nothing, when the traffic makes no case.
    """
    if source is None:
        for file in case_files(files):
            _renew(file)
        return
    if len(files) != 1:
        remedy = "Name one file, or one folder."
        raise EmulatorError(f"{len(files)} places for one recording", "FILE", remedy)
    events = captured(source)
    first = list(islice(events, 1))
    cases = record(chain(first, events), load(workspace), read_rules(list(rules)))
    if not cases:
        click.echo(f"{files[0]}: nothing is recorded: {_empty(bool(first))}", err=True)
        ctx.exit(1)
    if files[0].suffix:
        replace(files[0], text_of(cases))
    else:
        for case in cases:
            replace(files[0] / f"{case['name']}.json", file_text(case))
    click.echo(f"{files[0]}: recorded {len(cases)}", err=True)


def _empty(came: bool) -> str:
    """Why there is no case, and what to do; *came* says whether any event did."""
    if not came:
        return "no event came. Use the app first, or name other traffic."
    return (
        "no mapping takes what came. Name their workspace with --workspace; "
        "`emulator map --explain` says which conditions do not hold."
    )


def _renew(file: Path) -> None:
    renewed = [{**case.document, "expect": actual(case)} for case in usable_cases(file)]
    whole = file.suffix == ".json" and len(renewed) == 1
    replace(file, file_text(renewed[0]) if whole else text_of(renewed))
    click.echo(f"{file}: recorded {len(renewed)}", err=True)
