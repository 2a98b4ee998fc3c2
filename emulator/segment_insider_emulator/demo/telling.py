"""The summary in words and columns."""

import re
from collections.abc import Iterator
from itertools import groupby
from textwrap import wrap

from segment_insider_emulator.cli.terminal import style_text
from segment_insider_emulator.types import JSON, JSONObject

REPORT_COLUMNS = 96  # columns
RECEIVED_COLUMNS = 52  # columns of what arrived
VERDICT_COLOURS = {"accepted": "green", "warning": "yellow", "not_subscribed": "yellow"}
VERDICT_MEANINGS = {
    "warning": "Insider One took it, and something in it does not do what it seems to.",
    "failed": "A request could not be made or delivered, and what it had to say is lost.",
    "rejected": "Segment answered 200 and threw it away.",
}


def format_report(summary: JSONObject) -> Iterator[str]:
    """The lines of a *summary*, with terminal colours."""
    calls = list(enumerate(summary["calls"], 1))
    width = max(len(_format_call_name(number, call)) for number, call in calls)
    yield ""
    yield f"{'  Call to Segment':{width}}  {'verdict':14}  what Insider One receives"
    for chapter, group in groupby(calls, lambda each: str(each[1]["chapter"])):
        yield _format_heading(chapter)
        for number, call in group:
            yield from _format_call(number, call, width)
    yield from _format_problems(calls)
    yield from _format_unmapped(calls)
    yield from _format_profile(summary["profile"])


def _format_heading(text: str) -> str:
    return style_text(text, bold=True)


def _format_call_name(number: int, call: JSONObject) -> str:
    note = f" ({call['note']})" if call["note"] else ""
    return f"  {number:2}  {call['call']}{note}"


def _format_call(number: int, call: JSONObject, width: int) -> Iterator[str]:
    verdict = str(call["verdict"])
    colour = VERDICT_COLOURS.get(verdict, "red")
    first, *others = [*_iter_received_lines(call), *([] if call["received"] else ["-"])]
    yield f"{_format_call_name(number, call):{width}}  {style_text(f'{verdict:14}', fg=colour)}  {first}"
    for other in others:
        yield f"{'':{width}}  {'':14}  {other}"


def _iter_received_lines(call: JSONObject) -> Iterator[str]:
    """One line for each event that arrived, or for the attributes that did without one."""
    for user in call["received"]:
        for event in user["events"]:
            parameters = event["event_params"]
            values = [parameters.get(name) for name in ("product_id", "event_group_id")]
            yield " ".join([event["event_name"], *(str(each) for each in values if each)])
        if not user["events"]:
            yield from wrap("profile: " + ", ".join(user["attributes"]), RECEIVED_COLUMNS)


def _format_problems(calls: list[tuple[int, JSONObject]]) -> Iterator[str]:
    alike: dict[tuple[str, str], list[str]] = {}
    for number, call in calls:
        if call["verdict"] != "accepted":
            why = (str(call["verdict"]), str(call["reason"] or ""))
            alike.setdefault(why, []).append(_format_call_name(number, call))
    if alike:
        yield from ("", _format_heading("What went wrong, and why"))
    for (verdict, reason), names in alike.items():
        yield from names
        yield from _indent_text(
            " ".join(filter(None, [f"{verdict}.", VERDICT_MEANINGS.get(verdict)]))
        )
        yield from _indent_text(reason)


def _format_unmapped(calls: list[tuple[int, JSONObject]]) -> Iterator[str]:
    lost = [(number, call) for number, call in calls if call["received"] and call["unread"]]
    if lost:
        yield from ("", _format_heading("What no mapping reads, and so never arrives"))
    for number, call in lost:
        # What goes for one product of a list goes for all.
        paths = dict.fromkeys(re.sub(r"\[\d+]", "[]", path) for path in call["unread"])
        yield _format_call_name(number, call)
        yield from _indent_text(", ".join(paths))


def _format_profile(profile: JSONObject | None) -> Iterator[str]:
    yield from ("", _format_heading("What Insider One knows of this shopper at the end"))
    if profile is None:
        yield "  nothing: there is no such profile"
        return
    for part in ("identifiers", "attributes", "events"):
        text = ", ".join(
            f"{name} {_format_value(value)}" for name, value in _flatten_values(profile[part])
        )
        indent = f"  {part:12}  "
        yield from wrap(
            text or "-", REPORT_COLUMNS, initial_indent=indent, subsequent_indent=" " * 16
        )
    for at, (channel, reach) in enumerate(profile["reach"].items()):
        why = "reaches them" if reach["reachable"] else f"does not: {', '.join(reach['why'])}"
        yield f"  {'' if at else 'channels':12}  {channel} {why}"


def _indent_text(text: str) -> list[str]:
    return wrap(text, REPORT_COLUMNS, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _flatten_values(values: JSONObject) -> Iterator[tuple[str, JSON]]:
    for name, value in values.items():
        yield from _flatten_values(value) if isinstance(value, dict) else [(name, value)]


def _format_value(value: JSON) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
