"""One departure, and how departures make tables."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.lint.subject import Placed, Subject
from segment_insider_emulator.workspace.structure import place

Effect: TypeAlias = Literal["loses", "differs", "note"]
EFFECTS: tuple[Effect, ...] = ("loses", "differs", "note")
Against: TypeAlias = Literal["guide", "catalogue", "traffic"]


@dataclass(frozen=True, slots=True)
class Change:
    """What to write instead.

    Args:
        keys: Where in the destination, e.g. ("subscriptions", 3, "settings", "uuid"). The number
            of subscriptions stands for a new one.
        value: What to write there.
        drops: A key beside it that goes, e.g. "giftWrap" for "gift_wrap".
    """

    keys: tuple[str | int, ...]
    value: JSON
    drops: str | None = None

    @property
    def adds(self) -> bool:
        """Whether a subscription is written that is not there yet."""
        return len(self.keys) == 2

    @property
    def maps(self) -> bool:
        """Whether it is a line of a mapping that is written."""
        return len(self.keys) > 3 and self.keys[2] == "settings"

    @property
    def where(self) -> str:
        """The place in the file, e.g. "destination.subscriptions[3].settings.uuid"."""
        return place("destination", *self.keys)


@dataclass(frozen=True, slots=True)
class Found:
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

    id: str
    at: str
    against: tuple[Against, ...]
    effect: Effect
    where: str
    what: str
    remedy: str
    change: Change | None = None
    example: JSONObject | None = None
    path: str = ""
    several: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """One value that Insider One would receive otherwise; MISSING is shown as None."""

    at: str
    before: JSON
    after: JSON


@dataclass(frozen=True, slots=True)
class Departure:
    """A departure as it is told."""

    id: str
    against: tuple[Against, ...]
    effect: Effect
    where: str
    what: str
    remedy: str
    change: Change | None
    receives: tuple[Receipt, ...]
    several: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The departures of one subscription; of the workspace itself where *where* is empty.

    Args:
        mapped: Whether it has a mapping of its own, see `Placed.mapped`.
    """

    subscription: str
    action_slug: str
    where: str
    departures: list[Departure]
    mapped: bool = True

    @property
    def replaces(self) -> bool:
        """Whether one of its lines, written alone, would replace a whole mapping."""
        return not self.mapped and any(e.change and e.change.maps for e in self.departures)


def merged(traffic: list[Found], mappings: list[Found]) -> list[Found]:
    """One list, in which what both say of one line is said once, with the traffic's numbers."""
    of_line = {each.change.keys: each for each in mappings if each.change}
    told = {each.change.keys for each in traffic if each.change}
    joined = []
    for each in traffic:
        other = of_line.get(each.change.keys) if each.change else None
        if other:
            against = (*each.against, *other.against)
            each = replace(each, against=against, change=other.change)
        joined.append(each)
    return joined + [each for each in mappings if not (each.change and each.change.keys in told)]


def tabled(subject: Subject, found: Sequence[tuple[Found, tuple[Receipt, ...]]]) -> list[Table]:
    """A table for the workspace, then one for each subscription, the worst first in each."""
    names = {each.where: each for each in subject.subscriptions}
    tables = [_table("", None, found)]
    tables += [_table(where, placed, found) for where, placed in names.items()]
    return tables


def _table(
    where: str, placed: Placed | None, found: Sequence[tuple[Found, tuple[Receipt, ...]]]
) -> Table:
    own = [(each, receives) for each, receives in found if each.at == where]
    own.sort(key=lambda pair: (EFFECTS.index(pair[0].effect), number(pair[0].id), pair[0].several))
    departures = [
        Departure(
            each.id, each.against, each.effect, each.where, each.what, each.remedy, each.change,
            receives, each.several,
        )
        for each, receives in own
    ]  # fmt: skip
    if placed is None:
        return Table("", "", where, departures)
    return Table(placed.name, placed.slug, where, departures, placed.mapped)


def number(id: str) -> int:
    """The number in "D16"; a large one for ids without."""
    digits = re.sub(r"\D", "", id)
    return int(digits) if digits else 1000
