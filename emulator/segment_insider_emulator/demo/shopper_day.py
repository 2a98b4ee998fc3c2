"""The demo: calls of a shopper's day, a summary of the result, and a text report."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from textwrap import wrap

from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.explanation import explain_event
from segment_insider_emulator.terminal_output import style_terminal_text
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios.client import ControlClient
from segment_insider_scenarios.shopper import (
    SegmentCall,
    Shopper,
    cart_viewed_call,
    checkout_started_call,
    identify_call,
    order_completed_call,
    page_call,
    product_added_call,
    product_list_viewed_call,
    product_viewed_call,
    screen_call,
    track_call,
)

CART_ID, CHECKOUT_ID, ORDER_ID, CURRENCY = "cart-9", "checkout-3", "order-17", "EUR"
CONSENT_TRAITS = {f"{channel}_optin": True for channel in ("email", "sms", "gdpr")}


@dataclass(frozen=True, slots=True)
class DemoCall:
    """One Segment call of the demo.

    Args:
        chapter: What the shopper is at.
        shopper: As the shop knows them at that time.
        note: What is special about the call.
    """

    chapter: str
    shopper: Shopper
    call: SegmentCall
    note: str = ""


def build_shopper_day(shopper: Shopper, products: list[JSONObject]) -> list[DemoCall]:
    """Return all calls of *shopper*'s day, who views *products* and buys the first two."""
    visitor = replace(shopper, user_id=None)
    chosen = products[:2]
    chapters = {
        "Browsing, not signed in": (visitor, _build_browsing_calls(products)),
        "Filling a cart, and leaving": (visitor, _build_cart_calls(chosen)),
        "Coming back, and opting in": (shopper, _build_optin_calls(shopper)),
        "Buying": (shopper, _build_purchase_calls(chosen)),
    }
    return [
        DemoCall(chapter, who, call, note)
        for chapter, (who, made) in chapters.items()
        for call, note in made
    ]


def _build_browsing_calls(products: list[JSONObject]) -> Iterator[tuple[SegmentCall, str]]:
    yield page_call("Home"), ""
    listed = [
        {"product_id": product["product_id"], "name": product["name"]} for product in products
    ]
    yield product_list_viewed_call(products[0]["category"], listed), ""
    for product in products[:2]:
        yield product_viewed_call(product), ""


def _build_cart_calls(products: list[JSONObject]) -> Iterator[tuple[SegmentCall, str]]:
    for product in products:
        yield product_added_call(product, CART_ID), ""
    forgotten = {"currency": CURRENCY, "products": products}
    yield track_call("Cart Viewed", forgotten), "without cart_id"
    yield cart_viewed_call(products, CART_ID, CURRENCY), ""


def _build_optin_calls(shopper: Shopper) -> Iterator[tuple[SegmentCall, str]]:
    traits = shopper.to_traits()
    yield identify_call(traits | {"email_optin": "yes"}), 'email_optin is "yes"'
    yield identify_call(traits | CONSENT_TRAITS | {"shoe_size": 41}), ""


def _build_purchase_calls(products: list[JSONObject]) -> Iterator[tuple[SegmentCall, str]]:
    total = round(sum(product["price"] * product["quantity"] for product in products), 2)
    yield checkout_started_call(products, CHECKOUT_ID, CURRENCY), ""
    details = {"revenue": total, "shipping": 4.5, "tax": 3.2, "gift_wrap": True}
    yield order_completed_call(products, ORDER_ID, CURRENCY, details), ""
    yield track_call("", {"rating": 5}), "an event without a name"
    yield screen_call("Thank you"), "from the app"


DELIVERED_VERDICTS = ("accepted", "warning")


def summarise_shopper_day(
    client: ControlClient, destination: JSONObject, demo_calls: Sequence[DemoCall], shopper: Shopper
) -> JSONObject:
    """Summarise what Insider One received for each call of the demo, and the final profile.

    Args:
        client: Of an emulator that got these *demo_calls* and nothing else.
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
        "received": [user for delivery in deliveries for user in _iter_received_users(delivery)],
        "unread": explained.dropped if explained and matched else [],
    }


def _iter_received_users(delivery: JSONObject) -> Iterator[JSONObject]:
    """Yield the users of a request that Insider One accepted, without times."""
    if delivery["verdict"] not in DELIVERED_VERDICTS:
        return
    for user in delivery["request"]["json"]["users"]:
        yield {
            "subscription": delivery["subscription"],
            "attributes": user["attributes"],
            "events": [
                {"event_name": event["event_name"], "event_params": event["event_params"]}
                for event in user.get("events", [])
            ],
        }


def _summarise_profile(client: ControlClient, shopper: Shopper) -> JSONObject | None:
    profiles = (client.find_profile(identifier) for identifier in shopper.identifiers)
    profile = next((profile for profile in profiles if profile), None)
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


REPORT_COLUMNS = 96
RECEIVED_COLUMNS = 52  # for received events
VERDICT_COLOURS = {"accepted": "green", "warning": "yellow", "not_subscribed": "yellow"}
VERDICT_MEANINGS = {
    "warning": "Insider One accepted it, but a part of it has no effect.",
    "failed": "A request could not be built or delivered; its data is lost.",
    "rejected": "Segment answered 200, but discarded it.",
}


def format_shopper_day_report(summary: JSONObject) -> Iterator[str]:
    """Yield the lines of the demo's report from a *summary*, with terminal colours."""
    calls = list(enumerate(summary["calls"], 1))
    width = max(len(_format_call_name(number, call)) for number, call in calls)
    yield ""
    yield f"{'  Call to Segment':{width}}  {'verdict':14}  what Insider One receives"
    for chapter, group in groupby(calls, lambda item: str(item[1]["chapter"])):
        yield _format_heading(chapter)
        for number, call in group:
            yield from _format_call(number, call, width)
    yield from _format_call_problems(calls)
    yield from _format_unmapped_properties(calls)
    yield from _format_profile(summary["profile"])


def _format_heading(text: str) -> str:
    return style_terminal_text(text, bold=True)


def _format_call_name(number: int, call: JSONObject) -> str:
    note = f" ({call['note']})" if call["note"] else ""
    return f"  {number:2}  {call['call']}{note}"


def _format_call(number: int, call: JSONObject, width: int) -> Iterator[str]:
    verdict = str(call["verdict"])
    colour = VERDICT_COLOURS.get(verdict, "red")
    first, *others = [*_format_received_events(call), *([] if call["received"] else ["-"])]
    yield (
        f"{_format_call_name(number, call):{width}}  "
        f"{style_terminal_text(f'{verdict:14}', fg=colour)}  {first}"
    )
    for other in others:
        yield f"{'':{width}}  {'':14}  {other}"


def _format_received_events(call: JSONObject) -> Iterator[str]:
    """Yield a report line for each received event, or for attributes without an event."""
    for user in call["received"]:
        for event in user["events"]:
            parameters = event["event_params"]
            values = [parameters.get(name) for name in ("product_id", "event_group_id")]
            yield " ".join([event["event_name"], *(str(value) for value in values if value)])
        if not user["events"]:
            yield from wrap("profile: " + ", ".join(user["attributes"]), RECEIVED_COLUMNS)


def _format_call_problems(calls: list[tuple[int, JSONObject]]) -> Iterator[str]:
    alike: dict[tuple[str, str], list[str]] = {}
    for number, call in calls:
        if call["verdict"] != "accepted":
            why = (str(call["verdict"]), str(call["reason"] or ""))
            alike.setdefault(why, []).append(_format_call_name(number, call))
    if alike:
        yield from ("", _format_heading("Problems and their reasons"))
    for (verdict, reason), names in alike.items():
        yield from names
        yield from _indent_text(
            " ".join(filter(None, [f"{verdict}.", VERDICT_MEANINGS.get(verdict)]))
        )
        yield from _indent_text(reason)


def _format_unmapped_properties(calls: list[tuple[int, JSONObject]]) -> Iterator[str]:
    lost = [(number, call) for number, call in calls if call["received"] and call["unread"]]
    if lost:
        yield from ("", _format_heading("Properties that no mapping uses"))
    for number, call in lost:
        # All products of a list share one path.
        paths = dict.fromkeys(re.sub(r"\[\d+]", "[]", path) for path in call["unread"])
        yield _format_call_name(number, call)
        yield from _indent_text(", ".join(paths))


def _format_profile(profile: JSONObject | None) -> Iterator[str]:
    yield from ("", _format_heading("The shopper's profile at Insider One"))
    if profile is None:
        yield "  no profile"
        return
    for part in ("identifiers", "attributes", "events"):
        text = ", ".join(
            f"{name} {_format_profile_value(value)}"
            for name, value in _flatten_profile_values(profile[part])
        )
        indent = f"  {part:12}  "
        yield from wrap(
            text or "-", REPORT_COLUMNS, initial_indent=indent, subsequent_indent=" " * 16
        )
    for at, (channel, reach) in enumerate(profile["reach"].items()):
        why = (
            "can be reached"
            if reach["reachable"]
            else f"cannot be reached: {', '.join(reach['why'])}"
        )
        yield f"  {'' if at else 'channels':12}  {channel} {why}"


def _indent_text(text: str) -> list[str]:
    return wrap(text, REPORT_COLUMNS, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _flatten_profile_values(values: JSONObject) -> Iterator[tuple[str, JSON]]:
    for name, value in values.items():
        yield from _flatten_profile_values(value) if isinstance(value, dict) else [(name, value)]


def _format_profile_value(value: JSON) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
