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
from segment_insider_emulator.storage.records import (
    DeliveryAttempt,
    DeliveryRecord,
    MessageRecord,
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
    """Of day *number* before NOW, with a delivery of its own."""
    id = str(changes.get("message_id", f"m{number}"))
    kept = MessageRecord(
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
    return replace(kept, **changes)  # type: ignore[arg-type]  # fields by name


class Kept:
    """A store, and the retention of its database."""

    def __init__(
        self, *messages: MessageRecord, unsettled: Sequence[UpsertRecord] = (), db: str = ":memory:"
    ) -> None:
        self.engine = open_database(db)
        self.store = MessageStore(self.engine)
        self.store.record_messages(messages, unsettled)

    def forget(self, **limits: int) -> int:
        """Forget all beyond *limits*; gives the number of steps."""
        retention = MessageRetention(self.engine, RetentionLimits(**limits), lambda: NOW)
        return len(list(iter(retention.delete_excess, 0)))

    def left(self) -> tuple[list[str], list[str]]:
        """Message ids of the messages and of the deliveries that are there."""
        messages, _ = self.store.list_messages(limit=1000)
        deliveries, _ = self.store.list_deliveries(limit=1000)
        return [each.message_id for each in messages], [each.message_id for each in deliveries]


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
def test_the_oldest_go_with_their_deliveries(limits: Mapping[str, int], stay: list[str]) -> None:
    kept = Kept(*(message(day) for day in (4, 3, 2, 1)))
    kept.forget(**limits)
    assert kept.left() == (stay, stay)
    kept.store.close()


def test_a_database_is_brought_down_to_its_size(tmp_path: Path) -> None:
    many = [message(9, message_id=f"n{number}") for number in range(5 * MAX_MESSAGES_PER_STEP)]
    kept = Kept(*many, db=str(tmp_path / "kept.db"))
    most = kept.store.measure_size().used_bytes // 2
    steps = kept.forget(bytes=most)
    sizes = kept.store.measure_size()
    kept.store.close()
    assert (sizes.messages, sizes.deliveries) == (
        5 * MAX_MESSAGES_PER_STEP - steps * MAX_MESSAGES_PER_STEP,
    ) * 2
    assert most * 0.5 < sizes.used_bytes <= most


def test_one_step_is_short() -> None:
    kept = Kept(
        *(message(9, message_id=f"n{number}") for number in range(2 * MAX_MESSAGES_PER_STEP + 1))
    )
    assert kept.forget(messages=0) == 3
    kept.store.close()


def test_what_is_not_settled_stays() -> None:
    waits = replace(SONG, message_id="m3", verdict="retrying", upsert="u1")
    failed = replace(SONG, message_id="m3", verdict="failed", action_slug="addedToCartEvent")
    tried = DeliveryAttempt(1, format_iso_utc(NOW), 1.0, 503)
    unsettled = UpsertRecord("u1", REQUEST, None, (tried,), format_iso_utc(NOW), False, {})
    kept = Kept(
        message(4, verdict="retrying", deliveries=()),  # acknowledged, not delivered yet
        message(3, verdict="failed", deliveries=(failed, waits)),
        message(2),
        unsettled=[unsettled],
    )
    kept.forget(messages=0)
    assert (kept.left(), kept.store.upserts.list_pending_ids()) == (
        (["m4", "m3"], ["m3", "m3"]),
        ["u1"],
    )
    kept.store.close()


def test_a_batch_is_kept_as_long_as_one_of_its_events() -> None:
    tried = DeliveryAttempt(1, format_iso_utc(NOW), 1.0, 200)
    batch = UpsertRecord("u1", REQUEST, None, (tried,), None, True, {})
    carried = [
        message(day, deliveries=(replace(SONG, message_id=f"m{day}", upsert="u1"),))
        for day in (2, 1)
    ]
    kept = Kept(*carried, unsettled=[batch])
    kept.forget(messages=1)
    assert kept.store.upserts.get("u1") == batch
    kept.forget(messages=0)
    assert kept.store.upserts.get("u1") is None
    kept.store.close()


def test_the_duplicate_of_a_message_that_stays_goes_alone() -> None:
    kept = Kept(message(2, verdict="rejected", deliveries=()), message(2))
    kept.forget(messages=1)
    assert kept.left() == (["m2"], ["m2"])
    kept.store.close()


def test_ids_are_remembered_for_a_day_though_their_messages_are_gone() -> None:
    young = message(1, message_id="young", received_at=format_iso_utc(NOW - timedelta(hours=23)))
    kept = Kept(message(2), message(2, message_id="no", verdict="rejected"), young)
    kept.forget(messages=0)
    assert kept.store.find_known_ids(["m2", "no", "young"]) == {"young"}
    MessageRetention(
        kept.engine, RetentionLimits(messages=9), lambda: NOW + timedelta(hours=2)
    ).delete_excess()
    assert kept.store.find_known_ids(["young"]) == set()
    kept.store.close()


def test_whoever_writes_meanwhile_is_taken(tmp_path: Path) -> None:
    many = [message(9, message_id=f"n{number}") for number in range(20 * MAX_MESSAGES_PER_STEP)]
    kept = Kept(*many, db=str(tmp_path / "kept.db"))
    with ThreadPoolExecutor(1) as pool:
        forgetting = pool.submit(kept.forget, days=5)
        for number in range(50):
            kept.store.record_messages([message(1, message_id=f"new{number}")])
        forgetting.result()
    assert kept.left()[0] == [f"new{number}" for number in range(50)]
    kept.store.close()


def test_limits_are_looked_at_again_where_somebody_used_the_database_and_else_seldom() -> None:
    kept = Kept(message(3), message(2), message(1))
    use = kept.store.pool_usage
    steps = RetentionSchedule(
        MessageRetention(kept.engine, RetentionLimits(messages=2), lambda: NOW), use
    )
    assert [steps.run_step_if_due(now) for now in (0.0, 0.1)] == [
        STEP_PAUSE_S,
        LIMIT_CHECK_INTERVAL_S,
    ]
    before = use.checkin_count
    assert (
        [steps.run_step_if_due(now) for now in (10.0, 20.0, UNUSED_CHECK_INTERVAL_S)],
        use.checkin_count,
    ) == ([LIMIT_CHECK_INTERVAL_S] * 3, before)
    assert (steps.run_step_if_due(UNUSED_CHECK_INTERVAL_S + 1.0), use.checkin_count > before) == (
        LIMIT_CHECK_INTERVAL_S,
        True,
    )
    kept.store.record_messages([message(0)])
    assert [
        steps.run_step_if_due(UNUSED_CHECK_INTERVAL_S + 10.0 * number) for number in (1, 2)
    ] == [STEP_PAUSE_S, LIMIT_CHECK_INTERVAL_S]
    assert kept.left()[0] == ["m1", "m0"]
