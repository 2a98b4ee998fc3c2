"""The summary in words and columns."""

import re
from collections.abc import Iterator
from itertools import groupby
from textwrap import wrap

from segment_insider_emulator.cli.terminal import styled
from segment_insider_emulator.types import JSON, JSONObject

WIDTH = 96  # columns
ARRIVALS = 52  # columns of what arrived
COLOURS = {"accepted": "green", "warning": "yellow", "not_subscribed": "yellow"}
MEANINGS = {
    "warning": "Insider One took it, and something in it does not do what it seems to.",
    "failed": "A request could not be made or delivered, and what it had to say is lost.",
    "rejected": "Segment answered 200 and threw it away.",
}


def tell(summary: JSONObject) -> Iterator[str]:
    """The lines of a *summary*, with terminal colours."""
    calls = list(enumerate(summary["calls"], 1))
    width = max(len(_named(number, call)) for number, call in calls)
    yield ""
    yield f"{'  Call to Segment':{width}}  {'verdict':14}  what Insider One receives"
    for chapter, group in groupby(calls, lambda each: str(each[1]["chapter"])):
        yield _heading(chapter)
        for number, call in group:
            yield from _call(number, call, width)
    yield from _wrong_turns(calls)
    yield from _unread(calls)
    yield from _profile(summary["profile"])


def _heading(text: str) -> str:
    return styled(text, bold=True)


def _named(number: int, call: JSONObject) -> str:
    note = f" ({call['note']})" if call["note"] else ""
    return f"  {number:2}  {call['call']}{note}"


def _call(number: int, call: JSONObject, width: int) -> Iterator[str]:
    verdict = str(call["verdict"])
    colour = COLOURS.get(verdict, "red")
    first, *others = [*_arrivals(call), *([] if call["received"] else ["-"])]
    yield f"{_named(number, call):{width}}  {styled(f'{verdict:14}', fg=colour)}  {first}"
    for other in others:
        yield f"{'':{width}}  {'':14}  {other}"


def _arrivals(call: JSONObject) -> Iterator[str]:
    """One line for each event that arrived, or for the attributes that did without one."""
    for user in call["received"]:
        for event in user["events"]:
            parameters = event["event_params"]
            shown = [parameters.get(name) for name in ("product_id", "event_group_id")]
            yield " ".join([event["event_name"], *(str(each) for each in shown if each)])
        if not user["events"]:
            yield from wrap("profile: " + ", ".join(user["attributes"]), ARRIVALS)


def _wrong_turns(calls: list[tuple[int, JSONObject]]) -> Iterator[str]:
    alike: dict[tuple[str, str], list[str]] = {}
    for number, call in calls:
        if call["verdict"] != "accepted":
            why = (str(call["verdict"]), str(call["reason"] or ""))
            alike.setdefault(why, []).append(_named(number, call))
    if alike:
        yield from ("", _heading("What went wrong, and why"))
    for (verdict, reason), names in alike.items():
        yield from names
        yield from _indented(" ".join(filter(None, [f"{verdict}.", MEANINGS.get(verdict)])))
        yield from _indented(reason)


def _unread(calls: list[tuple[int, JSONObject]]) -> Iterator[str]:
    lost = [(number, call) for number, call in calls if call["received"] and call["unread"]]
    if lost:
        yield from ("", _heading("What no mapping reads, and so never arrives"))
    for number, call in lost:
        # What goes for one product of a list goes for all.
        paths = dict.fromkeys(re.sub(r"\[\d+]", "[]", path) for path in call["unread"])
        yield _named(number, call)
        yield from _indented(", ".join(paths))


def _profile(profile: JSONObject | None) -> Iterator[str]:
    yield from ("", _heading("What Insider One knows of this shopper at the end"))
    if profile is None:
        yield "  nothing: there is no such profile"
        return
    for part in ("identifiers", "attributes", "events"):
        told = ", ".join(f"{name} {_shown(value)}" for name, value in _flat(profile[part]))
        indent = f"  {part:12}  "
        yield from wrap(told or "-", WIDTH, initial_indent=indent, subsequent_indent=" " * 16)
    for at, (channel, reach) in enumerate(profile["reach"].items()):
        why = "reaches them" if reach["reachable"] else f"does not: {', '.join(reach['why'])}"
        yield f"  {'' if at else 'channels':12}  {channel} {why}"


def _indented(text: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _flat(part: JSONObject) -> Iterator[tuple[str, JSON]]:
    for name, value in part.items():
        yield from _flat(value) if isinstance(value, dict) else [(name, value)]


def _shown(value: JSON) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
