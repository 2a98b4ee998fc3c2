"""Properties of the mapping core for any event and any mapping."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_insider_emulator.mapping import Destination, InsiderRequest, MappingFailure
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.mapping.destination import compile_subscription
from segment_insider_emulator.types import JSON, JSONObject

SETTINGS = {"account_name": "shop", "ucd_key": "key"}
KEYS = st.sampled_from(
    ["name", "price", "quantity", "category", "products", "email", "phone", "locale", "Gift Wrap",
     "length", "0", "traits", "page", "order_id", "timestamp"]
)  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=12)
    | st.sampled_from(["", "5", "5.5", "true", "2026-01-01T00:00:00Z", "$.properties.name"])
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=6)
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "identify", "page"])},
    optional={
        "event": st.sampled_from(["Order Completed", "Cart Viewed", "Something Else"]) | SCALARS,
        "userId": SCALARS,
        "timestamp": SCALARS,
        "properties": OBJECTS | SCALARS,
        "traits": OBJECTS | SCALARS,
        "context": OBJECTS | SCALARS,
    },
)
MAPPINGS = st.recursive(
    VALUES,
    lambda inner: st.one_of(
        st.builds(lambda path: {"@path": path}, st.sampled_from(["$.properties", "$.a.b", "x"])),
        st.builds(lambda a, b: {"@if": {"exists": a, "then": a, "else": b}}, inner, inner),
        st.builds(lambda a: {"@arrayPath": ["$.properties.products", {"k": a}]}, inner),
        st.builds(lambda a: {"@flatten": {"separator": ".", "value": a}}, inner),
        st.builds(lambda a, b: {"@merge": {"direction": "left", "objects": [a, b]}}, inner, inner),
        st.builds(lambda a: {"@json": {"mode": "encode", "value": a}}, inner),
        st.builds(lambda a: {"@case": {"operator": "upper", "value": a}}, inner),
        st.builds(lambda a: {"@template": a}, inner),
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(["uuid", "parameters", "attributes", "products", "custom_identifiers"])


@given(EVENTS)
@settings(max_examples=200)
def test_default_mappings_never_crash_nor_change_the_event(event: JSONObject) -> None:
    destination = Destination(
        {"settings": SETTINGS, "subscriptions": [{"actionSlug": slug} for slug in ACTIONS]}
    )
    before = copy.deepcopy(event)

    outcomes = list(destination.iter_subscription_outcomes(event))

    assert event == before
    assert outcomes == list(destination.iter_subscription_outcomes(event))


@pytest.mark.extended
@given(EVENTS, st.dictionaries(FIELDS, MAPPINGS, max_size=3), st.sampled_from(sorted(ACTIONS)))
@settings(max_examples=300)
def test_any_mapping_gives_a_request_or_a_failure(
    event: JSONObject, mapping: dict[str, JSON], slug: str
) -> None:
    action = ACTIONS[slug]
    subscription = compile_subscription(
        {
            "actionSlug": slug,
            "trigger": f'type = "{event["type"]}"',
            "settings": {**action.default_mapping, **mapping},
        },
        SETTINGS,
    )

    single = subscription.build_request(event)
    batch = subscription.build_batch_request([event, event])

    assert isinstance(single, InsiderRequest | MappingFailure)
    assert len(batch.results) == 2
    assert (batch.request is not None) == ("delivered" in batch.results)
