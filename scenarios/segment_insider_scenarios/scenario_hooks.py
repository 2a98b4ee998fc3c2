"""Pytest plugin of scenarios: checks around each step, and readable failures.

Its hooks run after those of other plugins, which may have been registered before.
"""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from pytest_bdd.parser import Feature, Scenario, Step

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios.client_http import SandboxLimitReached, build_run_ending_error
from segment_insider_scenarios.feature_collector import FeatureFile, find_bound_scenario_errors
from segment_insider_scenarios.plugin import (
    FEATURE_FOLDER,
    HAS_FAILED,
    SCENARIO_CONTEXT,
    USES_EMULATOR,
)
from segment_insider_scenarios.step_catalogue import ARGUMENT_NOUNS
from segment_insider_scenarios.step_errors import (
    NO_THEN_MESSAGE,
    describe_ambiguous_step,
    describe_missing_argument,
    describe_unknown_step,
    find_unknown_steps,
    format_scenario_steps,
    has_then_step,
    reject_unused_argument,
    remove_control_characters,
)
from segment_insider_scenarios.steps import (
    CALL_RESULT_STEPS,
    CLAIM_STEP_MODULES,
    PREPARATION_STEPS,
    STEP_PACKAGE,
)

STOP_REASON_ATTRIBUTE = (
    "emulator_stopped"  # of the report of a test that could not be run: why none can be
)


@pytest.hookimpl(trylast=True)
def pytest_bdd_before_scenario(
    request: pytest.FixtureRequest, feature: Feature, scenario: Scenario
) -> None:
    """pytest-bdd hook: store the scenario's name for reports and its folder for file lookups."""
    request.node.stash[FEATURE_FOLDER] = Path(feature.filename).parent
    request.node.user_properties += [("feature", feature.name), ("scenario", scenario.name)]
    is_collected_file = isinstance(request.node.parent, FeatureFile)
    request.node.stash.setdefault(USES_EMULATOR, is_collected_file)
    if not is_collected_file and (faults := find_bound_scenario_errors(feature, scenario)):
        pytest.fail(faults, pytrace=False)
    is_dry_run = request.config.getoption("emulator_dry_run", default=False)
    if is_collected_file or is_dry_run:
        _fail_unknown_steps(request, scenario)
    if is_dry_run:
        _check_without_running(request, scenario)
    elif not scenario.steps:
        _fail_without_then(request, scenario)


@pytest.hookimpl(trylast=True)
def pytest_bdd_before_step_call(
    request: pytest.FixtureRequest,
    scenario: Scenario,
    step: Step,
    step_func: Callable[..., object],
) -> None:
    """pytest-bdd hook: reject a step that matches two functions, or a table that is not used."""
    if message := describe_ambiguous_step(step, request):
        pytest.fail(message, pytrace=False)
    reject_unused_argument(step, step_func)
    if scene := request.node.stash.get(SCENARIO_CONTEXT, None):
        _, is_library_step, module = step_func.__module__.rpartition(STEP_PACKAGE)
        may_change = step.type != "then" and step_func.__name__ not in PREPARATION_STEPS
        scene.begin_step(
            step,
            scenario,
            may_change=may_change,
            changes_sandbox=may_change and bool(is_library_step),
        )
        if module in CLAIM_STEP_MODULES and step_func.__name__ not in CALL_RESULT_STEPS:
            scene.require_earlier_action(step.name)


@pytest.hookimpl(trylast=True)
def pytest_bdd_after_step(request: pytest.FixtureRequest, scenario: Scenario, step: Step) -> None:
    """pytest-bdd hook: fail a scenario that checks nothing or does not use its preparations."""
    if step is scenario.steps[-1]:
        _fail_without_then(request, scenario)
        _fail_unused_preparation(request, scenario)


@pytest.hookimpl(trylast=True)
def pytest_bdd_step_error(
    request: pytest.FixtureRequest,
    scenario: Scenario,
    step: Step,
    step_func: Callable[..., object],
    exception: Exception,
) -> None:
    """pytest-bdd hook: show the failed step in its scenario; input errors without traceback."""
    if _find_stop_reason(request.config, exception):
        return
    _add_scenario_report_section(request, scenario, step)
    if isinstance(exception, EmulatorError):
        raise pytest.fail.Exception(str(exception), pytrace=False) from None
    if isinstance(exception, pytest.FixtureLookupError) and exception.argname in ARGUMENT_NOUNS:
        message = describe_missing_argument(exception.argname, step_func)
        raise pytest.fail.Exception(message, pytrace=False) from None


@pytest.hookimpl(trylast=True)
def pytest_bdd_step_func_lookup_error(
    request: pytest.FixtureRequest, scenario: Scenario, step: Step
) -> None:
    """pytest-bdd hook: report unknown steps with suggestions."""
    _fail_unknown_steps(request, scenario)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Pytest hook: note failures for the sandbox; report input errors without traceback.

    The run ends when the emulator at --emulator-url cannot be used any more.
    """
    report = yield
    if not call.excinfo:
        return report
    error = call.excinfo.value
    if reason := _find_stop_reason(item.config, error):
        # What could not be run has not failed.
        report.outcome, report.longrepr = "skipped", (str(item.path), item.location[1] or 0, reason)
        setattr(report, STOP_REASON_ATTRIBUTE, reason)
        item.session.shouldstop = reason
    elif isinstance(error, EmulatorError) and item.stash.get(USES_EMULATOR, False):
        report.longrepr = str(error)
    if item.stash.get(USES_EMULATOR, False):
        remove_control_characters(report)
    if report.failed:
        item.stash[HAS_FAILED] = True
    return report


def _find_stop_reason(config: pytest.Config, error: BaseException) -> str | None:
    """Return why no further scenario can run at --emulator-url; None if the run can go on."""
    url: str | None = config.getoption("emulator_url")
    if not url:
        return None
    run_error = build_run_ending_error(error, url)
    if isinstance(run_error, SandboxLimitReached):
        return " ".join([str(run_error), *_suggest_fewer_sandboxes(config)])
    return str(run_error) if run_error else None


def _suggest_fewer_sandboxes(config: pytest.Config) -> Iterator[str]:
    """Yield hints how this run of scenarios would need fewer sandboxes."""
    if not config.getoption("emulator_no_keep"):
        yield "--no-keep (in pytest: --emulator-no-keep) deletes those of failed scenarios."
    if hasattr(config, "workerinput"):
        yield "Each worker needs one: use fewer workers (-n)."


def _fail_unknown_steps(request: pytest.FixtureRequest, scenario: Scenario) -> None:
    """Fail a scenario that has unknown steps, and list all of them."""
    if unknown := find_unknown_steps(scenario, request):
        _add_scenario_report_section(request, scenario, *unknown)
        pytest.fail("\n\n".join(map(describe_unknown_step, unknown)), pytrace=False)


def _check_without_running(request: pytest.FixtureRequest, scenario: Scenario) -> None:
    """Fail a scenario with an ambiguous step or without Then, and remove its steps."""
    for step in scenario.steps:
        if message := describe_ambiguous_step(step, request):
            _add_scenario_report_section(request, scenario, step)
            pytest.fail(message, pytrace=False)
    _fail_without_then(request, scenario)
    scenario.steps.clear()


def _fail_without_then(request: pytest.FixtureRequest, scenario: Scenario) -> None:
    """Fail a scenario about an emulator that has no Then step."""
    if request.node.stash[USES_EMULATOR] and not has_then_step(scenario):
        _add_scenario_report_section(request, scenario)
        pytest.fail(NO_THEN_MESSAGE, pytrace=False)


def _fail_unused_preparation(request: pytest.FixtureRequest, scenario: Scenario) -> None:
    """Fail a scenario that does not use what its Given steps prepared."""
    scene = request.node.stash.get(SCENARIO_CONTEXT, None)
    if scene and (unused := scene.find_unused_preparation_error()):
        _add_scenario_report_section(request, scenario)
        pytest.fail(str(unused), pytrace=False)


def _add_scenario_report_section(
    request: pytest.FixtureRequest, scenario: Scenario, *failed_steps: Step
) -> None:
    """Add a section to the test report: the scenario's steps, with the failed ones marked."""
    section = format_scenario_steps(scenario, request.config.rootpath, *failed_steps)
    request.node.add_report_section("call", "scenario", section)
