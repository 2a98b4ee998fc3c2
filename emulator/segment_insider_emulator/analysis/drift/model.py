"""One departure, and how departures make tables."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from segment_insider_emulator.analysis.context import AnalysisContext, LocatedSubscription
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.validation import format_path

DeviationEffect: TypeAlias = Literal["loses", "differs", "note"]
DEVIATION_EFFECTS: tuple[DeviationEffect, ...] = ("loses", "differs", "note")
DeviationReference: TypeAlias = Literal["guide", "catalogue", "traffic"]


@dataclass(frozen=True, slots=True)
class WorkspaceEdit:
    """What to write instead.

    Args:
        keys: Where in the destination, e.g. ("subscriptions", 3, "settings", "uuid"). The number
            of subscriptions stands for a new one.
        value: What to write there.
        drops: A key beside it that goes, e.g. "giftWrap" for "gift_wrap".
    """

    keys: tuple[str | int, ...]
    value: JSON
    removed_key: str | None = None

    @property
    def adds_subscription(self) -> bool:
        """Whether a subscription is written that is not there yet."""
        return len(self.keys) == 2

    @property
    def edits_mapping(self) -> bool:
        """Whether it is a line of a mapping that is written."""
        return len(self.keys) > 3 and self.keys[2] == "settings"

    @property
    def path(self) -> str:
        """The place in the file, e.g. "destination.subscriptions[3].settings.uuid"."""
        return format_path("destination", *self.keys)


@dataclass(frozen=True, slots=True)
class Deviation:
    """A departure before anybody knows what changing it would do.

    Args:
        id: Of the checklist, e.g. "D16"; "" where the checklist has no row for it.
        at: The subscription's place, e.g. "destination.subscriptions[3]"; "" for the workspace.
        against: What it departs from.
        effect: "loses": data does not arrive; "differs": it arrives otherwise; "note": how
            Segment or Insider One are.
        where: The place of the line to change.
        example: An event that shows it; None for a sample.
        path: The part of an event that came and is not read, e.g. "properties.products[].colour";
            "" where it is about something else.
        several: What is said of several such departures after their number, e.g. "values are not
            mapped; the guide maps them"; "" where each is told alone.
    """

    difference_id: str
    subscription_path: str
    references: tuple[DeviationReference, ...]
    effect: DeviationEffect
    path: str
    what: str
    remedy: str
    edit: WorkspaceEdit | None = None
    example_event: JSONObject | None = None
    unread_path: str = ""
    group_text: str = ""


@dataclass(frozen=True, slots=True)
class ValueChange:
    """One value that Insider One would receive otherwise; MISSING is shown as None."""

    path: str
    before: JSON
    after: JSON


@dataclass(frozen=True, slots=True)
class PreviewedDeviation:
    """A departure as it is told."""

    difference_id: str
    references: tuple[DeviationReference, ...]
    effect: DeviationEffect
    path: str
    what: str
    remedy: str
    edit: WorkspaceEdit | None
    value_changes: tuple[ValueChange, ...]
    group_text: str = ""


@dataclass(frozen=True, slots=True)
class DeviationTable:
    """The departures of one subscription; of the workspace itself where *where* is empty.

    Args:
        mapped: Whether it has a mapping of its own, see `Placed.mapped`.
    """

    subscription_name: str
    action_slug: str
    path: str
    deviations: list[PreviewedDeviation]
    has_custom_mapping: bool = True

    @property
    def replaces_mapping(self) -> bool:
        """Whether one of its lines, written alone, would replace a whole mapping."""
        return not self.has_custom_mapping and any(
            e.edit and e.edit.edits_mapping for e in self.deviations
        )


def merge_deviations(
    traffic_deviations: list[Deviation], mapping_deviations: list[Deviation]
) -> list[Deviation]:
    """One list, in which what both say of one line is said once, with the traffic's numbers."""
    of_line = {each.edit.keys: each for each in mapping_deviations if each.edit}
    told = {each.edit.keys for each in traffic_deviations if each.edit}
    joined = []
    for each in traffic_deviations:
        other = of_line.get(each.edit.keys) if each.edit else None
        if other:
            against = (*each.references, *other.references)
            each = replace(each, references=against, edit=other.edit)
        joined.append(each)
    return joined + [
        each for each in mapping_deviations if not (each.edit and each.edit.keys in told)
    ]


def group_by_subscription(
    context: AnalysisContext, previewed: Sequence[tuple[Deviation, tuple[ValueChange, ...]]]
) -> list[DeviationTable]:
    """A table for the workspace, then one for each subscription, the worst first in each."""
    names = {each.path: each for each in context.subscriptions}
    tables = [_build_table("", None, previewed)]
    tables += [_build_table(where, placed, previewed) for where, placed in names.items()]
    return tables


def _build_table(
    path: str,
    subscription: LocatedSubscription | None,
    previewed: Sequence[tuple[Deviation, tuple[ValueChange, ...]]],
) -> DeviationTable:
    own = [(each, receives) for each, receives in previewed if each.subscription_path == path]
    own.sort(
        key=lambda pair: (
            DEVIATION_EFFECTS.index(pair[0].effect),
            difference_number(pair[0].difference_id),
            pair[0].group_text,
        )
    )
    departures = [
        PreviewedDeviation(
            each.difference_id, each.references, each.effect, each.path, each.what, each.remedy, each.edit,
            receives, each.group_text,
        )
        for each, receives in own
    ]  # fmt: skip
    if subscription is None:
        return DeviationTable("", "", path, departures)
    return DeviationTable(
        subscription.name,
        subscription.action_slug,
        path,
        departures,
        subscription.has_custom_mapping,
    )


def difference_number(difference_id: str) -> int:
    """The number in "D16"; a large one for ids without."""
    digits = re.sub(r"\D", "", difference_id)
    return int(digits) if digits else 1000


SENT_TWICE_TEXT = "events are sent by more than one subscription"


def build_trigger_exclusion(
    subscription: LocatedSubscription, event_name: str
) -> WorkspaceEdit | None:
    """The trigger of *placed* without the track call *event*; None where `and` would not do it."""
    trigger = subscription.subscription.trigger
    if " or " in trigger or '"' in event_name:
        return None
    return WorkspaceEdit(
        subscription.destination_keys("trigger"), f'{trigger} and event != "{event_name}"'
    )


def combine_trigger_edits(
    context: AnalysisContext, deviations: Sequence[Deviation]
) -> list[Deviation]:
    """*found* with one trigger for each subscription, which leaves out all that the several would.

    Two lines for one place could not both be written.
    """
    own = {each.trigger_path: each.subscription.trigger for each in context.subscriptions}
    added: dict[str, list[str]] = {}
    for each in deviations:
        if each.difference_id == "D24" and each.edit:
            condition = str(each.edit.value).removeprefix(own[each.edit.path])
            added.setdefault(each.edit.path, []).append(condition)
    whole = {where: own[where] + "".join(dict.fromkeys(added[where])) for where in added}
    return [
        replace(each, edit=replace(each.edit, value=whole[each.edit.path]))
        if each.difference_id == "D24" and each.edit
        else each
        for each in deviations
    ]
