"""Time: where the clock stands, and what passes."""

from pytest_bdd import given, when

from segment_insider_scenarios import parsers
from segment_insider_scenarios.scene import ScenarioContext


@given(parsers.StepPattern('the clock stands at "{now}"'))
def clock_stands_at(scene: ScenarioContext, now: str) -> None:
    """The time at which the scenario starts, with its zone; the clock runs on from there."""
    scene.start_clock(now)


@given(parsers.StepPattern("{length} pass"))
@when(parsers.StepPattern("{length} pass"))
@given(parsers.StepPattern("{length} passes"))
@when(parsers.StepPattern("{length} passes"))
def time_passes(scene: ScenarioContext, length: str) -> None:
    """45 minutes, 1 day 2 hours; what is due by then is done, and nobody waits."""
    scene.emulator.client.advance_clock(length)
