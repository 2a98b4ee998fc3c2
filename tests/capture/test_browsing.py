"""Looking through many messages takes a fraction of a second, and says how far it came."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from segment_insider_emulator.capture.browsing import Browsing
from segment_insider_emulator.capture.counting import SECOND
from segment_insider_emulator.capture.database import Engine, connect
from segment_insider_emulator.capture.filters import Filters
from segment_insider_emulator.capture.listed import Found, Reach
from segment_insider_emulator.capture.records import Captured, SentRequest, Upsert, Verdict
from segment_insider_emulator.capture.retention import Limits, Retention
from segment_insider_emulator.capture.store import Store
from segment_insider_emulator.capture.walking import FIRST
from segment_insider_emulator.clock import iso

MORE = 50  # messages than one stretch has
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
REACH = Reach(MORE + 1, iso(NOON + timedelta(seconds=MORE + 1)))


def message(number: int, verdict: Verdict = "accepted") -> Captured:
    """One of each second after noon, with an event of its own."""
    return Captured(
        message_id=f"m{number}",
        type="track",
        event=f"Event {number}",
        user_id="ada",
        anonymous_id=None,
        received_at=iso(NOON + timedelta(seconds=number)),
        verdict=verdict,
        reason=None,
        sent={},
        normalised={},
    )


@pytest.fixture(scope="module")
def many() -> Iterator[Browsing]:
    store = Store(connect(":memory:"))
    store.record([message(number) for number in range(1, FIRST + MORE + 1)])
    yield store.browsing
    store.close()


@pytest.fixture
def engine() -> Engine:
    return connect(":memory:")


@pytest.fixture
def store(engine: Engine) -> Iterator[Store]:
    opened = Store(engine)
    opened.record([message(1), message(2, "dropped"), message(3, "retrying"), message(3)])
    yield opened
    opened.close()


def second(number: int) -> str:
    return f"2026-11-23T12:00:0{number}"


def rows(store: Store) -> int:
    return store.overview.storage().rows["message_counts"]


def counted(store: Store, **filters: Any) -> dict[tuple[str, Verdict], int]:
    counts, reach = store.browsing.counts(Filters(**filters), SECOND)
    assert reach is None
    return counts


def test_a_search_that_has_no_time_says_how_far_it_came_and_goes_on_from_there(
    many: Browsing,
) -> None:
    first = many.page(Filters(event="Event 1"), patience=0.0)
    assert first == Found([], False, REACH)
    assert first.before == REACH.id
    rest = many.page(Filters(event="Event 1"), patience=0.0, before=first.before)
    assert ([each.id for each in rest.messages], rest.before) == ([1], None)


def test_what_fills_a_page_needs_no_more_looking(many: Browsing) -> None:
    found = many.page(Filters(user="ada"), patience=0.0, limit=2)
    assert [each.id for each in found.messages] == [FIRST + MORE, FIRST + MORE - 1]
    assert (found.reach, found.before) == (None, FIRST + MORE - 1)


def test_counting_that_has_no_time_says_how_far_it_came(many: Browsing) -> None:
    day = len("2026-11-23")
    counts = many.counts(Filters(user="ada"), day, patience=0.0)
    assert counts == ({("2026-11-23", "accepted"): FIRST}, REACH)


def test_what_has_no_filter_is_counted_whatever_the_time(many: Browsing) -> None:
    day = len("2026-11-23")
    counts = many.counts(Filters(), day, patience=0.0)
    assert counts == ({("2026-11-23", "accepted"): FIRST + MORE}, None)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param(
            {},
            {
                (second(1), "accepted"): 1,
                (second(2), "dropped"): 1,
                (second(3), "accepted"): 1,
                (second(3), "retrying"): 1,
            },
            id="all",
        ),
        pytest.param({"verdicts": ("dropped",)}, {(second(2), "dropped"): 1}, id="a verdict"),
        pytest.param(
            {"since": f"{second(1)}.000Z", "until": f"{second(2)}.000Z"},
            {(second(1), "accepted"): 1},
            id="seconds",
        ),
        pytest.param(
            {"since": f"{second(1)}.001Z", "until": f"{second(2)}.001Z"},
            {(second(2), "dropped"): 1},
            id="parts of seconds, for which messages are looked at",
        ),
        pytest.param({"event": "Event 2"}, {(second(2), "dropped"): 1}, id="an event, likewise"),
    ],
)
def test_messages_are_counted_by_second_and_verdict(
    store: Store, filters: dict[str, Any], expected: dict[tuple[str, Verdict], int]
) -> None:
    assert counted(store, **filters) == expected


def test_a_verdict_that_changes_is_counted_anew(store: Store) -> None:
    request = SentRequest("POST", "https://insider.example/u", {}, "{}")
    tried = Upsert("u1", request, None, (), None, False, {})
    store.upserts.settle(tried, [], [("m3", "failed", None)])
    assert counted(store, since=f"{second(3)}.000Z") == {(second(3), "failed"): 2}


def test_what_is_forgotten_is_not_counted(engine: Engine, store: Store) -> None:
    Retention(engine, Limits(messages=1), lambda: NOON).step()
    assert counted(store) == {(second(3), "retrying"): 1}
    assert rows(store) == 1
    store.reset()
    assert counted(store) == {}
    assert rows(store) == 0
