"""What the tester's form says: an event and, perhaps, an edited mapping, read and checked."""

from dataclasses import dataclass
from datetime import datetime

import orjson

from segment_insider_emulator.depth import MAX_DEPTH, nesting_depth
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.segment.normalise import normalise_call
from segment_insider_emulator.types import JSON, JSONObject

CALL_TYPES = ("track", "identify", "page", "screen", "group", "alias")
EVENT_REMEDY = (
    'Paste a call as an SDK sends it, such as {"type": "track", "event": "Order Completed"}.'
)
MAPPING_REMEDY = 'Write an object, such as {"uuid": {"@path": "$.userId"}}.'
DEFAULT_MESSAGE_ID = "tester"  # of a call that has none


@dataclass(frozen=True, slots=True)
class TesterForm:
    """The form as texts, good or not.

    Args:
        event: JSON of a call.
        number: The subscription that is edited, 1 for the first; None when none is.
        trigger, mapping: Its trigger, and its mapping as JSON.
    """

    event_json: str = ""
    subscription_number: int | None = None
    trigger_text: str = ""
    mapping_json: str = ""


def build_edit_form(
    event_json: str, subscription_number: int, subscription: JSONObject
) -> TesterForm:
    """The form with *subscription* as it is, ready to be edited."""
    action = ACTIONS[subscription["actionSlug"]]
    mapping = subscription.get("settings", action.default_mapping)
    text = orjson.dumps(mapping, option=orjson.OPT_INDENT_2).decode()
    return TesterForm(
        event_json, subscription_number, str(subscription.get("trigger", action.trigger)), text
    )


def parse_event(text: str, now: datetime) -> JSONObject:
    """The event that destinations would be handed. Raises: EmulatorError.

    One that was captured has `receivedAt`, and is taken as it stands.
    """
    call = _parse_json_object(text, "event", EVENT_REMEDY)
    if call.get("type") not in CALL_TYPES:
        raise EmulatorError(
            "a call has a type", "event.type", f"Write one of {', '.join(CALL_TYPES)}."
        )
    for name in ("context", "properties", "traits"):
        if not isinstance(call.get(name, {}), dict):
            raise EmulatorError("this is no JSON object", f"event.{name}", "Write {…}.")
    if "receivedAt" in call:
        return call
    message_id = call.get("messageId")
    return normalise_call(
        call, message_id if isinstance(message_id, str) else DEFAULT_MESSAGE_ID, now
    )


def apply_edit_to_subscription(form: TesterForm, subscription: JSONObject) -> JSONObject:
    """*subscription* as edited. Raises: EmulatorError."""
    settings = _parse_json_object(form.mapping_json, "mapping", MAPPING_REMEDY)
    return {**subscription, "trigger": form.trigger_text.strip(), "settings": settings}


def _parse_json_object(text: str, where: str, remedy: str) -> JSONObject:
    try:
        value: JSON = parse_json(text.encode())
    except orjson.JSONDecodeError as error:
        place = f"{where}, line {error.lineno}" if text.strip() else where
        what = error.msg if text.strip() else "nothing is there"
        raise EmulatorError(what, place, remedy) from error
    if not isinstance(value, dict):
        raise EmulatorError("this is no JSON object", where, remedy)
    if nesting_depth(value) > MAX_DEPTH:
        raise EmulatorError(f"it is nested deeper than {MAX_DEPTH} levels", where, "Flatten it.")
    return value
