"""Time: where the clock stands, and what passes."""

from pytest_bdd import given, when

from segment_insider_scenarios import parsers
from segment_insider_scenarios.scene import Scene


@given(parsers.parse('the clock stands at "{now}"'))
def clock_stands_at(scene: Scene, now: str) -> None:
    """The time at which the scenario starts, with its zone; the clock runs on from there."""
    scene.start(now)


@given(parsers.parse("{length} pass"))
@when(parsers.parse("{length} pass"))
@given(parsers.parse("{length} passes"))
@when(parsers.parse("{length} passes"))
def time_passes(scene: Scene, length: str) -> None:
    """45 minutes, 1 day 2 hours; what is due by then is done, and nobody waits."""
    scene.emulator.client.advance(length)
