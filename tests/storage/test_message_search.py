"""Looking through many messages takes a fraction of a second, and says how far it came."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.storage.database import Engine, open_database
from segment_insider_emulator.storage.message_filters import MessageFilters
from segment_insider_emulator.storage.message_search import (
    SECOND_PREFIX_LENGTH,
    MessagePage,
    MessageSearch,
    OldestScannedMessage,
)
from segment_insider_emulator.storage.messages import MessageStore
from segment_insider_emulator.storage.query_execution import FIRST_CHUNK_SIZE
from segment_insider_emulator.storage.query_language import Comparison
from segment_insider_emulator.storage.records import (
    MessageRecord,
    RecordedRequest,
    UpsertRecord,
    Verdict,
)
from segment_insider_emulator.storage.retention import MessageRetention, RetentionLimits

MORE = 50  # messages than one chunk
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
EVENT_1 = MessageFilters(condition=Comparison("event", "=", "Event 1"))
OF_ADA = MessageFilters(condition=Comparison("user", "=", "ada"))
SCAN_LIMIT = OldestScannedMessage(MORE + 1, format_iso_utc(NOON + timedelta(seconds=MORE + 1)))


def message(number: int, verdict: Verdict = "accepted") -> MessageRecord:
    """Build a message *number* seconds after noon, with its own event."""
    return MessageRecord(
        message_id=f"m{number}",
        type="track",
        event=f"Event {number}",
        user_id="ada",
        anonymous_id=None,
        received_at=format_iso_utc(NOON + timedelta(seconds=number)),
        verdict=verdict,
        reason=None,
        sent={},
        normalised={},
    )


@pytest.fixture(scope="module")
def many() -> Iterator[MessageSearch]:
    store = MessageStore(open_database(":memory:"))
    store.record_messages([message(number) for number in range(1, FIRST_CHUNK_SIZE + MORE + 1)])
    yield store.message_search
    store.close()


@pytest.fixture
def engine() -> Engine:
    return open_database(":memory:")


@pytest.fixture
def store(engine: Engine) -> Iterator[MessageStore]:
    opened = MessageStore(engine)
    opened.record_messages([message(1), message(2, "dropped"), message(3, "retrying"), message(3)])
    yield opened
    opened.close()


def second(number: int) -> str:
    return f"2026-11-23T12:00:0{number}"


def rows(store: MessageStore) -> int:
    return store.build_storage_report().rows["message_counts"]


def counted(store: MessageStore, **filters: Any) -> dict[tuple[str, Verdict], int]:
    counts, scan_limit = store.message_search.count_messages_by_time_and_verdict(
        MessageFilters(**filters), SECOND_PREFIX_LENGTH
    )
    assert scan_limit is None
    return counts


def test_a_search_without_time_says_where_it_stopped_and_can_continue(
    many: MessageSearch,
) -> None:
    first = many.find_message_page(EVENT_1, time_budget_s=0.0)
    assert first == MessagePage([], False, SCAN_LIMIT)
    assert first.next_before_id == SCAN_LIMIT.id
    rest = many.find_message_page(EVENT_1, time_budget_s=0.0, before_id=first.next_before_id)
    assert ([message.id for message in rest.messages], rest.next_before_id) == ([1], None)


def test_a_full_page_has_no_scan_limit(many: MessageSearch) -> None:
    page = many.find_message_page(OF_ADA, time_budget_s=0.0, limit=2)
    assert [message.id for message in page.messages] == [
        FIRST_CHUNK_SIZE + MORE,
        FIRST_CHUNK_SIZE + MORE - 1,
    ]
    assert (page.scan_limit, page.next_before_id) == (None, FIRST_CHUNK_SIZE + MORE - 1)


def test_a_count_without_time_says_where_it_stopped(many: MessageSearch) -> None:
    day = len("2026-11-23")
    counts = many.count_messages_by_time_and_verdict(OF_ADA, day, time_budget_s=0.0)
    assert counts == ({("2026-11-23", "accepted"): FIRST_CHUNK_SIZE}, SCAN_LIMIT)


def test_a_count_without_filters_needs_no_time(many: MessageSearch) -> None:
    day = len("2026-11-23")
    counts = many.count_messages_by_time_and_verdict(MessageFilters(), day, time_budget_s=0.0)
    assert counts == ({("2026-11-23", "accepted"): FIRST_CHUNK_SIZE + MORE}, None)


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
        pytest.param(
            {"condition": Comparison("event", "=", "Event 2")},
            {(second(2), "dropped"): 1},
            id="an event, likewise",
        ),
    ],
)
def test_messages_are_counted_by_second_and_verdict(
    store: MessageStore, filters: dict[str, Any], expected: dict[tuple[str, Verdict], int]
) -> None:
    assert counted(store, **filters) == expected


def test_a_changed_verdict_changes_the_counts(store: MessageStore) -> None:
    request = RecordedRequest("POST", "https://insider.example/u", {}, "{}")
    tried = UpsertRecord("u1", request, None, (), None, False, {})
    store.upserts.save_attempt_result(tried, [], [("m3", "failed", None)])
    assert counted(store, since=f"{second(3)}.000Z") == {(second(3), "failed"): 2}


def test_deleted_messages_are_not_counted(engine: Engine, store: MessageStore) -> None:
    MessageRetention(engine, RetentionLimits(messages=1), lambda: NOON).delete_excess_messages()
    assert counted(store) == {(second(3), "retrying"): 1}
    assert rows(store) == 1
    store.delete_all_traffic()
    assert counted(store) == {}
    assert rows(store) == 0
