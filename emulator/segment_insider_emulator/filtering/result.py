"""Result of filtering an event: what is left of it, violations, removed and changed fields."""

import dataclasses
from typing import Literal, Self

from segment_insider_emulator.types import JSON, JSONObject, record

FilterStep = Literal[
    "Filtered at source", "Filtered at destination", "Failed delivery", "Retry count"
]
SOURCE_STEP: FilterStep = "Filtered at source"
DESTINATION_STEP: FilterStep = "Filtered at destination"
FAILED_STEP: FilterStep = "Failed delivery"
RETRY_STEP: FilterStep = "Retry count"


@record
class PlanViolation:
    """Record of one event value that violates a tracking plan.

    Args:
        rule: The rule of the plan, e.g. "TRACK Order Completed, version 1".
        type: Segment's name for the kind, e.g. "Required".
        field: Dotted path in the event, e.g. "properties.products"; "(root)" is the event itself.
        value: The value there; None if there is none.
        description: Segment's words, e.g. "properties.products is required".
        path: *field* as keys and indexes.
    """

    rule: str
    type: str
    field: str
    value: JSON
    description: str
    path: tuple[str | int, ...] = dataclasses.field(default=(), compare=False)


@record
class OmittedField:
    """Record of one field that a filter removed from an event.

    Args:
        field: Dotted path, e.g. "properties.ssn"; a list in the path means each of its items.
        by: The reason, e.g. "unplanned", or the name of the filter.
    """

    field: str
    by: str


ChangeKind = Literal["added", "hashed", "moved", "removed", "renamed event", "set"]


@record
class EventChange:
    """Record of one change that a transformation or a function made to an event.

    Args:
        by: Who made it, e.g. "transformation 'Fix names'".
        kind: "set" replaces a value, "added" writes one where there was none.
        field: Dotted path after the change, e.g. "properties.first_name"; of what was removed, the
            path before.
        was: Dotted path before a move, or an event's name before it was renamed; else "".
    """

    by: str
    kind: ChangeKind
    field: str
    was: str = ""


@record
class Rejection:
    """Record of why a filter rejected an event, so that it is not delivered.

    Args:
        step: The step of Segment's Delivery Overview that counts it.
        code: Segment's reason, e.g. "FILTERED_BY_RULES".
        detail: One sentence for people, without its full stop.
    """

    step: FilterStep
    code: str
    detail: str

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


@record
class FilterResult:
    """Result of a stage before the mappings: the (changed) event, and why it goes no further.

    Args:
        event: The event for the next stage.
        rejection: Why there is no next stage; None if there is one.
        hints: Sentences for the sender, without effect on delivery.
        changes: What transformations and functions changed in the event, in order.
        functions: What each function did: {"function", "handler", "outcome", "code", "reason",
            "logs", "durationMs"}.
        trigger_event: The event that triggers see; None for *event*. An insert function runs after
            the triggers.
    """

    event: JSONObject
    rejection: Rejection | None = None
    violations: tuple[PlanViolation, ...] = ()
    omitted: tuple[OmittedField, ...] = ()
    hints: tuple[str, ...] = ()
    changes: tuple[EventChange, ...] = ()
    functions: tuple[JSONObject, ...] = ()
    trigger_event: JSONObject | None = None

    def merge_with_later(self, later: Self) -> Self:
        """Combine this filter result with *later*, the result of the next filter stage."""
        if not (self.violations or self.omitted or self.hints or self.changes or self.functions):
            return later
        return dataclasses.replace(
            later,
            violations=self.violations + later.violations,
            omitted=self.omitted + later.omitted,
            hints=self.hints + later.hints,
            changes=self.changes + later.changes,
            functions=self.functions + later.functions,
            trigger_event=self.trigger_event or later.trigger_event,
        )
