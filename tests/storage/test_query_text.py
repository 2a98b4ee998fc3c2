"""Queries are written as people write them, and read back as they were meant."""

import pytest

from segment_insider_emulator.inspector.list_query import format_query, replace_field
from segment_insider_emulator.storage.query_language import Comparison, parse_query


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ""),
        ("event = a and user:b", "event:a user:b"),
        ("a or b and (c or not d)", "a or (b (c or not d))"),
        ("not (a b)", "not (a b)"),
        ("not event:a not event ~ b", "event != a event !~ b"),
        ("not since:10m not has:a.b", "not since:10m not has:a.b"),
        ("verdict != dropped,failed", "verdict != dropped,failed"),
        ('"and" "a b" "c:d" "e"', '"and" "a b" "c:d" e'),
        ('event:"say \\"hi\\" \\\\"', 'event:"say \\"hi\\" \\\\"'),
        ('properties.a="8.5"', 'properties.a = "8.5"'),
        ("properties.a!=8.5 properties.b:1..2", "properties.a != 8.5 properties.b = 1..2"),
        ('$["a b"].c>=3', '$["a b"].c >= 3'),
    ],
)
def test_a_query_is_formatted_and_means_the_same(query: str, expected: str) -> None:
    condition = parse_query(query)
    assert format_query(condition) == expected
    assert parse_query(expected) == condition or is_same_but_for_quotes(expected)


def is_same_but_for_quotes(text: str) -> bool:
    return format_query(parse_query(text)) == text


@pytest.mark.parametrize(
    ("query", "name", "values", "expected"),
    [
        ("", "user", ["ada"], "user:ada"),
        ("user:bob price", "user", ["ada lovelace"], 'price user:"ada lovelace"'),
        ("user:bob price", "user", [], "price"),
        ("verdict:failed", "verdict", ["dropped", "failed"], "verdict:dropped,failed"),
        ("a or user:bob", "user", ["ada"], "(a or user:bob) user:ada"),
    ],
)
def test_a_field_of_a_query_is_replaced(
    query: str, name: str, values: list[str], expected: str
) -> None:
    assert format_query(replace_field(parse_query(query), name, values)) == expected


def test_a_search_for_a_text_keeps_any_sign() -> None:
    for text in ("a", "or", "x:y", "[a]", "(", '"', "\\", "not", "~", "ünï", "it's"):
        found = parse_query(format_query(Comparison("", "~", text)))
        assert isinstance(found, Comparison)
        assert (found.name, found.value) == ("", text)
