"""Queries find the same messages on both databases, and say where a mistake is."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from segment_insider_emulator.storage.database import open_database
from segment_insider_emulator.storage.message_filters import MessageFilters, parse_message_query
from segment_insider_emulator.storage.messages import MessageStore
from segment_insider_emulator.storage.query_execution import FIRST_CHUNK_SIZE
from segment_insider_emulator.storage.query_language import (
    MAX_QUERY_CONDITIONS,
    MAX_QUERY_LENGTH,
    QueryError,
    parse_query,
)
from segment_insider_emulator.storage.records import (
    DeliveryRecord,
    MessageRecord,
    RecordedRequest,
    Verdict,
)

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def build_message(
    message_id: str,
    event: str | None,
    user: str | None = "ada",
    verdict: Verdict = "accepted",
    received_at: str = "2026-11-23T09:59:00.000Z",
    reason: str | None = None,
    sent: Any = None,
    requested: Any = None,
    **properties: Any,
) -> MessageRecord:
    """Build a message with *properties* and, if *requested* is given, one delivery."""
    document = {"event": event, "properties": properties}
    body = orjson.dumps({"users": [requested], "platform": "segment"}).decode()
    delivery = DeliveryRecord(
        message_id=message_id,
        event=event,
        subscription="Product Viewed Event",
        action_slug="productViewedEvent",
        verdict="accepted",
        reason=None,
        attempts=(),
        request=RecordedRequest("POST", "https://insider.example/u", {}, body),
        response=None,
        findings=(),
    )
    return MessageRecord(
        message_id=message_id,
        type="track" if event else "identify",
        event=event,
        user_id=user,
        anonymous_id=None if user else "a-1",
        received_at=received_at,
        verdict=verdict,
        reason=reason,
        sent=sent or document,
        normalised=document,
        source="Web shop",
        deliveries=(delivery,) if requested else (),
    )


MESSAGES = [
    build_message(
        "viewed",
        "Product Viewed",
        price=21.5,
        gift=True,
        note='say "hi"',
        tags=["blue", "new"],
        requested={
            "attributes": {"city": "Köln"},
            "events": [{"event_name": "product_detail_page_view", "event_params": {"price": 20}}],
        },
    ),
    build_message(
        "order",
        "Order Completed",
        user="grace",
        verdict="dropped",
        reason="timezone: unknown attribute",
        price=20,
        gift=None,
        products=[{"sku": "mug", "price": 8.5}, None, {"sku": "tray", "price": 30}],
        day="2026-11-20",
    ),
    build_message("text", "Wish (Listed)", user=None, price="20", gift="true", code="007"),
    build_message(
        "rejected", None, verdict="rejected", received_at="2026-11-23T08:00:00.000Z",
        sent={"traits": {"e mail": "ada@shop.example"}},
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def store() -> Iterator[MessageStore]:
    opened = MessageStore(open_database(":memory:"))
    opened.record_messages(MESSAGES)
    yield opened
    opened.close()


def parse(text: str) -> MessageFilters:
    return parse_message_query(text, lambda: NOW)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "viewed order text rejected"),
        ('event:"Product Viewed"', "viewed"),
        ("event = order", ""),
        ("event ~ order", "order"),
        ("event !~ order", "viewed text rejected"),
        ('event:"Wish (Listed)"', "text"),
        ("user:ada", "viewed rejected"),
        ("user:a-1", "text"),
        ("user != ada", "order text"),
        ("not user:ada not user:grace", "text"),
        ("type:identify or event ~ wish", "text rejected"),
        ("verdict:dropped,rejected", "order rejected"),
        ("verdict != accepted", "order rejected"),
        ("verdict:dropped verdict:rejected", ""),
        ("reason ~ TIMEZONE", "order"),
        ("reason != timezone", "viewed order text rejected"),
        ("subscription ~ product", "viewed"),
        ('source:"Web shop" and message:order', "order"),
        ("since:1h", "viewed order text"),
        ('since:"90 minutes" until:2026-11-23T10:00', "viewed order text"),
        ("not since:1h", "rejected"),
        ("until:2026-11-23T09:00 or user:grace", "order rejected"),
        ("has:properties.gift", "viewed order text"),
        ("not has:properties.gift", "rejected"),
        ("has:properties.tags.blue", ""),
        ("properties.price > 20", "viewed"),
        ("properties.price>=20", "viewed order"),
        ("properties.price < 20", ""),
        ("properties.price = 20", "order text"),
        ("properties.price = 20.0", "order"),
        ('properties.price = "20"', "text"),
        ("properties.price != 20", "viewed rejected"),
        ("properties.price = 20..22", "viewed order"),
        ("properties.price ~ 2", "text"),
        ("properties.gift = true", "viewed text"),
        ("properties.gift = null", "order"),
        ("properties.code = 007", "text"),
        ('properties.note ~ "SAY \\"hi"', "viewed"),
        ("properties.note ~ %", ""),
        ("properties.tags[0]:blue", "viewed"),
        ("properties.tags[]:new", "viewed"),
        ("properties.tags[1]:blue", ""),
        ("properties.tags:blue", ""),
        ("properties.products[].price > 20", "order"),
        ("properties.products[].price = 9..29", ""),
        ("not properties.products[].sku:mug", "viewed text rejected"),
        ("properties.gift[]:true", ""),
        ("properties.day > 2026-11-19", "order"),
        ("properties.day = 2026-11-01..2026-11-30", "order"),
        ('sent.traits["e mail"] ~ SHOP', "rejected"),
        ("$.event ~ wish", "text"),
        ("insider.events[].event_name:product_detail_page_view", "viewed"),
        ("insider.events[].event_params.price >= 20", "viewed"),
        ("insider.attributes.city:Köln", "viewed"),
        ("has:insider.attributes.city", "viewed"),
        ("not has:insider.attributes.city", "order text rejected"),
        ("tray", "order"),
        ("TRAY timezone", "order"),
        ("product_detail_page_view", "viewed"),
        ('"say \\"hi"', "viewed"),
        ("100%", ""),
        ("properties.price > 20 and (user:grace or user:ada) not has:properties.x", "viewed"),
        ("properties.price = 123456789012345678901234567890", ""),
        ("properties.price < 1e999", "viewed order"),
        ("properties.o--%s = 1", ""),
        ("event:' or user:\"' or 1=1 --\"", ""),
    ],
)
def test_a_query_finds_messages(store: MessageStore, query: str, expected: str) -> None:
    newest_first = store.message_search.find_message_page(parse(query)).messages
    assert [message.message_id for message in newest_first] == expected.split()[::-1]
    oldest_first, after = store.list_messages_of_query(parse(query))
    assert ([message.message_id for message in oldest_first], after) == (expected.split(), None)


@pytest.mark.parametrize(
    ("query", "column", "message"),
    [
        ("a evnt:x", 3, "unknown field 'evnt'. Did you mean event? Known: event, type, user, "),
        ("price > 20", 1, "such as properties.price or $.price. "),
        ("https://shop.example", 1, "unknown field 'https'."),
        ("properties.price => 20", 18, "'=>' is not an operator. Known here: : = != ~ !~ > >= "),
        ("event > 20", 7, "'>' is not an operator of event. Known here: : = != ~ !~"),
        ("since != 10m", 7, "'!=' is not an operator of since. Known here: : ="),
        ("properties.price > cheap", 20, "'cheap' is neither a number nor a time. "),
        ("properties.price = 1..2026-01-01", 20, "'1..2026-01-01' is not a range. "),
        ("properties.price > 1..2", 20, "'1..2' is neither a number nor a time. "),
        ("verdict:droped", 9, "unknown verdict 'droped'. Did you mean dropped? Known: accepted, "),
        ("a since:soon", 9, "'soon' is not a time. "),
        ("properties..price:1", 1, "'properties..price' is not a path. "),
        ("has:a..b", 5, "'a..b' is not a path. "),
        ("user:", 6, "a value is missing. "),
        ("(a or b", 8, "')' is missing. "),
        ("a) b", 2, "there is no '(' for this ')'. "),
        ("a or", 5, "a condition is missing. "),
        ("a or or b", 6, "a condition is missing before 'or'. "),
        ("and b", 1, "a condition is missing before 'and'. "),
        ("()", 2, "a condition is missing. "),
        ("> 20", 1, "a condition is missing before '>'. "),
        ("properties.a > = 1", 16, "'=' is not a value. "),
        ("event:Wish(Listed)", 7, "'Wish(Listed)' is not a value. "),
        ('event:"Wish', 7, "quotes do not match. "),
        ("a\0b", 2, "a NUL character cannot be searched for."),
        ("a" * (MAX_QUERY_LENGTH + 1), MAX_QUERY_LENGTH + 1, "the query is too long. "),
        ("a " * (MAX_QUERY_CONDITIONS + 1), 1, "the query has too many conditions. "),
        ("(a or (b " * 15 + ")" * 30, 1, "the query has too many conditions. "),
    ],
)
def test_a_mistake_in_a_query_is_reported_with_its_place(
    query: str, column: int, message: str
) -> None:
    with pytest.raises(QueryError) as error:
        parse(query)
    assert error.value.column == column
    assert str(error.value).startswith(f"query, column {column}: ")
    assert message in str(error.value)


@pytest.mark.parametrize("query", ["not " * 400 + "a", "(" * 900 + "a" + ")" * 900])
def test_superfluous_signs_change_nothing(query: str) -> None:
    assert parse_query(query) == parse_query("a")


def test_verdicts_and_times_of_the_whole_query_are_looked_up_in_indexes() -> None:
    filters = parse("since:1h verdict:failed until:2026-11-23T10:00 since:2h")
    assert filters == MessageFilters(
        ("failed",), "2026-11-23T09:00:00.000Z", "2026-11-23T10:00:00.000Z"
    )


def test_a_page_of_a_query_ends_in_time_and_can_be_continued() -> None:
    store = MessageStore(open_database(":memory:"))
    quantity = FIRST_CHUNK_SIZE + 5
    store.record_messages([build_message(f"m{number}", "A") for number in range(quantity)])
    search, filters = store.message_search, parse(f"message:m{quantity - 1} or message:m0")
    first = search.find_oldest_message_ids(filters, time_budget_s=0.0)
    assert first == ([1], FIRST_CHUNK_SIZE)
    rest = search.find_oldest_message_ids(filters, after_id=FIRST_CHUNK_SIZE, time_budget_s=0.0)
    assert rest == ([quantity], None)
    assert search.find_oldest_message_ids(filters, limit=1) == ([1], 1)
    store.close()
