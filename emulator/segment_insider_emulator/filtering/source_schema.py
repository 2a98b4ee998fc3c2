"""The source schema: block events and traits that are switched off by name.

Source: Segment, "Source Schema": track calls by name, all pages, all screens, single traits.
"""

from segment_insider_emulator.filtering.result import (
    SOURCE_STEP,
    FilterResult,
    OmittedField,
    Rejection,
)
from segment_insider_emulator.types import JSONObject

EVENT_SETTING_CODE = "event_setting"


def apply_source_schema(schema: JSONObject, event: JSONObject) -> FilterResult:
    """Accept or reject *event*, or remove its disabled traits.

    Args:
        schema: {"track": {event: on}, "page": on, "screen": on, "identify": {trait: on},
            "group": {trait: on}}; what it does not name is on.
    """
    kind = event["type"]
    setting = schema.get(kind, True)
    if kind == "track" and setting is not True and setting.get(event["event"]) is False:
        return _rejected(event, f"the source's schema switches {event['event']!r} off")
    if kind in ("page", "screen") and setting is False:
        return _rejected(event, f"the source's schema switches {kind} calls off")
    if kind in ("identify", "group") and setting is not True:
        return _drop_disabled_traits(event, [trait for trait, on in setting.items() if on is False])
    return FilterResult(event)


def _rejected(event: JSONObject, detail: str) -> FilterResult:
    return FilterResult(event, Rejection(SOURCE_STEP, EVENT_SETTING_CODE, detail))


def _drop_disabled_traits(event: JSONObject, disabled_traits: list[str]) -> FilterResult:
    traits = event.get("traits") or {}
    blocked = [trait for trait in traits if trait in disabled_traits]
    if not blocked:
        return FilterResult(event)
    left = {trait: value for trait, value in traits.items() if trait not in disabled_traits}
    omitted = tuple(OmittedField(f"traits.{trait}", EVENT_SETTING_CODE) for trait in blocked)
    return FilterResult({**event, "traits": left}, omitted=omitted)
