"""The command `emulator coverage`: what of a workspace some traffic has used."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from segment_insider_emulator.analysis.context import build_context
from segment_insider_emulator.analysis.coverage import CoverageOptions, find_coverage
from segment_insider_emulator.analysis.coverage_document import (
    build_coverage_document,
    format_coverage_page,
    format_coverage_rows,
    format_coverage_summary,
)
from segment_insider_emulator.analysis.coverage_rows import (
    CoverageState,
    TrafficMessage,
    count_journey_arrivals,
    describe_violation,
)
from segment_insider_emulator.cli.inputs import (
    add_workspace_options,
    fetch_running_workspace,
    get_selected_workspace_name,
    is_emulator_url,
    load_workspace,
    read_emulator_messages,
    read_traffic,
)
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import mask_text
from segment_insider_emulator.terminal_output import (
    print_json,
    print_lines,
    style_terminal_text,
)
from segment_insider_emulator.types import JSONObject

_STATE_COLOURS: dict[CoverageState, str] = {
    "seen and right": "green",
    "seen and losing something": "red",
    "never seen": "yellow",
}


@click.command(
    epilog="Example: emulator coverage --url http://127.0.0.1:8282 --fail-under 80",
)
@click.option("--url", help="A running emulator. Set EMULATOR_TOKEN if it has a password.")
@click.option("--traffic", metavar="FILE", help="Events, one a line, or an emulator's database.")
@add_workspace_options("Workspace file or preset.  [the emulator's; guide for a file of events]")
@click.option(
    "--fail-under",
    metavar="PERCENT",
    type=click.FloatRange(0, 100),
    help="Exit with 1 when fewer rows are right.",
)
@click.option("--branches", is_flag=True, help="List and count both branches of each @if, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--html", type=click.Path(path_type=Path), help="Write an HTML page.")
@click.pass_context
def coverage_command(
    ctx: click.Context,
    url: str | None,
    traffic: str | None,
    workspace: str | None,
    preset: str | None,
    fail_under: float | None,
    branches: bool,
    as_json: bool,
    html: Path | None,
) -> None:
    """Show which mappings, attributes, identifiers and opt-ins traffic has used, and which lose.

    Rows are the enabled mappings of the workspace, all that Insider One's guide has, the events of
    the tracking plan, and with --url the steps of journeys. Each is never seen, seen and right, or
    seen and losing something, with what to send. Exits 1 below --fail-under; 2 when there is no
    event to check or something cannot be read; else 0.
    """
    if (url is None) == (traffic is None):
        raise click.UsageError("Give --url URL or --traffic FILE.")
    if url and not is_emulator_url(url):
        raise click.UsageError(f"--url {url} does not begin with http:// or https://.")
    source = url or traffic or ""
    document, workspace_name = _read_workspace_document(url, workspace, preset)
    messages = list(_read_messages(source, document))
    options = _read_coverage_options(url, workspace, preset, branches)
    report = find_coverage(build_context(document), messages, options)
    if not report.event_count:
        what = (
            f"nothing was checked: all {len(messages)} events were filtered or discarded"
            if messages
            else "nothing was checked: there are no events"
        )
        raise EmulatorError(what, source, "Use the app first, or name other traffic.")
    if html:
        named = [(f"{workspace_name}, {source}", report)]
        write_coverage_file(html, format_coverage_page(named, url or ""), "--html")
    if as_json:
        print_json(build_coverage_document(report), indent=True)
    else:
        print_lines(colour_coverage_lines(format_coverage_rows(report)))
        print_lines([format_coverage_summary(report)], err=True)
    ctx.exit(int(fail_under is not None and report.is_below(fail_under)))


def _read_workspace_document(
    url: str | None, workspace: str | None, preset: str | None
) -> tuple[JSONObject, str]:
    """Return a workspace document and its name: the selected one, or else the emulator's."""
    name = get_selected_workspace_name(workspace, preset)
    if url and name is None:
        return fetch_running_workspace(url), "the emulator's workspace"
    return load_workspace(workspace, preset).document, name or "preset guide"


def _read_coverage_options(
    url: str | None, workspace: str | None, preset: str | None, counts_branches: bool
) -> CoverageOptions:
    """Read the tracking plan of the selected workspace, and the journeys of the emulator."""
    name = get_selected_workspace_name(workspace, preset)
    plan = load_workspace(workspace, preset).tracking_plan if name or not url else None
    if url is None:
        return CoverageOptions(plan, counts_branches=counts_branches)
    from segment_insider_scenarios.client import ControlClient

    with ControlClient.connect(url) as client:
        arrivals = count_journey_arrivals(client.list_journeys())
    return CoverageOptions(plan, arrivals, counts_branches=counts_branches)


def _read_messages(source: str, document: JSONObject) -> Iterator[TrafficMessage]:
    if not is_emulator_url(source):
        yield from map(TrafficMessage, read_traffic(source, workspace_document=document))
        return
    for message in read_emulator_messages(source):
        yield TrafficMessage(
            message["normalised"] or {},
            message["id"],
            message["verdict"],
            message["reason"] or "",
            violations=tuple(
                describe_violation(violation["field"], violation["description"])
                for violation in message["violations"]
            ),
        )


def colour_coverage_lines(
    lines: Iterable[tuple[CoverageState | None, str]],
) -> Iterator[str]:
    """Yield the lines of a coverage report, coloured by the states of its rows."""
    for state, line in lines:
        if state:
            yield style_terminal_text(line, fg=_STATE_COLOURS[state])
        else:
            yield style_terminal_text(line, bold=True) if line[:1].strip() else line


def write_coverage_file(path: Path, text: str, option: str) -> None:
    """Write a coverage report.

    Raises: EmulatorError, when the file cannot be written.
    """
    try:
        path.write_text(mask_text(text), "utf-8", errors="replace")
    except OSError as error:
        what = f"the report cannot be written ({error.strerror})"
        raise EmulatorError(what, str(path), f"Name another file with {option}.") from error
