"""What is to be said of the properties of one event that are not sent."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from segment_insider_emulator.mapping.explanation import Account, Explanation
from segment_insider_emulator.mapping.javascript import json_text
from segment_insider_emulator.mapping.origins import Origin
from segment_insider_emulator.mapping.tracing import leaves
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.drift.census import unnumbered
from segment_insider_emulator.workspace.drift.departure import Found
from segment_insider_emulator.workspace.drift.traffic import from_traffic
from segment_insider_emulator.workspace.lint.subject import Subject

_LONGEST = 60  # characters shown of a value
_NAMED = 3  # fields that one sentence names
_NO_EVENTS = "users[0].events"  # the place in a body of a list of products that is empty


@dataclass(frozen=True, slots=True)
class Dropped:
    """A property that no mapping reads.

    Args:
        path: In the event, e.g. "properties.gift_wrap".
        why: What was seen, and what to do, in full sentences.
        where: Place of the line in the workspace file that would map it; "" when there is none.
        line: What to write there.
        replaces: Whether the line alone would replace a whole mapping, see `Placed.mapped`.
    """

    path: str
    value: JSON
    why: str = ""
    where: str = ""
    line: JSON = None
    replaces: bool = False

    @property
    def told(self) -> str:
        """The line that would map it, as commands tell it; "" when there is none."""
        return f"write at {self.where}: {orjson.dumps(self.line).decode()}" if self.where else ""


def dropped_of(subject: Subject, event: JSONObject, unread: Sequence[str]) -> Iterator[Dropped]:
    """Each of the paths *unread* of *event*, with what to do about it where something can be."""
    values = dict(leaves(event))
    remedies = {each.path: each for each in from_traffic(subject, [event]) if each.path}
    unmapped = {each.where for each in subject.subscriptions if not each.mapped}
    for path in unread:
        everywhere = unnumbered(path)
        yield _dropped(path, values.get(path), everywhere, remedies.get(everywhere), unmapped)


def once(dropped: Iterable[Dropped]) -> dict[str, Dropped]:
    """Unnumbered path -> the first of all entries of a list."""
    told: dict[str, Dropped] = {}
    for each in dropped:
        told.setdefault(unnumbered(each.path), each)
    return told


def unsent(account: Account, event: JSONObject) -> Iterator[str]:
    """Yield a sentence for each part of *event* that *account* reads and that has no value."""
    if account.failure:
        return
    values = dict(leaves(event))
    fields: dict[tuple[str, ...], list[str]] = {}
    for origin in account.origins:
        if _gives_nothing(origin):
            empty = tuple(path for path in origin.read if _is_empty(values.get(path)))
            fields.setdefault(empty or tuple(origin.read), []).append(origin.field)
    for paths, unfilled in fields.items():
        nothing = "no events" if "products" in unfilled else f"no {_listed(unfilled)}"
        yield f"{_sent(paths, values)}, so {account.subscription} sends {nothing}."


def lost(account: Account) -> Iterator[Origin]:
    """Yield the values that *account* makes and that get nowhere, each for a reason of its own."""
    sends_no_events = any(_NO_EVENTS in origin.at for origin in account.origins)
    sent_in_parts = set(_around(origin.field for origin in account.origins if origin.at))
    for origin in account.origins:
        is_parameter = origin.field.startswith(("parameters", "timestamp", "event_name"))
        if origin.at or origin.value in (None, "") or _gives_nothing(origin):
            continue
        if origin.field in sent_in_parts:
            continue
        if not account.failure and not (sends_no_events and is_parameter):
            yield origin


def _around(fields: Iterable[str]) -> Iterator[str]:
    """Yield the fields that hold *fields*: "parameters.a[0].b" is in "parameters.a", for one."""
    for each in fields:
        yield from (each[:at] for at, letter in enumerate(each) if letter in ".[")


def deciding(explanation: Explanation, event: JSONObject) -> Iterator[str]:
    """Yield one sentence for each property that decides something and is not sent itself."""
    values = dict(leaves(event))
    for path in explanation.deciding:
        triggers = [
            f"the trigger of {account.subscription}"
            for account in explanation.accounts
            if any(path in check.read for check in account.conditions)
        ]
        fields = [
            f"{origin.field} of {account.subscription}"
            for account in explanation.accounts
            for origin in account.origins
            if path in origin.decided_by and not _gives_nothing(origin)
        ]
        if not _is_empty(values.get(path)) and (triggers or fields):
            yield f"{path} decides {_listed([*triggers, *fields], 'and')}; it is not sent itself."


def _gives_nothing(origin: Origin) -> bool:
    """Whether the event had something to read, and no value came of it."""
    nowhere = not origin.at or origin.at == [_NO_EVENTS]
    return nowhere and bool(origin.read) and _is_empty(origin.value)


def _is_empty(value: JSON) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)


def _sent(paths: Sequence[str], values: Mapping[str, JSON]) -> str:
    """How the app sent what stands at *paths*, in words."""
    how = [f"{path} was sent as {_called(values.get(path))}" for path in paths[:_NAMED]]
    more = len(paths) - len(how)
    return " and ".join([*how, *([f"{more} more"] if more > 0 else [])])


def _called(value: JSON) -> str:
    if value is None:
        return "null"
    for kind, name in ((str, "text"), (list, "list"), (dict, "object")):
        if isinstance(value, kind) and not value:
            return f"an empty {name}"
    text = json_text(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _listed(names: Sequence[str], joined: str = "or") -> str:
    """Some of *names* as people list them, e.g. "a, b or c"."""
    named = list(dict.fromkeys(names))
    more = len(named) - _NAMED
    if more > 0:
        named = [*named[:_NAMED], f"{more} more"]
    *first, last = named
    return f"{', '.join(first)} {joined} {last}" if first else last


def _dropped(
    path: str, value: JSON, everywhere: str, found: Found | None, unmapped: Container[str]
) -> Dropped:
    if _is_empty(value):
        return Dropped(path, value, f"was sent as {_called(value)}. There is nothing to map.")
    if found is None:
        return Dropped(path, value)
    why = f"{found.what.removeprefix(everywhere).strip()}. {found.remedy}"
    if found.change is None:
        return Dropped(path, value, why)
    replaces = found.change.maps and found.at in unmapped
    return Dropped(path, value, why, found.change.where, found.change.value, replaces)
