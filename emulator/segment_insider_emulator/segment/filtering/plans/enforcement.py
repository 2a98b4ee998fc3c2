"""A tracking plan enforced: an event checked, perhaps stopped or stripped, and labelled.

Source: Segment, Protocols: the rule of the event comes first, the common rule sees what is left.
"""

from dataclasses import dataclass, replace

from segment_insider_emulator.segment.filtering.passage import (
    SOURCE,
    Omission,
    Passage,
    Stop,
    Violation,
)
from segment_insider_emulator.segment.filtering.plans.controls import Controls
from segment_insider_emulator.segment.filtering.plans.plan import Plan
from segment_insider_emulator.segment.filtering.plans.rule import Rule
from segment_insider_emulator.types import JSON, JSONObject

UNPLANNED, VIOLATION = "unplanned", "violation"
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Protocols:
    """A plan, and what its source does about violations.

    Args:
        controls: Type of event -> its controls.
        source_id: Segment's id of the source, written into events; None leaves it out.
    """

    plan: Plan
    controls: dict[str, Controls]
    source_id: str | None = None

    def enforce(self, event: JSONObject) -> Passage:
        """Check *event*. One that has something against the plan says so in its context."""
        controls = self.controls[event["type"]]
        rule = self.plan.rule(event)
        if rule is None:
            passage = self._unplanned(event, controls)
        else:
            passage = _by_its_rule(event, rule, controls)
        if passage.stop is None:
            passage = passage.then(self._by_common_rules(passage.event, controls))
        return replace(passage, event=_labelled(passage, self.source_id))

    def _unplanned(self, event: JSONObject, controls: Controls) -> Passage:
        if event["type"] != "track" or not controls.block_unplanned:
            return Passage(event)
        violations = self._common_violations(event)
        name = f"the plan has no event {event['event']!r}"
        if violations and controls.common == "BLOCK":
            # Two reasons at once; nobody documents when Segment gives this one. (assumed)
            stop = Stop(SOURCE, "unplanned_and_schema_violation", f"{name}, {_told(violations)}")
        else:
            stop = Stop(SOURCE, "unplanned", f"{name}; names match in every letter and blank")
        return Passage(event, stop, violations)

    def _by_common_rules(self, event: JSONObject, controls: Controls) -> Passage:
        violations = self._common_violations(event)
        if violations and controls.common == "BLOCK":
            stop = Stop(SOURCE, "common_schema_violation", _told(violations))
            return Passage(event, stop, violations)
        if controls.common == "OMIT":
            event, omitted = _omit(event, controls.section, violations)
            return Passage(event, None, violations, omitted)
        return Passage(event, None, violations)

    def _common_violations(self, event: JSONObject) -> tuple[Violation, ...]:
        return tuple(found for rule in self.plan.common for found in rule.check(event))


def _by_its_rule(event: JSONObject, rule: Rule, controls: Controls) -> Passage:
    violations = rule.check(event)
    if violations and controls.block_violating:
        return Passage(event, Stop(SOURCE, "schema_violation", _told(violations)), violations)
    omitted: tuple[Omission, ...] = ()
    if controls.omit_unplanned:
        event, omitted = _omit_unplanned(event, controls.section, rule)
    if controls.omit_violating:
        event, more = _omit(event, controls.section, violations)
        omitted += more
    return Passage(event, None, violations, omitted)


def _omit_unplanned(
    event: JSONObject, section: str, rule: Rule
) -> tuple[JSONObject, tuple[Omission, ...]]:
    """Take out what the rule does not name; what lies deeper goes or stays with it. (assumed)"""
    held = event.get(section) or {}
    planned = rule.planned(section)
    unplanned = [name for name in held if planned is not None and name not in planned]
    if planned is None or not unplanned:
        return event, ()
    left = {name: value for name, value in held.items() if name in planned}
    omitted = tuple(Omission(f"{section}.{name}", UNPLANNED) for name in unplanned)
    return {**event, section: left}, omitted


def _omit(
    event: JSONObject, section: str, violations: tuple[Violation, ...]
) -> tuple[JSONObject, tuple[Omission, ...]]:
    """Take out each violating value below *section*; one that is missing leaves no trace."""
    omitted = []
    # The last item of a list goes first, so that the places of the others still hold.
    for violation in sorted(violations, key=lambda each: [*map(_rank, each.path)], reverse=True):
        if len(violation.path) > 1 and violation.path[0] == section:
            left = _without(event, violation.path)
            if left is not event:
                event = left
                omitted.append(Omission(violation.field, VIOLATION))
    return event, tuple(reversed(omitted))


def _rank(step: str | int) -> tuple[int, str]:
    return (step, "") if isinstance(step, int) else (0, step)


def _without(value: JSON, path: Place) -> JSON:
    """A copy of *value* without what stands at *path*; *value* itself when nothing does."""
    step, *rest = path
    try:
        child = value[step]
    except (KeyError, IndexError, TypeError):
        return value
    left = _without(child, tuple(rest)) if rest else None
    if rest and left is child:
        return value
    if isinstance(value, list):
        return [*value[: int(step)], *([left] if rest else []), *value[int(step) + 1 :]]
    kept = {name: held for name, held in value.items() if rest or name != step}
    return {**kept, step: left} if rest else kept


def _labelled(passage: Passage, source_id: str | None) -> JSONObject:
    """The event with what Segment writes into `context.protocols`."""
    by_cause: dict[str, list[JSON]] = {UNPLANNED: [], VIOLATION: []}
    for omission in passage.omitted:
        by_cause[omission.by].append(omission.field)
    found = {
        "omitted": by_cause[UNPLANNED],
        "omitted_on_violation": by_cause[VIOLATION],
        "violations": [
            {"type": each.type, "field": each.field, "description": each.description}
            for each in passage.violations
        ],
    }
    label: JSONObject = {name: value for name, value in found.items() if value}
    if not label:
        return passage.event
    if source_id:
        label = {"sourceId": source_id, **label}
    context = passage.event.get("context") or {}
    given = context.get("protocols")
    own = given if isinstance(given, dict) else {}
    return {**passage.event, "context": {**context, "protocols": {**own, **label}}}


def _told(violations: tuple[Violation, ...]) -> str:
    first, *others = violations
    more = f", and {len(others)} more" if others else ""
    return f"{first.field}: {first.description} ({first.rule}){more}"
