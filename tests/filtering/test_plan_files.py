"""Tracking plan files: both formats load, and errors are reported in one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.filtering.tracking_plan import PLAN_FORMAT_REMEDY, parse_tracking_plan
from segment_insider_emulator.types import JSON, JSONObject

PLANS = Path("fixtures/plans")


def load_document(name: str) -> JSONObject:
    plan_document: JSONObject = json.loads((PLANS / name).read_text())
    return plan_document


def build_plan(*rules: JSON) -> JSONObject:
    return {"rules": [*rules]}


def build_track_rule(schema: JSON, **changes: Any) -> JSONObject:
    return {"type": "TRACK", "key": "A", "version": 1, "jsonSchema": schema, **changes}


@pytest.mark.documented
def test_both_formats_have_the_same_rules() -> None:
    api, older = (
        parse_tracking_plan(load_document(name), name) for name in ("shop.json", "shop-older.json")
    )
    assert api.rules_by_version.keys() == older.rules_by_version.keys()
    assert (
        [str(rule) for rule in api.common_rules]
        == [str(rule) for rule in older.common_rules]
        == ["COMMON"]
    )
    assert {
        key: {number: str(rule) for number, rule in versions.items()}
        for key, versions in older.rules_by_version.items()
    } == {
        ("TRACK", "Order Completed"): {
            1: "TRACK Order Completed, version 1",
            2: "TRACK Order Completed, version 2",
        },
        ("TRACK", "Page Viewed"): {1: "TRACK Page Viewed, version 1"},
        ("IDENTIFY", ""): {1: "IDENTIFY, version 1"},
    }


@pytest.mark.parametrize(
    "plan_document",
    [
        pytest.param({"rules": [], "trackingPlan": {"name": "Shop"}}, id="next to the rules"),
        pytest.param({"data": {"trackingPlan": {"name": "Shop"}, "rules": []}}, id="in data"),
        pytest.param({"display_name": "Shop", "name": "rs_1", "rules": {}}, id="the older shape"),
    ],
)
def test_a_plan_has_a_name(plan_document: JSONObject) -> None:
    assert parse_tracking_plan(plan_document, "plan.json").name == "Shop"


@pytest.mark.parametrize(
    ("plan_document", "text"),
    [
        pytest.param(
            {}, f"plan.json: this is no tracking plan. {PLAN_FORMAT_REMEDY}", id="no rules"
        ),
        pytest.param(
            {"rules": [], "pagination": {"next": "MQ=="}},
            "plan.json: pagination: this is the first page of the plan's rules alone. "
            "Put the rules of all pages in one list.",
            id="one page of several",
        ),
    ],
)
def test_an_invalid_plan_is_refused_with_a_reason(plan_document: JSONObject, text: str) -> None:
    with pytest.raises(EmulatorError) as error:
        parse_tracking_plan(plan_document, "plan.json")
    assert str(error.value) == text


@pytest.mark.parametrize(
    ("rule_document", "where", "what"),
    [
        pytest.param(
            {"type": "EVENT"}, "rules[0]", "this rule has no known type and is not checked",
            id="an unknown type",
        ),
        pytest.param(
            None, "rules[0]", "this rule has no known type and is not checked", id="no object"
        ),
        pytest.param(
            build_track_rule({}, key=""), "rules[0]", "this rule names no event and is not checked",
            id="no name",
        ),
        pytest.param(
            build_track_rule({}, version="1"),
            "rules[0]",
            "its version is no whole number, so that it counts as version 1",
            id="a version in text",
        ),
        pytest.param(
            build_track_rule("{}", key="A"),
            "rules[0]",
            "the rule TRACK A, version 1 is not checked: its jsonSchema is not an object",
            id="a schema in text",
        ),
        pytest.param(
            build_track_rule({"properties": {"userId": {"type": "any"}}}, key="A"),
            "rules[0]",
            "the rule TRACK A, version 1 is checked in part alone: properties.userId.type: "
            '"any" is not one of array, boolean, integer, null, number, object, string, or a list '
            "of different ones",
            id="a type that JSON Schema does not have",
        ),
        pytest.param(
            build_track_rule({"allOf": [{"patternProperties": {"^(?!x)": {}}}]}, key="A"),
            "rules[0]",
            "the rule TRACK A, version 1 is checked in part alone: "
            "allOf[0].patternProperties.^(?!x): Segment does not read the expression "
            '"^(?!x)": invalid perl operator: (?!',
            id="an expression that looks ahead",
            marks=pytest.mark.documented,
        ),
    ],
)  # fmt: skip
def test_an_unusable_rule_is_reported_and_the_others_are_checked(
    rule_document: Any, where: str, what: str
) -> None:
    other = build_track_rule({"properties": {"userId": {"type": "string"}}}, key="B")
    plan = parse_tracking_plan({"rules": [rule_document, other, rule_document]}, "plan.json")
    assert [(problem.where, problem.what) for problem in plan.problems] == [
        (f"plan.json: {where}", what),
        ("plan.json: rules[2]", what),
    ]
    rule = plan.find_rule({"type": "track", "event": "B"})
    assert rule is not None
    assert [violation.field for violation in rule.find_violations({"userId": 1})] == ["userId"]


@pytest.mark.parametrize(
    ("plan_document", "where", "what"),
    [
        pytest.param(
            {"events": [7]}, "rules.events[0]", "this is no event of a plan and is not checked",
            id="no event",
        ),
        pytest.param(
            {"events": 7}, "rules.events[0]", "this is no event of a plan and is not checked",
            id="no list of events",
        ),
        pytest.param(
            {"identify_traits": [{"name": "email"}]}, "rules.identify_traits",
            "traits of the older shape are not read and not checked",
            id="a list of traits",
        ),
    ],
)  # fmt: skip
def test_ambiguities_of_the_older_format_are_reported(
    plan_document: JSONObject, where: str, what: str
) -> None:
    (problem,) = parse_tracking_plan({"rules": plan_document}, "plan.json").problems
    assert (problem.where, problem.what) == (f"plan.json: {where}", what)
