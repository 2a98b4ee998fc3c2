"""One message in forms that are used elsewhere: a command, a contract case, a scenario."""

import shlex
from collections.abc import Iterator

import orjson

from segment_insider_emulator.capture.records import Captured
from segment_insider_emulator.contract.cases import compiled
from segment_insider_emulator.contract.running import actual
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.segment.rules import TYPES
from segment_insider_emulator.types import JSON, JSONObject


def again(message: Captured) -> JSONObject:
    """The call as it can be sent once more: under its own id it would be a duplicate."""
    return {name: value for name, value in message.sent.items() if name != "messageId"}


def path_of(call: JSONObject, kind: str | None) -> tuple[str, JSON]:
    """Where a call is sent to by itself, and the body to send there."""
    if kind in TYPES and call.get("type") in (None, kind):
        return f"/v1/{kind}", call
    return "/v1/batch", {"batch": [call]}


def curl(call: JSONObject, kind: str | None, url: str, key: str) -> str:
    """A command that sends *call* to the emulator at *url*."""
    path, body = path_of(call, kind)
    return (
        f"curl -sS {shlex.quote(url + path)} -u {shlex.quote(key + ':')} \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  --data-raw {shlex.quote(orjson.dumps(body).decode())}"
    )


def contract_cases(message: Captured, event: JSONObject, destination: JSONObject) -> str:
    """A case a line for each subscription that took the message, as the mappings are now.

    The key is not the account's own: a case is kept beside the code.
    """
    settings = {**destination["settings"], "ucd_key": "test-key"}
    return "".join(_cases(message, event, {**destination, "settings": settings}))


def _cases(message: Captured, event: JSONObject, destination: JSONObject) -> Iterator[str]:
    wanted = [(each.subscription, each.action_slug) for each in message.deliveries]
    batched = {(e.subscription, e.action_slug) for e in message.deliveries if e.batch}
    for each in Destination(destination).subscriptions:
        name = (each.name, each.action_slug)
        if name not in wanted:
            continue
        document: JSONObject = {
            "name": f"{message.event or message.type} by {each.name}",
            "about": f"Captured at {message.received_at}.",
            "destination": {"settings": destination["settings"]},
            "subscription": {
                "name": each.name,
                "actionSlug": each.action_slug,
                "trigger": each.trigger,
                "settings": each.mapping,
            },
            "batch": name in batched,
            "events": [event],
        }
        expect = actual(compiled(document, ""))
        # What is missing in a list is sent as null.
        yield orjson.dumps({**document, "expect": expect}, default=lambda _: None).decode() + "\n"
