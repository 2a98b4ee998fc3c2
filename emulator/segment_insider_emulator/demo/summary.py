"""What came of the day, as one JSON document: the same for the same seed."""

from collections.abc import Iterator, Sequence

from segment_insider_emulator.demo.day import DemoCall
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.explanation import explain_event
from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.client import ControlClient
from segment_insider_scenarios.shopper import Shopper

DELIVERED_VERDICTS = ("accepted", "warning")


def summarise_day(
    client: ControlClient, destination: JSONObject, demo_calls: Sequence[DemoCall], shopper: Shopper
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
    messages = client.list_messages()
    return {
        "calls": [
            _summarise_call(client, compiled, turn, message)
            for turn, message in zip(demo_calls, messages, strict=True)
        ],
        "profile": _summarise_profile(client, shopper),
    }


def _summarise_call(
    client: ControlClient, destination: Destination, demo_call: DemoCall, message: JSONObject
) -> JSONObject:
    deliveries = client.list_deliveries(messageId=message["messageId"])
    normalised = message["normalised"]
    explained = explain_event(destination, normalised) if normalised else None
    matched = explained is not None and any(account.matched for account in explained.accounts)
    return {
        "chapter": demo_call.chapter,
        "call": f"{message['type']} {demo_call.call.name or ''}".strip(),
        "note": demo_call.note,
        "verdict": message["verdict"],
        "reason": message["reason"],
        "received": [each for delivery in deliveries for each in _iter_received_users(delivery)],
        "unread": explained.dropped if explained and matched else [],
    }


def _iter_received_users(delivery: JSONObject) -> Iterator[JSONObject]:
    """The users of a request that Insider One took, without their times."""
    if delivery["verdict"] not in DELIVERED_VERDICTS:
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


def _summarise_profile(client: ControlClient, shopper: Shopper) -> JSONObject | None:
    profiles = (client.find_profile(identifier) for identifier in shopper.identifiers)
    profile = next((each for each in profiles if each), None)
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
