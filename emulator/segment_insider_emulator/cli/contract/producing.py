"""`emulator contract events`: whether an app's events satisfy a workspace."""

from dataclasses import asdict
from itertools import chain
from pathlib import Path

import click

from segment_insider_emulator.cli.captured import read_numbered_events
from segment_insider_emulator.cli.contract.files import CASE_FILES_ARGUMENT, write_file_atomically
from segment_insider_emulator.cli.terminal import print_json, print_lines
from segment_insider_emulator.cli.workspace_options import add_workspace_options, load_workspace
from segment_insider_emulator.contract.junit import build_junit_case
from segment_insider_emulator.contract.producing import ProducerCheckResult, check_producer_events
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.junit import render_junit_xml


@click.command(epilog="Example: emulator contract events --workspace shop.yaml events.ndjson")
@CASE_FILES_ARGUMENT
@add_workspace_options()
@click.option("--strict", is_flag=True, help="Refuse warnings, and events that no mapping takes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line for each event.")
@click.option("--junit", "report", type=click.Path(path_type=Path), help="Write JUnit XML there.")
@click.pass_context
def events_command(
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
    events = list(chain.from_iterable(map(read_numbered_events, files)))
    if not events:
        remedy = "Name a file of events, one JSON object a line."
        raise EmulatorError("no event found", ", ".join(map(str, files)), remedy)
    cases = []
    for each in check_producer_events(events, load_workspace(workspace, preset)):
        holds = each.is_accepted(strict=strict)
        if as_json:
            print_json({**asdict(each), "satisfies": holds})
        elif not holds:
            _print_event_verdict(each)
        cases.append(
            build_junit_case(
                each.where, each.name, [] if holds else each.problems or [each.verdict]
            )
        )
    if report:
        write_file_atomically(report, render_junit_xml("emulator contract events", cases))
    failed = sum(each.outcome == "failure" for each in cases)
    click.echo(f"{len(cases) - failed} passed, {failed} failed", err=as_json)
    ctx.exit(1 if failed else 0)


def _print_event_verdict(result: ProducerCheckResult) -> None:
    print_lines([f"FAILED  {result.name}: {result.verdict}  {result.where}"])
    for why in result.problems:
        print_lines([f"    {why}"])
