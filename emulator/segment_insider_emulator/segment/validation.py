"""Validation of Segment calls: errors reported to the sender, and calls dropped silently.

Sources: Segment, HTTP API, "Max request size" and "Batch"; Delivery Overview, "Failed on ingest".
It is not documented whether limits count compressed bytes: here they do not. `null` counts as
absent everywhere, because the Python SDK sends it for missing values.
"""

from collections.abc import Callable
from dataclasses import dataclass
from reprlib import repr as brief
from typing import Final

import orjson

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import MAX_DEPTH, measure_nesting_depth
from segment_insider_emulator.types import JSON, JSONObject

MAX_EVENT_BYTES: Final = 32 * 1024
MAX_BATCH_BYTES: Final = 500 * 1024
MAX_BATCH_EVENTS: Final = 2_500
MAX_MESSAGE_ID_LENGTH: Final = 100  # characters
MAX_STORED_CALLS_OF_LARGE_BATCH: Final = 10
MESSAGE_TYPES = ("track", "identify", "page", "screen", "group", "alias")
ID_FIELDS = ("userId", "anonymousId", "groupId", "previousId", "messageId")


class IngestError(EmulatorError):
    """Error when Segment rejects a whole tracking request.

    Args:
        status: The HTTP status, e.g. 400.
        message: Segment's text, e.g. "malformed JSON"; SDKs put it into their exception.
        code: Segment's code, e.g. "invalid_request".
    """

    def __init__(
        self, status: int, message: str, code: str, what: str, where: str, remedy: str
    ) -> None:
        super().__init__(what, where, remedy)
        self.status = status
        self.message = message
        self.code = code


@dataclass(frozen=True, slots=True)
class DiscardReason:
    """Reason why Segment discards a call: its code, and one sentence for people."""

    code: str
    detail: str


CALL_NOT_AN_OBJECT = DiscardReason(
    "bad_request", "An event is a JSON object. Send {…} for each in the batch."
)


def find_discard_reason(call: JSONObject) -> DiscardReason | None:
    """Return the reason why Segment drops *call*; None if it is valid."""
    for check in CALL_CHECKS:
        if reason := check(call):
            return reason
    return None


def find_batch_size_problem(batch: list[JSON]) -> DiscardReason | None:
    """Return the reason why a batch has too many calls and Segment drops them all; None if not."""
    if len(batch) <= MAX_BATCH_EVENTS:
        return None
    # The code is not documented, only that the answer is 200 and the events are dropped.
    return DiscardReason(
        "bad_request",
        f"The batch has {len(batch):,} events, Segment takes {MAX_BATCH_EVENTS:,} and drops "
        "them all. "
        f"Send more, smaller batches. The first {MAX_STORED_CALLS_OF_LARGE_BATCH} events "
        "are stored here.",
    )


def find_call_size_problem(call: JSONObject) -> DiscardReason | None:
    """Return the reason why one call of a batch is too large and is dropped alone; None if not.

    Segment documents both this and rejecting the whole batch with 400, and no code for either.
    """
    try:
        text = orjson.dumps(call)
    except orjson.JSONEncodeError:  # it is deeper than the library encodes
        pass
    else:  # of most calls, one look at their text is enough
        if len(text) <= MAX_EVENT_BYTES and text.count(b"{") + text.count(b"[") <= MAX_DEPTH:
            return None
    if problem := describe_depth_problem(call) or describe_size_problem(call):
        return DiscardReason(
            "bad_request", f"The event is too large: {problem}. Send less in one event."
        )
    return None


def describe_depth_problem(value: JSON) -> str | None:
    """Describe by how much a JSON value is nested too deep; None if it is not."""
    try:
        text = orjson.dumps(value)
    except orjson.JSONEncodeError:  # it is deeper than the library encodes
        pass
    else:
        # Counting brackets is cheap; only a value with many of them needs the exact depth.
        if text.count(b"{") + text.count(b"[") <= MAX_DEPTH:
            return None
    levels = measure_nesting_depth(value)
    return f"it is {levels} levels deep, {MAX_DEPTH} are taken" if levels > MAX_DEPTH else None


def describe_size_problem(value: JSON, max_bytes: int = MAX_EVENT_BYTES) -> str | None:
    """Describe by how much a JSON value is too large as compact text; None if it is not."""
    size = len(orjson.dumps(value))
    return f"it has {size:,} bytes, Segment takes {max_bytes:,}" if size > max_bytes else None


def truncate_deep_values(value: JSON, max_depth: int = MAX_DEPTH) -> JSON:
    """Return a copy of a JSON value with an ellipsis for everything deeper than *max_depth*."""
    if not isinstance(value, dict | list):
        return value
    if max_depth == 0:
        return "…"
    if isinstance(value, dict):
        return {name: truncate_deep_values(child, max_depth - 1) for name, child in value.items()}
    return [truncate_deep_values(child, max_depth - 1) for child in value]


def build_malformed_request_error(what: str, where: str, remedy: str) -> IngestError:
    """Build the error for a tracking request whose body cannot be read as a call."""
    return IngestError(400, "malformed JSON", "invalid_request", what, where, remedy)


def build_request_too_large_error(what: str, where: str, remedy: str) -> IngestError:
    """Build the error for a tracking request over one of Segment's size limits."""
    return IngestError(400, "Exceed payload limit", "invalid_request", what, where, remedy)


def _check_call_type(call: JSONObject) -> DiscardReason | None:
    if (kind := call.get("type")) not in MESSAGE_TYPES:
        return DiscardReason(
            "bad_request", f"The type is {brief(kind)}. Known: {', '.join(MESSAGE_TYPES)}."
        )
    return None


def _check_id_fields(call: JSONObject) -> DiscardReason | None:
    for name in ID_FIELDS:
        value = call.get(name)
        # An empty messageId is replaced by a new one; every other empty id is an error.
        empty = value == "" and name != "messageId"
        if empty or not isinstance(value, str | None):
            return DiscardReason(
                "id_not_string", f"{name} is {brief(value)}. Send a text that is not empty."
            )
    if call.get("userId") is None and call.get("anonymousId") is None:
        return DiscardReason(
            "no_user_anon_id", "It has no userId and no anonymousId. Send one of them."
        )
    return None


def _check_event_name(call: JSONObject) -> DiscardReason | None:
    if call["type"] != "track":
        return None
    name = call.get("event")
    if name is None or name == "":
        return DiscardReason(
            "event_not_defined", "A track call needs the name of its event in `event`."
        )
    elif not isinstance(name, str):
        return DiscardReason(
            "event_not_string", f"event is {brief(name)}. Send the event's name as text."
        )
    return None


def _check_page_names(call: JSONObject) -> DiscardReason | None:
    if call["type"] not in ("page", "screen"):
        return None
    for name in ("name", "category"):
        value = call.get(name)
        if value == "" or not isinstance(value, str | None):
            return DiscardReason(
                f"{name}_not_string", f"{name} is {brief(value)}. Send text, or leave it out."
            )
    return None


_OBJECT_FIELD_CODES = {
    "properties": "properties_not_object",
    "traits": "traits_not_object",
    # Segment documents no special code for these two.
    "context": "bad_request",
    "integrations": "bad_request",
}


def _check_object_fields(call: JSONObject) -> DiscardReason | None:
    for name, code in _OBJECT_FIELD_CODES.items():
        if not isinstance(call.get(name), dict | None):
            return DiscardReason(
                code, f"{name} is {brief(call[name])}. Send an object, or leave it out."
            )
    return None


# In this order: each check relies on those before it.
CALL_CHECKS: tuple[Callable[[JSONObject], DiscardReason | None], ...] = (
    _check_call_type,
    _check_id_fields,
    _check_event_name,
    _check_page_names,
    _check_object_fields,
)
