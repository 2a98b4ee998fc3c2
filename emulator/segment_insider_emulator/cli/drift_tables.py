"""What `emulator drift` tells people: a table for each subscription, then the checklist."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from segment_insider_emulator.cli.spelling_out import expand_settings_hint
from segment_insider_emulator.cli.terminal import style_text
from segment_insider_emulator.types import JSON
from segment_insider_emulator.workspace.drift import DriftReport
from segment_insider_emulator.workspace.drift.checklist import KnownDifference
from segment_insider_emulator.workspace.drift.departure import (
    DeviationTable,
    PreviewedDeviation,
    ValueChange,
    WorkspaceEdit,
)

_EFFECT_COLOURS = {"loses": "red", "differs": "yellow", "departs": "yellow"}
_MAX_MAPPING_LENGTH = 400  # characters of a mapping that are printed unasked
_MAX_REPEATED_LENGTH = 100  # characters of a mapping that are printed again where it comes again
_MAX_ROW_WIDTH = 150  # of a row with what would be received


class _MappingFormatter:
    """What is to be written, all of it or none: half a mapping would be no JSON."""

    def __init__(self, whole: bool) -> None:
        self._is_whole = whole
        self._first_place_by_text: dict[str, str] = {}  # text -> where it was to be written first

    def format_mapping(self, change: WorkspaceEdit) -> str:
        """The mapping, or in words what stands there."""
        text = json.dumps(change.value, ensure_ascii=False)
        if self._is_whole or len(text) <= _MAX_REPEATED_LENGTH:
            return text
        if len(text) > _MAX_MAPPING_LENGTH:
            named = change.value.get("name") if isinstance(change.value, dict) else None
            what = (
                f"the subscription {named!r}" if isinstance(named, str) else "the guide's mapping"
            )
            return f"{what}, {len(text):,} characters; --whole prints them"
        first = self._first_place_by_text.setdefault(text, change.path)
        return text if first == change.path else f"the same as {first}"


def format_drift(report: DriftReport, name: str, *, whole: bool) -> Iterator[str]:
    """The lines of the text: what traffic shows to be lost or otherwise first, then the rest.

    Args:
        name: Of the workspace, as commands take it.
        whole: Print mappings of any length wherever they are to be written.
    """
    mappings = _MappingFormatter(whole)
    tables = list(_filter_departures(report.tables, _is_shown_by_traffic))
    if tables:
        yield style_text("What the traffic shows", bold=True)
        yield ""
        for table in tables:
            yield from _format_subscription_table(table, name, mappings)
        yield style_text("What the workspace shows", bold=True)
        yield ""
    for table in _filter_departures(report.tables, lambda each: not _is_shown_by_traffic(each)):
        yield from _format_subscription_table(table, name, mappings)
    yield style_text("The known differences, one by one", bold=True)
    yield from map(_format_checklist_entry, report.known_differences)


def _filter_departures(
    tables: Sequence[DeviationTable], predicate: Callable[[PreviewedDeviation], bool]
) -> Iterator[DeviationTable]:
    """Each of *tables* with those departures alone, where it has any."""
    for table in tables:
        departures = [each for each in table.deviations if predicate(each)]
        if departures:
            yield replace(table, deviations=departures)


def _is_shown_by_traffic(departure: PreviewedDeviation) -> bool:
    return "traffic" in departure.references and departure.effect != "note"


def _format_subscription_table(
    table: DeviationTable, name: str, mappings: _MappingFormatter
) -> Iterator[str]:
    title = (
        f"{table.subscription_name} ({table.action_slug})"
        if table.subscription_name
        else "The workspace"
    )
    yield style_text(title, bold=True) + (f"  {table.path}" if table.path else "")
    if table.replaces_mapping:
        yield f"  {expand_settings_hint(name)}"
    for (*_, several), alike in groupby(table.deviations, key=_grouping_key):
        departures = list(alike)
        if len(departures) > 1 and several:
            yield from _format_departure_group(departures, mappings)
        else:
            for each in departures:
                yield from _format_departure(each, mappings)
    yield ""


def _grouping_key(departure: PreviewedDeviation) -> tuple[str, ...]:
    """What departures have in common that are told together."""
    return (
        departure.difference_id,
        departure.effect,
        *departure.references,
        departure.group_text if departure.edit else "",
    )


def _format_departure_group(
    departures: Sequence[PreviewedDeviation], mappings: _MappingFormatter
) -> Iterator[str]:
    changes = {each.edit.path: each.edit for each in departures if each.edit}
    head = _format_departure_head(departures[0], f"{len(departures)} {departures[0].group_text}")
    if len(changes) == 1:
        yield head
        yield from (f"         {each.what}" for each in departures)
        yield from _format_change(departures[0], mappings)
        yield "              and likewise for the others"
        return
    place = next(iter(changes)).partition(".settings.")[0] + ".settings"
    yield f"{head} Write under {place}:"
    for each in departures:
        if each.edit:
            yield from _format_change_row(each.edit, place, each.value_changes, mappings)


def _format_change_row(
    change: WorkspaceEdit, place: str, receives: Sequence[ValueChange], mappings: _MappingFormatter
) -> Iterator[str]:
    line = f"         {change.path.removeprefix(place + '.')}: {mappings.format_mapping(change)}"
    if change.removed_key:
        line += f", in place of {change.removed_key}"
    if not receives:
        yield line
        return
    others = f" and {len(receives) - 1} more" if len(receives) > 1 else ""
    value_text = f"then {_format_value_change(receives[0])}{others}"
    if len(line) + len(value_text) < _MAX_ROW_WIDTH:
        yield f"{line}  {value_text}"
    else:
        yield line
        yield f"           {value_text}"


def _format_departure(departure: PreviewedDeviation, mappings: _MappingFormatter) -> Iterator[str]:
    yield _format_departure_head(departure, departure.what)
    if departure.edit:
        yield from _format_change(departure, mappings)
    elif departure.effect != "note":
        yield f"       at     {departure.path}: {departure.remedy}"


def _format_departure_head(departure: PreviewedDeviation, what: str) -> str:
    effect = style_text(f"{departure.effect:7}", fg=_EFFECT_COLOURS.get(departure.effect))
    return (
        f"  {departure.difference_id or '-':4} {effect} {'+'.join(departure.references):15} {what}."
    )


def _format_change(departure: PreviewedDeviation, mappings: _MappingFormatter) -> Iterator[str]:
    if departure.edit:
        verb, where = "write", departure.edit.path
        if departure.edit.adds_subscription:
            verb, where = "add", "to destination.subscriptions"
        yield f"       {verb:6} {where}: {mappings.format_mapping(departure.edit)}"
        if departure.edit.removed_key:
            yield f"              in place of {departure.edit.removed_key}"
    for receipt in departure.value_changes:
        yield f"       then   {_format_value_change(receipt)}"


def _format_value_change(receipt: ValueChange) -> str:
    return f"{receipt.path}: {_format_json_value(receipt.before)} -> {_format_json_value(receipt.after)}"


def _format_checklist_entry(check: KnownDifference) -> str:
    state = style_text(f"{check.state:8}", fg=_EFFECT_COLOURS.get(check.state))
    count = f" ({check.deviation_count})" if check.deviation_count else ""
    return f"  {check.difference_id:4} {state} {check.what}{count}"


def _format_json_value(value: JSON) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_MAPPING_LENGTH else f"{text[:_MAX_MAPPING_LENGTH]}…"
