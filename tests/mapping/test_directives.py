"""Results of each directive, in addition to the recorded cases."""

import math
from typing import Any

import pytest

from segment_insider_emulator.mapping.directives import compile_mapping
from segment_insider_emulator.mapping.javascript import MISSING
from segment_insider_emulator.mapping.validation import DirectiveError

EVENT: dict[str, Any] = {
    "userId": "u1",
    "event": "Order Completed",
    "properties": {
        "name": "Mug",
        "none": None,
        "zero": 0,
        "price": 8.5,
        "tags": ["a", "b"],
        "deep": {"er": {"est": 1}},
        "products": [{"sku": "x", "price": 1}, {"sku": "y"}],
    },
}
NAME = {"@path": "$.properties.name"}
ABSENT = {"@path": "$.properties.absent"}


@pytest.mark.parametrize(
    ("mapping", "value"),
    [
        pytest.param("EUR", "EUR", id="raw value stays"),
        pytest.param(NAME, "Mug", id="path"),
        pytest.param(ABSENT, MISSING, id="missing path"),
        pytest.param({"@path": "$.properties.zero.x"}, 0, id="path through zero yields zero"),
        pytest.param({"@path": "$.properties.tags.length"}, 2, id="length of a list"),
        pytest.param({"a": NAME, "b": ABSENT}, {"a": "Mug"}, id="missing keys are left out"),
        pytest.param([NAME, ABSENT], ["Mug", MISSING], id="missing elements stay in place"),
        pytest.param({"@template": "{{userId}}-{{ properties.absent }}!"}, "u1-!", id="template"),
        pytest.param({"@template": "{{properties.deep}}"}, "[object Object]", id="object as text"),
        pytest.param({"@if": {"exists": NAME, "then": 1, "else": 2}}, 1, id="if exists"),
        pytest.param({"@if": {"exists": ABSENT, "then": 1, "else": NAME}}, "Mug", id="if else"),
        pytest.param({"@if": {"blank": NAME, "then": 1, "else": 2}}, 1, id="blank is not blank"),
        pytest.param({"@if": {"exists": ABSENT, "then": 1, "else": 0}}, MISSING, id="falsy else"),
        pytest.param({"@case": {"operator": "upper", "value": NAME}}, "MUG", id="case"),
        pytest.param(
            {"@replace": {"pattern": "u", "replacement": "[$&]", "value": NAME}}, "M[u]g",
            id="replacement patterns",
        ),
        pytest.param(
            {"@arrayPath": ["$.properties.products", {"id": {"@path": "sku"}}]},
            [{"id": "x"}, {"id": "y"}], id="list with a shape",
        ),
        pytest.param({"@literal": {"a": NAME}}, {"a": "Mug"}, id="literal resolves"),
        pytest.param(
            {"@flatten": {"separator": "_", "value": {"@path": "$.properties.deep"}}},
            {"er_est": 1}, id="flatten",
        ),
        pytest.param({"@json": {"mode": "encode", "value": [1.0, "é"]}}, '[1,"é"]', id="encode"),
        pytest.param({"@json": {"mode": "decode", "value": '{"a":1}'}}, {"a": 1}, id="decode"),
        pytest.param(
            {"@merge": {"direction": "right", "objects": [{"a": 1, "b": 2}, {"a": ABSENT}]}},
            {"b": 2}, id="a missing value removes an earlier one",
        ),
        pytest.param(
            {"@transform": {"apply": {"n": NAME}, "mapping": {"x": {"@path": "$.n"}}}},
            {"x": "Mug"}, id="transform",
        ),
        pytest.param(
            {
                "@transform": {
                    "apply": {"@path": "$.properties.absent"},
                    "mapping": {"@transform": {"apply": {"x": {"@literal": 1}},
                                               "mapping": {"@path": "$.x"}}},
                }
            },
            1, id="transform of a transform without a result",
        ),
        pytest.param(
            {"@excludeWhenNull": {"@path": "$.properties.none"}}, MISSING, id="null is excluded"
        ),
        pytest.param({"@liquid": "{{ userId | upcase }}"}, "U1", id="liquid"),
    ],
)  # fmt: skip
def test_directive(mapping: Any, value: Any) -> None:
    assert compile_mapping(mapping)(EVENT) == value


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"@nope": 1}, "@nope is not a valid directive, got undefined"),
        ({"@path": {"@path": "$.properties.price"}}, "@path: expected string, got number"),
        ({"@if": {"then": 1}}, '@if requires an "exists" key or a "blank" key'),
        ({"@case": {"value": "x"}}, '@case requires a "operator" key'),
        ({"@flatten": {"value": "x"}}, '@flatten requires a "separator" key'),
        ({"@json": {"mode": "encode"}}, '@json requires a "value" key'),
        ({"@merge": {"direction": "left"}}, '@merge requires a "objects" key'),
    ],
)
def test_misused_directive_fails_when_an_event_arrives(mapping: Any, message: str) -> None:
    resolve = compile_mapping({"a": mapping})

    with pytest.raises(DirectiveError) as raised:
        resolve(EVENT)
    assert str(raised.value) == message


def merge(*objects: Any) -> Any:
    return {"@merge": {"direction": "right", "objects": list(objects)}}


def build_directive(name: str, value: Any, **options: Any) -> Any:
    return {name: {**options, "value": value}}


@pytest.mark.observed
@pytest.mark.parametrize(
    ("mapping", "value"),
    [
        pytest.param(merge({"a": {"b": {"c": ABSENT}}}), {"a": {"b": {}}}, id="deep in a merge"),
        pytest.param(
            merge({"a": [{"b": ABSENT, "c": ABSENT}, ABSENT]}), {"a": [{}, MISSING]},
            id="in a list of a merge",
        ),
        pytest.param(merge(merge({"a": {"b": ABSENT}})), {"a": {}}, id="in a merge of a merge"),
        pytest.param(
            merge({"a": {"@arrayPath": ["$.properties.products", {"p": {"@path": "price"}}]}}),
            {"a": [{"p": 1}, {}]}, id="in the items of a merge",
        ),
        pytest.param(
            merge({"a": 1}, {"@arrayPath": [{"a": ABSENT}]}), {}, id="a list path removes"
        ),
        pytest.param(
            merge({"a": 1}, {"@excludeWhenNull": {"a": None}}), {}, id="an excluded null removes"
        ),
        pytest.param(
            merge({"a": 1}, build_directive("@json", {"a": ABSENT}, mode="decode")), {},
            id="json removes",
        ),
        pytest.param(
            merge({"a": 1}, build_directive("@flatten", {"a": ABSENT}, separator="_")), {},
            id="a flattened key removes",
        ),
        pytest.param(
            build_directive("@flatten", {"a": {"b": 1}, "a_b": ABSENT}, separator="_"), {},
            id="a missing key removes an earlier one of its flat name",
        ),
        pytest.param(
            build_directive("@flatten", {"a": [{"b": ABSENT}]}, separator="_", omitArrays=True),
            {"a": [{}]}, id="in a list that is not flattened",
        ),
        pytest.param({"@excludeWhenNull": merge({"a": {"b": ABSENT}})}, {"a": {}}, id="excluded"),
    ],
)  # fmt: skip
def test_missing_value_leaves_no_key_at_any_depth(mapping: Any, value: Any) -> None:
    assert compile_mapping(mapping)(EVENT) == value


@pytest.mark.observed
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e1000", math.inf),
        ('{"a": [-1e1000]}', {"a": [-math.inf]}),
        (r'"\ud83c"', "\ud83c"),
        ("9" * 400, math.inf),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_json_is_decoded_as_in_javascript(text: str, value: Any) -> None:
    assert compile_mapping(build_directive("@json", text, mode="decode"))(EVENT) == value


def test_unused_branches_cannot_fail() -> None:
    mapping = {"@if": {"exists": NAME, "then": "fine", "else": {"@case": {"operator": ""}}}}

    assert compile_mapping(mapping)(EVENT) == "fine"


def test_keys_of_a_mapping_are_data_not_code() -> None:
    key = 'x"] = 1; import os  # \n\\'

    assert compile_mapping({key: {"@path": f"$.properties.{key}"}})(EVENT) == {}
    assert compile_mapping({key: NAME})(EVENT) == {key: "Mug"}
