"""The command `emulator verify`: runs Gherkin scenarios and reports their results."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never

import click
import orjson
from click.core import ParameterSource

from segment_insider_emulator.cli import INTERRUPTED_EXIT_CODE, pause_garbage_collection
from segment_insider_emulator.cli.ci_reports import (
    annotate_scenarios,
    append_step_summary,
    format_step_summary,
    is_github_actions,
    print_annotations,
    stop_github_commands,
)
from segment_insider_emulator.cli.inputs import (
    ScenarioCommand,
    add_workspace_options,
    get_selected_workspace_name,
    load_workspace,
)
from segment_insider_emulator.cli.verify_output import (
    ScenarioResultPrinter,
    SilentScenarioReporter,
    format_scenario_counts,
    print_verify_result,
)
from segment_insider_emulator.config import load_config
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import current_masking
from segment_insider_emulator.workspace.causes import list_known_causes
from segment_insider_emulator.workspace.loading import is_preset_name
from segment_insider_scenarios import require_scenarios_extra

if TYPE_CHECKING:
    from segment_insider_scenarios.reports import ScenarioResult
    from segment_insider_scenarios.runner import FeatureRun, FeatureRunOptions
    from segment_insider_scenarios.scenario_coverage import WorkspaceCoverage
    from segment_insider_scenarios.scenario_selection import ScenarioSelection

DEFAULT_FEATURES = Path("features")
REPORT_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(
    cls=ScenarioCommand, epilog='Example: emulator verify --tags "@smoke and not @slow" features/'
)
@click.argument("features", metavar="[FEATURE[:LINE…]]…", nargs=-1)
@click.option(
    "--tags",
    "-t",
    multiple=True,
    metavar="EXPRESSION",
    help='Run scenarios with these tags, e.g. "@smoke and not @slow".',
)
@click.option(
    "-k",
    "words",
    multiple=True,
    metavar="WORDS",
    help='Run scenarios with these words in a name, e.g. "order and not refund".',
)
@click.option(
    "--last-failed", "--lf", is_flag=True, help="Run the scenarios that failed when they ran last."
)
@click.option("-x", "--fail-fast", is_flag=True, help="Stop after the first failure.")
@click.option("--dry-run", is_flag=True, help="Only check that every step is known; send nothing.")
@click.option(
    "--watch", is_flag=True, help="Run again what a change touches, until Ctrl-C. Needs [watch]."
)
@click.option(
    "--skip-tags",
    metavar="EXPRESSION",
    envvar="EMULATOR_SKIP_TAGS",
    help="Skip scenarios with these tags, '' for none.  [@skip or @wip]",
)
@add_workspace_options("Workspace for scenarios that name none: a file or a preset.  [guide]")
@click.option("-q", "--quiet", is_flag=True, help="Print only what fails, and the last line.")
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
    "--coverage", is_flag=True, help="Show what of the workspace and the guide is not covered."
)
@click.option(
    "--fail-under",
    metavar="PERCENT",
    type=click.FloatRange(0, 100),
    help="Exit with 1 when the coverage is lower.",
)
@click.option("--branches", is_flag=True, help="Cover both branches of each @if, too.")
@click.option("--coverage-html", type=REPORT_FILE, metavar="FILE", help="Write it as HTML.")
@click.option("--coverage-json", type=REPORT_FILE, metavar="FILE", help="Write it as JSON.")
@click.option(
    "--scenario-run", type=REPORT_FILE, metavar="FILE", help="Write what --report-to sends."
)
@click.option(
    "--branch", metavar="NAME", help="Branch to show with --report-to.  [from the variables of CI]"
)
@click.option(
    "--confined", is_flag=True,
    help="Use only steps of this library, no conftest.py and no files of other folders.",
)  # fmt: skip
@click.option("--mask", is_flag=True, help="Show pseudonyms of people in all output.")
@click.option(
    "--report-to", metavar="URL", help="Show the results in the emulator at this address."
)
@click.pass_context
def verify_command(
    ctx: click.Context,
    /,
    features: tuple[str, ...],
    workspace: str | None,
    preset: str | None,
    as_json: bool,
    report_to: str | None,
    watch: bool,
    **settings: Any,
) -> None:
    """Run the scenarios in files and folders, by default in ./features.

    A file may have lines of scenarios, rows, examples or rules: cart.feature:12:30. A choice that
    matches no scenario is an error.

    Exits 0 when all pass, 1 when one fails or the coverage is below --fail-under, 2 when a file
    cannot be read, there are no scenarios, all are skipped, nothing is covered, or the emulator at
    the given address cannot be used.
    """
    require_scenarios_extra("verify")
    arguments = features or _find_default_features()
    if watch:
        _watch(ctx, arguments, workspace)
    # Imported here because `--help` needs no test runner.
    with pause_garbage_collection():
        from segment_insider_scenarios.runner import import_scenario_modules
        from segment_insider_scenarios.worker_processes import interrupt_on_termination

        import_scenario_modules()
    reports = _select_reports(settings, has_more=bool(report_to) or settings["coverage"])
    paths, selection = _choose_scenarios(arguments, settings)
    default_workspace, known_count = _resolve_default_workspace(workspace, preset)
    is_masked = _begin_masking(ctx, settings["mask"])
    options = _build_run_options(
        settings, selection, default_workspace, has_traffic=bool(report_to) or is_masked
    )
    _check_addresses(options, report_to)
    with interrupt_on_termination():
        run, coverages, coverage_error = _run_and_print(
            paths, options, as_json, known_count, is_quiet=settings["quiet"]
        )
        if not options.dry_run:
            _record_failures(run)
            _report_to_github(run, coverages)
        _write_coverage_files(coverages, settings)
        _write_and_send_reports(run, reports, report_to, settings["branch"])
    if coverage_error:
        raise coverage_error
    ctx.exit(
        _get_verify_exit_code(run) or int(_is_coverage_below(coverages, settings["fail_under"]))
    )


def _find_default_features() -> tuple[str, ...]:
    """Return the folder of features. Raises: EmulatorError, when there is none."""
    if not DEFAULT_FEATURES.exists():
        remedy = "Name your features, or begin a project with: emulator init."
        raise EmulatorError("there is no such folder", str(DEFAULT_FEATURES), remedy)
    return (str(DEFAULT_FEATURES),)


def _begin_masking(ctx: click.Context, mask: bool) -> bool:
    """Mask people in the output from now on, if the option or the settings say so."""
    config = load_config(os.environ, {"mask": "true" if mask else None})
    if config.mask:
        # Imported here because few runs are masked.
        from segment_insider_emulator.masking import Masking, Pseudonyms

        pseudonyms = Pseudonyms(config.mask_key or "")
        pseudonyms.create_key_if_missing()
        token = current_masking.set(Masking(pseudonyms))
        ctx.call_on_close(lambda: current_masking.reset(token))
    return config.mask


# Options that need the coverage, so that --coverage itself can be left out.
COVERAGE_OPTIONS = ("coverage", "fail_under", "branches", "coverage_html", "coverage_json")


def _select_reports(settings: dict[str, Any], *, has_more: bool) -> dict[str, Path]:
    """Return the files of the requested reports by format."""
    from segment_insider_scenarios.reports import REPORT_FORMATS

    reports = {kind: settings[kind] for kind in REPORT_FORMATS if settings[kind]}
    if Path("-") in reports.values():
        raise click.UsageError("A report needs a file name: - is not allowed.")
    if settings["dry_run"] and (reports or has_more or _needs_coverage(settings)):
        what = "--dry-run runs no step, so there is nothing to report or to cover."
        raise click.UsageError(f"{what} Leave one of the options out.")
    return reports


def _needs_coverage(settings: dict[str, Any]) -> bool:
    return any(settings[name] not in (None, False) for name in COVERAGE_OPTIONS)


def _build_run_options(
    settings: dict[str, Any],
    selection: "ScenarioSelection",
    workspace: str | None,
    *,
    has_traffic: bool,
) -> "FeatureRunOptions":
    from segment_insider_scenarios.reports import FORMATS_WITH_TRAFFIC
    from segment_insider_scenarios.runner import FeatureRunOptions

    return FeatureRunOptions(
        workers=settings["workers"],
        traffic=has_traffic or any(settings[kind] for kind in FORMATS_WITH_TRAFFIC),
        url=settings["url"],
        served=settings["serve"],
        seed=settings["seed"],
        no_keep=settings["no_keep"],
        workspace=workspace,
        plugins=settings["plugins"],
        coverage=_needs_coverage(settings),
        counts_branches=settings["branches"],
        confined=settings["confined"],
        selection=selection,
        skip_tags=settings["skip_tags"],
        fail_fast=settings["fail_fast"],
        dry_run=settings["dry_run"],
    )


def _choose_scenarios(
    features: tuple[str, ...], settings: dict[str, Any]
) -> "tuple[list[Path], ScenarioSelection]":
    """Return the paths to run, and what is chosen from them.

    Raises: EmulatorError, when a choice is not valid or can match nothing.
    """
    from segment_insider_scenarios.scenario_selection import (
        ScenarioSelection,
        check_tag_expression,
        check_word_expression,
        find_misspelt_tags,
        read_failed_scenarios,
        resolve_lines,
    )

    paths, lines = resolve_lines(features)
    if settings["skip_tags"]:
        check_tag_expression("--skip-tags", settings["skip_tags"])
    failed = read_failed_scenarios(Path.cwd()) if settings["last_failed"] else None
    if failed is not None and not failed:
        raise EmulatorError(
            "no scenario failed when it ran last in this folder", "--last-failed", "Leave it out."
        )
    selection = ScenarioSelection(
        tuple(check_tag_expression("--tags", text) for text in settings["tags"]),
        tuple(check_word_expression("-k", text) for text in settings["words"]),
        lines,
        failed,
    )
    for sentence in find_misspelt_tags(selection, paths):
        click.echo(f"emulator: {sentence}", err=True)
    return paths, selection


def _record_failures(run: "FeatureRun") -> None:
    """Record which scenarios failed, for --last-failed."""
    from segment_insider_scenarios.feature_index import find_feature_index
    from segment_insider_scenarios.scenario_selection import (
        get_scenario_key,
        write_failed_scenarios,
    )

    verdicts: dict[str, str] = {}
    for result in run.results:
        path = Path(result.where).absolute()
        index = find_feature_index(path)
        if index and (scenario := index.find_scenario(result.line, result.row)):
            verdicts[get_scenario_key(path, scenario)] = result.verdict
    write_failed_scenarios(Path.cwd(), verdicts)


def _watch(ctx: click.Context, features: tuple[str, ...], workspace: str | None) -> Never:
    """Run the scenarios now and after each change, until Ctrl-C."""
    from segment_insider_emulator.cli.watch import run_again_on_changes, watch_files
    from segment_insider_scenarios.scenario_selection import CACHE_FOLDER, resolve_lines

    paths, _ = resolve_lines(features)
    named = [*paths, *([Path(workspace)] if workspace else [])]
    folders = {Path.cwd(), *(path if path.is_dir() else path.absolute().parent for path in named)}
    written = [value for value in ctx.params.values() if isinstance(value, Path)]
    changes = watch_files(folders, [*written, Path(CACHE_FOLDER)])
    run_again_on_changes(features, list(_list_given_options(ctx)), changes)
    raise KeyboardInterrupt  # watching ends with it


def _list_given_options(ctx: click.Context) -> Iterator[str]:
    """Yield the options of the command line as they were given, without --watch."""
    for option in ctx.command.params:
        name = str(option.name)
        is_given = ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not isinstance(option, click.Option) or name == "watch" or not is_given:
            continue
        value = ctx.params[name]
        if option.is_flag:
            yield option.opts[0]
        for text in value if option.multiple else [] if option.is_flag else [value]:
            yield f"{option.opts[0]}={text}" if option.opts[0].startswith("--") else option.opts[0]
            if not option.opts[0].startswith("--"):
                yield str(text)


def _find_coverage(
    run: "FeatureRun", options: "FeatureRunOptions"
) -> "tuple[list[WorkspaceCoverage], EmulatorError | None]":
    """Return the coverage of a run by workspace, or the error; [] without options."""
    if not options.coverage or not run.results:
        return [], None
    from segment_insider_scenarios.scenario_coverage import find_run_coverage

    try:
        found = find_run_coverage(
            run.coverage_records, options.workspace, counts_branches=options.counts_branches
        )
    except EmulatorError as error:  # the results of the scenarios are shown all the same
        return [], error
    return found, None


def _run_and_print(
    paths: list[Path],
    options: "FeatureRunOptions",
    as_json: bool,
    known_count: int,
    *,
    is_quiet: bool,
) -> "tuple[FeatureRun, list[WorkspaceCoverage], EmulatorError | None]":
    """Run scenarios and print their results; return them, their coverage, or why there is none."""
    from segment_insider_scenarios.runner import run_features

    masking = current_masking.get()
    with stop_github_commands(is_active=not as_json):
        reporter: Callable[[ScenarioResult, int, int], None] = (
            SilentScenarioReporter()
            if as_json
            else ScenarioResultPrinter(is_dry_run=options.dry_run, is_quiet=is_quiet)
        )

        def report(result: "ScenarioResult", done: int, expected: int) -> None:
            reporter(masking.mask_record(result) if masking else result, done, expected)

        run = run_features(paths, report, options)
        if masking:  # claims are checked on true values, and all that follows has pseudonyms
            run.results = [masking.mask_record(result) for result in run.results]
            run.unreadable = [masking.mask_record(file) for file in run.unreadable]
        coverages, coverage_error = _find_coverage(run, options)
        print_verify_result(run, as_json, coverages, known_count)
    return run, coverages, coverage_error


def _report_to_github(run: "FeatureRun", coverages: "list[WorkspaceCoverage]") -> None:
    """Show failures as annotations, and the results in the summary, of a GitHub Actions job."""
    if not is_github_actions():
        return
    from segment_insider_emulator.analysis.coverage_document import format_coverage_summary

    results = run.build_run_results()
    print_annotations(annotate_scenarios(results))
    covered = [
        f"Coverage of {coverage.title}: {format_coverage_summary(coverage.report)}"
        for coverage in coverages
    ]
    append_step_summary(format_step_summary(results, format_scenario_counts(run), covered))


def _is_coverage_below(coverages: "list[WorkspaceCoverage]", percent: float | None) -> bool:
    counted = (coverage.report for coverage in coverages if coverage.is_counted)
    return percent is not None and any(report.is_below(percent) for report in counted)


def _write_coverage_files(coverages: "list[WorkspaceCoverage]", settings: dict[str, Any]) -> None:
    if not coverages:
        return
    from segment_insider_emulator.cli.coverage import write_coverage_file
    from segment_insider_scenarios.scenario_coverage import (
        build_run_coverage_document,
        format_run_coverage_page,
    )

    if path := settings["coverage_html"]:
        write_coverage_file(path, format_run_coverage_page(coverages), "--coverage-html")
    if path := settings["coverage_json"]:
        document = orjson.dumps(build_run_coverage_document(coverages), option=orjson.OPT_INDENT_2)
        write_coverage_file(path, document.decode(), "--coverage-json")


def _write_and_send_reports(
    run: "FeatureRun", reports: dict[str, Path], report_to: str | None, branch: str | None
) -> None:
    if not reports and not report_to:
        return
    # Imported here because most runs have no report.
    from segment_insider_scenarios.reports.writers import (
        describe_command,
        find_branch,
        send_run_to_emulator,
        write_reports,
    )

    results = replace(
        run.build_run_results(),
        command=describe_command(sys.argv[1:]),
        branch=branch or find_branch(os.environ),
    )
    write_reports(results, reports)
    if report_to:
        send_run_to_emulator(results, report_to)


def _check_addresses(options: "FeatureRunOptions", report_to: str | None) -> None:
    if options.no_keep and not options.url:
        raise click.UsageError("--no-keep needs --url: other sandboxes are always deleted.")
    if options.url or report_to:
        from segment_insider_scenarios.running_emulator import check_emulator_url, check_sandbox_url

        if options.url:
            check_emulator_url("--url", options.url)
        if report_to:
            check_sandbox_url("--report-to", report_to)


def _resolve_default_workspace(workspace: str | None, preset: str | None) -> tuple[str | None, int]:
    """Return the workspace for scenarios that name none, and how many causes it lists as known."""
    name = get_selected_workspace_name(workspace, preset)
    known_count = 0
    if name:
        known_count = len(list_known_causes(load_workspace(workspace, preset).document))
    # Absolute, because workers may run in another folder.
    if workspace and not is_preset_name(workspace):
        name = str(Path(workspace).absolute())
    return name, known_count


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
