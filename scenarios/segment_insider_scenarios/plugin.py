"""Pytest plugin: options and fixtures; loads the step library when a scenario is collected.

pytest loads this module in every run where the package is installed, so everything else waits
until a scenario or a test needs it. It asserts nothing: PYTEST_DONT_REWRITE
"""

import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios import missing_distributions
from segment_insider_scenarios.steps import STEP_PACKAGE, THEMES

if TYPE_CHECKING:
    from playwright.sync_api import Page

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
FEATURES_OPTION = "emulator_features"
FEATURES_OPTION_VALUES = ("ours", "all", "none")
SKIP_TAGS_OPTION = "emulator_skip_tags"
DEFAULT_SKIP_TAGS = "@skip or @wip"
BASIS_MARKS = {
    "documented": "the vendor documents this behaviour",
    "observed": "recorded from the published destination or a real SDK",
    "assumed": "not documented by a vendor; docs/assumptions.md explains the choice",
}

OWN_PACKAGES = ("segment_insider_emulator", "segment_insider_scenarios")
# Plugins that only scenarios need; they are registered with the first one.
SCENARIO_PLUGINS = (
    "segment_insider_scenarios.feature_collector",
    "segment_insider_scenarios.scenario_hooks",
    *(STEP_PACKAGE + theme for theme in THEMES),
)


class PlainImportFinder(MetaPathFinder):
    """Import finder of our packages: their modules are compiled as they are.

    pytest rewrites the assertions of all modules of a distribution that has a plugin, which would
    take seconds.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module of our packages; leave other modules to other finders."""
        return PathFinder.find_spec(name, path) if name.startswith(OWN_PACKAGES) else None


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Pytest hook: import our packages without assertion rewriting until the end of the run."""
    finder = PlainImportFinder()
    sys.meta_path.insert(0, finder)
    early_config.add_cleanup(lambda: sys.meta_path.remove(finder))


def load_scenario_plugins(config: pytest.Config) -> None:
    """Register the step library and the other plugins of scenarios, if that has not happened."""
    for name in SCENARIO_PLUGINS:
        if not config.pluginmanager.has_plugin(name):
            config.pluginmanager.register(import_module(name), name)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Pytest hook: add the options of the scenarios plugin."""
    about = (
        "Feature files to run without a test module: ours (with steps of this library), all, none."
    )
    parser.addini(FEATURES_OPTION, about, default="ours")
    about = f"Tag expression of scenarios that are skipped, empty for none.  [{DEFAULT_SKIP_TAGS}]"
    parser.addini(SKIP_TAGS_OPTION, about, default=DEFAULT_SKIP_TAGS)
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
        "--emulator-confined",
        action="store_true",
        help="Let steps read only files in the folder of their feature.",
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
    """Pytest hook: register marks; reject an unknown value of `emulator_features`."""
    for name, meaning in BASIS_MARKS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    if config.getini(FEATURES_OPTION) not in FEATURES_OPTION_VALUES:
        value, known = config.getini(FEATURES_OPTION), ", ".join(FEATURES_OPTION_VALUES)
        message = f"{FEATURES_OPTION}: {value!r} is not known. Known: {known}."
        raise pytest.UsageError(message)


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


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Pytest hook: collect a feature file that has a library step or is named by the user."""
    which = parent.config.getini(FEATURES_OPTION)
    if file_path.suffix != ".feature" or which == "none" or missing_distributions():
        return None
    load_scenario_plugins(parent.config)
    from segment_insider_scenarios.feature_collector import collect_feature_file

    return collect_feature_file(file_path, parent, which)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Pytest hook: explain which bound feature file pytest-bdd cannot read."""
    report = yield
    call: pytest.CallInfo[None] | None = getattr(report, "call", None)
    error = call.excinfo.value if call and call.excinfo else None
    bdd = sys.modules.get("pytest_bdd.exceptions")
    if bdd and isinstance(error, bdd.GherkinParseError) and not missing_distributions():
        load_scenario_plugins(collector.config)
        from segment_insider_scenarios.feature_collector import explain_unreadable_feature

        report.longrepr = explain_unreadable_feature(error) or report.longrepr
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config) -> None:
    """Pytest hook: load the step library for scenarios that test modules bind."""
    bdd = sys.modules.get("pytest_bdd.scenario")
    if bdd and bdd.scenario_wrapper_template_registry and not missing_distributions():
        load_scenario_plugins(config)


@pytest.fixture(scope="session")
def emulators(pytestconfig: pytest.Config) -> "Iterator[SandboxProvider]":
    """Pytest fixture: provider of sandboxes; the emulator starts with the first sandbox."""
    from segment_insider_scenarios.running_emulator import SandboxProvider

    load_scenario_plugins(pytestconfig)  # which end the run if its emulator stops
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
    from segment_insider_scenarios.interception import intercepting

    with intercepting(emulator):
        yield emulator


@pytest.fixture
def intercepted_page(page: "Page", emulator: "RunningEmulator") -> "Iterator[Page]":
    """Pytest fixture: the page of pytest-playwright, whose calls to Segment reach the emulator."""
    from segment_insider_scenarios.interception import intercepting_browser

    with intercepting_browser(emulator, page):
        yield page


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
        emulators,
        folder,
        seed=seed,
        should_remain=should_sandbox_remain,
        workspace=workspace,
        confined=request.config.getoption("emulator_confined"),
    ) as context:
        stash[SCENARIO_CONTEXT] = context
        yield context


def _load_default_workspace(config: pytest.Config) -> "Workspace":
    from segment_insider_scenarios.context import load_named_workspace

    return load_named_workspace(config.getoption("emulator_workspace"), Path())
