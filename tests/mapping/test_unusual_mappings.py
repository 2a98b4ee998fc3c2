"""Unusual mappings, treated as the published destination treats them."""

from typing import Any

import pytest

from segment_insider_emulator.mapping import InsiderRequest, MappingFailure
from segment_insider_emulator.mapping.destination import compile_subscription
from segment_insider_emulator.types import JSONObject

SETTINGS = {"account_name": "shop", "ucd_key": "key"}
EVENT: JSONObject = {
    "type": "track",
    "event": "Sign-up",
    "userId": "u1",
    "timestamp": "2026-05-06T07:08:09.123Z",
    "properties": {},
}
MAPPING: JSONObject = {
    "uuid": {"@path": "$.userId"},
    "event_name": {"@path": "$.event"},
    "timestamp": {"@path": "$.timestamp"},
}
ROOT = "__segment_internal_directive"
WRONG = {"@json": {"mode": "x", "value": 1}}
FAULT = 'should be one of encode, decode but it is "x".'

pytestmark = pytest.mark.observed


def build_result(settings: JSONObject, batch: bool = False) -> Any:
    subscription = compile_subscription(
        {"actionSlug": "trackEvent", "trigger": 'type = "track"', "settings": settings}, SETTINGS
    )
    if batch:
        return subscription.build_batch_request([EVENT]).results[0]
    result = subscription.build_request(EVENT)
    return result.json["users"][0] if isinstance(result, InsiderRequest) else result


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"timestamp": [{"@path": "$.properties.none"}]},
            MappingFailure(
                400,
                "AggregateAjvError",
                "Timestamp must be a string or number but it was undefined.",
            ),
            id="a required list of nothing is there",
        ),
        pytest.param(
            {ROOT: None},
            MappingFailure(None, "TypeError", "Cannot convert undefined or null to object"),
            id="a root directive of null is JavaScript's own fault",
        ),
        pytest.param(
            {ROOT: [{"@transform": {"apply": {}}}]},
            MappingFailure(
                400, "AggregateAjvError", "The root value must be an object but it was an array."
            ),
            id="a root directive may be a list, which is no payload",
        ),
        pytest.param(
            {"uuid": {"b": WRONG, "1": WRONG, "0": WRONG}},
            MappingFailure(
                None,
                "AggregateError",
                "".join(f"\n    ValidationError: /uuid/{key}/@json/mode {FAULT}" for key in "01b"),
            ),
            id="faults come in the order of JavaScript's keys, numbers first",
        ),
        pytest.param(
            {"uuid": {"@if": {"then": None}}},
            MappingFailure(None, "Error", '@if requires an "exists" key or a "blank" key'),
            id="a choice without a question is refused, not crashed over",
        ),
    ],
)
def test_rare_mapping(changes: JSONObject, expected: MappingFailure) -> None:
    assert build_result(MAPPING | changes) == expected


def test_list_of_null_becomes_an_empty_text() -> None:
    assert build_result(MAPPING | {"uuid": [None]})["identifiers"] == {"uuid": "", "custom": {}}


@pytest.mark.parametrize(
    ("merged", "expected"),
    [
        pytest.param([{"@template": "😀"}], {"0": "\ud83d", "1": "\ude00"}, id="a text in halves"),
        pytest.param(
            [
                {"@flatten": {"separator": ".", "value": "a"}},
                {"@flatten": {"separator": ".", "value": {"@path": "$.properties.none"}}},
            ],
            {},
            id="nothing, flattened, is a key without a value",
        ),
    ],
)
def test_merge_of_other_values_than_objects(merged: list[Any], expected: JSONObject) -> None:
    mapping = {"custom_identifiers": {"@merge": {"direction": "right", "objects": merged}}}
    assert build_result(MAPPING | mapping)["identifiers"]["custom"] == expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        pytest.param({"city": "Oslo"}, {"custom": {}, "city": "Oslo"}, id="only known names"),
        pytest.param(
            {"city": "Oslo", "plan": "pro"},
            {"custom": {"plan": "pro"}, "city": "Oslo"},
            id="an unknown name goes under custom",
        ),
        pytest.param({"City": "Oslo"}, {"custom": {}}, id="a name that changes loses its value"),
        pytest.param(
            {"city": "Oslo", "City": "Bergen"},
            {"custom": {}, "city": "Oslo"},
            id="a name that changes takes the value of the known name",
        ),
    ],
)
def test_names_of_attributes(attributes: JSONObject, expected: JSONObject) -> None:
    assert build_result({**MAPPING, "attributes": attributes})["attributes"] == expected
