"""`emulator verify`: Gherkin scenarios against an emulator of their own."""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from segment_insider_emulator.cli.terminal import styled, tell, tell_json
from segment_insider_emulator.cli.workspace_options import (
    load_workspace,
    workspace_name,
    workspace_options,
)
from segment_insider_emulator.workspace.loading import names_preset
from segment_insider_scenarios.requirements import require

if TYPE_CHECKING:
    from segment_insider_scenarios.reports.results import ScenarioResult
    from segment_insider_scenarios.verifying import Run

FEATURES = Path("features")
COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow"}
INTERRUPTED = 130
REPORT = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog="Example: emulator verify --junit report.xml features/purchase.feature")
@click.argument("features", metavar="[FEATURE…]", nargs=-1, type=click.Path(path_type=Path))
@workspace_options("Workspace of scenarios that name none: a file, or a preset.  [guide]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON summary at the end.")
@click.option(
    "-n", "--workers", default=1, show_default=True, type=click.IntRange(1, 64),
    help="Run in so many processes.",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Another seed makes other people.")
@click.option(
    "--url",
    metavar="URL",
    help="Use sandboxes of the emulator that runs there. EMULATOR_TOKEN opens it.",
)
@click.option("--no-keep", is_flag=True, help="Leave no sandbox of a failed scenario at --url.")
@click.option("--serve", is_flag=True, help="Serve emulators at ports, for other programs.")
@click.option("--junit", type=REPORT, metavar="FILE", help="Write JUnit XML.")
@click.option("--cucumber-json", type=REPORT, metavar="FILE", help="Write Cucumber JSON.")
@click.option("--cucumber-messages", type=REPORT, metavar="FILE", help="Write Cucumber messages.")
@click.option("--html", type=REPORT, metavar="FILE", help="Write one page with all traffic.")
@click.option("--report-to", metavar="URL", help="Send the run to the emulator that runs there.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    features: tuple[Path, ...],
    workspace: str | None,
    preset: str | None,
    as_json: bool,
    report_to: str | None,
    **asked: Any,
) -> None:
    """Run the scenarios in files and folders, by default in ./features.

    Exits 0 when all pass, 1 when one fails, 2 when a file cannot be read, there are no scenarios,
    all are skipped, or the emulator at an address cannot be used.
    """
    require("verify")
    # Here, not above: `emulator verify --help` needs no test runner.
    from segment_insider_scenarios.addresses import expect_host, expect_sandbox
    from segment_insider_scenarios.interrupts import ending_signals_interrupt
    from segment_insider_scenarios.reports.sending import send
    from segment_insider_scenarios.reports.writing import WITH_TRAFFIC, WRITERS, write
    from segment_insider_scenarios.verifying import Options, verify

    reports = {kind: asked[kind] for kind in WRITERS if asked[kind]}
    if Path("-") in reports.values():
        raise click.UsageError("A report goes into a file: give its name in place of -.")
    traffic = bool(report_to) or any(kind in reports for kind in WITH_TRAFFIC)
    options = Options(
        asked["workers"],
        traffic,
        asked["url"],
        asked["serve"],
        asked["seed"],
        asked["no_keep"],
        _default_workspace(workspace, preset),
    )
    if options.url:
        expect_host("--url", options.url)
    elif options.no_keep:
        raise click.UsageError("--no-keep goes with --url: no other sandbox stays.")
    if report_to:
        expect_sandbox("--report-to", report_to)
    with ending_signals_interrupt():
        run = verify(features or (FEATURES,), Quiet() if as_json else Teller(), options)
        _tell(run, as_json)
        write(run.summary(), reports)
        if report_to:
            send(run.summary(), report_to)
    ctx.exit(_code(run))


def _default_workspace(workspace: str | None, preset: str | None) -> str | None:
    """What scenarios that name no workspace use; a mistake in it is said once, and not by each."""
    name = workspace_name(workspace, preset)
    if name:
        load_workspace(workspace, preset)
    # Absolute, as workers may be elsewhere.
    return str(Path(workspace).absolute()) if workspace and not names_preset(workspace) else name


def _tell(run: "Run", as_json: bool) -> None:
    if as_json:
        tell_json(_summary(run))
    for fault in run.unreadable:
        tell(f"emulator: {fault.told}".split("\n"), err=True)
    click.echo(_counts(run), err=as_json)
    if run.stopped:
        click.echo(f"emulator: {run.stopped}", err=True)
    elif run.results and len(run.results) == run.count("skipped"):
        click.echo("emulator: all scenarios are skipped. Nothing was checked.", err=True)


def _code(run: "Run") -> int:
    if run.interrupted:
        return INTERRUPTED
    if run.unreadable or run.stopped or not (run.count("passed") or run.count("failed")):
        return 2
    return 1 if run.count("failed") else 0


class Quiet:
    """Prints nothing."""

    def __call__(self, result: "ScenarioResult", done: int, expected: int) -> None: ...


class Teller:
    """Prints results as they come, below the names of their features, and how far the run is."""

    def __init__(self) -> None:
        self._feature: str | None = None
        self._progress = sys.stdout.isatty()

    def __call__(self, result: "ScenarioResult", done: int, expected: int) -> None:
        self._clear()
        if result.feature != self._feature:
            self._feature = result.feature
            tell([f"{result.feature}  ({result.where})"])
        verdict = styled(f"{result.verdict:7}", fg=COLOURS[result.verdict])
        tell([f"  {verdict}  {result.scenario}"])
        if result.failure:
            tell(["", *(f"    {line}".rstrip() for line in _coloured(result.failure)), ""])
        if self._progress and done < expected:
            click.echo(f"{done} of {expected} …", nl=False)

    def _clear(self) -> None:
        if self._progress:
            click.echo("\r\x1b[K", nl=False)


def _coloured(failure: str) -> Iterator[str]:
    """What was expected in green, what came in red; `click` leaves colour out of files."""
    return map(_line, failure.split("\n"))


def _line(line: str) -> str:
    if line.startswith("  - "):
        return styled(line, fg="green")
    if line.startswith("  + "):
        return styled(line, fg="red")
    return styled(line, bold=True) if line.startswith(("> ", "Failed: ")) else line


def _summary(run: "Run") -> dict[str, object]:
    counts = {verdict: run.count(verdict) for verdict in COLOURS}
    scenarios = [asdict(result) for result in run.results]
    unreadable = [fault.told for fault in run.unreadable]
    return {
        **counts,
        "interrupted": run.interrupted,
        "stopped": run.stopped,
        "unreadable": unreadable,
        "scenarios": scenarios,
    }


def _counts(run: "Run") -> str:
    parts = [f"{run.count(verdict)} {verdict}" for verdict in COLOURS if run.count(verdict)]
    if missing := run.expected - len(run.results):
        parts.append(f"{missing} not run")
    number = max(run.expected, len(run.results))
    told = (
        f"{number} {'scenario' if number == 1 else 'scenarios'}: {', '.join(parts) or 'none run'}"
    )
    if left := len(run.unreadable):
        told += f"; {left} {'file' if left == 1 else 'files'} could not be read"
    return told
