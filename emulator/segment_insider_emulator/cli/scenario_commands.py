"""The commands that need the extra `scenarios`: `emulator demo`, `steps` and `verify`."""

import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from textwrap import indent
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Any, Never

import click
import orjson

from segment_insider_emulator.cli import INTERRUPTED_EXIT_CODE, pause_garbage_collection
from segment_insider_emulator.cli.inputs import (
    add_workspace_options,
    get_selected_workspace_name,
    load_workspace,
)
from segment_insider_emulator.terminal_output import print_json, print_lines, style_terminal_text
from segment_insider_emulator.workspace.loading import is_preset_name
from segment_insider_scenarios import require_scenarios_extra

if TYPE_CHECKING:
    from segment_insider_scenarios.reports import ScenarioResult
    from segment_insider_scenarios.runner import FeatureRun, FeatureRunOptions
    from segment_insider_scenarios.running_emulator import RunningEmulator
    from segment_insider_scenarios.shopper import Shopper
    from segment_insider_scenarios.step_catalogue import CatalogueStep


DEMO_PORT = 8282
STILL_RUNNING_TEXT = """
Still running at {url}. Stop it with Ctrl-C.
  Send your own events:  segment.analytics.Client("{write_key}", host="{url}")
  See the profiles:      curl {url}/emulator/v1/profiles
  See the messages:      curl {url}/emulator/v1/messages"""


@click.command(epilog="Example: emulator demo --once --seed 7")
@click.option("--once", is_flag=True, help="Exit after the summary.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"Port to listen at, 0 for any free one.  [{DEMO_PORT}, with --once any free one]",
)
@click.option("--seed", default=1, show_default=True, help="Use a different shopper.")
@add_workspace_options()
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def demo_command(
    once: bool,
    port: int | None,
    seed: int,
    workspace: str | None,
    preset: str | None,
    as_json: bool,
) -> None:
    """Send a shopper's day with Segment's Python SDK and show what Insider One receives."""
    get_selected_workspace_name(workspace, preset)
    require_scenarios_extra("demo")
    # Imported here because `--help` needs neither the SDK nor the web framework.
    from segment_insider_scenarios.running_emulator import serve_emulator
    from segment_insider_scenarios.shopper import make_shopper

    loaded = load_workspace(workspace, preset)
    listen_port = port if port is not None else 0 if once else DEMO_PORT
    with serve_emulator(loaded, listen_port) as emulator:
        _run_shopper_day(emulator, make_shopper(seed=seed), seed, as_json)
        if not once:
            _wait_for_interrupt(
                STILL_RUNNING_TEXT.format(url=emulator.url, write_key=loaded.write_key)
            )


def _run_shopper_day(
    emulator: "RunningEmulator", person: "Shopper", seed: int, as_json: bool
) -> None:
    from segment_insider_emulator.demo.shopper_day import build_shopper_day, summarise_shopper_day
    from segment_insider_emulator.demo.shopper_day import format_shopper_day_report as summary_lines
    from segment_insider_scenarios.shopper import make_products

    turns = build_shopper_day(person, make_products(4, seed=seed))
    for turn in turns:
        emulator.shop.send(turn.shopper, turn.call)
    summary = summarise_shopper_day(emulator.client, emulator.workspace.destination, turns, person)
    if as_json:
        print_json(summary)
        return
    click.echo(
        f"{person.first_name} {person.last_name} shops. Segment's Python SDK sends {len(turns)} "
        "calls through the emulator."
    )
    print_lines(summary_lines(summary))


def _wait_for_interrupt(message: str) -> None:
    signal.signal(signal.SIGTERM, _exit_on_signal)
    click.echo(message, err=True)
    with suppress(KeyboardInterrupt):
        Event().wait()


def _exit_on_signal(_signal: int, _frame: FrameType | None) -> Never:
    raise SystemExit


@click.command(epilog="Example: emulator steps journey")
@click.argument("words", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line for each step.")
@click.option("--markdown", is_flag=True, help="Print them as a page of the documentation.")
@click.pass_context
def steps_command(
    ctx: click.Context, words: tuple[str, ...], as_json: bool, markdown: bool
) -> None:
    """List all steps, or those that contain all WORDS, each with an example.

    Exits 1 when no step matches.
    """
    require_scenarios_extra("steps")
    # Imported here because `--help` needs no test runner.
    from segment_insider_scenarios.step_catalogue import list_library_steps, suggest_steps

    step_entries = [entry for entry in list_library_steps() if _step_matches_words(entry, words)]
    if as_json:
        for entry in step_entries:
            click.echo(orjson.dumps({**asdict(entry), "example": entry.example}))
    elif markdown:
        click.echo(_render_steps_markdown(step_entries), nl=False)
    else:
        _print_steps(step_entries)
    if not step_entries:
        near = "\n".join(f"  {pattern}" for pattern in suggest_steps(" ".join(words)))
        suggestion = f"Did you mean one of these?\n{near}" if near else "Try fewer words."
        click.echo(f"No step matches. {suggestion}", err=True)
        ctx.exit(1)


def _step_matches_words(entry: "CatalogueStep", words: tuple[str, ...]) -> bool:
    text = f"{entry.theme} {entry.pattern} {entry.about}".casefold()
    return all(word.casefold() in text for word in words)


def _print_steps(step_entries: "list[CatalogueStep]") -> None:
    for theme, entries in groupby(step_entries, key=lambda entry: entry.theme):
        click.secho(theme.capitalize(), bold=True)
        for entry in entries:
            kinds = ", ".join(kind.capitalize() for kind in entry.kinds)
            click.echo(f"\n  {kinds}: {entry.pattern}\n    {entry.about}")
            click.secho(indent(entry.example, "      "), dim=True)
        click.echo()


def _render_steps_markdown(step_entries: "list[CatalogueStep]") -> str:
    parts = [
        "# Steps\n\nAs `emulator steps --markdown` prints them; how to write scenarios: ",
        "[scenarios](scenarios.md).\n",
    ]
    for theme, entries in groupby(step_entries, key=lambda entry: entry.theme):
        parts.append(f"\n## {theme.capitalize()}\n")
        for entry in entries:
            kinds = ", ".join(kind.capitalize() for kind in entry.kinds)
            parts.append(f"\n**{kinds}:** `{entry.pattern}`\n\n{entry.about}\n")
            parts.append(f"\n```gherkin\n{entry.example}\n```\n")
    return "".join(parts)


DEFAULT_FEATURES = Path("features")
VERDICT_COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow"}
REPORT_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog="Example: emulator verify --junit report.xml features/purchase.feature")
@click.argument("features", metavar="[FEATURE…]", nargs=-1, type=click.Path(path_type=Path))
@add_workspace_options("Workspace for scenarios that name none: a file or a preset.  [guide]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON summary at the end.")
@click.option(
    "-n", "--workers", default=1, show_default=True, type=click.IntRange(1, 64),
    help="Number of processes.",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Use a different set of test people.")
@click.option(
    "--url",
    metavar="URL",
    help="Use sandboxes of the emulator at this address. Set EMULATOR_TOKEN to its password.",
)
@click.option(
    "--no-keep", is_flag=True, help="Delete the sandboxes of failed scenarios at --url, too."
)
@click.option(
    "--serve", is_flag=True, help="Serve emulators at ports, for programs in other processes."
)
@click.option(
    "-p", "--plugin", "plugins", multiple=True, metavar="NAME",
    help="Load a pytest plugin, which steps of your own need. Can be repeated.",
)  # fmt: skip
@click.option("--junit", type=REPORT_FILE, metavar="FILE", help="Write JUnit XML.")
@click.option("--cucumber-json", type=REPORT_FILE, metavar="FILE", help="Write Cucumber JSON.")
@click.option(
    "--cucumber-messages", type=REPORT_FILE, metavar="FILE", help="Write Cucumber messages."
)
@click.option("--html", type=REPORT_FILE, metavar="FILE", help="Write one page with all traffic.")
@click.option(
    "--report-to", metavar="URL", help="Show the results in the emulator at this address."
)
@click.pass_context
def verify_command(
    ctx: click.Context,
    /,
    features: tuple[Path, ...],
    workspace: str | None,
    preset: str | None,
    as_json: bool,
    report_to: str | None,
    **settings: Any,
) -> None:
    """Run the scenarios in files and folders, by default in ./features.

    Exits 0 when all pass, 1 when one fails, 2 when a file cannot be read, there are no scenarios,
    all are skipped, or the emulator at the given address cannot be used.
    """
    require_scenarios_extra("verify")
    # Imported here because `--help` needs no test runner.
    with pause_garbage_collection():
        from segment_insider_scenarios.reports import FORMATS_WITH_TRAFFIC, REPORT_FORMATS
        from segment_insider_scenarios.runner import (
            FeatureRunOptions,
            import_scenario_modules,
            interrupt_on_termination,
            run_features,
        )

        if settings["workers"] == 1:
            import_scenario_modules()

    reports = {kind: settings[kind] for kind in REPORT_FORMATS if settings[kind]}
    if Path("-") in reports.values():
        raise click.UsageError("A report needs a file name: - is not allowed.")
    traffic = bool(report_to) or any(kind in reports for kind in FORMATS_WITH_TRAFFIC)
    options = FeatureRunOptions(
        settings["workers"],
        traffic,
        settings["url"],
        settings["serve"],
        settings["seed"],
        settings["no_keep"],
        _resolve_default_workspace(workspace, preset),
        settings["plugins"],
    )
    _check_addresses(options, report_to)
    with interrupt_on_termination():
        run = run_features(
            features or (DEFAULT_FEATURES,),
            SilentScenarioReporter() if as_json else ScenarioResultPrinter(),
            options,
        )
        _print_verify_result(run, as_json)
        if reports or report_to:
            _write_and_send_reports(run, reports, report_to)
    ctx.exit(_get_verify_exit_code(run))


def _write_and_send_reports(
    run: "FeatureRun", reports: dict[str, Path], report_to: str | None
) -> None:
    # Imported here because most runs have no report.
    from segment_insider_scenarios.reports.writers import send_run_to_emulator, write_reports

    write_reports(run.build_run_results(), reports)
    if report_to:
        send_run_to_emulator(run.build_run_results(), report_to)


def _check_addresses(options: "FeatureRunOptions", report_to: str | None) -> None:
    if options.no_keep and not options.url:
        raise click.UsageError("--no-keep needs --url: other sandboxes are always deleted.")
    if options.url or report_to:
        from segment_insider_scenarios.running_emulator import check_emulator_url, check_sandbox_url

        if options.url:
            check_emulator_url("--url", options.url)
        if report_to:
            check_sandbox_url("--report-to", report_to)


def _resolve_default_workspace(workspace: str | None, preset: str | None) -> str | None:
    """Return the workspace for scenarios that name none, after checking that it loads."""
    name = get_selected_workspace_name(workspace, preset)
    if name:
        load_workspace(workspace, preset)
    # Absolute, because workers may run in another folder.
    return str(Path(workspace).absolute()) if workspace and not is_preset_name(workspace) else name


def _print_verify_result(run: "FeatureRun", as_json: bool) -> None:
    if as_json:
        print_json(_build_verify_document(run))
    for file in run.unreadable:
        print_lines(f"emulator: {file.message}".split("\n"), err=True)
    click.echo(_format_scenario_counts(run), err=as_json)
    if run.stop_reason:
        click.echo(f"emulator: {run.stop_reason}", err=True)
    elif run.results and len(run.results) == run.count_scenarios_with_verdict("skipped"):
        click.echo("emulator: all scenarios are skipped. Nothing was checked.", err=True)


def _get_verify_exit_code(run: "FeatureRun") -> int:
    if run.interrupted:
        return INTERRUPTED_EXIT_CODE
    if (
        run.unreadable
        or run.stop_reason
        or not (
            run.count_scenarios_with_verdict("passed") or run.count_scenarios_with_verdict("failed")
        )
    ):
        return 2
    return 1 if run.count_scenarios_with_verdict("failed") else 0


class SilentScenarioReporter:
    """Reporter of scenario results that prints nothing, for --json."""

    def __call__(self, result: "ScenarioResult", done: int, expected: int) -> None: ...


class ScenarioResultPrinter:
    """Reporter that prints each scenario result under its feature, with progress in a terminal."""

    def __init__(self) -> None:
        self._current_feature: str | None = None
        self._shows_progress = sys.stdout.isatty()

    def __call__(self, result: "ScenarioResult", done: int, expected: int) -> None:
        self._clear_progress_line()
        if result.feature != self._current_feature:
            self._current_feature = result.feature
            print_lines([f"{result.feature}  ({result.where})"])
        verdict = style_terminal_text(f"{result.verdict:7}", fg=VERDICT_COLOURS[result.verdict])
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
    """Yield the lines of a scenario failure: expected rows green, unexpected rows red."""
    return map(_colour_failure_line, failure.split("\n"))


def _colour_failure_line(line: str) -> str:
    if line.startswith("  - "):
        return style_terminal_text(line, fg="green")
    if line.startswith("  + "):
        return style_terminal_text(line, fg="red")
    return style_terminal_text(line, bold=True) if line.startswith(("> ", "Failed: ")) else line


def _build_verify_document(run: "FeatureRun") -> dict[str, object]:
    counts = {verdict: run.count_scenarios_with_verdict(verdict) for verdict in VERDICT_COLOURS}
    scenarios = [asdict(result) for result in run.results]
    unreadable = [file.message for file in run.unreadable]
    return {
        **counts,
        "interrupted": run.interrupted,
        "stopped": run.stop_reason,
        "unreadable": unreadable,
        "scenarios": scenarios,
    }


def _format_scenario_counts(run: "FeatureRun") -> str:
    parts = [
        f"{run.count_scenarios_with_verdict(verdict)} {verdict}"
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
    return text
