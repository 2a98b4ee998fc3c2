"""Tracking plans: violations of an event, and their effect by the settings of the source."""

import json
from pathlib import Path
from typing import Any

import pytest

from segment_insider_emulator.filtering.plan_enforcement import (
    PlanEnforcer,
    parse_violation_controls,
)
from segment_insider_emulator.filtering.result import (
    SOURCE_STEP,
    OmittedField,
    PlanViolation,
    Rejection,
)
from segment_insider_emulator.filtering.tracking_plan import parse_tracking_plan
from segment_insider_emulator.types import JSON, JSONObject

PLAN = parse_tracking_plan(json.loads(Path("fixtures/plans/shop.json").read_text()), "shop.json")
ORDERS = "TRACK Order Completed, version 1"


def build_order(more: JSONObject, **changes: Any) -> JSONObject:
    return {
        "type": "track",
        "event": "Order Completed",
        "userId": "ada",
        "properties": {"order_id": "o-17", **more},
        **changes,
    }


def build_identify(traits: JSONObject) -> JSONObject:
    return {"type": "identify", "userId": "ada", "traits": traits}


def create_enforcer(source_id: str | None = None, **settings: JSONObject) -> PlanEnforcer:
    return PlanEnforcer(PLAN, parse_violation_controls(settings), source_id)


@pytest.mark.parametrize(
    ("event", "violations"),
    [
        pytest.param(build_order({"total": 20}), [], id="nothing wrong"),
        pytest.param(
            build_order({}, properties={}),
            [
                PlanViolation(
                    ORDERS, "Required", "properties.order_id", None,
                    "properties.order_id is required",
                )
            ],
            id="a missing property",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            build_order({"products": [{"product_id": "mug", "quantity": 1.5}]}),
            [
                PlanViolation(
                    ORDERS, "Invalid Type", "properties.products.0.quantity", 1.5,
                    "Invalid type. Expected: integer, given: number",
                )
            ],
            id="a value of another type",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            build_order({"total": -1, "currency": "euro"}),
            [
                PlanViolation(
                    ORDERS, "Number Gte", "properties.total", -1,
                    "Must be greater than or equal to 0",
                ),
                PlanViolation(
                    ORDERS, "Pattern", "properties.currency", "euro",
                    "Does not match pattern '^[A-Z]{3}$'",
                ),
            ],
            id="values out of bounds",
            marks=pytest.mark.assumed,
        ),
        pytest.param(
            build_order({"email": "ada"}),
            [
                PlanViolation(
                    "COMMON", "Format", "properties.email", "ada", "Does not match format 'email'"
                )
            ],
            id="the common rule",
            marks=pytest.mark.assumed,
        ),
        pytest.param(
            build_order({}, event="order completed", userId=None),
            [
                PlanViolation(
                    "COMMON", "Invalid Type", "userId", None,
                    "Invalid type. Expected: string, given: null",
                )
            ],
            id="an event that is not planned meets the common rule alone",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            {"type": "page", "userId": "ada", "properties": {}},
            [
                PlanViolation(
                    "TRACK Page Viewed, version 1", "Required", "properties.title", None,
                    "properties.title is required",
                )
            ],
            id="a page is the event Page Viewed",
            marks=pytest.mark.documented,
        ),
        pytest.param({"type": "screen", "userId": "ada"}, [], id="a screen that is not planned"),
        pytest.param({"type": "alias", "userId": "ada", "previousId": "a"}, [], id="an alias"),
        pytest.param(
            build_identify({"plan": "silver", "birthday": "yesterday"}),
            [
                PlanViolation(
                    "IDENTIFY, version 1", "Format", "traits.birthday", "yesterday",
                    "Does not match format 'date-time'",
                ),
                PlanViolation(
                    "IDENTIFY, version 1", "Enum", "traits.plan", "silver",
                    'traits.plan must be one of the following: "free", "gold"',
                ),
            ],
            id="traits",
            marks=pytest.mark.assumed,
        ),
    ],
)  # fmt: skip
def test_an_event_has_the_violations_of_its_rules(
    event: JSONObject, violations: list[PlanViolation]
) -> None:
    result = create_enforcer().enforce_plan(event)
    assert (result.rejection, list(result.violations)) == (None, violations)


@pytest.mark.documented
@pytest.mark.parametrize(
    ("version", "rule"),
    [
        pytest.param(2, "TRACK Order Completed, version 2", id="as asked"),
        pytest.param(1, None, id="the oldest"),
        pytest.param(7, None, id="one that is not there"),
        pytest.param("2", None, id="not a whole number"),
        pytest.param(True, None, id="no number"),
    ],
)
def test_the_context_of_an_event_selects_the_version_of_its_rule(
    version: JSON, rule: str | None
) -> None:
    context = {"protocols": {"event_version": version}}
    violations = create_enforcer().enforce_plan(build_order({}, context=context)).violations
    assert {violation.rule for violation in violations} == ({rule} if rule else set())


TRACK_ALLOWS = {"allowUnplannedEvents": True, "allowEventOnViolations": True}
NO_ORDER_ID = "properties.order_id: properties.order_id is required"


@pytest.mark.documented
@pytest.mark.parametrize(
    ("settings", "event", "rejection"),
    [
        pytest.param({}, build_order({}, event="Song"), None, id="unplanned, allowed by default"),
        pytest.param(
            {"track": {"allowUnplannedEvents": False}},
            build_order({}, event="Song"),
            ("unplanned", "the plan has no event 'Song'; names match in every letter and blank"),
            id="unplanned, blocked",
        ),
        pytest.param(
            {"track": {"allowUnplannedEvents": False, "commonEventOnViolations": "BLOCK"}},
            build_order({}, event="Song", userId=None),
            (
                "unplanned_and_schema_violation",
                "the plan has no event 'Song', userId: Invalid type. "
                "Expected: string, given: null (COMMON)",
            ),
            id="unplanned and violating",
            marks=pytest.mark.assumed,
        ),
        pytest.param({"track": TRACK_ALLOWS}, build_order({}, properties={}), None, id="allowed"),
        pytest.param(
            {"track": {"allowEventOnViolations": False}},
            build_order({}, properties={"total": "20"}),
            ("schema_violation", f"{NO_ORDER_ID} ({ORDERS}), and 1 more"),
            id="violating, blocked",
        ),
        pytest.param(
            {"track": {"allowEventOnViolations": False}},
            build_order({"email": "ada"}),
            None,
            id="the common rule is another control",
        ),
        pytest.param(
            {"track": {"commonEventOnViolations": "BLOCK"}},
            build_order({"email": "ada"}),
            (
                "common_schema_violation",
                "properties.email: Does not match format 'email' (COMMON)",
            ),
            id="common, blocked",
        ),
        pytest.param(
            {"identify": {"commonEventOnViolations": "BLOCK"}},
            build_identify({"email": "ada"}),
            ("common_schema_violation", "traits.email: Does not match format 'email' (COMMON)"),
            id="common, for identify calls",
        ),
        pytest.param(
            {"track": {"allowUnplannedEvents": False}},
            {"type": "screen", "userId": "ada", "name": "Home"},
            None,
            id="the controls of track calls are not those of screens",
        ),
    ],
)
def test_settings_decide_whether_an_event_is_blocked(
    settings: JSONObject, event: JSONObject, rejection: tuple[str, str] | None
) -> None:
    result = create_enforcer(**settings).enforce_plan(event)
    assert result.rejection == (Rejection(SOURCE_STEP, *rejection) if rejection else None)


OMIT_ALL = {"allowUnplannedEventProperties": False, "allowPropertiesOnViolations": False}


@pytest.mark.parametrize(
    ("settings", "event", "left", "omitted"),
    [
        pytest.param(
            {"track": {"allowUnplannedEventProperties": False}},
            build_order({"total": 20, "colour": "red"}),
            {"order_id": "o-17", "total": 20},
            [("properties.colour", "unplanned")],
            id="unplanned properties",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            {"track": {"allowUnplannedEventProperties": False}},
            build_order({"products": [{"product_id": "mug", "colour": "red"}]}),
            {"order_id": "o-17", "products": [{"product_id": "mug", "colour": "red"}]},
            [],
            id="what lies deeper stays",
            marks=pytest.mark.assumed,
        ),
        pytest.param(
            {"track": {"allowPropertiesOnViolations": False}},
            build_order({"total": "20", "currency": "EUR"}),
            {"order_id": "o-17", "currency": "EUR"},
            [("properties.total", "violation")],
            id="a violating property",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            {"track": {"allowPropertiesOnViolations": False}},
            build_order({"products": ["mug", {"product_id": "tray", "price": "8"}, "cup"]}),
            {"order_id": "o-17", "products": [{"product_id": "tray"}]},
            [
                ("properties.products.0", "violation"),
                ("properties.products.1.price", "violation"),
                ("properties.products.2", "violation"),
            ],
            id="violating items of a list",
            marks=pytest.mark.assumed,
        ),
        pytest.param(
            {"track": {"allowPropertiesOnViolations": False}},
            build_order({}, properties={"total": 20}),
            {"total": 20},
            [],
            id="what is missing cannot be taken out",
            marks=pytest.mark.assumed,
        ),
        pytest.param(
            {"track": {"commonEventOnViolations": "OMIT_PROPERTIES"}},
            build_order({"email": "ada"}),
            {"order_id": "o-17"},
            [("properties.email", "violation")],
            id="common",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            {"track": {"allowUnplannedEventProperties": False, "commonEventOnViolations": "BLOCK"}},
            build_order({"email": "ada"}),
            {"order_id": "o-17"},
            [("properties.email", "unplanned")],
            id="the common rule checks the remaining fields",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            {"identify": {"allowUnplannedTraits": False, "allowTraitsOnViolations": False}},
            build_identify({"plan": "silver", "first_name": "Ada", "email": "ada@shop.example"}),
            {"email": "ada@shop.example"},
            [("traits.first_name", "unplanned"), ("traits.plan", "violation")],
            id="traits",
            marks=pytest.mark.documented,
        ),
    ],
)
def test_settings_decide_which_fields_are_omitted(
    settings: JSONObject, event: JSONObject, left: JSONObject, omitted: list[tuple[str, str]]
) -> None:
    before = repr(event)
    result = create_enforcer(**settings).enforce_plan(event)
    section = "traits" if event["type"] == "identify" else "properties"
    assert (result.rejection, result.event[section]) == (None, left)
    assert result.omitted == tuple(OmittedField(*field) for field in omitted)
    assert repr(event) == before


@pytest.mark.documented
def test_an_event_has_its_violations_in_its_context() -> None:
    context = {"ip": "203.0.113.7", "protocols": {"event_version": 1}}
    event = build_order({"total": "20", "colour": "red"}, context=context)
    assert create_enforcer("srcExample01", track=OMIT_ALL).enforce_plan(event).event["context"] == {
        "ip": "203.0.113.7",
        "protocols": {
            "event_version": 1,
            "sourceId": "srcExample01",
            "omitted": ["properties.colour"],
            "omitted_on_violation": ["properties.total"],
            "violations": [
                {
                    "type": "Invalid Type",
                    "field": "properties.total",
                    "description": "Invalid type. Expected: number, given: string",
                }
            ],
        },
    }


def test_an_event_without_violations_is_unchanged() -> None:
    event = build_order({})
    assert create_enforcer("srcExample01").enforce_plan(event).event is event
