"""`emulator contract events`: whether an app's events satisfy a workspace."""

from dataclasses import asdict
from itertools import chain
from pathlib import Path

import click

from segment_insider_emulator.cli.captured import numbered_events
from segment_insider_emulator.cli.contract.files import FILES, replace
from segment_insider_emulator.cli.terminal import tell, tell_json
from segment_insider_emulator.cli.workspace_options import load_workspace, workspace_options
from segment_insider_emulator.contract.junit import case_of
from segment_insider_emulator.contract.producing import Produced, produced
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.junit import junit


@click.command(epilog="Example: emulator contract events --workspace shop.yaml events.ndjson")
@FILES
@workspace_options()
@click.option("--strict", is_flag=True, help="Refuse warnings, and events that no mapping takes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line for each event.")
@click.option("--junit", "report", type=click.Path(path_type=Path), help="Write JUnit XML there.")
@click.pass_context
def command(
    ctx: click.Context,
    files: tuple[Path, ...],
    workspace: str | None,
    preset: str | None,
    strict: bool,
    as_json: bool,
    report: Path | None,
) -> None:
    """Check the events in files, one a line: the tracking plan, the mappings, Insider One's needs.

    Exits 1 when one of them is stopped on its way, or does not do what its sender thinks.
    """
    events = list(chain.from_iterable(map(numbered_events, files)))
    if not events:
        remedy = "Name a file of events, one JSON object a line."
        raise EmulatorError("no event found", ", ".join(map(str, files)), remedy)
    cases = []
    for each in produced(events, load_workspace(workspace, preset)):
        holds = each.satisfies(strict=strict)
        if as_json:
            tell_json({**asdict(each), "satisfies": holds})
        elif not holds:
            _print(each)
        cases.append(case_of(each.where, each.name, [] if holds else each.why or [each.verdict]))
    if report:
        replace(report, junit("emulator contract events", cases))
    failed = sum(each.end == "failure" for each in cases)
    click.echo(f"{len(cases) - failed} passed, {failed} failed", err=as_json)
    ctx.exit(1 if failed else 0)


def _print(each: Produced) -> None:
    tell([f"FAILED  {each.name}: {each.verdict}  {each.where}"])
    for why in each.why:
        tell([f"    {why}"])
