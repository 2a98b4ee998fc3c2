"""Sorting covers all messages that match, as far as the time allows, with pages that fit."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from segment_insider_emulator.clock import utc_now
from segment_insider_emulator.storage.database import open_database
from segment_insider_emulator.storage.json_conditions import MessagePath
from segment_insider_emulator.storage.message_filters import MessageFilters, parse_message_query
from segment_insider_emulator.storage.message_sorting import (
    MessageSorter,
    SortedPage,
    SortOrder,
)
from segment_insider_emulator.storage.messages import MessageStore
from segment_insider_emulator.storage.query_execution import FIRST_CHUNK_SIZE
from segment_insider_emulator.storage.records import DeliveryRecord, MessageRecord, RecordedRequest

PRICES: list[Any] = [5, "12", None, 20.5, "Ten", True, 5, -1]
COUNT = FIRST_CHUNK_SIZE + 500


def message(number: int, properties: dict[str, Any], *sent: DeliveryRecord) -> MessageRecord:
    event = {"type": "track", "event": f"Event {number:04d}", "properties": properties}
    return MessageRecord(
        message_id=f"m{number}",
        type="track",
        event=f"Event {number:04d}",
        user_id=None,
        anonymous_id=f"anon-{number % 3}",
        received_at="2026-11-23T12:00:00.000Z",
        verdict="failed" if number == 7 else "accepted",
        reason=None,
        sent={**event, "sentOnly": number},
        normalised=event,
        deliveries=sent,
    )


def delivery(number: int, *users: dict[str, Any]) -> DeliveryRecord:
    body = orjson.dumps({"users": users}).decode()
    return DeliveryRecord(
        message_id=f"m{number}", event=None, subscription="All", action_slug="trackEvent",
        verdict="accepted", reason=None, attempts=(), response=None, findings=(),
        request=RecordedRequest("POST", "http://insider", {}, body),
    )  # fmt: skip


DELIVERIES = {
    1: (
        delivery(1, {"events": [{"event_name": "b"}, {"event_name": "c"}]}),
        delivery(1, {"attributes": {"age": 30}}),
    ),
    2: (delivery(2, {"events": [{"event_name": "a"}]}),),
}


@pytest.fixture(scope="module")
def few() -> Iterator[MessageStore]:
    store = MessageStore(open_database(":memory:"))
    store.record_messages(
        [
            message(number, {} if price is None else {"price": price}, *DELIVERIES.get(number, ()))
            for number, price in enumerate(PRICES, start=1)
        ]
    )
    yield store
    store.close()


@pytest.fixture(scope="module")
def many() -> Iterator[MessageSorter]:
    store = MessageStore(open_database(":memory:"))
    store.record_messages([message(number, {"n": number % 7}) for number in range(1, COUNT + 1)])
    yield store.message_sorter
    store.close()


def order(text: str) -> SortOrder:
    name = text.removeprefix("-")
    path = MessagePath.parse(name) if "." in name else None
    return SortOrder("" if path else name, path, is_descending=text.startswith("-"))


def list_ids(page: SortedPage) -> list[int]:
    return [message.id for message in page.messages]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        pytest.param("properties.price", [8, 7, 1, 4, 2, 5, 6, 3], id="numbers, texts, booleans"),
        pytest.param("-properties.price", [6, 5, 2, 4, 7, 1, 8, 3], id="missing ones are last"),
        pytest.param("-sent.sentOnly", [8, 7, 6, 5, 4, 3, 2, 1], id="as sent"),
        pytest.param("insider.attributes.age", [1, 8, 7, 6, 5, 4, 3, 2], id="of a user"),
        pytest.param("insider.events[].event_name", [2, 1, 8, 7, 6, 5, 4, 3], id="of a list"),
        pytest.param("-verdict", [7, 8, 6, 5, 4, 3, 2, 1], id="verdict by its weight"),
        pytest.param("user", [6, 3, 7, 4, 1, 8, 5, 2], id="equal ones, newest first"),
        pytest.param("-requests", [1, 2, 8, 7, 6, 5, 4, 3], id="requests"),
    ],
)
def test_messages_are_sorted_in_each_order(few: MessageStore, by: str, expected: list[int]) -> None:
    page = few.message_sorter.find_sorted_page(MessageFilters(), order(by))
    assert (list_ids(page), page.next_cursor, page.scan_limit) == (expected, None, None)


def test_a_filter_of_deliveries_sorts_by_a_value_of_deliveries(few: MessageStore) -> None:
    filters = parse_message_query("has:insider.events subscription:All", utc_now)
    page = few.message_sorter.find_sorted_page(filters, order("-insider.events[].event_name"))
    assert list_ids(page) == [1, 2]


@pytest.mark.parametrize("by", ["properties.n", "-properties.n", "event", "-event", "user"])
def test_pages_have_each_message_once_in_order(many: MessageSorter, by: str) -> None:
    page = many.find_sorted_page(MessageFilters(), order(by), limit=1000, time_budget_s=60)
    found, sorted_ids = list_ids(page), page.sorted_ids
    while page.next_cursor:
        page = many.find_sorted_page(
            MessageFilters(), order(by), ids=sorted_ids, after=page.next_cursor,
            limit=1000, time_budget_s=60,
        )  # fmt: skip
        found += list_ids(page)
    keys = {
        "properties.n": lambda id: (id % 7, -id),
        "-properties.n": lambda id: (-(id % 7), -id),
        "event": lambda id: id,
        "-event": lambda id: -id,
        "user": lambda id: (id % 3, -id),
    }
    assert found == sorted(range(1, COUNT + 1), key=keys[by])


def test_without_time_the_newest_messages_are_sorted_and_the_page_says_so(
    many: MessageSorter,
) -> None:
    page = many.find_sorted_page(MessageFilters(), order("event"), limit=3, time_budget_s=0.0)
    low = COUNT - FIRST_CHUNK_SIZE + 1
    assert list_ids(page) == [low, low + 1, low + 2]
    assert page.scan_limit
    assert (page.scan_limit.id, page.sorted_ids) == (low, (low, COUNT))


def test_columns_have_the_values_at_their_paths(few: MessageStore) -> None:
    paths = [
        MessagePath.parse(text)
        for text in ("properties.price", "sent.sentOnly", "insider.events[].event_name", "$.type")
    ]
    messages = few.message_search.find_matching_messages_by_ids([1, 2, 3], MessageFilters())
    assert few.message_sorter.load_values(paths, messages) == {
        1: [5, 1, ["b", "c"], "track"],
        2: ["12", 2, "a", "track"],
        3: [None, 3, None, "track"],
    }
