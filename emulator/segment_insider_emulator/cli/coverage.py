"""The command `emulator coverage`: which mappings and fields of a workspace traffic has used."""

from collections.abc import Iterator
from pathlib import Path

import click

from segment_insider_emulator.analysis.context import build_context
from segment_insider_emulator.analysis.coverage import (
    COVERAGE_GROUPS,
    CoverageReport,
    CoverageState,
    TrafficMessage,
    find_coverage,
)
from segment_insider_emulator.analysis.coverage_document import (
    build_coverage_document,
    format_coverage_page,
    format_coverage_rows,
    format_coverage_summary,
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
from segment_insider_emulator.terminal_output import print_json, print_lines, style_terminal_text
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
    as_json: bool,
    html: Path | None,
) -> None:
    """Show which mappings, attributes, identifiers and opt-ins traffic has used, and which lose.

    Rows are the enabled mappings of the workspace and all that Insider One's guide has. Each is
    never seen, seen and right, or seen and losing something, with what to send. Exits 1 below
    --fail-under; 2 when there is no event to check or something cannot be read; else 0.
    """
    if (url is None) == (traffic is None):
        raise click.UsageError("Give --url URL or --traffic FILE.")
    if url and not is_emulator_url(url):
        raise click.UsageError(f"--url {url} does not begin with http:// or https://.")
    source = url or traffic or ""
    document, workspace_name = _read_workspace_document(url, workspace, preset)
    messages = list(_read_messages(source))
    report = find_coverage(build_context(document), messages)
    if not report.event_count:
        what = (
            f"nothing was checked: all {len(messages)} events were filtered or discarded"
            if messages
            else "nothing was checked: there are no events"
        )
        raise EmulatorError(what, source, "Use the app first, or name other traffic.")
    if html:
        _write_page(html, format_coverage_page(report, f"{workspace_name}, {source}", url or ""))
    if as_json:
        print_json(build_coverage_document(report), indent=True)
    else:
        print_lines(_format_lines(report))
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


def _read_messages(source: str) -> Iterator[TrafficMessage]:
    if not is_emulator_url(source):
        yield from map(TrafficMessage, read_traffic(source))
        return
    for message in read_emulator_messages(source):
        yield TrafficMessage(
            message["normalised"] or {}, message["id"], message["verdict"], message["reason"] or ""
        )


def _format_lines(report: CoverageReport) -> Iterator[str]:
    for state, line in format_coverage_rows(report):
        if state:
            yield style_terminal_text(line, fg=_STATE_COLOURS[state])
        elif line in COVERAGE_GROUPS:
            yield style_terminal_text(line, bold=True)
        else:
            yield line


def _write_page(path: Path, page: str) -> None:
    try:
        path.write_text(page, "utf-8")
    except OSError as error:
        what = f"the page cannot be written ({error.strerror})"
        raise EmulatorError(what, str(path), "Name another file with --html.") from error
