"""What a journey is made of, in Architect's own words.

Source: Insider One, "Anatomy of a Journey", "Journey Starter: On Event", "Check Reachability".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from segment_insider_emulator.types import JSON, JSONObject


@dataclass(frozen=True, slots=True)
class ConditionComparison:
    """One test of a value; *operator* is one of conditions.OPERATORS."""

    operator: str
    expected_value: JSON


@dataclass(frozen=True, slots=True)
class EventCondition:
    """An event of one of *names*, stored ones, whose parameters, by place, pass their tests."""

    event_names: tuple[str, ...]
    parameter_tests: Mapping[str, ConditionComparison]


@dataclass(frozen=True, slots=True)
class AttributeCondition:
    """The value that an attribute has, by its place such as "email" or "custom.plan"."""

    attribute_path: str
    comparison: ConditionComparison


@dataclass(frozen=True, slots=True)
class AttributeChangeCondition:
    """An attribute "changes", "changes_to" or "changes_from" *value*."""

    attribute_path: str
    operator: str
    value: JSON = None


@dataclass(frozen=True, slots=True)
class SinceEntryCondition:
    """Whether an event happened since entry; *expected* False asks that it did not."""

    event: EventCondition
    must_have_happened: bool


JourneyTrigger: TypeAlias = EventCondition | AttributeChangeCondition


@dataclass(frozen=True, slots=True)
class WaitElement:
    """Stay here for *length*."""

    step_path: str
    length: timedelta
    next_step_path: str | None


@dataclass(frozen=True, slots=True)
class CheckElement:
    """Split by a condition. None is an empty path."""

    step_path: str
    condition: SinceEntryCondition | AttributeCondition
    matching: str | None
    not_matching: str | None


@dataclass(frozen=True, slots=True)
class ReachabilityElement:
    """Split by whether *channel* reaches the person. None is an empty path."""

    step_path: str
    channel: str
    reachable: str | None
    not_reachable: str | None


@dataclass(frozen=True, slots=True)
class ChannelElement:
    """Send *message*, the name of some content, on *channel*."""

    step_path: str
    channel: str
    message: str
    next_step_path: str | None


JourneyElement: TypeAlias = WaitElement | CheckElement | ReachabilityElement | ChannelElement


@dataclass(frozen=True, slots=True)
class JourneyDefinition:
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
    starter: JourneyTrigger
    ignored_date_parameters: tuple[str, ...]
    segment_conditions: tuple[AttributeCondition, ...]
    exits: tuple[JourneyTrigger, ...]
    goals: Mapping[str, JourneyTrigger]
    reentry_period: timedelta | None
    attribution_window: timedelta
    first_step_path: str | None
    elements: Mapping[str, JourneyElement]
    document: JSONObject
