"""The control API's dry run: what would become of events, with nothing sent and nothing kept."""

import secrets

import orjson
from flask import Blueprint, request

from segment_insider_emulator.capture.records import Captured
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.harness import shapes
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.explanation import Account, ConditionCheck, explain
from segment_insider_emulator.parts import Parts, parts
from segment_insider_emulator.segment.ingest import BATCH, receive, unpacked
from segment_insider_emulator.segment.message import Message
from segment_insider_emulator.segment.message_id import message_id
from segment_insider_emulator.segment.rules import TYPES
from segment_insider_emulator.segment.sources import assign
from segment_insider_emulator.types import JSON, JSONObject

bp = Blueprint("dry_run", __name__, url_prefix="/emulator/v1")

EXAMPLE = 'Send an event such as {"type": "track", "event": "Song Played", "userId": "ada"}.'


@bp.post("/dry-run")
def dry_run() -> JSONObject:
    """What an event, or a {"batch": [...]}, would lead to; neither needs a write key.

    Each message as it would be kept, with its "deliveries" and, for every subscription, whether it
    matches and why: {"messages": [{..., "deliveries", "subscriptions"}]}.
    """
    own = parts()
    found = rehearse(own, _messages(own, request.get_data()))
    every = _every(own.configuration.destination)
    return {"messages": [_told(own, each, every) for each in found]}


def rehearse(own: Parts, messages: list[Message]) -> list[Captured]:
    """What would become of *messages*; those that were sent before count as new.

    Answers are those of the emulated account as it is now, without faults and rates, wherever
    deliveries go otherwise.
    """
    with own.profiles.rehearsing():
        return own.road.rehearse(messages, own.endpoint.rehearsal().answer)


def _messages(own: Parts, raw: bytes) -> list[Message]:
    call = unpacked(raw, None, BATCH)
    kind = BATCH if BATCH in call else call.get("type")
    if kind not in (BATCH, *TYPES):
        raise EmulatorError("this is no event", "body.type", EXAMPLE)
    now = own.clock()
    received = receive(
        {"writeKey": own.workspace.write_key, **call},
        kind=kind,
        authorization=None,
        now=now,
        new_id=lambda: message_id(now, secrets.token_bytes(16)),
    )
    return assign(received, own.workspace.sources, strict=own.config.strict)


def _every(destination: JSONObject) -> Destination:
    """*destination* with all of its subscriptions enabled."""
    every = [{**each, "enabled": True} for each in destination["subscriptions"]]
    return Destination({**destination, "subscriptions": every})


def _told(own: Parts, found: Captured, every: Destination) -> JSONObject:
    message = shapes.message(found)
    accounts = explain(every, found.normalised).accounts if found.normalised else []
    switches = own.configuration.destination["subscriptions"]
    return {
        **_unnumbered(message),
        "deliveries": [_unnumbered(shapes.delivery(each)) for each in found.deliveries],
        "subscriptions": [
            _subscription(number, account, enabled=switch["enabled"])
            for number, (account, switch) in enumerate(zip(accounts, switches, strict=False), 1)
        ],
    }


def _unnumbered(shown: JSONObject) -> JSONObject:
    """*shown* without the numbers that are given to what is kept."""
    return {name: value for name, value in shown.items() if name not in ("id", "upsert")}


def _subscription(number: int, account: Account, *, enabled: bool) -> JSONObject:
    return {
        "number": number,
        "name": account.subscription,
        "actionSlug": account.action_slug,
        "enabled": enabled,
        "matched": account.matched,
        "why": _why(account, enabled=enabled),
        "conditions": [
            {"condition": each.condition, "holds": each.holds, "found": each.found}
            for each in account.conditions
        ],
    }


def _why(account: Account, *, enabled: bool) -> str:
    if account.failure:
        return account.failure.message
    if account.matched:
        return "its trigger takes the event" if enabled else "its trigger would, but it is disabled"
    unmet = [each for each in account.conditions if not each.holds]
    return "; ".join(map(_unmet, unmet)) or "its trigger does not take the event"


def _unmet(check: ConditionCheck) -> str:
    found: JSON = "missing" if check.found is None else orjson.dumps(check.found).decode()[:200]
    return f"{check.condition}, but it is {found}"
