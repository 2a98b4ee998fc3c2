"""A plan loads from either of its shapes, or one line says what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.errors import EmulatorError
from emulator.segment.filtering.plans.file import SHAPE, read_plan
from emulator.types import JSON, JSONObject

PLANS = Path("fixtures/plans")


def document(name: str) -> JSONObject:
    read: JSONObject = json.loads((PLANS / name).read_text())
    return read


def rules(*given: JSON) -> JSONObject:
    return {"rules": [*given]}


def track(schema: JSON, **changes: Any) -> JSONObject:
    return {"type": "TRACK", "key": "A", "version": 1, "jsonSchema": schema, **changes}


@pytest.mark.documented
def test_both_shapes_hold_the_same_rules() -> None:
    api, older = (read_plan(document(name), name) for name in ("shop.json", "shop-older.json"))
    assert api.versions.keys() == older.versions.keys()
    assert [str(rule) for rule in api.common] == [str(rule) for rule in older.common] == ["COMMON"]
    assert {
        key: {number: str(rule) for number, rule in versions.items()}
        for key, versions in older.versions.items()
    } == {
        ("TRACK", "Order Completed"): {
            1: "TRACK Order Completed, version 1",
            2: "TRACK Order Completed, version 2",
        },
        ("TRACK", "Page Viewed"): {1: "TRACK Page Viewed, version 1"},
        ("IDENTIFY", ""): {1: "IDENTIFY, version 1"},
    }


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"rules": [], "trackingPlan": {"name": "Shop"}}, id="beside the rules"),
        pytest.param({"data": {"trackingPlan": {"name": "Shop"}, "rules": []}}, id="in data"),
        pytest.param({"display_name": "Shop", "name": "rs_1", "rules": {}}, id="the older shape"),
    ],
)
def test_a_plan_has_a_name(given: JSONObject) -> None:
    assert read_plan(given, "plan.json").name == "Shop"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({}, f"plan.json: this is no tracking plan. {SHAPE}", id="no rules"),
        pytest.param(
            {"rules": [], "pagination": {"next": "MQ=="}},
            "plan.json: pagination: this is the first page of the plan's rules alone. "
            "Put the rules of all pages in one list.",
            id="one page of several",
        ),
        pytest.param(
            rules({"type": "EVENT"}),
            "plan.json: rules[0]: this rule has no known type. "
            "Give its type as one of COMMON, TRACK, IDENTIFY, GROUP, PAGE, SCREEN.",
            id="an unknown type",
        ),
        pytest.param(
            rules(track({}, key="")),
            "plan.json: rules[0]: this rule names no event. Give the event's exact name.",
            id="no name",
        ),
        pytest.param(
            rules(track({}, version="1")),
            "plan.json: rules[0]: its version is no whole number. Count versions from 1.",
            id="a version in text",
        ),
        pytest.param(
            rules(track("{}")),
            "plan.json: rules[0]: the rule cannot be used: its jsonSchema is not an object. "
            "Correct it there.",
            id="a schema in text",
        ),
        pytest.param(
            rules(track({"properties": {"userId": {"type": "text"}}})),
            "plan.json: rules[0]: the rule cannot be used: its jsonSchema is no JSON Schema: "
            "'text' is not valid under any of the given schemas, at properties.userId.type. "
            "Correct it there.",
            id="no schema",
        ),
        pytest.param(
            rules(track({"properties": {"a": {"$ref": "https://shop.example/a.json"}}})),
            "plan.json: rules[0]: the rule cannot be used: "
            "$ref 'https://shop.example/a.json' leads out of it, and nothing is fetched. "
            "Correct it there.",
            id="a reference out of the rule",
        ),
        pytest.param(
            rules(track({"allOf": [{"patternProperties": {"^(?!x)": {}}}]})),
            "plan.json: rules[0]: the rule cannot be used: Segment does not read the expression "
            "'^(?!x)': invalid perl operator: (?!. Correct it there.",
            id="an expression that looks ahead",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            {"rules": {"events": [7]}},
            "plan.json: rules.events[0]: this is no event of a plan. Give its name and rules.",
            id="no event, in the older shape",
        ),
        pytest.param(
            {"rules": {"identify_traits": [{"name": "email"}]}},
            "plan.json: rules.identify_traits: traits of the older shape are not read. "
            "Write them as rules.identify.",
            id="a list of traits",
        ),
    ],
)
def test_a_plan_that_cannot_be_used(given: JSONObject, said: str) -> None:
    with pytest.raises(EmulatorError) as raised:
        read_plan(given, "plan.json")
    assert str(raised.value) == said
