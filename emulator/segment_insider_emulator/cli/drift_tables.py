"""What `emulator drift` tells people: a table for each subscription, then the checklist."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from segment_insider_emulator.cli.spelling_out import spelling_out
from segment_insider_emulator.cli.terminal import styled
from segment_insider_emulator.types import JSON
from segment_insider_emulator.workspace.drift import Drift
from segment_insider_emulator.workspace.drift.checklist import Check
from segment_insider_emulator.workspace.drift.departure import Change, Departure, Receipt, Table

_COLOURS = {"loses": "red", "differs": "yellow", "departs": "yellow"}
_LONGEST = 400  # characters of a mapping that are printed unasked
_REPEATED = 100  # characters of a mapping that are printed again where it comes again
_WIDTH = 150  # of a row with what would be received


class _Mappings:
    """What is to be written, all of it or none: half a mapping would be no JSON."""

    def __init__(self, whole: bool) -> None:
        self._whole = whole
        self._printed: dict[str, str] = {}  # text -> where it was to be written first

    def text(self, change: Change) -> str:
        """The mapping, or in words what stands there."""
        text = json.dumps(change.value, ensure_ascii=False)
        if self._whole or len(text) <= _REPEATED:
            return text
        if len(text) > _LONGEST:
            named = change.value.get("name") if isinstance(change.value, dict) else None
            what = (
                f"the subscription {named!r}" if isinstance(named, str) else "the guide's mapping"
            )
            return f"{what}, {len(text):,} characters; --whole prints them"
        first = self._printed.setdefault(text, change.where)
        return text if first == change.where else f"the same as {first}"


def lines(found: Drift, name: str, *, whole: bool) -> Iterator[str]:
    """The lines of the text: what traffic shows to be lost or otherwise first, then the rest.

    Args:
        name: Of the workspace, as commands take it.
        whole: Print mappings of any length wherever they are to be written.
    """
    mappings = _Mappings(whole)
    shown = list(_only(found.tables, _shown_by_traffic))
    if shown:
        yield styled("What the traffic shows", bold=True)
        yield ""
        for table in shown:
            yield from _table(table, name, mappings)
        yield styled("What the workspace shows", bold=True)
        yield ""
    for table in _only(found.tables, lambda each: not _shown_by_traffic(each)):
        yield from _table(table, name, mappings)
    yield styled("The known differences, one by one", bold=True)
    yield from map(_check, found.checks)


def _only(tables: Sequence[Table], wanted: Callable[[Departure], bool]) -> Iterator[Table]:
    """Each of *tables* with those departures alone, where it has any."""
    for table in tables:
        departures = [each for each in table.departures if wanted(each)]
        if departures:
            yield replace(table, departures=departures)


def _shown_by_traffic(each: Departure) -> bool:
    return "traffic" in each.against and each.effect != "note"


def _table(table: Table, name: str, mappings: _Mappings) -> Iterator[str]:
    title = f"{table.subscription} ({table.action_slug})" if table.subscription else "The workspace"
    yield styled(title, bold=True) + (f"  {table.where}" if table.where else "")
    if table.replaces:
        yield f"  {spelling_out(name)}"
    for (*_, several), alike in groupby(table.departures, key=_kind):
        departures = list(alike)
        if len(departures) > 1 and several:
            yield from _several(departures, mappings)
        else:
            for each in departures:
                yield from _single(each, mappings)
    yield ""


def _kind(each: Departure) -> tuple[str, ...]:
    """What departures have in common that are told together."""
    return each.id, each.effect, *each.against, each.several if each.change else ""


def _several(departures: Sequence[Departure], mappings: _Mappings) -> Iterator[str]:
    changes = {each.change.where: each.change for each in departures if each.change}
    head = _head(departures[0], f"{len(departures)} {departures[0].several}")
    if len(changes) == 1:
        yield head
        yield from (f"         {each.what}" for each in departures)
        yield from _written(departures[0], mappings)
        yield "              and likewise for the others"
        return
    place = next(iter(changes)).partition(".settings.")[0] + ".settings"
    yield f"{head} Write under {place}:"
    for each in departures:
        if each.change:
            yield from _row(each.change, place, each.receives, mappings)


def _row(
    change: Change, place: str, receives: Sequence[Receipt], mappings: _Mappings
) -> Iterator[str]:
    line = f"         {change.where.removeprefix(place + '.')}: {mappings.text(change)}"
    if change.drops:
        line += f", in place of {change.drops}"
    if not receives:
        yield line
        return
    others = f" and {len(receives) - 1} more" if len(receives) > 1 else ""
    told = f"then {_receipt(receives[0])}{others}"
    if len(line) + len(told) < _WIDTH:
        yield f"{line}  {told}"
    else:
        yield line
        yield f"           {told}"


def _single(each: Departure, mappings: _Mappings) -> Iterator[str]:
    yield _head(each, each.what)
    if each.change:
        yield from _written(each, mappings)
    elif each.effect != "note":
        yield f"       at     {each.where}: {each.remedy}"


def _head(each: Departure, what: str) -> str:
    effect = styled(f"{each.effect:7}", fg=_COLOURS.get(each.effect))
    return f"  {each.id or '-':4} {effect} {'+'.join(each.against):15} {what}."


def _written(each: Departure, mappings: _Mappings) -> Iterator[str]:
    if each.change:
        verb, where = "write", each.change.where
        if each.change.adds:
            verb, where = "add", "to destination.subscriptions"
        yield f"       {verb:6} {where}: {mappings.text(each.change)}"
        if each.change.drops:
            yield f"              in place of {each.change.drops}"
    for receipt in each.receives:
        yield f"       then   {_receipt(receipt)}"


def _receipt(receipt: Receipt) -> str:
    return f"{receipt.at}: {_shown(receipt.before)} -> {_shown(receipt.after)}"


def _check(check: Check) -> str:
    state = styled(f"{check.state:8}", fg=_COLOURS.get(check.state))
    count = f" ({check.departures})" if check.departures else ""
    return f"  {check.id:4} {state} {check.what}{count}"


def _shown(value: JSON) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
