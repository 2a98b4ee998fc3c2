"""Conversions of a captured message to a curl command or a contract case."""

import shlex
from collections.abc import Iterator

import orjson

from segment_insider_emulator.contract.cases import compile_case, run_case
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.segment.validation import MESSAGE_TYPES
from segment_insider_emulator.storage.records import MessageRecord
from segment_insider_emulator.types import JSON, JSONObject


def remove_message_id(message: MessageRecord) -> JSONObject:
    """Return a call without its messageId, because Segment drops duplicate ids."""
    return {name: value for name, value in message.sent.items() if name != "messageId"}


def build_call_request(call: JSONObject, call_type: str | None) -> tuple[str, JSON]:
    """Return the path and JSON body of the Segment request that sends one call."""
    if call_type in MESSAGE_TYPES and call.get("type") in (None, call_type):
        return f"/v1/{call_type}", call
    return "/v1/batch", {"batch": [call]}


def build_curl_command(
    call: JSONObject, call_type: str | None, base_url: str, write_key: str
) -> str:
    """Return a curl command that sends *call* to the emulator's Segment API at *base_url*."""
    path, body = build_call_request(call, call_type)
    return (
        f"curl -sS {shlex.quote(base_url + path)} -u {shlex.quote(write_key + ':')} \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  --data-raw {shlex.quote(orjson.dumps(body).decode())}"
    )


def build_contract_cases(message: MessageRecord, event: JSONObject, destination: JSONObject) -> str:
    """Return contract cases as JSON lines, one for each subscription that matched the message.

    The account key is replaced, because cases are committed to repositories.
    """
    settings = {**destination["settings"], "ucd_key": "test-key"}
    return "".join(_iter_contract_cases(message, event, {**destination, "settings": settings}))


def _iter_contract_cases(
    message: MessageRecord, event: JSONObject, destination: JSONObject
) -> Iterator[str]:
    taking_subscriptions = [
        (delivery.subscription, delivery.action_slug) for delivery in message.deliveries
    ]
    batched_subscriptions = {(e.subscription, e.action_slug) for e in message.deliveries if e.batch}
    for subscription in Destination(destination).subscriptions:
        name = (subscription.name, subscription.action_slug)
        if name not in taking_subscriptions:
            continue
        document: JSONObject = {
            "name": f"{message.event or message.type} by {subscription.name}",
            "about": f"Captured at {message.received_at}.",
            "destination": {"settings": destination["settings"]},
            "subscription": {
                "name": subscription.name,
                "actionSlug": subscription.action_slug,
                "trigger": subscription.trigger,
                "settings": subscription.mapping,
            },
            "batch": name in batched_subscriptions,
            "events": [event],
        }
        if before := (message.filtering or {}).get("trigger_event"):
            document["received"] = [before]  # an insert function changed it
        expect = run_case(compile_case(document, ""))
        # A missing list item is sent as null.
        yield orjson.dumps({**document, "expect": expect}, default=lambda _: None).decode() + "\n"
