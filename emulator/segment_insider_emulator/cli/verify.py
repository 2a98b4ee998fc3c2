"""`emulator verify`: Gherkin scenarios against an emulator of their own."""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from segment_insider_emulator.cli.terminal import print_json, print_lines, style_text
from segment_insider_emulator.cli.workspace_options import (
    add_workspace_options,
    load_workspace,
    selected_workspace_name,
)
from segment_insider_emulator.workspace.loading import is_preset_name
from segment_insider_scenarios.requirements import require_extra

if TYPE_CHECKING:
    from segment_insider_scenarios.reports.results import ScenarioResult
    from segment_insider_scenarios.verifying import VerifyRun

DEFAULT_FEATURES = Path("features")
VERDICT_COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow"}
INTERRUPTED_EXIT_CODE = 130
REPORT_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog="Example: emulator verify --junit report.xml features/purchase.feature")
@click.argument("features", metavar="[FEATURE…]", nargs=-1, type=click.Path(path_type=Path))
@add_workspace_options("Workspace of scenarios that name none: a file, or a preset.  [guide]")
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
@click.option("--junit", type=REPORT_FILE, metavar="FILE", help="Write JUnit XML.")
@click.option("--cucumber-json", type=REPORT_FILE, metavar="FILE", help="Write Cucumber JSON.")
@click.option(
    "--cucumber-messages", type=REPORT_FILE, metavar="FILE", help="Write Cucumber messages."
)
@click.option("--html", type=REPORT_FILE, metavar="FILE", help="Write one page with all traffic.")
@click.option("--report-to", metavar="URL", help="Send the run to the emulator that runs there.")
@click.pass_context
def verify_command(
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
    require_extra("verify")
    # Here, not above: `emulator verify --help` needs no test runner.
    from segment_insider_scenarios.addresses import check_emulator_url, check_sandbox_url
    from segment_insider_scenarios.interrupts import interrupt_on_termination
    from segment_insider_scenarios.reports.sending import send_run
    from segment_insider_scenarios.reports.writing import (
        FORMATS_WITH_TRAFFIC,
        REPORT_WRITERS,
        write_reports,
    )
    from segment_insider_scenarios.verifying import VerifyOptions, run_features

    reports = {kind: asked[kind] for kind in REPORT_WRITERS if asked[kind]}
    if Path("-") in reports.values():
        raise click.UsageError("A report goes into a file: give its name in place of -.")
    traffic = bool(report_to) or any(kind in reports for kind in FORMATS_WITH_TRAFFIC)
    options = VerifyOptions(
        asked["workers"],
        traffic,
        asked["url"],
        asked["serve"],
        asked["seed"],
        asked["no_keep"],
        _resolve_default_workspace(workspace, preset),
    )
    if options.url:
        check_emulator_url("--url", options.url)
    elif options.no_keep:
        raise click.UsageError("--no-keep goes with --url: no other sandbox stays.")
    if report_to:
        check_sandbox_url("--report-to", report_to)
    with interrupt_on_termination():
        run = run_features(
            features or (DEFAULT_FEATURES,),
            SilentReporter() if as_json else ResultPrinter(),
            options,
        )
        _print_run_result(run, as_json)
        write_reports(run.to_results(), reports)
        if report_to:
            send_run(run.to_results(), report_to)
    ctx.exit(_verify_exit_code(run))


def _resolve_default_workspace(workspace: str | None, preset: str | None) -> str | None:
    """What scenarios that name no workspace use; a mistake in it is said once, and not by each."""
    name = selected_workspace_name(workspace, preset)
    if name:
        load_workspace(workspace, preset)
    # Absolute, as workers may be elsewhere.
    return str(Path(workspace).absolute()) if workspace and not is_preset_name(workspace) else name


def _print_run_result(run: "VerifyRun", as_json: bool) -> None:
    if as_json:
        print_json(_verify_document(run))
    for fault in run.unreadable:
        print_lines(f"emulator: {fault.message}".split("\n"), err=True)
    click.echo(_format_scenario_counts(run), err=as_json)
    if run.stop_reason:
        click.echo(f"emulator: {run.stop_reason}", err=True)
    elif run.results and len(run.results) == run.count_verdict("skipped"):
        click.echo("emulator: all scenarios are skipped. Nothing was checked.", err=True)


def _verify_exit_code(run: "VerifyRun") -> int:
    if run.interrupted:
        return INTERRUPTED_EXIT_CODE
    if (
        run.unreadable
        or run.stop_reason
        or not (run.count_verdict("passed") or run.count_verdict("failed"))
    ):
        return 2
    return 1 if run.count_verdict("failed") else 0


class SilentReporter:
    """Prints nothing."""

    def __call__(self, result: "ScenarioResult", done: int, expected: int) -> None: ...


class ResultPrinter:
    """Prints results as they come, below the names of their features, and how far the run is."""

    def __init__(self) -> None:
        self._current_feature: str | None = None
        self._shows_progress = sys.stdout.isatty()

    def __call__(self, result: "ScenarioResult", done: int, expected: int) -> None:
        self._clear_progress_line()
        if result.feature != self._current_feature:
            self._current_feature = result.feature
            print_lines([f"{result.feature}  ({result.where})"])
        verdict = style_text(f"{result.verdict:7}", fg=VERDICT_COLOURS[result.verdict])
        print_lines([f"  {verdict}  {result.scenario}"])
        if result.failure:
            print_lines(
                [
                    "",
                    *(f"    {line}".rstrip() for line in _colour_failure_lines(result.failure)),
                    "",
                ]
            )
        if self._shows_progress and done < expected:
            click.echo(f"{done} of {expected} …", nl=False)

    def _clear_progress_line(self) -> None:
        if self._shows_progress:
            click.echo("\r\x1b[K", nl=False)


def _colour_failure_lines(failure: str) -> Iterator[str]:
    """What was expected in green, what came in red; `click` leaves colour out of files."""
    return map(_colour_failure_line, failure.split("\n"))


def _colour_failure_line(line: str) -> str:
    if line.startswith("  - "):
        return style_text(line, fg="green")
    if line.startswith("  + "):
        return style_text(line, fg="red")
    return style_text(line, bold=True) if line.startswith(("> ", "Failed: ")) else line


def _verify_document(run: "VerifyRun") -> dict[str, object]:
    counts = {verdict: run.count_verdict(verdict) for verdict in VERDICT_COLOURS}
    scenarios = [asdict(result) for result in run.results]
    unreadable = [fault.message for fault in run.unreadable]
    return {
        **counts,
        "interrupted": run.interrupted,
        "stopped": run.stop_reason,
        "unreadable": unreadable,
        "scenarios": scenarios,
    }


def _format_scenario_counts(run: "VerifyRun") -> str:
    parts = [
        f"{run.count_verdict(verdict)} {verdict}"
        for verdict in VERDICT_COLOURS
        if run.count_verdict(verdict)
    ]
    if missing := run.expected_count - len(run.results):
        parts.append(f"{missing} not run")
    number = max(run.expected_count, len(run.results))
    text = (
        f"{number} {'scenario' if number == 1 else 'scenarios'}: {', '.join(parts) or 'none run'}"
    )
    if left := len(run.unreadable):
        text += f"; {left} {'file' if left == 1 else 'files'} could not be read"
    return text
