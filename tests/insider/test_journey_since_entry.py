"""Which events of a profile are "since entry"."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.insider.journey_engine import select_events_since_entry
from segment_insider_emulator.storage.records import JourneyRun, ProfileEvent

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def build_event(name: str, at: datetime = NOON, received: datetime | None = None) -> ProfileEvent:
    return ProfileEvent(
        name, name, format_iso_utc(at), format_iso_utc(at), {}, format_iso_utc(received or at)
    )


ADDED = build_event("added")
RUN = JourneyRun(1, "p1", NOON, ADDED.fingerprint, None, NOON)


@pytest.mark.parametrize(
    ("stored", "since"),
    [
        pytest.param(
            [build_event("early"), ADDED, build_event("late")], ["late"], id="order, in one instant"
        ),
        pytest.param([ADDED, build_event("late", NOON + HOUR)], ["late"], id="later"),
        pytest.param(
            [ADDED, build_event("old", NOON - HOUR, NOON)], ["old"], id="old, but sent since"
        ),
        pytest.param([ADDED, replace(ADDED, params={"product_id": "b"})], [], id="other product"),
        pytest.param(
            [ADDED, build_event("added", NOON + HOUR)], ["added"], id="the same again, later"
        ),
        pytest.param(
            [build_event("early", NOON - HOUR), build_event("late")],
            ["late"],
            id="time, if the event of the entry is deleted",
        ),
        pytest.param(
            [ADDED, build_event("early", NOON - HOUR), build_event("late")],
            ["late"],
            id="time, for events added by a merge",
        ),
    ],
)
def test_events_since_entry_are_selected(stored: list[ProfileEvent], since: list[str]) -> None:
    assert [event.name for event in select_events_since_entry(RUN, stored)] == since
