"""Expectations of values: each word of a table, met and not met."""

import pytest

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON
from segment_insider_scenarios.value_checks import CHECK_COLUMNS, find_failed_rows

ORDER: JSON = {
    "id": "o-17",
    "total": 29.5,
    "quantity": 2,
    "gift": True,
    "coupon": None,
    "at": "2026-01-01T09:00:00Z",
    "message": "9b2d9a0e-7a4f-4a8e-8f0e-2f5f2f0b9c11",
    "products": [{"id": "mug", "price": 8.5}, {"id": "tray", "price": 21}],
    "address": {"city": "London", "zip": "N1"},
}


@pytest.mark.parametrize(
    ("place", "word", "value"),
    [
        pytest.param("id", "", "o-17", id="an empty word is exactly"),
        pytest.param("quantity", "exactly", "2.0", id="equal numbers are equal"),
        pytest.param("products.1.id", "exactly", "tray", id="a place in a list"),
        pytest.param("coupon", "exactly", "null", id="null"),
        pytest.param("id", "a", "text", id="text"),
        pytest.param("total", "a", "number", id="number"),
        pytest.param("quantity", "a", "whole number", id="whole number"),
        pytest.param("gift", "a", "Boolean", id="Boolean"),
        pytest.param("products", "a", "list", id="list"),
        pytest.param("address", "a", "object", id="object"),
        pytest.param("coupon", "a", "null", id="null as a type"),
        pytest.param("at", "a", "time", id="time"),
        pytest.param("message", "a", "UUID", id="UUID"),
        pytest.param("id", "like", r"o-\d+", id="pattern"),
        pytest.param("total", "about", "29.6", id="within a hundredth"),
        pytest.param("total", "about", "30 ± 0.5", id="within what is said"),
        pytest.param("total", "about", "30 +- 0.5", id="on any keyboard"),
        pytest.param("total", "at least", "29.5", id="at least"),
        pytest.param("total", "at most", "29.5", id="at most"),
        pytest.param("address", "containing", '{"city": "London"}', id="members"),
        pytest.param("products", "containing", '{"id": "mug"}', id="an entry"),
        pytest.param("products", "containing", '[{"id": "tray"}, {"price": 8.5}]', id="entries"),
        pytest.param("id", "containing", "17", id="a part of a text"),
        pytest.param("products", "of length", "2", id="length"),
        pytest.param("id", "one of", '["o-16", "o-17"]', id="one of several"),
        pytest.param("tax", "absent", "", id="absent"),
    ],
)
def test_a_value_that_meets_its_row_passes(place: str, word: str, value: str) -> None:
    assert find_failed_rows([CHECK_COLUMNS, (place, word, value)], ORDER, "claim") == []


@pytest.mark.parametrize(
    ("place", "word", "value", "message"),
    [
        pytest.param("id", "", "o-18", "id: must be o-18, and is o-17.", id="exactly"),
        pytest.param("gift", "", "1", "gift: must be 1, and is true.", id="true is not 1"),
        pytest.param("quantity", "", '"2"', 'quantity: must be "2", and is 2.', id="text is none"),
        pytest.param("gift", "a", "number", "gift: must be a number, and is true.", id="type"),
        pytest.param(
            "at", "like", "2026", "at: must be like 2026, and is 2026-01-01T09:00:00Z.", id="whole"
        ),
        pytest.param("total", "about", "28", "total: must be about 28, and is 29.5.", id="about"),
        pytest.param("id", "at least", "1", "id: must be at least 1, and is o-17.", id="no number"),
        pytest.param(
            "products", "of length", "3",
            'products: must be of length 3, and is [{"id":"mug","price":8.5},'
            '{"id":"tray","price":21}].',
            id="length",
        ),
        pytest.param(
            "address", "containing", '{"city": "Leeds"}',
            'address: must be containing {"city": "Leeds"}, and is {"city":"London","zip":"N1"}.',
            id="members",
        ),
        pytest.param(
            "address.citty", "", "London",
            "address.citty: must be London, and is absent. "
            "Nearest is address.city, which is London.",
            id="a place that is not there",
        ),
        pytest.param("coupon", "absent", "", "coupon: must be absent, and is null.", id="null is"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_meet_its_row_is_reported(
    place: str, word: str, value: str, message: str
) -> None:
    assert find_failed_rows([CHECK_COLUMNS, (place, word, value)], ORDER, "claim") == [message]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        pytest.param(
            [("place", "value"), ("id", "x")],
            "place | value: this table has the wrong columns. "
            "Use three columns in this order: place, must be, value.",
            id="columns",
        ),
        pytest.param(
            [CHECK_COLUMNS],
            "claim: the table has no rows. Name a place and what it must be.",
            id="rows",
        ),
        pytest.param(
            [CHECK_COLUMNS, ("address..zip", "absent", "")],
            "address..zip: this place has an extra dot. Remove it.",
            id="a dot too many",
        ),
        pytest.param(
            [CHECK_COLUMNS, ("id", "equal", "x")],
            "id: 'equal' is not a known check. Known: exactly, a, like, about, at least, at most, "
            "containing, of length, one of, absent.",
            id="word",
        ),
        pytest.param(
            [CHECK_COLUMNS, ("id", "", "")],
            'id: the value is empty. Give a value, or write "absent".',
            id="an empty value",
        ),
        pytest.param(
            [CHECK_COLUMNS, ("id", "a", "string")],
            "id: 'string' is not a known type. Known: text, number, whole number, Boolean, list, "
            "object, null, time, UUID.",
            id="type",
        ),
        pytest.param(
            [CHECK_COLUMNS, ("total", "about", "much")],
            "total: 'much' is no number. Give one, such as 8.50.",
            id="number",
        ),
        pytest.param(
            [CHECK_COLUMNS, ("id", "like", "(")],
            "id: '(' is not a pattern (missing ): (). "
            r"Give a regular expression for the whole text, such as o-\d+.",
            id="pattern",
        ),
        pytest.param(
            [CHECK_COLUMNS, ("id", "one of", "EUR")],
            "id: 'EUR' is no list. Give one, such as [\"EUR\", \"USD\"].",
            id="list",
        ),
    ],
)  # fmt: skip
def test_a_table_without_expectations_is_rejected(
    table: list[tuple[str, ...]], message: str
) -> None:
    with pytest.raises(EmulatorError) as refused:
        find_failed_rows(table, ORDER, "claim")
    assert str(refused.value) == message
