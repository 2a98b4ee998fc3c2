"""Rules of tracking plans: JSON Schemas are checked with Segment's texts in limited time."""

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


def list_violations(schema: JSONObject, value: JSON) -> list[tuple[str, str, str]]:
    rule = compile_plan_rule("TRACK", "A", 1, {"properties": {"v": schema}})
    return [
        (violation.field, violation.type, violation.description)
        for violation in rule.find_violations({"v": value})
    ]


def build_violation_of_v(kind: str, description: str) -> list[tuple[str, str, str]]:
    return [("v", kind, description)]


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        pytest.param(
            {"const": 1}, 2, build_violation_of_v("Const", "v does not match: 1"), id="const"
        ),
        pytest.param(
            {"enum": ["a", 1, None]},
            "b",
            build_violation_of_v("Enum", 'v must be one of the following: "a", 1, null'),
            id="enum",
        ),
        pytest.param(
            {"type": ["string", "null"]},
            [],
            build_violation_of_v(
                "Invalid Type", "Invalid type. Expected: [string,null], given: array"
            ),
            id="one of several types",
        ),
        pytest.param({"type": "integer"}, 1.0, [], id="1.0 is whole"),
        pytest.param(
            {"type": "boolean"},
            1,
            build_violation_of_v("Invalid Type", "Invalid type. Expected: boolean, given: integer"),
            id="1 is not true",
        ),
        pytest.param(
            {"minLength": 2},
            "a",
            build_violation_of_v("String Gte", "String length must be greater than or equal to 2"),
            id="length",
        ),
        pytest.param(
            {"exclusiveMaximum": 2},
            2,
            build_violation_of_v("Number Lt", "Must be less than 2"),
            id="below",
        ),
        pytest.param(
            {"multipleOf": 0.5},
            1.2,
            build_violation_of_v("Multiple Of", "Must be a multiple of 0.5"),
            id="a multiple",
        ),
        pytest.param(
            {"minItems": 1},
            [],
            build_violation_of_v("Array Min Items", "Array must have at least 1 items"),
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
            build_violation_of_v("Number Any Of", "Must validate at least one schema (anyOf)"),
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
            {"not": {}},
            1,
            build_violation_of_v("Number Not", "Must not validate the schema (not)"),
            id="not",
        ),
        pytest.param({"format": "date-time"}, "2026-11-23T10:00:00Z", [], id="a time"),
        pytest.param({"format": "date-time"}, "2026-11-23", [], id="a date is a time"),
        pytest.param(
            {"format": "date-time"},
            "2026-11-31T10:00:00Z",
            build_violation_of_v("Format", "Does not match format 'date-time'"),
            id="no such day",
        ),
        pytest.param(
            {"format": "uri"},
            "/p",
            build_violation_of_v("Format", "Does not match format 'uri'"),
            id="no address",
        ),
        pytest.param(
            {"format": "uri"},
            "http://[",
            build_violation_of_v("Format", "Does not match format 'uri'"),
            id="a broken address",
        ),
        pytest.param({"format": "colour"}, "x", [], id="an unknown format"),
    ],
)
def test_a_violation_has_segment_s_text(
    schema: JSONObject, value: JSON, expected: list[tuple[str, str, str]]
) -> None:
    assert list_violations(schema, value) == expected


@pytest.mark.documented
def test_the_event_itself_is_named_root() -> None:
    (violation,) = compile_plan_rule("COMMON", "", 1, {"maxProperties": 0}).find_violations(
        {"v": 1}
    )
    assert (violation.field, violation.description) == ("(root)", "Must have at most 0 properties")


def test_only_the_beginning_of_a_long_value_is_shown() -> None:
    (violation,) = compile_plan_rule("COMMON", "", 1, {"properties": {"v": False}}).find_violations(
        {"v": "x" * 9000}
    )
    assert violation.value == '"' + "x" * (MAX_SHOWN_VALUE_LENGTH - 1) + "…"


def test_the_number_of_violations_is_limited() -> None:
    rule = compile_plan_rule("COMMON", "", 1, {"properties": {"v": {"items": {"type": "string"}}}})
    assert len(rule.find_violations({"v": [1] * 5000})) == MAX_VIOLATIONS


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"pattern": "^(a+)+$"}, id="a pattern"),
        pytest.param({"items": {"pattern": "(x+x+)+y"}, "pattern": "(a|a)*b"}, id="two"),
    ],
)
def test_no_expression_takes_long(schema: JSONObject) -> None:
    started = time.process_time()
    assert list_violations(schema, "a" * 30_000 + "!")
    assert time.process_time() - started < 30


MONEY: JSONObject = {"money": {"type": "number"}, "price": {"$ref": "#/definitions/money"}}


@pytest.mark.parametrize(
    "reference", ["#/definitions/money", "#/definitions/price", "#/properties/v/items/0", "#/a~1b"]
)
def test_a_reference_is_replaced_by_its_target(reference: str) -> None:
    named: JSONObject = {"v": {"items": [{"type": "number"}]}, "default": {"$ref": reference}}
    schema = {"properties": named, "definitions": MONEY, "a/b": {"type": "number"}}
    (violation,) = compile_plan_rule("TRACK", "A", 1, schema).find_violations({"default": "8.50"})
    assert violation.description == "Invalid type. Expected: number, given: string"


def build_doubling_schema(times: int) -> JSONObject:
    """A schema that its references make grow to 2 ** *times* parts."""
    parts = {f"d{n}": {"allOf": [{"$ref": f"#/definitions/d{n + 1}"}] * 2} for n in range(times)}
    return {"$ref": "#/definitions/d0", "definitions": {**parts, f"d{times}": {}}}


def test_the_deepest_rule_is_checked() -> None:
    assert (
        compile_plan_rule("TRACK", "A", 1, build_nested_schema(98)).find_violations({"v": 1}) == ()
    )


def build_nested_schema(levels: int) -> JSONObject:
    return {"not": build_nested_schema(levels - 1)} if levels else {}


@pytest.mark.parametrize(
    ("schema", "text"),
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
        pytest.param(
            build_doubling_schema(30),
            "it has more than 20,000 parts, its $refs followed",
            id="large",
        ),
        pytest.param(build_nested_schema(101), "it nests deeper than 100 levels", id="deep"),
    ],
)
def test_unsupported_references_are_reported(schema: JSONObject, text: str) -> None:
    assert compile_plan_rule("TRACK", "A", 1, schema).problems == (text,)


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
def test_an_unusable_keyword_is_reported_and_the_others_are_checked(
    keyword: str, value: Any, event: JSONObject
) -> None:
    schema = {
        "required": ["w"],
        "properties": {"v": {keyword: value, "then": False}, "w": {"type": "string"}},
    }
    rule = compile_plan_rule("TRACK", "A", 1, schema)
    assert [
        problem.partition(":")[0].startswith(f"properties.v.{keyword}") for problem in rule.problems
    ] == [True]
    assert rule.find_violations({**event, "w": "text"}) == ()
    assert [violation.field for violation in rule.find_violations(event)] == ["w"]
    assert [violation.field for violation in rule.find_violations({**event, "w": 1})] == ["w"]


@pytest.mark.parametrize("keyword", ["title", "description", "$comment", "$id", "id", "default"])
def test_a_keyword_without_effect_may_have_any_value(keyword: str) -> None:
    assert compile_plan_rule("TRACK", "A", 1, {keyword: None}).problems == ()


def test_an_ignored_expression_makes_no_property_additional() -> None:
    schema = {"patternProperties": {"^(?!x)": {}}, "additionalProperties": False}
    rule = compile_plan_rule("TRACK", "A", 1, schema)
    assert len(rule.problems) == 1
    assert rule.find_violations({"a": 1}) == ()


@pytest.mark.parametrize("schema", [None, [], "text", True, 1])
def test_a_rule_without_a_schema_has_no_violations_and_no_known_names(schema: Any) -> None:
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
def test_a_keyword_with_any_value_is_checked_or_reported(keyword: str) -> None:
    """Nowhere in a rule does it raise an error, and the other keywords are still checked."""
    for value in VALUES:
        for around in ("properties", "not", "oneOf"):
            inside: JSONObject = {keyword: value}
            value_schema = [inside] if around == "oneOf" else {"v": inside}
            schema = {"properties": {"v": {around: value_schema}, "w": {"type": "string"}}}
            rule = compile_plan_rule("TRACK", "A", 1, schema)
            assert rule.problems == compile_plan_rule("TRACK", "A", 1, schema).problems
            for event in EVENTS:
                fields = [violation.field for violation in rule.find_violations({**event, "w": 1})]
                assert "w" in fields, (schema, event)
                if rule.problems and around == "properties":
                    assert all(keyword in problem for problem in rule.problems)
