"""What `emulator verify` prints: each scenario, failures, coverage, counts, or JSON."""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segment_insider_emulator.terminal_output import (
    format_known_cause_count,
    print_json,
    print_lines,
    style_terminal_text,
)

if TYPE_CHECKING:
    from segment_insider_scenarios.reports import ScenarioResult
    from segment_insider_scenarios.runner import FeatureRun
    from segment_insider_scenarios.scenario_coverage import WorkspaceCoverage

DRY_RUN_WORDS = {"passed": "known"}  # all steps of the scenario are
VERDICT_COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow"}


def print_verify_result(
    run: "FeatureRun", as_json: bool, coverages: "list[WorkspaceCoverage]", known_count: int
) -> None:
    """Print the coverage and counts of a run, or all of it as JSON, and why it was not complete."""
    if as_json:
        document = _build_verify_document(run, coverages)
        print_json({**document, "knownCauses": known_count} if known_count else document)
    elif coverages:
        _print_coverage(coverages)
    for file in run.unreadable:
        print_lines(f"emulator: {file.message}".split("\n"), err=True)
    if note := _describe_foreign_steps(run):
        print_lines([f"emulator: {note}"], err=True)
    summary = format_scenario_counts(run) + format_known_cause_count(known_count)
    click.echo(summary, err=as_json)
    if run.stop_reason:
        click.echo(f"emulator: {run.stop_reason}", err=True)
    elif run.results and len(run.results) == run.count_scenarios_with_verdict("skipped"):
        click.echo("emulator: all scenarios are skipped. Nothing was checked.", err=True)


def _describe_foreign_steps(run: "FeatureRun") -> str | None:
    """Return why unknown steps may be unknown: another tool's steps are not loaded."""
    files = {
        result.where
        for result in run.results
        if any(step.verdict == "undefined" for step in result.steps)
    }
    if not files:
        return None
    from segment_insider_scenarios.feature_collector import find_foreign_step_folder

    found = filter(None, (find_foreign_step_folder(Path(file)) for file in sorted(files)))
    if (folder := next(found, None)) is None:
        return None
    return (
        f"the steps in {folder} are of another tool, and are not loaded. Write your own steps for "
        "pytest-bdd, in a conftest.py."
    )


def _print_coverage(coverages: "list[WorkspaceCoverage]") -> None:
    from segment_insider_emulator.cli.coverage import colour_coverage_lines
    from segment_insider_scenarios.scenario_coverage import format_run_coverage

    print_lines(["", *colour_coverage_lines(format_run_coverage(coverages))])


class SilentScenarioReporter:
    """Reporter of scenario results that prints nothing, for --json."""

    def __call__(self, result: "ScenarioResult", done: int, expected: int) -> None: ...


class ScenarioResultPrinter:
    """Reporter that prints each scenario result under its feature, with progress in a terminal.

    Args:
        is_quiet: Whether only failed scenarios are printed.
    """

    def __init__(self, *, is_dry_run: bool, is_quiet: bool) -> None:
        self._is_quiet = is_quiet
        self._current_feature: str | None = None
        self._words = DRY_RUN_WORDS if is_dry_run else {}
        self._shows_progress = sys.stdout.isatty()

    def __call__(self, result: "ScenarioResult", done: int, expected: int) -> None:
        self._clear_progress_line()
        if not self._is_quiet or result.verdict == "failed":
            self._print_result(result)
        if self._shows_progress and done < expected:
            click.echo(f"{done} of {expected} …", nl=False)

    def _print_result(self, result: "ScenarioResult") -> None:
        if result.feature != self._current_feature:
            self._current_feature = result.feature
            print_lines([f"{result.feature}  ({result.where})"])
        word = self._words.get(result.verdict, result.verdict)
        verdict = style_terminal_text(f"{word:7}", fg=VERDICT_COLOURS[result.verdict])
        print_lines([f"  {verdict}  {result.title or result.scenario}"])
        if result.failure:
            print_lines(
                [
                    "",
                    *(f"    {line}".rstrip() for line in _colour_failure_lines(result.failure)),
                    "",
                ]
            )

    def _clear_progress_line(self) -> None:
        if self._shows_progress:
            click.echo("\r\x1b[K", nl=False)


def _colour_failure_lines(failure: str) -> Iterator[str]:
    """Yield the lines of a scenario failure: expected rows green, unexpected rows red."""
    return map(_colour_failure_line, failure.split("\n"))


def _colour_failure_line(line: str) -> str:
    if line.startswith("  - "):
        return style_terminal_text(line, fg="green")
    if line.startswith("  + "):
        return style_terminal_text(line, fg="red")
    return style_terminal_text(line, bold=True) if line.startswith(("> ", "Failed: ")) else line


def _build_verify_document(
    run: "FeatureRun", coverages: "list[WorkspaceCoverage]"
) -> dict[str, object]:
    counts = {verdict: run.count_scenarios_with_verdict(verdict) for verdict in VERDICT_COLOURS}
    scenarios = [asdict(result) for result in run.results]
    unreadable = [file.message for file in run.unreadable]
    return {
        **counts,
        "dryRun": run.is_dry_run,
        "interrupted": run.interrupted,
        "stopped": run.stop_reason,
        "unreadable": unreadable,
        "scenarios": scenarios,
        **_build_coverage_member(coverages),
    }


def _build_coverage_member(coverages: "list[WorkspaceCoverage]") -> dict[str, object]:
    if not coverages:
        return {}
    from segment_insider_scenarios.scenario_coverage import build_run_coverage_document

    return {"coverage": build_run_coverage_document(coverages)}


def format_scenario_counts(run: "FeatureRun") -> str:
    """Return how many scenarios passed, failed, were skipped or did not run."""
    words = DRY_RUN_WORDS if run.is_dry_run else {}
    parts = [
        f"{run.count_scenarios_with_verdict(verdict)} {words.get(verdict, verdict)}"
        for verdict in VERDICT_COLOURS
        if run.count_scenarios_with_verdict(verdict)
    ]
    if missing := run.expected_count - len(run.results):
        parts.append(f"{missing} not run")
    number = max(run.expected_count, len(run.results))
    text = (
        f"{number} {'scenario' if number == 1 else 'scenarios'}: {', '.join(parts) or 'none run'}"
    )
    if count := len(run.unreadable):
        text += f"; {count} {'file' if count == 1 else 'files'} could not be read"
    if run.is_dry_run:
        text += "; nothing was sent"
    return text
