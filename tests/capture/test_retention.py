"""The oldest messages go when there are too many, with all that they led to, and nothing else."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from segment_insider_emulator.capture.database import connect
from segment_insider_emulator.capture.pruning import LOOK, PAUSE, SELDOM, Steps
from segment_insider_emulator.capture.records import (
    Attempt,
    Captured,
    Delivery,
    SentRequest,
    Upsert,
)
from segment_insider_emulator.capture.retention import STEP, Limits, Retention
from segment_insider_emulator.capture.store import Store
from segment_insider_emulator.clock import iso

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
REQUEST = SentRequest("POST", "https://insider.example/u", {}, '{"users":[]}')
SONG = Delivery("", "song_played", "All", "trackEvent", "accepted", None, request=REQUEST)


def message(number: int, **changes: object) -> Captured:
    """Of day *number* before NOW, with a delivery of its own."""
    id = str(changes.get("message_id", f"m{number}"))
    kept = Captured(
        message_id=id,
        type="track",
        event="song_played",
        user_id="ada",
        anonymous_id=None,
        received_at=iso(NOW - timedelta(days=number)),
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
        self, *messages: Captured, unsettled: Sequence[Upsert] = (), db: str = ":memory:"
    ) -> None:
        self.engine = connect(db)
        self.store = Store(self.engine)
        self.store.record(messages, unsettled)

    def forget(self, **limits: int) -> int:
        """Forget all beyond *limits*; gives the number of steps."""
        retention = Retention(self.engine, Limits(**limits), lambda: NOW)
        return len(list(iter(retention.step, 0)))

    def left(self) -> tuple[list[str], list[str]]:
        """Message ids of the messages and of the deliveries that are there."""
        messages, _ = self.store.messages(limit=1000)
        deliveries, _ = self.store.deliveries(limit=1000)
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
    many = [message(9, message_id=f"n{number}") for number in range(5 * STEP)]
    kept = Kept(*many, db=str(tmp_path / "kept.db"))
    most = kept.store.sizes().used_bytes // 2
    steps = kept.forget(bytes=most)
    sizes = kept.store.sizes()
    kept.store.close()
    assert (sizes.messages, sizes.deliveries) == (5 * STEP - steps * STEP,) * 2
    assert most * 0.5 < sizes.used_bytes <= most


def test_one_step_is_short() -> None:
    kept = Kept(*(message(9, message_id=f"n{number}") for number in range(2 * STEP + 1)))
    assert kept.forget(messages=0) == 3
    kept.store.close()


def test_what_is_not_settled_stays() -> None:
    waits = replace(SONG, message_id="m3", verdict="retrying", upsert="u1")
    failed = replace(SONG, message_id="m3", verdict="failed", action_slug="addedToCartEvent")
    tried = Attempt(1, iso(NOW), 1.0, 503)
    unsettled = Upsert("u1", REQUEST, None, (tried,), iso(NOW), False, {})
    kept = Kept(
        message(4, verdict="retrying", deliveries=()),  # acknowledged, and not delivered yet
        message(3, verdict="failed", deliveries=(failed, waits)),
        message(2),
        unsettled=[unsettled],
    )
    kept.forget(messages=0)
    assert (kept.left(), kept.store.upserts.unsettled()) == ((["m4", "m3"], ["m3", "m3"]), ["u1"])
    kept.store.close()


def test_a_batch_is_kept_as_long_as_one_of_its_events() -> None:
    tried = Attempt(1, iso(NOW), 1.0, 200)
    batch = Upsert("u1", REQUEST, None, (tried,), None, True, {})
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
    young = message(1, message_id="young", received_at=iso(NOW - timedelta(hours=23)))
    kept = Kept(message(2), message(2, message_id="no", verdict="rejected"), young)
    kept.forget(messages=0)
    assert kept.store.seen(["m2", "no", "young"]) == {"young"}
    Retention(kept.engine, Limits(messages=9), lambda: NOW + timedelta(hours=2)).step()
    assert kept.store.seen(["young"]) == set()
    kept.store.close()


def test_whoever_writes_meanwhile_is_taken(tmp_path: Path) -> None:
    many = [message(9, message_id=f"n{number}") for number in range(20 * STEP)]
    kept = Kept(*many, db=str(tmp_path / "kept.db"))
    with ThreadPoolExecutor(1) as pool:
        forgetting = pool.submit(kept.forget, days=5)
        for number in range(50):
            kept.store.record([message(1, message_id=f"new{number}")])
        forgetting.result()
    assert kept.left()[0] == [f"new{number}" for number in range(50)]
    kept.store.close()


def test_limits_are_looked_at_again_where_somebody_used_the_database_and_else_seldom() -> None:
    kept = Kept(message(3), message(2), message(1))
    use = kept.store.use
    steps = Steps(Retention(kept.engine, Limits(messages=2), lambda: NOW), use)
    assert [steps.take(now) for now in (0.0, 0.1)] == [PAUSE, LOOK]
    before = use.count
    assert ([steps.take(now) for now in (10.0, 20.0, SELDOM)], use.count) == ([LOOK] * 3, before)
    assert (steps.take(SELDOM + 1.0), use.count > before) == (LOOK, True)
    kept.store.record([message(0)])
    assert [steps.take(SELDOM + 10.0 * number) for number in (1, 2)] == [PAUSE, LOOK]
    assert kept.left()[0] == ["m1", "m0"]
