"""A rule's JSON Schema is checked in Segment's words, in bounded time."""

import time
from typing import Any

import pytest

from segment_insider_emulator.filtering.plan_rule import (
    MAX_SHOWN_VALUE_LENGTH,
    MAX_VIOLATIONS,
    RULE_VALIDATOR,
    compile_plan_rule,
)
from segment_insider_emulator.types import JSON, JSONObject


def told(schema: JSONObject, value: JSON) -> list[tuple[str, str, str]]:
    rule = compile_plan_rule("TRACK", "A", 1, {"properties": {"v": schema}})
    return [
        (each.field, each.type, each.description) for each in rule.find_violations({"v": value})
    ]


def of_v(kind: str, description: str) -> list[tuple[str, str, str]]:
    return [("v", kind, description)]


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        pytest.param({"const": 1}, 2, of_v("Const", "v does not match: 1"), id="const"),
        pytest.param(
            {"enum": ["a", 1, None]},
            "b",
            of_v("Enum", 'v must be one of the following: "a", 1, null'),
            id="enum",
        ),
        pytest.param(
            {"type": ["string", "null"]},
            [],
            of_v("Invalid Type", "Invalid type. Expected: [string,null], given: array"),
            id="one of several types",
        ),
        pytest.param({"type": "integer"}, 1.0, [], id="1.0 is whole"),
        pytest.param(
            {"type": "boolean"},
            1,
            of_v("Invalid Type", "Invalid type. Expected: boolean, given: integer"),
            id="1 is not true",
        ),
        pytest.param(
            {"minLength": 2},
            "a",
            of_v("String Gte", "String length must be greater than or equal to 2"),
            id="length",
        ),
        pytest.param(
            {"exclusiveMaximum": 2}, 2, of_v("Number Lt", "Must be less than 2"), id="below"
        ),
        pytest.param(
            {"multipleOf": 0.5},
            1.2,
            of_v("Multiple Of", "Must be a multiple of 0.5"),
            id="a multiple",
        ),
        pytest.param(
            {"minItems": 1},
            [],
            of_v("Array Min Items", "Array must have at least 1 items"),
            id="items",
        ),
        pytest.param(
            {
                "properties": {"a": {}},
                "patternProperties": {"^x": {}},
                "additionalProperties": False,
            },
            {"a": 1, "x1": 2, "b": 3},
            [("v.b", "Additional Property Not Allowed", "Additional property b is not allowed")],
            id="a property too many",
        ),
        pytest.param(
            {"additionalProperties": {"type": "string"}},
            {"b": 3},
            [("v.b", "Invalid Type", "Invalid type. Expected: string, given: integer")],
            id="other properties are typed",
        ),
        pytest.param(
            {"patternProperties": {"^x": {"type": "string"}}},
            {"x1": 3, "y": 3},
            [("v.x1", "Invalid Type", "Invalid type. Expected: string, given: integer")],
            id="properties by pattern",
        ),
        pytest.param(
            {"allOf": [{"type": "string"}]},
            3,
            [
                ("v", "Invalid Type", "Invalid type. Expected: string, given: integer"),
                ("v", "Number All Of", "Must validate all the schemas (allOf)"),
            ],
            id="all of several",
        ),
        pytest.param(
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            3,
            of_v("Number Any Of", "Must validate at least one schema (anyOf)"),
            id="any of several",
        ),
        pytest.param(
            {"if": {"minimum": 1}, "then": {"maximum": 2}, "else": {"const": 0}},
            3,
            [
                ("v", "Number Lte", "Must be less than or equal to 2"),
                ("v", "Condition Then", 'Must validate "then" as "if" was valid'),
            ],
            id="then",
        ),
        pytest.param(
            {"if": {"minimum": 1}, "else": {"const": 0}},
            -1,
            [
                ("v", "Const", "v does not match: 0"),
                ("v", "Condition Else", 'Must validate "else" as "if" was not valid'),
            ],
            id="else",
        ),
        pytest.param(
            {"not": {}}, 1, of_v("Number Not", "Must not validate the schema (not)"), id="not"
        ),
        pytest.param({"format": "date-time"}, "2026-11-23T10:00:00Z", [], id="a time"),
        pytest.param({"format": "date-time"}, "2026-11-23", [], id="a date is a time"),
        pytest.param(
            {"format": "date-time"},
            "2026-11-31T10:00:00Z",
            of_v("Format", "Does not match format 'date-time'"),
            id="no such day",
        ),
        pytest.param(
            {"format": "uri"}, "/p", of_v("Format", "Does not match format 'uri'"), id="no address"
        ),
        pytest.param(
            {"format": "uri"},
            "http://[",
            of_v("Format", "Does not match format 'uri'"),
            id="a broken address",
        ),
        pytest.param({"format": "colour"}, "x", [], id="a format nobody knows"),
    ],
)
def test_wording(schema: JSONObject, value: JSON, expected: list[tuple[str, str, str]]) -> None:
    assert told(schema, value) == expected


@pytest.mark.documented
def test_the_event_itself_is_called_root() -> None:
    (found,) = compile_plan_rule("COMMON", "", 1, {"maxProperties": 0}).find_violations({"v": 1})
    assert (found.field, found.description) == ("(root)", "Must have at most 0 properties")


def test_a_long_value_is_shown_by_its_beginning() -> None:
    (found,) = compile_plan_rule("COMMON", "", 1, {"properties": {"v": False}}).find_violations(
        {"v": "x" * 9000}
    )
    assert found.value == '"' + "x" * (MAX_SHOWN_VALUE_LENGTH - 1) + "…"


def test_no_more_is_told_than_a_reader_could_read() -> None:
    rule = compile_plan_rule("COMMON", "", 1, {"properties": {"v": {"items": {"type": "string"}}}})
    assert len(rule.find_violations({"v": [1] * 5000})) == MAX_VIOLATIONS


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"pattern": "^(a+)+$"}, id="a pattern"),
        pytest.param({"items": {"pattern": "(x+x+)+y"}, "pattern": "(a|a)*b"}, id="two"),
    ],
)
def test_no_expression_searches_for_ever(schema: JSONObject) -> None:
    started = time.monotonic()
    assert told(schema, "a" * 30_000 + "!")
    assert time.monotonic() - started < 2


MONEY: JSONObject = {"money": {"type": "number"}, "price": {"$ref": "#/definitions/money"}}


@pytest.mark.parametrize(
    "reference", ["#/definitions/money", "#/definitions/price", "#/properties/v/items/0", "#/a~1b"]
)
def test_a_reference_stands_for_what_it_names(reference: str) -> None:
    named: JSONObject = {"v": {"items": [{"type": "number"}]}, "default": {"$ref": reference}}
    schema = {"properties": named, "definitions": MONEY, "a/b": {"type": "number"}}
    (found,) = compile_plan_rule("TRACK", "A", 1, schema).find_violations({"default": "8.50"})
    assert found.description == "Invalid type. Expected: number, given: string"


def doubled(times: int) -> JSONObject:
    """A schema that its references make grow to 2 ** *times* parts."""
    parts = {f"d{n}": {"allOf": [{"$ref": f"#/definitions/d{n + 1}"}] * 2} for n in range(times)}
    return {"$ref": "#/definitions/d0", "definitions": {**parts, f"d{times}": {}}}


def test_the_deepest_rule_is_checked() -> None:
    assert compile_plan_rule("TRACK", "A", 1, nested(98)).find_violations({"v": 1}) == ()


def nested(levels: int) -> JSONObject:
    return {"not": nested(levels - 1)} if levels else {}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        pytest.param(
            {"properties": {"v": {"$ref": "#"}}},
            "properties.v.properties.v.$ref: $ref '#' leads back to itself",
            id="to itself",
        ),
        pytest.param(
            {"allOf": [{"not": {"$ref": "#/allOf/0"}}]},
            "allOf[0].not.not.$ref: $ref '#/allOf/0' leads back to itself"
            "; so all of allOf[0].not.not is left out; so all of allOf[0].not is left out",
            id="in a circle",
        ),
        pytest.param(
            {"items": {"$ref": "#/definitions/absent"}},
            "items.$ref: $ref '#/definitions/absent' leads nowhere",
            id="to nothing",
        ),
        pytest.param(
            {"items": {"$ref": "https://a.example/b"}},
            "items.$ref: $ref 'https://a.example/b' leads out of it, and nothing is fetched",
            id="out of the rule",
        ),
        pytest.param(doubled(30), "it has more than 20,000 parts, its $refs followed", id="large"),
        pytest.param(nested(101), "it nests deeper than 100 levels", id="deep"),
    ],
)
def test_references_that_are_not_followed_are_named(schema: JSONObject, said: str) -> None:
    assert compile_plan_rule("TRACK", "A", 1, schema).problems == (said,)


@pytest.mark.parametrize(
    ("keyword", "value", "event"),
    [
        pytest.param("type", "any", {"v": 1}, id="the type any"),
        pytest.param("type", ["any", "null"], {"v": 1}, id="any among the types"),
        pytest.param("type", ["string", "string"], {"v": 1}, id="a type twice"),
        pytest.param("required", True, {}, id="required as in draft 4"),
        pytest.param("exclusiveMinimum", True, {"v": 0}, id="exclusiveMinimum as in draft 4"),
        pytest.param("items", None, {"v": [1]}, id="items that are null"),
        pytest.param("pattern", "^(?!x)", {"v": "x"}, id="an expression that looks ahead"),
        pytest.param("enum", "a", {"v": "b"}, id="an enum that is no list"),
        pytest.param("not", {"type": "any"}, {"v": 1}, id="a type below not"),
        pytest.param("oneOf", [{"type": "any"}, {}], {"v": 1}, id="a type below oneOf"),
        pytest.param("if", {"type": "any"}, {"v": 1}, id="a type below if"),
    ],
)
def test_a_keyword_that_cannot_be_checked_is_named_and_the_others_hold(
    keyword: str, value: Any, event: JSONObject
) -> None:
    schema = {
        "required": ["w"],
        "properties": {"v": {keyword: value, "then": False}, "w": {"type": "string"}},
    }
    rule = compile_plan_rule("TRACK", "A", 1, schema)
    assert [
        each.partition(":")[0].startswith(f"properties.v.{keyword}") for each in rule.problems
    ] == [True]
    assert rule.find_violations({**event, "w": "text"}) == ()
    assert [each.field for each in rule.find_violations(event)] == ["w"]
    assert [each.field for each in rule.find_violations({**event, "w": 1})] == ["w"]


@pytest.mark.parametrize("keyword", ["title", "description", "$comment", "$id", "id", "default"])
def test_a_keyword_that_says_nothing_about_events_may_have_any_value(keyword: str) -> None:
    assert compile_plan_rule("TRACK", "A", 1, {keyword: None}).problems == ()


def test_an_expression_that_is_left_out_makes_no_property_additional() -> None:
    schema = {"patternProperties": {"^(?!x)": {}}, "additionalProperties": False}
    rule = compile_plan_rule("TRACK", "A", 1, schema)
    assert len(rule.problems) == 1
    assert rule.find_violations({"a": 1}) == ()


@pytest.mark.parametrize("schema", [None, [], "text", True, 1])
def test_a_rule_without_a_schema_finds_nothing_and_knows_no_names(schema: Any) -> None:
    rule = compile_plan_rule("TRACK", "A", 1, schema)
    assert rule.problems == ("its jsonSchema is not an object",)
    assert (rule.find_violations({"a": 1}), rule.list_planned_field_names("properties")) == (
        (),
        None,
    )


VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e300, "", "any", "(", [], [[]], {}, [1], ["a", "a"],
    {"a": 1}, [{"a": None}], {"$ref": 5}, ["any"], [None], {"(": {}},
)  # fmt: skip
KEYWORDS = (*RULE_VALIDATOR.VALIDATORS, "then", "else", "definitions", "$id", "id", "$schema")
EVENTS: tuple[JSONObject, ...] = ({"v": {"v": 1}}, {"v": []}, {"v": "a"}, {"v": {"v": {"a": 1}}})


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_a_keyword_of_any_value_is_checked_or_named(keyword: str) -> None:
    """Wherever in a rule it stands, nothing raises, and its sibling holds."""
    for value in VALUES:
        for around in ("properties", "not", "oneOf"):
            inside: JSONObject = {keyword: value}
            held = [inside] if around == "oneOf" else {"v": inside}
            schema = {"properties": {"v": {around: held}, "w": {"type": "string"}}}
            rule = compile_plan_rule("TRACK", "A", 1, schema)
            assert rule.problems == compile_plan_rule("TRACK", "A", 1, schema).problems
            for event in EVENTS:
                fields = [each.field for each in rule.find_violations({**event, "w": 1})]
                assert "w" in fields, (schema, event)
                if rule.problems and around == "properties":
                    assert all(keyword in each for each in rule.problems)
