"""The page about queries names all fields and operators of the language, and its examples work."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from segment_insider_emulator.storage.query_language import (
    FIELDS,
    MAX_QUERY_CONDITIONS,
    MAX_QUERY_LENGTH,
    OPERATORS,
    PATH_ROOTS,
    QueryError,
    parse_query,
)

PAGE = (Path(__file__).parents[2] / "docs" / "queries.md").read_text("utf-8")
(BLOCK,) = re.findall(r"^```\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SPANS = re.findall(r"`([^`\n]+)`", PAGE.replace(BLOCK, ""))
EXAMPLES = [
    span
    for span in SPANS
    if re.search(r"\w ?[:=~<>]", span) and "query" not in span and "=>" not in span
]


def format_rows(rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def format_code(*texts: str) -> str:
    return " ".join(f"`{text}`" for text in texts)


def test_the_page_lists_all_fields_operators_and_documents() -> None:
    fields = [
        (format_code(name), field.meaning, format_code(*field.operators), f"`{field.example}`")
        for name, field in FIELDS.items()
    ]
    operators = [(format_code(sign), meaning) for sign, meaning in OPERATORS.items()]
    roots = [(format_code(f"{root}."), meaning) for root, meaning in PATH_ROOTS.items()]
    tables: tuple[Iterable[tuple[str, ...]], ...] = (fields, operators, roots)
    for rows in tables:
        assert f"|\n{format_rows(rows)}\n" in PAGE


@pytest.mark.parametrize("query", [*BLOCK.splitlines(), *EXAMPLES])
def test_an_example_is_a_query(query: str) -> None:
    path_or_condition = f"properties.price {query}" if query[0] in "=><" else query
    assert parse_query(path_or_condition)


def test_the_page_shows_a_mistake_and_the_limits() -> None:
    with pytest.raises(QueryError) as error:
        parse_query("properties.price => 20")
    assert f"`{error.value}`" in PAGE
    limits = f"{MAX_QUERY_LENGTH:,} characters and {MAX_QUERY_CONDITIONS} conditions"
    assert limits in PAGE
