"""What a journey is made of, in Architect's own words.

Source: Insider One, "Anatomy of a Journey", "Journey Starter: On Event", "Check Reachability".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from segment_insider_emulator.types import JSON, JSONObject


@dataclass(frozen=True, slots=True)
class Comparison:
    """One test of a value; *operator* is one of conditions.OPERATORS."""

    operator: str
    wanted: JSON


@dataclass(frozen=True, slots=True)
class EventCondition:
    """An event of one of *names*, stored ones, whose parameters, by place, pass their tests."""

    names: tuple[str, ...]
    parameters: Mapping[str, Comparison]


@dataclass(frozen=True, slots=True)
class AttributeCondition:
    """The value that an attribute has, by its place such as "email" or "custom.plan"."""

    place: str
    test: Comparison


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """An attribute "changes", "changes_to" or "changes_from" *value*."""

    place: str
    operator: str
    value: JSON = None


@dataclass(frozen=True, slots=True)
class Did:
    """Whether an event happened since entry; *expected* False asks that it did not."""

    condition: EventCondition
    expected: bool


Cause: TypeAlias = EventCondition | AttributeChange


@dataclass(frozen=True, slots=True)
class Wait:
    """Stay here for *length*."""

    place: str
    length: timedelta
    next: str | None


@dataclass(frozen=True, slots=True)
class Check:
    """Split by a condition. None is an empty path."""

    place: str
    condition: Did | AttributeCondition
    matching: str | None
    not_matching: str | None


@dataclass(frozen=True, slots=True)
class CheckReachability:
    """Split by whether *channel* reaches the person. None is an empty path."""

    place: str
    channel: str
    reachable: str | None
    not_reachable: str | None


@dataclass(frozen=True, slots=True)
class Channel:
    """Send *message*, the name of some content, on *channel*."""

    place: str
    channel: str
    message: str
    next: str | None


Element: TypeAlias = Wait | Check | CheckReachability | Channel


@dataclass(frozen=True, slots=True)
class Journey:
    """One journey of the workspace file, checked.

    Args:
        ignored: Places of date parameters in the starter's conditions, which Architect ignores.
        segment: What must hold of the person besides, when the starter fires.
        period: From one entry to the next; None lets each person enter only once.
        attribution: How long after its last message a run still gets the credit for goals.
        first: Place of the first element; None is an empty journey.
        elements: Place in the journey, such as "steps[1].matching[0]" -> element.
        document: As it stands in the workspace file.
    """

    id: int
    name: str
    starter: Cause
    ignored: tuple[str, ...]
    segment: tuple[AttributeCondition, ...]
    exits: tuple[Cause, ...]
    goals: Mapping[str, Cause]
    period: timedelta | None
    attribution: timedelta
    first: str | None
    elements: Mapping[str, Element]
    document: JSONObject
