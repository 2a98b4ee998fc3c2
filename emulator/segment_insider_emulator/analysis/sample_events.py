"""Builders of sample events that match the triggers of a workspace."""

from collections.abc import Iterator
from itertools import chain, islice, product

from segment_insider_emulator.analysis.context import (
    AnalysisContext,
    LocatedSubscription,
    list_accepted_call_types,
)
from segment_insider_emulator.mapping.javascript import to_js_number, to_js_string
from segment_insider_emulator.mapping.segment_spec import (
    CALL_TYPES,
    ECOMMERCE_EVENT_PROPERTIES,
    PRODUCT_PROPERTIES,
    SPEC_EVENT_NAMES,
)
from segment_insider_emulator.mapping.triggers import (
    TriggerCondition,
    TriggerNode,
    iterate_conditions,
)
from segment_insider_emulator.types import JSON, JSONObject

OTHER_TRACK_CALL = "every other track call"
# An "and" of many "or" groups has more combinations than are useful to try.
_MAX_CONDITION_COMBINATIONS = 64


def build_probe_events(context: AnalysisContext) -> list[tuple[str, JSONObject]]:
    """Build minimal events for all triggers, each with its event name or call type."""
    events = [{"type": call} for call in CALL_TYPES if call != "track"]
    events += [
        build_track_call(name)
        for name in (
            *SPEC_EVENT_NAMES,
            *sorted(_list_event_names_in_triggers(context)),
            OTHER_TRACK_CALL,
        )
    ]
    events += [
        event
        for subscription in context.subscriptions
        for event in _build_matching_events(subscription)
    ]
    return [(str(event.get("event", event["type"])), event) for event in events]


def build_track_call(event_name: str) -> JSONObject:
    """Build a track call that has a name and no properties."""
    return {"type": "track", "event": event_name, "properties": {}}


def _list_event_names_in_triggers(context: AnalysisContext) -> set[str]:
    conditions = (
        condition
        for subscription in context.subscriptions
        for condition in iterate_conditions(subscription.parsed_trigger)
    )
    return {
        str(condition.value)
        for condition in conditions
        if condition.root == "event" and condition.operator == "="
    }


def _build_matching_events(subscription: LocatedSubscription) -> Iterator[JSONObject]:
    for call in list_accepted_call_types(subscription):
        for conditions in _list_condition_combinations(subscription.parsed_trigger):
            event: JSONObject = {"event": OTHER_TRACK_CALL} if call == "track" else {}
            for condition in conditions:
                _set_value_meeting_condition(condition, event)
            yield event | {"type": call}


def _list_condition_combinations(node: TriggerNode) -> list[list[TriggerCondition]]:
    """Return lists of trigger conditions; an event that meets one whole list matches *node*."""
    if node is None:
        return []
    if isinstance(node, TriggerCondition):
        return [[node]]
    combinations = [_list_condition_combinations(child) for child in node.children]
    if node.operator == "or":
        return [combination for alternatives in combinations for combination in alternatives]
    return [
        list(chain(*choice))
        for choice in islice(product(*combinations), _MAX_CONDITION_COMBINATIONS)
    ]


def _set_value_meeting_condition(condition: TriggerCondition, event: JSONObject) -> None:
    value = _build_value_meeting_condition(condition)
    if value is None:
        return
    container = event
    *parent_keys, last_key = (condition.root, *condition.path)
    for key in parent_keys:
        child = container.setdefault(key, {})
        if not isinstance(child, dict):
            return
        container = child
    container[last_key] = value


def _build_value_meeting_condition(condition: TriggerCondition) -> JSON:
    """Return a value that meets a trigger condition; None if a missing value meets it."""
    value = condition.value
    match condition.operator:
        case "=" | "number_equals" | "contains" | "starts_with" | "ends_with":
            return value
        case ">=" | "<=":
            return to_js_number(to_js_string(value))
        case ">" | "number_not_equals":
            return to_js_number(to_js_string(value)) + 1
        case "<":
            return to_js_number(to_js_string(value)) - 1
        case "is_true" | "is_false":
            return condition.operator == "is_true"
        case "exists":
            return "something"
        case "not_contains" | "not_starts_with" | "not_ends_with":
            return f"not {value}"[:3]
        case _:
            return None


_SAMPLE_ADDRESS = {"city": "Oslo", "country": "NO"}
_SAMPLE_TRAITS: JSONObject = {
    "email": "ada@shop.example", "phone": "+4798765432", "firstName": "Ada", "lastName": "Lind",
    "age": 34, "birthday": "1990-01-31T00:00:00Z", "gender": "F", "address": _SAMPLE_ADDRESS,
    "gdpr_optin": True, "email_optin": True, "sms_optin": True, "whatsapp_optin": False,
}  # fmt: skip
_SAMPLE_CONTEXT: JSONObject = {
    "traits": _SAMPLE_TRAITS, "ip": "192.0.2.1", "locale": "nb-NO", "timezone": "Europe/Oslo",
    "userAgent": "Mozilla/5.0", "app": {"version": "1.4"}, "os": {"name": "iOS", "version": "19"},
    "device": {"model": "iPhone17,1", "advertisingId": "A-1"}, "network": {"carrier": "Telenor"},
    "page": {"url": "https://shop.example/boots", "referrer": "https://search.example/"},
    "location": {"city": "Lund", "country": "SE"},
}  # fmt: skip
_SAMPLE_NUMBERS = {
    "price": 10.5, "quantity": 2, "position": 1, "value": 21, "total": 24, "revenue": 21,
    "subtotal": 21, "shipping": 3, "tax": 4.2, "discount": 1.5, "step": 2, "rating": 5,
}  # fmt: skip
_SAMPLE_TEXTS = {"currency": "EUR", "url": "https://shop.example/p1"}


def build_sample_events(
    context: AnalysisContext, subscription: LocatedSubscription
) -> Iterator[JSONObject]:
    """Yield events that *subscription* accepts, with all properties of Segment's specs."""
    return (
        fill_sample_event(event)
        for _, event in build_probe_events(context)
        if subscription.matches(event)
    )


def fill_sample_event(event: JSONObject) -> JSONObject:
    """Add all properties that Segment's specs have for an event of this type and name."""
    kind, name = event["type"], event.get("event")
    sample: JSONObject = {
        "messageId": "sample", "userId": "u1", "anonymousId": "a1",
        "timestamp": "2026-05-06T07:08:09.123Z", "context": _SAMPLE_CONTEXT,
    }  # fmt: skip
    if kind == "identify":
        sample["traits"] = _SAMPLE_TRAITS
    elif kind == "page":
        sample["properties"] = {"path": "/boots", "title": "Boots", "url": _SAMPLE_TEXTS["url"]}
    else:
        sample["properties"] = _build_sample_properties(str(name))
    filled: JSONObject = _merge_objects(sample, event)
    return filled


def _build_sample_properties(event_name: str) -> JSONObject:
    known = ECOMMERCE_EVENT_PROPERTIES.get(event_name, ("category", "price", "colour"))
    properties = {
        property_name: _build_sample_value(property_name)
        for property_name in known
        if property_name != "products"
    }
    if "products" in known:
        properties["products"] = [{name: _build_sample_value(name) for name in PRODUCT_PROPERTIES}]
    # Not in the spec: Insider One requires a currency with a cart; the guide's example sends it.
    return properties | ({"currency": "EUR"} if "cart_id" in known else {})


def _build_sample_value(property_name: str) -> JSON:
    return (
        _SAMPLE_NUMBERS.get(property_name)
        or _SAMPLE_TEXTS.get(property_name)
        or f"{property_name}-1"
    )


def _merge_objects(base: JSON, override: JSON) -> JSON:
    if isinstance(base, dict) and isinstance(override, dict):
        return base | {key: _merge_objects(base.get(key), value) for key, value in override.items()}
    return override
