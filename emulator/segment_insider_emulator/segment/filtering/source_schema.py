"""The source's schema: events and traits that are switched off by name.

Source: Segment, "Source Schema": track calls by name, all pages, all screens, single traits.
"""

from segment_insider_emulator.segment.filtering.passage import SOURCE, Omission, Passage, Stop
from segment_insider_emulator.types import JSONObject

EVENT_SETTING = "event_setting"


def screen(schema: JSONObject, event: JSONObject) -> Passage:
    """Let *event* pass, stop it, or take out its traits.

    Args:
        schema: {"track": {event: on}, "page": on, "screen": on, "identify": {trait: on},
            "group": {trait: on}}; what it does not name is on.
    """
    kind = event["type"]
    setting = schema.get(kind, True)
    if kind == "track" and setting is not True and setting.get(event["event"]) is False:
        return _stopped(event, f"the source's schema switches {event['event']!r} off")
    if kind in ("page", "screen") and setting is False:
        return _stopped(event, f"the source's schema switches {kind} calls off")
    if kind in ("identify", "group") and setting is not True:
        return _stripped(event, [trait for trait, on in setting.items() if on is False])
    return Passage(event)


def _stopped(event: JSONObject, detail: str) -> Passage:
    return Passage(event, Stop(SOURCE, EVENT_SETTING, detail))


def _stripped(event: JSONObject, off: list[str]) -> Passage:
    traits = event.get("traits") or {}
    blocked = [trait for trait in traits if trait in off]
    if not blocked:
        return Passage(event)
    left = {trait: value for trait, value in traits.items() if trait not in off}
    omitted = tuple(Omission(f"traits.{trait}", EVENT_SETTING) for trait in blocked)
    return Passage({**event, "traits": left}, omitted=omitted)
