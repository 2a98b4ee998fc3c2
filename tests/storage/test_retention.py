"""The oldest messages go when there are too many, with all that they led to, and nothing else."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.storage.database import open_database
from segment_insider_emulator.storage.messages import MessageStore
from segment_insider_emulator.storage.profiles import ProfileStore
from segment_insider_emulator.storage.records import (
    DeliveryAttempt,
    DeliveryRecord,
    MessageRecord,
    ProfileHistoryEntry,
    RecordedRequest,
    UpsertRecord,
)
from segment_insider_emulator.storage.retention import (
    LIMIT_CHECK_INTERVAL_S,
    MAX_MESSAGES_PER_STEP,
    STEP_PAUSE_S,
    UNUSED_CHECK_INTERVAL_S,
    MessageRetention,
    RetentionLimits,
    RetentionSchedule,
)

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
REQUEST = RecordedRequest("POST", "https://insider.example/u", {}, '{"users":[]}')
SONG = DeliveryRecord("", "song_played", "All", "trackEvent", "accepted", None, request=REQUEST)


def message(number: int, **changes: object) -> MessageRecord:
    """Build a message received *number* days before NOW, with one delivery."""
    id = str(changes.get("message_id", f"m{number}"))
    record = MessageRecord(
        message_id=id,
        type="track",
        event="song_played",
        user_id="ada",
        anonymous_id=None,
        received_at=format_iso_utc(NOW - timedelta(days=number)),
        verdict="accepted",
        reason=None,
        sent={"messageId": id, "note": "x" * 100},
        normalised={},
        deliveries=(replace(SONG, message_id=id),),
    )
    return replace(record, **changes)  # type: ignore[arg-type]  # fields by name


class StoreWithRetention:
    """A message store and the retention of its database."""

    def __init__(
        self,
        *messages: MessageRecord,
        pending_upserts: Sequence[UpsertRecord] = (),
        db: str = ":memory:",
    ) -> None:
        self.engine = open_database(db)
        self.store = MessageStore(self.engine)
        self.store.record_messages(messages, pending_upserts)

    def delete_beyond(self, **limits: int) -> int:
        """Delete all messages beyond *limits*; return the number of steps."""
        retention = MessageRetention(self.engine, RetentionLimits(**limits), lambda: NOW)
        return len(list(iter(retention.delete_excess_messages, 0)))

    def message_ids(self) -> tuple[list[str], list[str]]:
        """Return the message ids of the stored messages and of the stored deliveries."""
        messages, _ = self.store.list_messages(limit=1000)
        deliveries, _ = self.store.list_deliveries(limit=1000)
        return [row.message_id for row in messages], [row.message_id for row in deliveries]


@pytest.mark.parametrize(
    ("limits", "stay"),
    [
        pytest.param({"days": 2}, ["m2", "m1"], id="age: what is just as old stays"),
        pytest.param({"messages": 3}, ["m3", "m2", "m1"], id="count"),
        pytest.param({"messages": 9}, ["m4", "m3", "m2", "m1"], id="fewer than the limit"),
        pytest.param({"bytes": 1}, [], id="size: nothing fits"),
        pytest.param({"bytes": 10**9}, ["m4", "m3", "m2", "m1"], id="size: everything fits"),
        pytest.param({"days": 3, "messages": 1}, ["m1"], id="the strictest of several"),
    ],
)
def test_the_oldest_messages_are_deleted_with_their_deliveries(
    limits: Mapping[str, int], stay: list[str]
) -> None:
    stored = StoreWithRetention(*(message(day) for day in (4, 3, 2, 1)))
    stored.delete_beyond(**limits)
    assert stored.message_ids() == (stay, stay)
    stored.store.close()


def test_a_database_is_reduced_to_its_size_limit(tmp_path: Path) -> None:
    many = [message(9, message_id=f"n{number}") for number in range(5 * MAX_MESSAGES_PER_STEP)]
    stored = StoreWithRetention(*many, db=str(tmp_path / "emulator.db"))
    most = stored.store.measure_database_size().used_bytes // 2
    steps = stored.delete_beyond(bytes=most)
    sizes = stored.store.measure_database_size()
    stored.store.close()
    assert (sizes.messages, sizes.deliveries) == (
        5 * MAX_MESSAGES_PER_STEP - steps * MAX_MESSAGES_PER_STEP,
    ) * 2
    assert most * 0.5 < sizes.used_bytes <= most


def test_the_history_of_profiles_ends_where_the_messages_do() -> None:
    stored = StoreWithRetention(*(message(day) for day in (4, 3, 2, 1)))
    profiles = ProfileStore(stored.engine)
    with profiles.unit_of_work() as unit_of_work:
        unit_of_work.add_history(
            ProfileHistoryEntry("p1", 5 - day, format_iso_utc(NOW - timedelta(days=day)), {})
            for day in (4, 3, 2, 1)
        )
    stored.delete_beyond(days=2)
    assert profiles.history.get_number_bounds("p1") == (3, 4)
    stored.store.close()


def test_one_step_deletes_a_limited_number() -> None:
    stored = StoreWithRetention(
        *(message(9, message_id=f"n{number}") for number in range(2 * MAX_MESSAGES_PER_STEP + 1))
    )
    assert stored.delete_beyond(messages=0) == 3
    stored.store.close()


def test_pending_messages_stay() -> None:
    waits = replace(SONG, message_id="m3", verdict="retrying", upsert="u1")
    failed = replace(SONG, message_id="m3", verdict="failed", action_slug="addedToCartEvent")
    tried = DeliveryAttempt(1, format_iso_utc(NOW), 1.0, 503)
    upsert = UpsertRecord("u1", REQUEST, None, (tried,), format_iso_utc(NOW), False, {})
    stored = StoreWithRetention(
        message(4, verdict="retrying", deliveries=()),  # acknowledged, and not delivered yet
        message(3, verdict="failed", deliveries=(failed, waits)),
        message(2),
        pending_upserts=[upsert],
    )
    stored.delete_beyond(messages=0)
    assert (stored.message_ids(), stored.store.upserts.list_pending_upsert_ids()) == (
        (["m4", "m3"], ["m3", "m3"]),
        ["u1"],
    )
    stored.store.close()


def test_a_batch_stays_as_long_as_one_of_its_events() -> None:
    tried = DeliveryAttempt(1, format_iso_utc(NOW), 1.0, 200)
    batch = UpsertRecord("u1", REQUEST, None, (tried,), None, True, {})
    carried = [
        message(day, deliveries=(replace(SONG, message_id=f"m{day}", upsert="u1"),))
        for day in (2, 1)
    ]
    stored = StoreWithRetention(*carried, pending_upserts=[batch])
    stored.delete_beyond(messages=1)
    assert stored.store.upserts.get_upsert("u1") == batch
    stored.delete_beyond(messages=0)
    assert stored.store.upserts.get_upsert("u1") is None
    stored.store.close()


def test_a_duplicate_is_deleted_without_the_original_message() -> None:
    stored = StoreWithRetention(message(2, verdict="rejected", deliveries=()), message(2))
    stored.delete_beyond(messages=1)
    assert stored.message_ids() == (["m2"], ["m2"])
    stored.store.close()


def test_ids_of_deleted_messages_are_remembered_for_a_day() -> None:
    young = message(1, message_id="young", received_at=format_iso_utc(NOW - timedelta(hours=23)))
    stored = StoreWithRetention(message(2), message(2, message_id="no", verdict="rejected"), young)
    stored.delete_beyond(messages=0)
    assert stored.store.find_known_message_ids(["m2", "no", "young"]) == {"young"}
    MessageRetention(
        stored.engine, RetentionLimits(messages=9), lambda: NOW + timedelta(hours=2)
    ).delete_excess_messages()
    assert stored.store.find_known_message_ids(["young"]) == set()
    stored.store.close()


def test_messages_can_be_written_during_retention(tmp_path: Path) -> None:
    many = [message(9, message_id=f"n{number}") for number in range(20 * MAX_MESSAGES_PER_STEP)]
    stored = StoreWithRetention(*many, db=str(tmp_path / "emulator.db"))
    with ThreadPoolExecutor(1) as pool:
        deletion = pool.submit(stored.delete_beyond, days=5)
        for number in range(50):
            stored.store.record_messages([message(1, message_id=f"new{number}")])
        deletion.result()
    assert stored.message_ids()[0] == [f"new{number}" for number in range(50)]
    stored.store.close()


def test_limits_are_checked_often_only_while_the_database_is_used() -> None:
    stored = StoreWithRetention(message(3), message(2), message(1))
    usage = stored.store.pool_usage
    schedule = RetentionSchedule(
        MessageRetention(stored.engine, RetentionLimits(messages=2), lambda: NOW), usage
    )
    assert [schedule.run_step_if_due(now) for now in (0.0, 0.1)] == [
        STEP_PAUSE_S,
        LIMIT_CHECK_INTERVAL_S,
    ]
    before = usage.checkin_count
    assert (
        [schedule.run_step_if_due(now) for now in (10.0, 20.0, UNUSED_CHECK_INTERVAL_S)],
        usage.checkin_count,
    ) == ([LIMIT_CHECK_INTERVAL_S] * 3, before)
    assert (
        schedule.run_step_if_due(UNUSED_CHECK_INTERVAL_S + 1.0),
        usage.checkin_count > before,
    ) == (
        LIMIT_CHECK_INTERVAL_S,
        True,
    )
    stored.store.record_messages([message(0)])
    assert [
        schedule.run_step_if_due(UNUSED_CHECK_INTERVAL_S + 10.0 * number) for number in (1, 2)
    ] == [STEP_PAUSE_S, LIMIT_CHECK_INTERVAL_S]
    assert stored.message_ids()[0] == ["m1", "m0"]
