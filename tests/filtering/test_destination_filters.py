"""Destination filters drop events and fields in Segment's order."""

import json
from pathlib import Path
from typing import Any

import pytest

from segment_insider_emulator.filtering.event_filters import (
    apply_destination_filters,
    compile_destination_filters,
)
from segment_insider_emulator.filtering.fql_checks import find_constant_conditions
from segment_insider_emulator.filtering.fql_evaluator import matches_event
from segment_insider_emulator.filtering.fql_parser import parse_fql_statement
from segment_insider_emulator.filtering.result import (
    DESTINATION_STEP,
    FilterResult,
    OmittedField,
    Rejection,
)
from segment_insider_emulator.types import JSONObject

DROP: JSONObject = {"type": "DROP"}
ORDER: JSONObject = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "m1",
    "userId": "ada",
    "context": {"ip": "203.0.113.7", "locale": "de"},
    "properties": {
        "email": "ada@example.com",
        "total": 20,
        "products": [
            {"sku": "mug", "price": 8.5, "sizes": [{"eu": 1}]},
            {"sku": "tray", "price": 11.5},
            "?",
        ],
        "rows": [[1, 2], {"sku": 1}],
    },
}


def build_filter(condition: str, *actions: JSONObject, **changes: Any) -> JSONObject:
    return {"title": "Own", "if": condition, "actions": list(actions), **changes}


def build_rejection(title: str = "Own") -> Rejection:
    return Rejection(
        DESTINATION_STEP, "FILTERED_BY_RULES", f"destination filter {title!r} drops it"
    )


def apply_filters(*filters: JSONObject, event: JSONObject = ORDER, seed: str = "") -> FilterResult:
    return apply_destination_filters(compile_destination_filters(filters), event, seed)


@pytest.mark.documented
@pytest.mark.parametrize(
    ("filters", "rejection"),
    [
        pytest.param([], None, id="no filter"),
        pytest.param([build_filter("type = 'track'", DROP)], build_rejection(), id="drop"),
        pytest.param([build_filter("type = 'page'", DROP)], None, id="another event"),
        pytest.param([build_filter("all", DROP, enabled=False)], None, id="not enabled"),
        pytest.param(
            [build_filter("all", {"type": "SAMPLE", "percent": 1})], None, id="all of them"
        ),
        pytest.param(
            [build_filter("all", {"type": "SAMPLE", "percent": 0})],
            Rejection(
                DESTINATION_STEP,
                "FILTERED_BY_RULES",
                "destination filter 'Own' lets 0% of events pass",
            ),
            id="none of them",
        ),
        pytest.param(
            [build_filter("all", {"type": "SAMPLE", "percent": 0.001})],
            Rejection(
                DESTINATION_STEP,
                "FILTERED_BY_RULES",
                "destination filter 'Own' lets 0.1% of events pass",
            ),
            id="hardly any of them",
        ),
        pytest.param(
            [
                build_filter("all", DROP),
                build_filter("all", {"type": "SAMPLE", "percent": 0}, title="S"),
            ],
            Rejection(
                DESTINATION_STEP,
                "FILTERED_BY_RULES",
                "destination filter 'S' lets 0% of events pass",
            ),
            id="sample comes before drop",
        ),
        pytest.param(
            [build_filter("userId = oops'", DROP, enabled=False)],
            None,
            id="a broken one, not enabled",
        ),
        pytest.param(
            [build_filter("userId = oops'", {"type": "DROP_PROPERTIES", "fields": {}})],
            Rejection(
                DESTINATION_STEP,
                "INTERNAL",
                "destination filter 'Own' fails and drops it: "
                "the text that begins at character 14 has no closing '",
            ),
            id="a statement that cannot be read drops",
        ),
        pytest.param(
            [
                build_filter("event > 3", DROP),
                build_filter("contains(properties.total, '2')", DROP),
            ],
            None,
            id="values of another type drop nothing",
        ),
    ],
)
def test_an_event_is_dropped_or_not(filters: list[JSONObject], rejection: Rejection | None) -> None:
    assert apply_filters(*filters) == FilterResult(ORDER, rejection)


def build_fields_action(kind: str, **named: list[str]) -> JSONObject:
    return {"type": kind, "fields": {name.replace("_", "."): keys for name, keys in named.items()}}


@pytest.mark.parametrize(
    ("action", "changes", "omitted"),
    [
        pytest.param(
            build_fields_action("DROP_PROPERTIES", properties=["email", "absent"], context=["ip"]),
            {
                "context": {"locale": "de"},
                "properties": {
                    key: ORDER["properties"][key] for key in ("total", "products", "rows")
                },
            },
            ["context.ip", "properties.email"],
            id="keys of objects",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            {"type": "DROP_PROPERTIES", "fields": {"": ["context", "properties"]}},
            {"context": None, "properties": None},
            ["context", "properties"],
            id="keys of the event",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            build_fields_action("DROP_PROPERTIES", properties_products=["price"]),
            {
                "properties": {
                    **ORDER["properties"],
                    "products": [{"sku": "mug", "sizes": [{"eu": 1}]}, {"sku": "tray"}, "?"],
                }
            },
            ["properties.products.price"],
            id="a key of every product",
            marks=pytest.mark.observed,
        ),
        pytest.param(
            build_fields_action("DROP_PROPERTIES", properties_products_1=["price"]),
            {
                "properties": {
                    **ORDER["properties"],
                    "products": [ORDER["properties"]["products"][0], {"sku": "tray"}, "?"],
                }
            },
            ["properties.products.1.price"],
            id="a key of one product",
            marks=pytest.mark.observed,
        ),
        pytest.param(
            build_fields_action("DROP_PROPERTIES", properties_products_sizes=["eu"]),
            {},
            [],
            id="a list on the way stops a path",
            marks=pytest.mark.observed,
        ),
        pytest.param(
            build_fields_action("ALLOW_PROPERTIES", properties_rows=["0"]),
            {"properties": {**ORDER["properties"], "rows": [[1, None], {}]}},
            ["properties.rows.1", "properties.rows.sku"],
            id="items of a list inside a list",
            marks=pytest.mark.observed,
        ),
        pytest.param(
            build_fields_action("DROP_PROPERTIES", properties=["products.price"]),
            {},
            [],
            id="a key is not a path",
            marks=pytest.mark.observed,
        ),
        pytest.param(
            build_fields_action("DROP_PROPERTIES", properties_email=["x"], traits=["email"]),
            {},
            [],
            id="not an object",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            build_fields_action("ALLOW_PROPERTIES", properties=["total"]),
            {"properties": {"total": 20}},
            ["properties.email", "properties.products", "properties.rows"],
            id="only named keys, in the named object alone",
            marks=pytest.mark.observed,
        ),
        pytest.param(
            {"type": "DROP_PROPERTIES"}, {}, [], id="no fields", marks=pytest.mark.assumed
        ),
    ],
)
def test_fields_are_removed(action: JSONObject, changes: JSONObject, omitted: list[str]) -> None:
    result = apply_filters(build_filter("all", action))
    expected = {key: value for key, value in {**ORDER, **changes}.items() if value is not None}
    assert result == FilterResult(
        expected, omitted=tuple(OmittedField(place, "filter 'Own'") for place in omitted)
    )


@pytest.mark.documented
def test_fields_are_dropped_before_others_are_allowed() -> None:
    result = apply_filters(
        build_filter(
            "all", build_fields_action("ALLOW_PROPERTIES", properties=["total", "email"]), title="A"
        ),
        build_filter(
            "all", build_fields_action("DROP_PROPERTIES", properties=["email"]), title="B"
        ),
    )
    assert result.event["properties"] == {"total": 20}
    assert [field.by for field in result.omitted] == ["filter 'B'", "filter 'A'", "filter 'A'"]


@pytest.mark.assumed
def test_every_condition_is_evaluated_on_the_unfiltered_event() -> None:
    result = apply_filters(
        build_filter("all", build_fields_action("DROP_PROPERTIES", properties=["email"])),
        build_filter(
            "properties.email != null", build_fields_action("DROP_PROPERTIES", properties=["total"])
        ),
    )
    assert result.event["properties"].keys() == {"products", "rows"}


def test_the_received_event_is_not_changed() -> None:
    before = repr(ORDER)
    apply_filters(
        build_filter("all", build_fields_action("DROP_PROPERTIES", properties_products=["price"]))
    )
    assert repr(ORDER) == before


def list_sampled_ids(action: JSONObject, events: list[JSONObject], seed: str) -> set[str]:
    compiled = compile_destination_filters([build_filter("all", action)])
    return {
        event["messageId"]
        for event in events
        if not apply_destination_filters(compiled, event, seed).rejection
    }


EVENTS = [{**ORDER, "messageId": f"m{at}", "userId": f"u{at % 50}"} for at in range(1000)]


def test_a_sample_has_about_its_share_and_is_the_same_for_the_same_seed() -> None:
    action = {"type": "SAMPLE", "percent": 0.3}
    first, again, other = (list_sampled_ids(action, EVENTS, seed) for seed in ("1", "1", "2"))
    assert 250 < len(first) < 350
    assert first == again
    assert first != other


@pytest.mark.documented
def test_a_sample_by_path_has_all_events_of_a_value_or_none() -> None:
    sampled = list_sampled_ids({"type": "SAMPLE", "percent": 0.5, "path": "userId"}, EVENTS, "1")
    users = {event["userId"] for event in EVENTS if event["messageId"] in sampled}
    assert sampled == {event["messageId"] for event in EVENTS if event["userId"] in users}
    assert 10 < len(users) < 40


FIXTURE = Path(__file__).parents[2] / "fixtures" / "filters" / "evaluator.ndjson"
RECORDED: list[JSONObject] = [json.loads(line) for line in FIXTURE.read_text().splitlines()]


@pytest.mark.observed
def test_recorded_filters_give_the_results_of_segment_s_evaluator() -> None:
    assert len(RECORDED) >= 400
    for case in RECORDED:
        result = apply_filters(build_filter(case["if"], *case["actions"]), event=case["event"])
        received = {
            "matches": matches_event(parse_fql_statement(case["if"]), case["event"]),
            "event": None if result.rejection else result.event,
        }
        assert received == case["expect"], case["if"]


def test_a_constant_condition_has_the_same_result_for_every_recorded_event() -> None:
    conditions = {
        condition
        for case in RECORDED
        for condition in find_constant_conditions(parse_fql_statement(case["if"]))
    }
    assert len(conditions) >= 50
    for condition in conditions:
        statement = parse_fql_statement(condition.condition)
        results = {matches_event(statement, case["event"]) for case in RECORDED}
        assert results == {condition.always_holds}, condition
