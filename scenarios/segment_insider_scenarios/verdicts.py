"""How a step that does not hold says so."""

from collections.abc import Sequence

import pytest

from segment_insider_scenarios.comparison import TableRow, diff_missing_rows, diff_rows
from segment_insider_scenarios.scene import ScenarioContext
from segment_insider_scenarios.story import explain_calls
from segment_insider_scenarios.tables import flatten_values
from segment_insider_scenarios.trail import format_trails


def assert_rows_equal(
    scene: ScenarioContext,
    claim: str,
    columns: Sequence[str],
    expected: list[TableRow],
    received: list[TableRow],
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
    none = "Nothing arrived." if journey or received else _describe_empty_result(scene, name)
    if differing := diff_rows(columns, expected, received, none):
        fail_claim(scene, claim, differing, name=name, journey=journey)


def _describe_empty_result(scene: ScenarioContext, name: str | None) -> str:
    """What to say where no row is; somebody may have a profile all the same."""
    profile = scene.find_profile(name) if name else None
    if profile is None:
        return "Nothing arrived."
    attributes = ", ".join(flatten_values(profile["attributes"])) or "none"
    events = ", ".join(event["event_name"] for event in profile["events"]) or "none"
    return f"None of these arrived. What did for {name}: attributes {attributes}; events {events}."


def fail_missing_rows(
    scene: ScenarioContext,
    claim: str,
    columns: Sequence[str],
    missing: list[TableRow],
    received: list[TableRow],
    *,
    name: str,
) -> None:
    """Fail with the rows that did not arrive, and with all that did."""
    fail_claim(scene, claim, diff_missing_rows(columns, missing, received), name=name)


def assert_claim(
    scene: ScenarioContext,
    claim: str,
    *,
    holds: bool,
    actual_text: str,
    name: str | None = None,
    journey: str | None = None,
) -> None:
    """Fail with what was *found* unless the claim *holds*."""
    if not holds:
        fail_claim(scene, claim, [actual_text], name=name, journey=journey)


def fail_claim(
    scene: ScenarioContext,
    claim: str,
    reasons: list[str],
    *,
    name: str | None = None,
    journey: str | None = None,
) -> None:
    """Fail, with the reasons, the trail through the journey and what became of the calls."""
    # The traceback would be this library's: it is the scenario that is wrong, or the mapping.
    trail = format_trails(scene, journey, name) if journey else []
    emulator = scene.emulator
    look = ["", f"It stays to be looked at: {emulator.url}/"] if emulator.remains_after_run else []
    text = "\n".join(
        [f"Failed: {claim}.", "", *reasons, "", *trail, *explain_calls(scene, name), *look]
    )
    pytest.fail(text, pytrace=False)
