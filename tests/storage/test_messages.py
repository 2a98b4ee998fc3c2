"""The store keeps messages and deliveries in order, and finds them again."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from segment_insider_emulator.storage.database import open_database
from segment_insider_emulator.storage.messages import DatabaseUnavailable, MessageStore
from segment_insider_emulator.storage.records import (
    DeliveryAttempt,
    DeliveryRecord,
    MessageRecord,
    RecordedRequest,
    RecordedResponse,
)

ORDER = DeliveryRecord(
    message_id="m1",
    event="Order Completed",
    subscription="Orders",
    action_slug="orderCompletedEvent",
    verdict="dropped",
    reason="no order id",
    attempts=(DeliveryAttempt(1, "2026-11-23T10:00:00.000Z", 1.5, 200),),
    request=RecordedRequest("POST", "https://insider.example/u", {"x-request-token": "te…"}, "{}"),
    response=RecordedResponse(200, '{"data":{}}'),
    findings=({"verdict": "dropped", "where": "users.0", "what": "w", "remedy": "r"},),
)
UNMAPPED = replace(ORDER, action_slug="trackEvent", attempts=(), request=None, response=None)
ADA = MessageRecord(
    message_id="m1",
    type="track",
    event="Order Completed",
    user_id="ada",
    anonymous_id="a-1",
    received_at="2026-11-23T10:00:00.000Z",
    verdict="dropped",
    reason="no order id",
    sent={"event": "Order Completed", "properties": {"total": 8.5, "note": "Grüße \u0000"}},
    normalised={"event": "Order Completed", "type": "track"},
    deliveries=(ORDER, UNMAPPED),
)
BOB = replace(
    ADA, message_id="m2", type="identify", event=None, user_id="bob", anonymous_id="a-2",
    verdict="not_subscribed", deliveries=(),
)  # fmt: skip
EVE = replace(BOB, message_id="m3", user_id=None, anonymous_id="bob", verdict="rejected")


@pytest.fixture
def store() -> Iterator[MessageStore]:
    opened = MessageStore(open_database(":memory:"))
    opened.record_messages([ADA, BOB])
    opened.record_messages([EVE])
    yield opened
    opened.close()


def test_a_message_is_read_as_written(store: MessageStore) -> None:
    deliveries = (replace(ORDER, id=1), replace(UNMAPPED, id=2))
    assert store.get_message(1) == replace(ADA, id=1, deliveries=deliveries)


def test_a_delivery_is_read_as_written(store: MessageStore) -> None:
    assert [store.get_delivery(1), store.get_delivery(3)] == [replace(ORDER, id=1), None]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param({}, ["m1", "m2", "m3"], id="none: all, oldest first"),
        pytest.param({"type": "identify"}, ["m2", "m3"], id="type"),
        pytest.param({"event": "Order Completed"}, ["m1"], id="event"),
        pytest.param({"user": "bob"}, ["m2", "m3"], id="user id or anonymous id"),
        pytest.param({"verdict": "rejected"}, ["m3"], id="verdict"),
        pytest.param({"messageId": "m2"}, ["m2"], id="message id"),
        pytest.param({"user": "bob", "verdict": "rejected"}, ["m3"], id="both"),
        pytest.param({"event": "' or 1=1 --"}, [], id="a value is never SQL"),
    ],
)
def test_message_filters(
    store: MessageStore, filters: Mapping[str, str], expected: list[str]
) -> None:
    assert [message.message_id for message in store.list_messages(filters)[0]] == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param({"messageId": "m1"}, [1, 2], id="message id"),
        pytest.param({"event": "Cart Viewed"}, [], id="event"),
        pytest.param({"verdict": "dropped"}, [1, 2], id="verdict"),
    ],
)
def test_delivery_filters(
    store: MessageStore, filters: Mapping[str, str], expected: list[int]
) -> None:
    assert [delivery.id for delivery in store.list_deliveries(filters)[0]] == expected


@pytest.mark.parametrize(
    ("after", "limit", "expected", "following"),
    [
        pytest.param(0, 2, ["m1", "m2"], 2, id="a full page names the next"),
        pytest.param(2, 2, ["m3"], None, id="the last page names none"),
        pytest.param(0, 3, ["m1", "m2", "m3"], None, id="a page that just fits is the last"),
        pytest.param(9, 1, [], None, id="beyond the end"),
    ],
)
def test_pages(
    store: MessageStore, after: int, limit: int, expected: list[str], following: int | None
) -> None:
    page, next_after_id = store.list_messages(after_id=after, limit=limit)
    assert ([message.message_id for message in page], next_after_id) == (expected, following)


def test_known_ids_exclude_rejected_messages(store: MessageStore) -> None:
    assert store.find_known_message_ids(["m1", "m2", "m3", "m9"]) == {"m1", "m2"}


def test_any_number_of_ids_can_be_looked_up(store: MessageStore) -> None:
    assert store.find_known_message_ids([f"m{number}" for number in range(300_000)]) == {"m1", "m2"}


def test_reset_deletes_everything_and_reuses_no_id(store: MessageStore) -> None:
    store.delete_all_traffic()
    store.record_messages([ADA])
    assert [message.id for message in store.list_messages()[0]] == [4]
    assert [delivery.id for delivery in store.list_deliveries()[0]] == [3, 4]


def test_a_file_can_be_opened_again(tmp_path: Path) -> None:
    url = str(tmp_path / "emulator.db")
    for message in (ADA, BOB):
        store = MessageStore(open_database(url))
        store.record_messages([message])
        store.close()
    reopened = MessageStore(open_database(url))
    assert [message.message_id for message in reopened.list_messages()[0]] == ["m1", "m2"]
    reopened.close()


def test_a_failed_write_stores_nothing(store: MessageStore) -> None:
    unwritable = replace(EVE, message_id="m4", deliveries=(replace(ORDER, subscription=None),))  # type: ignore[arg-type]  # stands for any failing row
    with pytest.raises(Exception, match=r"(?i)not.null"):
        store.record_messages([unwritable])
    assert store.find_known_message_ids(["m4"]) == set()


@pytest.mark.parametrize("name", [":memory:", "shared.db"])
def test_parallel_readers_and_writers_lose_nothing(tmp_path: Path, name: str) -> None:
    store = MessageStore(open_database(name if name == ":memory:" else str(tmp_path / name)))

    def write(writer: int) -> None:
        for number in range(100):
            store.record_messages([replace(ADA, message_id=f"{writer}-{number}")] * 10)

    with ThreadPoolExecutor() as pool:
        writes = [pool.submit(write, writer) for writer in range(2)]
        reads = [pool.submit(store.list_messages, limit=5) for _ in range(400)]
    errors = [write.exception() for write in writes] + [read.exception() for read in reads]
    assert set(errors) == {None}
    assert len(store.list_messages(limit=3000)[0]) == 2000
    store.close()


def test_a_full_disk_makes_the_database_unavailable(tmp_path: Path) -> None:
    engine = open_database(str(tmp_path / "full.db"))
    store = MessageStore(engine)
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(DatabaseUnavailable, match="full"):
        store.record_messages([replace(ADA, sent={"text": "x" * 100_000})])
    store.close()
