"""The pytest plugin: fixtures, the step library, and what a failed step says.

pytest loads this in every run of an environment that it is installed in, so nothing heavy is
imported before a scenario asks for it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from emulator.errors import EmulatorError
from scenarios.requirements import missing

if TYPE_CHECKING:
    from pytest_bdd.parser import Feature, Scenario, Step

    from scenarios.running import Emulators, RunningEmulator
    from scenarios.scene import Scene

THEMES = ("people", "shopping", "calling", "received", "known", "outcomes")
MARKS = {
    "documented": "the vendor documents this behaviour",
    "observed": "recorded from the published destination or a real SDK",
    "assumed": "nobody documents this; docs/assumptions.md says what we chose",
}

# Without the extra this is somebody's run that has nothing to do with scenarios.
pytest_plugins = [f"scenarios.steps.{theme}" for theme in THEMES] if not missing() else []


def pytest_configure(config: pytest.Config) -> None:
    """Make the standings of scenarios known."""
    for name, meaning in MARKS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


@pytest.fixture(scope="session")
def emulators() -> "Iterator[Emulators]":
    """Emulators by workspace: each starts when it is first asked for."""
    from scenarios.running import Emulators

    with Emulators() as started:
        yield started


@pytest.fixture
def emulator(emulators: "Emulators") -> "RunningEmulator":
    """An emulator of the preset `guide` at a free port, with nothing captured."""
    return emulators.afresh("guide")


@pytest.fixture
def scene(emulators: "Emulators", request: pytest.FixtureRequest) -> "Scene":
    """What the steps of one scenario share."""
    from scenarios.scene import Scene

    return Scene(emulators, request.path.parent)


@pytest.hookimpl(optionalhook=True)
def pytest_bdd_before_scenario(
    request: pytest.FixtureRequest, feature: "Feature", scenario: "Scenario"
) -> None:
    """Let reports tell the scenario from its test."""
    request.node.user_properties += [("feature", feature.name), ("scenario", scenario.name)]


@pytest.hookimpl(optionalhook=True)
def pytest_bdd_step_error(
    request: pytest.FixtureRequest, scenario: "Scenario", step: "Step", exception: Exception
) -> None:
    """Show where in the scenario it failed, and bad input without a traceback."""
    from scenarios.failing import located

    request.node.add_report_section("call", "scenario", located(scenario, step))
    if isinstance(exception, EmulatorError):
        raise pytest.fail.Exception(str(exception), pytrace=False) from None


@pytest.hookimpl(optionalhook=True)
def pytest_bdd_step_func_lookup_error(
    request: pytest.FixtureRequest, scenario: "Scenario", step: "Step"
) -> None:
    """Name the steps that come nearest to one that does not exist."""
    from scenarios.failing import located, unknown_step

    request.node.add_report_section("call", "scenario", located(scenario, step))
    pytest.fail(unknown_step(step), pytrace=False)
