"""One message in forms that are used elsewhere: a command, a contract case, a scenario."""

import shlex
from collections.abc import Iterator

import orjson

from segment_insider_emulator.capture.records import MessageRecord
from segment_insider_emulator.contract.cases import compile_case
from segment_insider_emulator.contract.running import run_case
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.segment.rules import MESSAGE_TYPES
from segment_insider_emulator.types import JSON, JSONObject


def without_message_id(message: MessageRecord) -> JSONObject:
    """The call as it can be sent once more: under its own id it would be a duplicate."""
    return {name: value for name, value in message.sent.items() if name != "messageId"}


def build_call_request(call: JSONObject, call_type: str | None) -> tuple[str, JSON]:
    """Where a call is sent to by itself, and the body to send there."""
    if call_type in MESSAGE_TYPES and call.get("type") in (None, call_type):
        return f"/v1/{call_type}", call
    return "/v1/batch", {"batch": [call]}


def build_curl_command(
    call: JSONObject, call_type: str | None, base_url: str, write_key: str
) -> str:
    """A command that sends *call* to the emulator at *url*."""
    path, body = build_call_request(call, call_type)
    return (
        f"curl -sS {shlex.quote(base_url + path)} -u {shlex.quote(write_key + ':')} \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  --data-raw {shlex.quote(orjson.dumps(body).decode())}"
    )


def build_contract_cases(message: MessageRecord, event: JSONObject, destination: JSONObject) -> str:
    """A case a line for each subscription that took the message, as the mappings are now.

    The key is not the account's own: a case is kept beside the code.
    """
    settings = {**destination["settings"], "ucd_key": "test-key"}
    return "".join(_iter_contract_cases(message, event, {**destination, "settings": settings}))


def _iter_contract_cases(
    message: MessageRecord, event: JSONObject, destination: JSONObject
) -> Iterator[str]:
    taking_subscriptions = [(each.subscription, each.action_slug) for each in message.deliveries]
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
        expect = run_case(compile_case(document, ""))
        # What is missing in a list is sent as null.
        yield orjson.dumps({**document, "expect": expect}, default=lambda _: None).decode() + "\n"
