"""Matchers and paths: what a test may expect of one value."""

from typing import Any

import pytest

from segment_insider_emulator.control_api import matchers
from segment_insider_emulator.errors import EmulatorError

ORDER = {
    "id": "o-17",
    "total": 8.5,
    "items": [{"sku": "mug", "n": 1}, {"sku": "tray", "n": 2}],
    "a.b": None,
}


@pytest.mark.parametrize(
    ("matcher_document", "accepted", "rejected"),
    [
        pytest.param("mug", ["mug"], ["mugs", None], id="text is itself"),
        pytest.param(1, [1, 1.0], [True, "1"], id="a number is no text and no truth"),
        pytest.param(True, [True], [1], id="true is not 1"),
        pytest.param(None, [None], [0, ""], id="null"),
        pytest.param([1, 2], [[1, 2]], [[2, 1], [1]], id="a list in its order"),
        pytest.param({"exact": {"a": 1}}, [{"a": 1.0}], [{"a": 1, "b": 2}], id="exact object"),
        pytest.param({"type": "integer"}, [1, 2.0], [1.5, True], id="integer"),
        pytest.param({"type": "array"}, [[]], [{}], id="array"),
        pytest.param({"regex": "^o-[0-9]+$"}, ["o-17"], ["x o-17", 17], id="regex"),
        pytest.param({"approx": 8.5, "within": 0.1}, [8.45, 8.6], [8.7, "8.5"], id="approx"),
        pytest.param({"contains": "un"}, ["mountain"], ["", None], id="part of a text"),
        pytest.param({"contains": "mug"}, [["cup", "mug"]], [["mugs"]], id="an entry"),
        pytest.param({"contains": ["a", "b"]}, [["b", "c", "a"]], [["a"]], id="entries"),
        pytest.param(
            {"contains": {"a": {"b": 1}}}, [{"a": {"b": 1, "c": 2}, "d": 3}], [{"a": 1}], id="deep"
        ),
        pytest.param(
            {"contains": [{"sku": "mug"}]}, [ORDER["items"]], [[{"sku": "cup"}]], id="like an entry"
        ),
    ],
)
def test_a_matcher_accepts_some_values_and_rejects_others(
    matcher_document: Any, accepted: list[Any], rejected: list[Any]
) -> None:
    matcher = matchers.parse_matcher(matcher_document, "where.x")
    results = [matcher.matches(value) for value in (*accepted, *rejected)]
    assert results == [True] * len(accepted) + [False] * len(rejected)


@pytest.mark.parametrize(
    ("matcher_document", "text"),
    [
        pytest.param(
            {},
            "where.x: {} is not a valid matcher. Known: exact, type, regex, contains, "
            "absent, approx. "
            'To expect an object, say {"exact": {…}}.',
            id="empty",
        ),
        pytest.param(
            {"type": "text"},
            'where.x.type: "text" is not a known type. Known: string, number, integer, boolean, '
            "object, array, null.",
            id="unknown type",
        ),
        pytest.param(
            {"regex": "(?=a)"},
            "where.x.regex: '(?=a)' cannot be used as a pattern (invalid perl operator: (?=). "
            "Write it for RE2, which has no look-around and no back references.",
            id="look-ahead",
        ),
        pytest.param(
            {"approx": "8"},
            'where.x: approx needs numbers. Say {"approx": 8.5, "within": 0.01}.',
            id="text is not about anything",
        ),
        pytest.param(
            {"exact": 1, "within": 2},
            "where.x: within cannot be used with exact. Use it with approx only.",
            id="within alone",
        ),
    ],
)
def test_an_invalid_matcher_is_refused(matcher_document: Any, text: str) -> None:
    with pytest.raises(EmulatorError) as refused:
        matchers.parse_matcher(matcher_document, "where.x")
    assert str(refused.value) == text


@pytest.mark.parametrize(
    ("path", "found"),
    [
        pytest.param("id", ["o-17"], id="key"),
        pytest.param("items[1].sku", ["tray"], id="index"),
        pytest.param("items[*].n", [1, 2], id="any entry"),
        pytest.param('["a.b"]', [None], id="odd key"),
        pytest.param("items[9].sku", [], id="no such entry"),
        pytest.param("id.length", [], id="text has no members"),
    ],
)
def test_a_path_finds_its_values(path: str, found: list[Any]) -> None:
    assert (
        list(matchers.select_values_at_path(ORDER, matchers.parse_json_path(path, "where")))
        == found
    )


@pytest.mark.parametrize("path", ["", ".id", "id.", "items[x]", "items[-1]", "a]", "a" * 501])
def test_an_invalid_path_is_refused(path: str) -> None:
    with pytest.raises(EmulatorError, match="is not a valid path"):
        matchers.parse_json_path(path, "where")
