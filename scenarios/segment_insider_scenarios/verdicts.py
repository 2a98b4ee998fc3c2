"""How a step that does not hold says so."""

from collections.abc import Sequence

import pytest

from segment_insider_scenarios.comparison import Row, difference, lacking
from segment_insider_scenarios.scene import Scene
from segment_insider_scenarios.story import story
from segment_insider_scenarios.tables import flattened
from segment_insider_scenarios.trail import told


def expect_rows(
    scene: Scene,
    claim: str,
    columns: Sequence[str],
    expected: list[Row],
    received: list[Row],
    *,
    name: str | None = None,
    journey: str | None = None,
) -> None:
    """Fail unless the rows are equal.

    Args:
        claim: What the step says, a sentence without its full stop.
        name: The person whose calls tell why; None for everybody's.
        journey: The one whose trail tells why, that of *name* or all of them.
    """
    none = "Nothing arrived." if journey or received else _nothing(scene, name)
    if differing := difference(columns, expected, received, none):
        refuse(scene, claim, differing, name=name, journey=journey)


def _nothing(scene: Scene, name: str | None) -> str:
    """What to say where no row is; somebody may have a profile all the same."""
    profile = scene.profile(name) if name else None
    if profile is None:
        return "Nothing arrived."
    attributes = ", ".join(flattened(profile["attributes"])) or "none"
    events = ", ".join(event["event_name"] for event in profile["events"]) or "none"
    return f"None of these arrived. What did for {name}: attributes {attributes}; events {events}."


def refuse_missing(
    scene: Scene,
    claim: str,
    columns: Sequence[str],
    missing: list[Row],
    received: list[Row],
    *,
    name: str,
) -> None:
    """Fail with the rows that did not arrive, and with all that did."""
    refuse(scene, claim, lacking(columns, missing, received), name=name)


def expect(
    scene: Scene,
    claim: str,
    *,
    holds: bool,
    found: str,
    name: str | None = None,
    journey: str | None = None,
) -> None:
    """Fail with what was *found* unless the claim *holds*."""
    if not holds:
        refuse(scene, claim, [found], name=name, journey=journey)


def refuse(
    scene: Scene,
    claim: str,
    why: list[str],
    *,
    name: str | None = None,
    journey: str | None = None,
) -> None:
    """Fail, with the reasons, the trail through the journey and what became of the calls."""
    # The traceback would be this library's: it is the scenario that is wrong, or the mapping.
    trail = told(scene, journey, name) if journey else []
    emulator = scene.emulator
    look = ["", f"It stays to be looked at: {emulator.url}/"] if emulator.stays else []
    text = "\n".join([f"Failed: {claim}.", "", *why, "", *trail, *story(scene, name), *look])
    pytest.fail(text, pytrace=False)
