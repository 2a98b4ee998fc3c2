"""What Segment answers with 200 and then drops, and the discard code it shows for it.

Source: Segment, Delivery Overview, "Failed on ingest". `null` counts as absent everywhere: the
Python SDK sends it for whatever is not set.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from reprlib import repr as brief

from segment_insider_emulator.segment.limits import MAX_BATCH_EVENTS, depth_problem, size_problem
from segment_insider_emulator.types import JSON, JSONObject

MESSAGE_TYPES = ("track", "identify", "page", "screen", "group", "alias")
MAX_STORED_CALLS_OF_LARGE_BATCH = (
    10  # calls of a crowded batch that are stored: nobody reads thousands
)
ID_FIELDS = ("userId", "anonymousId", "groupId", "previousId", "messageId")


@dataclass(frozen=True, slots=True)
class DiscardReason:
    """Why a call is dropped: Segment's code, and one sentence for people."""

    code: str
    detail: str


CALL_NOT_AN_OBJECT = DiscardReason(
    "bad_request", "An event is a JSON object. Send {…} for each in the batch."
)


def find_discard_reason(call: JSONObject) -> DiscardReason | None:
    """Say why Segment drops *call*, its type filled in; None when it is taken."""
    return next((found for rule in CALL_CHECKS for found in rule(call)), None)


def too_many_calls(batch: list[JSON]) -> DiscardReason | None:
    """Say that *batch* has too many calls: Segment then drops them all."""
    if len(batch) <= MAX_BATCH_EVENTS:
        return None
    # The code is not documented, only that the answer is 200 and the events are gone.
    return DiscardReason(
        "bad_request",
        f"The batch has {len(batch):,} events, Segment takes {MAX_BATCH_EVENTS:,} and drops them all. "
        f"Send more, smaller batches. The first {MAX_STORED_CALLS_OF_LARGE_BATCH} events are stored here.",
    )


def event_too_large(call: JSONObject) -> DiscardReason | None:
    """Say that *call*, one of a batch, is too large, and spare the others.

    Segment documents both this and refusing the whole batch with 400, and no code for either.
    """
    if problem := depth_problem(call) or size_problem(call):
        return DiscardReason(
            "bad_request", f"The event is too large: {problem}. Send less in one event."
        )
    return None


def _check_type(call: JSONObject) -> Iterator[DiscardReason]:
    if (kind := call.get("type")) not in MESSAGE_TYPES:
        yield DiscardReason(
            "bad_request", f"The type is {brief(kind)}. Known: {', '.join(MESSAGE_TYPES)}."
        )


def _check_ids(call: JSONObject) -> Iterator[DiscardReason]:
    for name in ID_FIELDS:
        value = call.get(name)
        # An empty messageId is given a new one; every other empty id is refused.
        empty = value == "" and name != "messageId"
        if empty or not isinstance(value, str | None):
            yield DiscardReason(
                "id_not_string", f"{name} is {brief(value)}. Send a text that is not empty."
            )
    if call.get("userId") is None and call.get("anonymousId") is None:
        yield DiscardReason(
            "no_user_anon_id", "It has no userId and no anonymousId. Send one of them."
        )


def _check_event_name(call: JSONObject) -> Iterator[DiscardReason]:
    if call["type"] != "track":
        return
    name = call.get("event")
    if name is None or name == "":
        yield DiscardReason(
            "event_not_defined", "A track call needs the name of its event in `event`."
        )
    elif not isinstance(name, str):
        yield DiscardReason(
            "event_not_string", f"event is {brief(name)}. Send the event's name as text."
        )


def _check_page_names(call: JSONObject) -> Iterator[DiscardReason]:
    if call["type"] not in ("page", "screen"):
        return
    for name in ("name", "category"):
        value = call.get(name)
        if value == "" or not isinstance(value, str | None):
            yield DiscardReason(
                f"{name}_not_string", f"{name} is {brief(value)}. Send text, or leave it out."
            )


def _check_objects(call: JSONObject) -> Iterator[DiscardReason]:
    codes = {
        "properties": "properties_not_object",
        "traits": "traits_not_object",
        # Segment documents no code of its own for these two.
        "context": "bad_request",
        "integrations": "bad_request",
    }
    for name, code in codes.items():
        if not isinstance(call.get(name), dict | None):
            yield DiscardReason(
                code, f"{name} is {brief(call[name])}. Send an object, or leave it out."
            )


# In this order: each rule may rely on those before it.
CALL_CHECKS: tuple[Callable[[JSONObject], Iterator[DiscardReason]], ...] = (
    _check_type,
    _check_ids,
    _check_event_name,
    _check_page_names,
    _check_objects,
)
