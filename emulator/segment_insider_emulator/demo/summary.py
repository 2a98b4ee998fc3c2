"""What came of the day, as one JSON document: the same for the same seed."""

from collections.abc import Iterator, Sequence

from segment_insider_emulator.demo.day import Turn
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.explanation import explain
from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.client import ControlClient
from segment_insider_scenarios.shopper import Shopper

TAKEN = ("accepted", "warning")


def summarise(
    client: ControlClient, destination: JSONObject, turns: Sequence[Turn], shopper: Shopper
) -> JSONObject:
    """Say of each call what Insider One received, and what it knows at the end.

    Args:
        client: Of an emulator that got these *turns* and nothing else.
        destination: In the shape of Segment's Public API.
    Returns: {"calls": [{"chapter", "call", "note", "verdict", "reason", "received", "unread"}],
        "profile": {"identifiers", "attributes", "events", "reach"} or None}; no times, no ids that
        differ from run to run.
    """
    compiled = Destination(destination)
    messages = client.messages()
    return {
        "calls": [
            _call(client, compiled, turn, message)
            for turn, message in zip(turns, messages, strict=True)
        ],
        "profile": _profile(client, shopper),
    }


def _call(
    client: ControlClient, destination: Destination, turn: Turn, message: JSONObject
) -> JSONObject:
    deliveries = client.deliveries(messageId=message["messageId"])
    normalised = message["normalised"]
    explained = explain(destination, normalised) if normalised else None
    matched = explained is not None and any(account.matched for account in explained.accounts)
    return {
        "chapter": turn.chapter,
        "call": f"{message['type']} {turn.call.name or ''}".strip(),
        "note": turn.note,
        "verdict": message["verdict"],
        "reason": message["reason"],
        "received": [each for delivery in deliveries for each in _received(delivery)],
        "unread": explained.dropped if explained and matched else [],
    }


def _received(delivery: JSONObject) -> Iterator[JSONObject]:
    """The users of a request that Insider One took, without their times."""
    if delivery["verdict"] not in TAKEN:
        return
    for user in delivery["request"]["json"]["users"]:
        yield {
            "subscription": delivery["subscription"],
            "attributes": user["attributes"],
            "events": [
                {"event_name": each["event_name"], "event_params": each["event_params"]}
                for each in user.get("events", [])
            ],
        }


def _profile(client: ControlClient, shopper: Shopper) -> JSONObject | None:
    found = (client.profile(identifier) for identifier in shopper.identifiers)
    profile = next((each for each in found if each), None)
    if profile is None:
        return None
    counts: dict[str, int] = {}
    for event in profile["events"]:
        counts[event["event_name"]] = counts.get(event["event_name"], 0) + 1
    return {
        "identifiers": profile["identifiers"],
        "attributes": profile["attributes"],
        "events": counts,
        "reach": profile["reach"],
    }
