"""Pytest plugin for scenarios: options, fixtures and readable failures.

pytest loads this module in every run where the package is installed, so heavy imports wait until a
scenario needs them.
"""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios import missing_distributions
from segment_insider_scenarios.steps import (
    CALL_RESULT_STEPS,
    CLAIM_STEP_MODULES,
    PREPARATION_STEPS,
    STEP_PACKAGE,
    THEMES,
)

if TYPE_CHECKING:
    from pytest_bdd.parser import Feature, Scenario, Step

    from segment_insider_emulator.workspace import Workspace
    from segment_insider_scenarios.context import ScenarioContext
    from segment_insider_scenarios.running_emulator import (
        ClockControl,
        InsiderOneView,
        RunningEmulator,
        SandboxProvider,
    )
    from segment_insider_scenarios.shopper import Shopper
    from segment_insider_scenarios.transport import SegmentShop

FEATURE_FOLDER = pytest.StashKey[Path]()  # of the feature file
SCENARIO_CONTEXT = pytest.StashKey["ScenarioContext"]()
HAS_FAILED = pytest.StashKey[bool]()
USES_EMULATOR = pytest.StashKey[bool]()  # the scenario is about an emulator
STOP_REASON_ATTRIBUTE = (
    "emulator_stopped"  # of the report of a test that could not be run: why none can be
)
BASIS_MARKS = {
    "documented": "the vendor documents this behaviour",
    "observed": "recorded from the published destination or a real SDK",
    "assumed": "not documented by a vendor; docs/assumptions.md explains the choice",
}

# Without the extra `scenarios` this test run has nothing to do with us.
pytest_plugins = (
    [
        "segment_insider_scenarios.feature_collector",
        *(f"segment_insider_scenarios.steps.{theme}" for theme in THEMES),
    ]
    if not missing_distributions()
    else []
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Pytest hook: add the command line options of the scenarios plugin."""
    group = parser.getgroup("emulator")
    group.addoption(
        "--emulator-served",
        action="store_true",
        help="Serve the emulator at a free port for programs in other processes.",
    )
    group.addoption(
        "--emulator-url",
        metavar="URL",
        help="Use sandboxes of a running emulator; those of failed scenarios are not deleted."
        " Set EMULATOR_TOKEN to its password or a team's token.",
    )
    group.addoption(
        "--emulator-no-keep",
        action="store_true",
        help="Delete the sandboxes of failed scenarios at --emulator-url, too.",
    )
    group.addoption(
        "--emulator-workspace",
        metavar="FILE",
        default="guide",
        help="Workspace for scenarios that name none: a file or a preset.  [guide]",
    )
    group.addoption(
        "--emulator-seed",
        type=int,
        default=0,
        metavar="N",
        help="Use a different set of test people.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Pytest hook: register the marks documented, observed and assumed."""
    for name, meaning in BASIS_MARKS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Pytest hook: stop the run if no emulator answers at --emulator-url."""
    config = session.config
    url = config.getoption("emulator_url")
    if not url and config.getoption("emulator_no_keep"):
        message = "--emulator-no-keep needs --emulator-url: other sandboxes are always deleted."
        raise pytest.UsageError(message)
    if not url or config.option.collectonly or hasattr(config, "workerinput"):
        return
    from segment_insider_scenarios.running_emulator import check_emulator_url

    try:
        check_emulator_url("--emulator-url", url)
    except EmulatorError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.fixture(scope="session")
def emulators(pytestconfig: pytest.Config) -> "Iterator[SandboxProvider]":
    """Pytest fixture: provider of sandboxes; the emulator starts with the first sandbox."""
    from segment_insider_scenarios.running_emulator import SandboxProvider

    names = ("served", "url", "no_keep")
    with SandboxProvider(
        **{name: pytestconfig.getoption(f"emulator_{name}") for name in names}
    ) as started:
        yield started


@pytest.fixture(scope="session")
def served_emulators() -> "Iterator[SandboxProvider]":
    """Pytest fixture: provider of sandboxes of an emulator that listens at a free port."""
    from segment_insider_scenarios.running_emulator import SandboxProvider

    with SandboxProvider(served=True) as started:
        yield started


@pytest.fixture
def emulator(
    emulators: "SandboxProvider", pytestconfig: pytest.Config
) -> "Iterator[RunningEmulator]":
    """Pytest fixture: an empty emulator of --emulator-workspace in this process."""
    with emulators.open_sandbox(_load_default_workspace(pytestconfig)) as running:
        yield running


@pytest.fixture
def served_emulator(
    served_emulators: "SandboxProvider", pytestconfig: pytest.Config
) -> "Iterator[RunningEmulator]":
    """Pytest fixture: an empty emulator at a free port, for programs in other processes."""
    with served_emulators.open_sandbox(_load_default_workspace(pytestconfig)) as running:
        yield running


@pytest.fixture
def segment(emulator: "RunningEmulator") -> "SegmentShop":
    """Pytest fixture: a shop that sends calls to the emulator with Segment's Python SDK."""
    return emulator.shop


@pytest.fixture
def insider_one(emulator: "RunningEmulator") -> "InsiderOneView":
    """Pytest fixture: the profiles, events and requests that the emulated Insider One has."""
    from segment_insider_scenarios.running_emulator import InsiderOneView

    return InsiderOneView(emulator.client)


@pytest.fixture
def clock(emulator: "RunningEmulator") -> "ClockControl":
    """Pytest fixture: control of the emulator's clock."""
    from segment_insider_scenarios.running_emulator import ClockControl

    return ClockControl(emulator.client)


@pytest.fixture
def shopper() -> "Callable[..., Shopper]":
    """Pytest fixture: a function that makes people: shopper("Ada"), shopper(seed=7)."""
    from segment_insider_scenarios.shopper import make_shopper

    return make_shopper


@pytest.fixture
def intercepted(emulator: "RunningEmulator") -> "Iterator[RunningEmulator]":
    """Pytest fixture: an emulator that answers for Segment's and Insider One's host names."""
    from segment_insider_scenarios.running_emulator import intercepting

    with intercepting(emulator):
        yield emulator


@pytest.fixture
def scene(
    emulators: "SandboxProvider", request: pytest.FixtureRequest
) -> "Iterator[ScenarioContext]":
    """Pytest fixture: the context that the steps of one scenario share."""
    from segment_insider_scenarios.context import ScenarioContext

    stash = request.node.stash
    stash[USES_EMULATOR] = True
    folder = stash.get(FEATURE_FOLDER, request.path.parent)
    seed = request.config.getoption("emulator_seed")

    def should_sandbox_remain() -> bool:
        return emulators.keeps_failed_sandboxes and HAS_FAILED in stash

    workspace = request.config.getoption("emulator_workspace")
    with ScenarioContext(
        emulators, folder, seed=seed, should_remain=should_sandbox_remain, workspace=workspace
    ) as context:
        stash[SCENARIO_CONTEXT] = context
        yield context


def _load_default_workspace(config: pytest.Config) -> "Workspace":
    from segment_insider_scenarios.context import load_named_workspace

    return load_named_workspace(config.getoption("emulator_workspace"), Path())


@pytest.hookimpl(optionalhook=True)
def pytest_bdd_before_scenario(
    request: pytest.FixtureRequest, feature: "Feature", scenario: "Scenario"
) -> None:
    """pytest-bdd hook: store the scenario's name for reports and its folder for file lookups."""
    from segment_insider_scenarios.feature_collector import FeatureFile, find_bound_scenario_errors

    request.node.stash[FEATURE_FOLDER] = Path(feature.filename).parent
    request.node.user_properties += [("feature", feature.name), ("scenario", scenario.name)]
    is_collected_file = isinstance(request.node.parent, FeatureFile)
    request.node.stash.setdefault(USES_EMULATOR, is_collected_file)
    if not is_collected_file and (faults := find_bound_scenario_errors(feature, scenario)):
        pytest.fail(faults, pytrace=False)
    if is_collected_file:
        _fail_unknown_steps(request, scenario)
    if not scenario.steps:
        _fail_without_then(request, scenario)


@pytest.hookimpl(optionalhook=True)
def pytest_bdd_before_step_call(
    request: pytest.FixtureRequest,
    scenario: "Scenario",
    step: "Step",
    step_func: Callable[..., object],
) -> None:
    """pytest-bdd hook: reject a step that matches two functions, or a table that is not used."""
    from segment_insider_scenarios.step_errors import (
        describe_ambiguous_step,
        reject_unused_argument,
    )

    if message := describe_ambiguous_step(step):
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


@pytest.hookimpl(optionalhook=True)
def pytest_bdd_after_step(
    request: pytest.FixtureRequest, scenario: "Scenario", step: "Step"
) -> None:
    """pytest-bdd hook: fail a scenario that checks nothing or does not use its preparations."""
    if step is scenario.steps[-1]:
        _fail_without_then(request, scenario)
        _fail_unused_preparation(request, scenario)


@pytest.hookimpl(optionalhook=True)
def pytest_bdd_step_error(
    request: pytest.FixtureRequest,
    scenario: "Scenario",
    step: "Step",
    step_func: Callable[..., object],
    exception: Exception,
) -> None:
    """pytest-bdd hook: show the failed step in its scenario; input errors without traceback."""
    from segment_insider_scenarios.step_catalogue import ARGUMENT_NOUNS
    from segment_insider_scenarios.step_errors import describe_missing_argument

    if _find_stop_reason(request.config, exception):
        return
    _add_scenario_report_section(request, scenario, step)
    if isinstance(exception, EmulatorError):
        raise pytest.fail.Exception(str(exception), pytrace=False) from None
    if isinstance(exception, pytest.FixtureLookupError) and exception.argname in ARGUMENT_NOUNS:
        message = describe_missing_argument(exception.argname, step_func)
        raise pytest.fail.Exception(message, pytrace=False) from None


@pytest.hookimpl(optionalhook=True)
def pytest_bdd_step_func_lookup_error(
    request: pytest.FixtureRequest, scenario: "Scenario", step: "Step"
) -> None:
    """pytest-bdd hook: report unknown steps with suggestions."""
    _fail_unknown_steps(request, scenario)


@pytest.hookimpl(wrapper=True)
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
        from segment_insider_scenarios.step_errors import remove_control_characters

        remove_control_characters(report)
    if report.failed:
        item.stash[HAS_FAILED] = True
    return report


def _find_stop_reason(config: pytest.Config, error: BaseException) -> str | None:
    """Return why no further scenario can run at --emulator-url; None if the run can go on."""
    url: str | None = config.getoption("emulator_url")
    if not url:
        return None
    from segment_insider_scenarios.client_http import SandboxLimitReached, build_run_ending_error

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


def _fail_unknown_steps(request: pytest.FixtureRequest, scenario: "Scenario") -> None:
    """Fail a scenario that has unknown steps, and list all of them."""
    from segment_insider_scenarios.step_errors import describe_unknown_step, find_unknown_steps

    if unknown := find_unknown_steps(scenario, request):
        _add_scenario_report_section(request, scenario, *unknown)
        pytest.fail("\n\n".join(map(describe_unknown_step, unknown)), pytrace=False)


def _fail_without_then(request: pytest.FixtureRequest, scenario: "Scenario") -> None:
    """Fail a scenario about an emulator that has no Then step."""
    from segment_insider_scenarios.step_errors import NO_THEN_MESSAGE, has_then_step

    if request.node.stash[USES_EMULATOR] and not has_then_step(scenario):
        _add_scenario_report_section(request, scenario)
        pytest.fail(NO_THEN_MESSAGE, pytrace=False)


def _fail_unused_preparation(request: pytest.FixtureRequest, scenario: "Scenario") -> None:
    """Fail a scenario that does not use what its Given steps prepared."""
    scene = request.node.stash.get(SCENARIO_CONTEXT, None)
    if scene and (unused := scene.find_unused_preparation_error()):
        _add_scenario_report_section(request, scenario)
        pytest.fail(str(unused), pytrace=False)


def _add_scenario_report_section(
    request: pytest.FixtureRequest, scenario: "Scenario", *failed_steps: "Step"
) -> None:
    """Add a section to the test report: the scenario's steps, with the failed ones marked."""
    from segment_insider_scenarios.step_errors import format_scenario

    section = format_scenario(scenario, request.config.rootpath, *failed_steps)
    request.node.add_report_section("call", "scenario", section)
