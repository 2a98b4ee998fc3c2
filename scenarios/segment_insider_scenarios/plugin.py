"""The pytest plugin: fixtures, the step library, and what a failed step says.

pytest loads this in every run of an environment that it is installed in, so nothing heavy is
imported before a scenario asks for it.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios.requirements import missing
from segment_insider_scenarios.steps import THEMES

if TYPE_CHECKING:
    from pytest_bdd.parser import Feature, Scenario, Step

    from segment_insider_emulator.workspace import Workspace
    from segment_insider_scenarios.insider_one import InsiderOne
    from segment_insider_scenarios.running import Emulators, RunningEmulator
    from segment_insider_scenarios.scene import Scene
    from segment_insider_scenarios.shop import Shop
    from segment_insider_scenarios.shopper import Shopper
    from segment_insider_scenarios.timing import Clock

FOLDER = pytest.StashKey[Path]()  # of the feature file
SCENE = pytest.StashKey["Scene"]()
FAILED = pytest.StashKey[bool]()
OURS = pytest.StashKey[bool]()  # the scenario is about an emulator
# Themes and steps before the Then that change nothing in the sandbox.
PREPARING = ("people", "mappings", "has_role", "order_details", "clock_stands_at")
# Themes of claims that hold of themselves where nothing has happened.
CLAIMING = ("received", "requests", "known", "journeys")
STOPPED = "emulator_stopped"  # of the report of a test that could not be run: why none can be
MARKS = {
    "documented": "the vendor documents this behaviour",
    "observed": "recorded from the published destination or a real SDK",
    "assumed": "nobody documents this; docs/assumptions.md says what we chose",
}

# Without the extra this is somebody's run that has nothing to do with scenarios.
pytest_plugins = (
    [
        "segment_insider_scenarios.collector",
        *(f"segment_insider_scenarios.steps.{theme}" for theme in THEMES),
    ]
    if not missing()
    else []
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say where emulators run."""
    group = parser.getgroup("emulator")
    group.addoption(
        "--emulator-served",
        action="store_true",
        help="Serve the emulator at a free port, so that programs in other processes reach it.",
    )
    group.addoption(
        "--emulator-url",
        metavar="URL",
        help="Use sandboxes of an emulator that runs; those of failed scenarios stay there."
        " EMULATOR_TOKEN opens one that asks for a password or a team's token.",
    )
    group.addoption(
        "--emulator-no-keep",
        action="store_true",
        help="Leave no sandbox of a failed scenario at --emulator-url.",
    )
    group.addoption(
        "--emulator-workspace",
        metavar="FILE",
        default="guide",
        help="Workspace of scenarios that name none: a file, or a preset.  [guide]",
    )
    group.addoption(
        "--emulator-seed", type=int, default=0, metavar="N", help="Another one makes other people."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the standings of scenarios known."""
    for name, meaning in MARKS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Refuse an address at which no emulator answers us, before the first test."""
    config = session.config
    url = config.getoption("emulator_url")
    if not url and config.getoption("emulator_no_keep"):
        told = "--emulator-no-keep goes with --emulator-url: no other sandbox stays."
        raise pytest.UsageError(told)
    if not url or config.option.collectonly or hasattr(config, "workerinput"):
        return
    from segment_insider_scenarios.addresses import expect_host

    try:
        expect_host("--emulator-url", url)
    except EmulatorError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.fixture(scope="session")
def emulators(pytestconfig: pytest.Config) -> "Iterator[Emulators]":
    """Where the sandboxes of this run are; it starts when the first is asked for."""
    from segment_insider_scenarios.running import Emulators

    names = ("served", "url", "no_keep")
    with Emulators(
        **{each: pytestconfig.getoption(f"emulator_{each}") for each in names}
    ) as started:
        yield started


@pytest.fixture(scope="session")
def served_emulators() -> "Iterator[Emulators]":
    """The same, at a free port."""
    from segment_insider_scenarios.running import Emulators

    with Emulators(served=True) as started:
        yield started


@pytest.fixture
def emulator(emulators: "Emulators", pytestconfig: pytest.Config) -> "Iterator[RunningEmulator]":
    """An emulator of --emulator-workspace in this process, with nothing captured."""
    with emulators.sandbox(_default_workspace(pytestconfig)) as own:
        yield own


@pytest.fixture
def served_emulator(
    served_emulators: "Emulators", pytestconfig: pytest.Config
) -> "Iterator[RunningEmulator]":
    """The same at a free port, for programs in other processes."""
    with served_emulators.sandbox(_default_workspace(pytestconfig)) as own:
        yield own


@pytest.fixture
def segment(emulator: "RunningEmulator") -> "Shop":
    """A shop that tells Segment what shoppers do, through its Python SDK."""
    return emulator.shop


@pytest.fixture
def insider_one(emulator: "RunningEmulator") -> "InsiderOne":
    """What Insider One knows and was sent."""
    from segment_insider_scenarios.insider_one import InsiderOne

    return InsiderOne(emulator.client)


@pytest.fixture
def clock(emulator: "RunningEmulator") -> "Clock":
    """The emulator's clock."""
    from segment_insider_scenarios.timing import Clock

    return Clock(emulator.client)


@pytest.fixture
def shopper() -> "Callable[..., Shopper]":
    """Makes people: shopper("Ada"), shopper(seed=7, locale="de_DE")."""
    from segment_insider_scenarios.shopper import shopper

    return shopper


@pytest.fixture
def intercepted(emulator: "RunningEmulator") -> "Iterator[RunningEmulator]":
    """The emulator, which answers for Segment's and Insider One's own names as well."""
    from segment_insider_scenarios.interception import intercepting

    with intercepting(emulator):
        yield emulator


@pytest.fixture
def scene(emulators: "Emulators", request: pytest.FixtureRequest) -> "Iterator[Scene]":
    """What the steps of one scenario share."""
    from segment_insider_scenarios.scene import Scene

    stash = request.node.stash
    stash[OURS] = True
    folder = stash.get(FOLDER, request.path.parent)
    seed = request.config.getoption("emulator_seed")

    def kept() -> bool:
        return emulators.keeps and FAILED in stash

    workspace = request.config.getoption("emulator_workspace")
    with Scene(emulators, folder, seed=seed, kept=kept, workspace=workspace) as own:
        stash[SCENE] = own
        yield own


def _default_workspace(config: pytest.Config) -> "Workspace":
    from segment_insider_scenarios.workspaces import workspace_at

    return workspace_at(config.getoption("emulator_workspace"), Path())


@pytest.hookimpl(optionalhook=True)
def pytest_bdd_before_scenario(
    request: pytest.FixtureRequest, feature: "Feature", scenario: "Scenario"
) -> None:
    """Let reports tell the scenario from its test, and steps find what stands beside its file."""
    from segment_insider_scenarios.collector import FeatureFile, faults_of_bound

    request.node.stash[FOLDER] = Path(feature.filename).parent
    request.node.user_properties += [("feature", feature.name), ("scenario", scenario.name)]
    taken = isinstance(request.node.parent, FeatureFile)
    request.node.stash.setdefault(OURS, taken)
    if not taken and (faults := faults_of_bound(feature, scenario)):
        pytest.fail(faults, pytrace=False)
    if taken:
        _refuse_unknown_steps(request, scenario)
    if not scenario.steps:
        _expect_claims(request, scenario)


@pytest.hookimpl(optionalhook=True)
def pytest_bdd_before_step_call(
    request: pytest.FixtureRequest,
    scenario: "Scenario",
    step: "Step",
    step_func: Callable[..., object],
) -> None:
    """Refuse a step that two functions would take, and a table that its own would not read."""
    from segment_insider_scenarios.arguments import refuse_unread
    from segment_insider_scenarios.failing import ambiguous_step

    if told := ambiguous_step(step):
        pytest.fail(told, pytrace=False)
    refuse_unread(step, step_func)
    if scene := request.node.stash.get(SCENE, None):
        _, ours, theme = step_func.__module__.rpartition("segment_insider_scenarios.steps.")
        prepares = theme in PREPARING or step_func.__name__ in PREPARING
        acting = step.type != "then" and not prepares
        scene.enter(step, scenario, acting=acting, in_sandbox=acting and bool(ours))
        if theme in CLAIMING:
            scene.expect_acted(step.name)


@pytest.hookimpl(optionalhook=True)
def pytest_bdd_after_step(
    request: pytest.FixtureRequest, scenario: "Scenario", step: "Step"
) -> None:
    """Fail a scenario that has checked nothing, or did not use what it prepared."""
    if step is scenario.steps[-1]:
        _expect_claims(request, scenario)
        _expect_used(request, scenario)


@pytest.hookimpl(optionalhook=True)
def pytest_bdd_step_error(
    request: pytest.FixtureRequest,
    scenario: "Scenario",
    step: "Step",
    step_func: Callable[..., object],
    exception: Exception,
) -> None:
    """Show where in the scenario it failed, and bad input without a traceback."""
    from segment_insider_scenarios.arguments import lacking
    from segment_insider_scenarios.catalogue import NOUNS

    if _stopping(request.config, exception):
        return
    _locate(request, scenario, step)
    if isinstance(exception, EmulatorError):
        raise pytest.fail.Exception(str(exception), pytrace=False) from None
    if isinstance(exception, pytest.FixtureLookupError) and exception.argname in NOUNS:
        told = lacking(exception.argname, step_func)
        raise pytest.fail.Exception(told, pytrace=False) from None


@pytest.hookimpl(optionalhook=True)
def pytest_bdd_step_func_lookup_error(
    request: pytest.FixtureRequest, scenario: "Scenario", step: "Step"
) -> None:
    """Name the steps that come nearest to each that does not exist."""
    _refuse_unknown_steps(request, scenario)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember a failure until the sandbox is closed; tell bad input without a traceback.

    A run whose emulator elsewhere is of no more use ends here.
    """
    report = yield
    if not call.excinfo:
        return report
    error = call.excinfo.value
    if told := _stopping(item.config, error):
        # What could not be run has not failed.
        report.outcome, report.longrepr = "skipped", (str(item.path), item.location[1] or 0, told)
        setattr(report, STOPPED, told)
        item.session.shouldstop = told
    elif isinstance(error, EmulatorError) and item.stash.get(OURS, False):
        report.longrepr = str(error)
    if item.stash.get(OURS, False):
        _make_printable(report)
    if report.failed:
        item.stash[FAILED] = True
    return report


def _make_printable(report: pytest.TestReport) -> None:
    """Leave out what a terminal would obey: a failure shows what was captured."""
    from _pytest._code.code import ExceptionRepr

    from segment_insider_emulator.cli.terminal import plain

    report.sections = [(title, plain(text)) for title, text in report.sections]
    shown = report.longrepr
    if isinstance(shown, str):
        report.longrepr = plain(shown)
    elif isinstance(shown, ExceptionRepr):
        if shown.reprcrash:
            shown.reprcrash = replace(shown.reprcrash, message=plain(shown.reprcrash.message))
        for entry in shown.reprtraceback.reprentries:
            entry.lines = [plain(line) for line in entry.lines]


def _stopping(config: pytest.Config, error: BaseException) -> str | None:
    """Why nothing can be run any more at the emulator elsewhere; None where it can."""
    url: str | None = config.getoption("emulator_url")
    if not url:
        return None
    from segment_insider_scenarios.unreachable import NoMoreSandboxes, stopping

    told = stopping(error, url)
    if isinstance(told, NoMoreSandboxes):
        return " ".join([str(told), *_sparing(config)])
    return str(told) if told else None


def _sparing(config: pytest.Config) -> Iterator[str]:
    """How this run would need fewer sandboxes."""
    if not config.getoption("emulator_no_keep"):
        yield "--no-keep (--emulator-no-keep of pytest) leaves none of failed scenarios."
    if hasattr(config, "workerinput"):
        yield "Each worker needs one: take fewer (-n)."


def _refuse_unknown_steps(request: pytest.FixtureRequest, scenario: "Scenario") -> None:
    """Fail a scenario that has steps which do not exist, and tell all of them at once."""
    from segment_insider_scenarios.failing import unknown_step, unknown_steps

    if unknown := unknown_steps(scenario, request):
        _locate(request, scenario, *unknown)
        pytest.fail("\n\n".join(map(unknown_step, unknown)), pytrace=False)


def _expect_claims(request: pytest.FixtureRequest, scenario: "Scenario") -> None:
    """Fail a scenario without a Then, unless it has nothing to do with an emulator."""
    from segment_insider_scenarios.failing import NOTHING, claims

    if request.node.stash[OURS] and not claims(scenario):
        _locate(request, scenario)
        pytest.fail(NOTHING, pytrace=False)


def _expect_used(request: pytest.FixtureRequest, scenario: "Scenario") -> None:
    """Fail a scenario that prepared something and did not use it."""
    scene = request.node.stash.get(SCENE, None)
    if scene and (unused := scene.unused()):
        _locate(request, scenario)
        pytest.fail(str(unused), pytrace=False)


def _locate(request: pytest.FixtureRequest, scenario: "Scenario", *steps: "Step") -> None:
    """Show where in the scenario a test failed."""
    from segment_insider_scenarios.failing import located

    told = located(scenario, request.config.rootpath, *steps)
    request.node.add_report_section("call", "scenario", told)
