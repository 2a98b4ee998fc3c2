"""What Segment answers with 200 and then drops, and the discard code it shows for it.

Source: Segment, Delivery Overview, "Failed on ingest". `null` counts as absent everywhere: the
Python SDK sends it for whatever is not set.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from reprlib import repr as brief

from segment_insider_emulator.segment.limits import BATCH_EVENTS, too_deep, too_heavy
from segment_insider_emulator.types import JSON, JSONObject

TYPES = ("track", "identify", "page", "screen", "group", "alias")
CROWDED_SAMPLE = 10  # calls of a crowded batch that are stored: nobody reads thousands
IDS = ("userId", "anonymousId", "groupId", "previousId", "messageId")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is dropped: Segment's code, and one sentence for people."""

    code: str
    detail: str


NOT_AN_OBJECT = Refusal("bad_request", "An event is a JSON object. Send {…} for each in the batch.")


def refusal(call: JSONObject) -> Refusal | None:
    """Say why Segment drops *call*, its type filled in; None when it is taken."""
    return next((found for rule in RULES for found in rule(call)), None)


def crowded(batch: list[JSON]) -> Refusal | None:
    """Say that *batch* has too many calls: Segment then drops them all."""
    if len(batch) <= BATCH_EVENTS:
        return None
    # The code is not documented, only that the answer is 200 and the events are gone.
    return Refusal(
        "bad_request",
        f"The batch has {len(batch):,} events, Segment takes {BATCH_EVENTS:,} and drops them all. "
        f"Send more, smaller batches. The first {CROWDED_SAMPLE} events are stored here.",
    )


def oversized(call: JSONObject) -> Refusal | None:
    """Say that *call*, one of a batch, is too large, and spare the others.

    Segment documents both this and refusing the whole batch with 400, and no code for either.
    """
    if problem := too_deep(call) or too_heavy(call):
        return Refusal("bad_request", f"The event is too large: {problem}. Send less in one event.")
    return None


def _type(call: JSONObject) -> Iterator[Refusal]:
    if (kind := call.get("type")) not in TYPES:
        yield Refusal("bad_request", f"The type is {brief(kind)}. Known: {', '.join(TYPES)}.")


def _ids(call: JSONObject) -> Iterator[Refusal]:
    for name in IDS:
        value = call.get(name)
        # An empty messageId is given a new one; every other empty id is refused.
        empty = value == "" and name != "messageId"
        if empty or not isinstance(value, str | None):
            yield Refusal(
                "id_not_string", f"{name} is {brief(value)}. Send a text that is not empty."
            )
    if call.get("userId") is None and call.get("anonymousId") is None:
        yield Refusal("no_user_anon_id", "It has no userId and no anonymousId. Send one of them.")


def _event(call: JSONObject) -> Iterator[Refusal]:
    if call["type"] != "track":
        return
    name = call.get("event")
    if name is None or name == "":
        yield Refusal("event_not_defined", "A track call needs the name of its event in `event`.")
    elif not isinstance(name, str):
        yield Refusal("event_not_string", f"event is {brief(name)}. Send the event's name as text.")


def _names(call: JSONObject) -> Iterator[Refusal]:
    if call["type"] not in ("page", "screen"):
        return
    for name in ("name", "category"):
        value = call.get(name)
        if value == "" or not isinstance(value, str | None):
            yield Refusal(
                f"{name}_not_string", f"{name} is {brief(value)}. Send text, or leave it out."
            )


def _objects(call: JSONObject) -> Iterator[Refusal]:
    codes = {
        "properties": "properties_not_object",
        "traits": "traits_not_object",
        # Segment documents no code of its own for these two.
        "context": "bad_request",
        "integrations": "bad_request",
    }
    for name, code in codes.items():
        if not isinstance(call.get(name), dict | None):
            yield Refusal(code, f"{name} is {brief(call[name])}. Send an object, or leave it out.")


# In this order: each rule may rely on those before it.
RULES: tuple[Callable[[JSONObject], Iterator[Refusal]], ...] = (
    _type,
    _ids,
    _event,
    _names,
    _objects,
)
