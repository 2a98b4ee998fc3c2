"""Source settings: what happens to events that violate the tracking plan.

Source: Segment, Public API, source settings; Protocols, "Schema configuration".
"""

from dataclasses import dataclass, replace
from typing import Literal

from segment_insider_emulator.filtering.plan_rule import PlanRule
from segment_insider_emulator.filtering.result import (
    SOURCE_STEP,
    FilterResult,
    OmittedField,
    PlanViolation,
    Rejection,
)
from segment_insider_emulator.filtering.tracking_plan import TrackingPlan
from segment_insider_emulator.types import JSON, JSONObject

CommonRuleMode = Literal["ALLOW", "BLOCK", "OMIT"]


@dataclass(frozen=True, slots=True)
class PlanControls:
    """The settings for one type of event; the defaults allow everything.

    Args:
        section: Where its values stand: "properties" or "traits".
        block_unplanned: Whether an event that the plan does not name is stopped.
        omit_unplanned: Whether values that the plan does not name are taken out.
        block_violating: Whether an event that violates its own rule is stopped.
        omit_violating: Whether values that violate its own rule are taken out.
        common: What is done about violations of the common rule.
    """

    section: str
    block_unplanned: bool = False
    omit_unplanned: bool = False
    block_violating: bool = False
    omit_violating: bool = False
    common_rule_mode: CommonRuleMode = "ALLOW"


def parse_controls(settings: JSONObject) -> dict[str, PlanControls]:
    """Return event type -> controls, from source settings in the shape of the Public API.

    Pages, screens and aliases have none: they are checked and let through.
    """
    track = settings.get("track", {})
    return {
        "track": PlanControls(
            "properties",
            block_unplanned=not track.get("allowUnplannedEvents", True),
            omit_unplanned=not track.get("allowUnplannedEventProperties", True),
            block_violating=not track.get("allowEventOnViolations", True),
            omit_violating=not track.get("allowPropertiesOnViolations", True),
            common_rule_mode=_common_rule_mode(track),
        ),
        **{kind: _trait_controls(settings.get(kind, {})) for kind in ("identify", "group")},
        **dict.fromkeys(("page", "screen", "alias"), PlanControls("properties")),
    }


def _trait_controls(settings: JSONObject) -> PlanControls:
    return PlanControls(
        "traits",
        omit_unplanned=not settings.get("allowUnplannedTraits", True),
        omit_violating=not settings.get("allowTraitsOnViolations", True),
        common_rule_mode=_common_rule_mode(settings),
    )


def _common_rule_mode(settings: JSONObject) -> CommonRuleMode:
    mode = settings.get("commonEventOnViolations", "ALLOW")
    if mode in ("ALLOW", "BLOCK"):
        return "ALLOW" if mode == "ALLOW" else "BLOCK"
    return "OMIT"  # OMIT_PROPERTIES or OMIT_TRAITS


UNPLANNED_CAUSE, VIOLATION_CAUSE = "unplanned", "violation"
ValuePath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class PlanEnforcer:
    """A tracking plan, and what its source does about violations.

    Args:
        controls: Type of event -> its controls.
        source_id: Segment's id of the source, written into events; None leaves it out.
    """

    plan: TrackingPlan
    controls: dict[str, PlanControls]
    source_id: str | None = None

    def enforce(self, event: JSONObject) -> FilterResult:
        """Check *event* against the plan; violations are recorded in its context."""
        controls = self.controls[event["type"]]
        rule = self.plan.find_rule(event)
        if rule is None:
            passage = self._reject_unplanned(event, controls)
        else:
            passage = _apply_event_rule(event, rule, controls)
        if passage.rejection is None:
            passage = passage.merge(self._apply_common_rules(passage.event, controls))
        return replace(passage, event=_add_protocols_context(passage, self.source_id))

    def _reject_unplanned(self, event: JSONObject, controls: PlanControls) -> FilterResult:
        if event["type"] != "track" or not controls.block_unplanned:
            return FilterResult(event)
        violations = self._find_common_violations(event)
        name = f"the plan has no event {event['event']!r}"
        if violations and controls.common_rule_mode == "BLOCK":
            # Two reasons at once; nobody documents when Segment gives this one. (assumed)
            stop = Rejection(
                SOURCE_STEP,
                "unplanned_and_schema_violation",
                f"{name}, {_summarise_violations(violations)}",
            )
        else:
            stop = Rejection(
                SOURCE_STEP, "unplanned", f"{name}; names match in every letter and blank"
            )
        return FilterResult(event, stop, violations)

    def _apply_common_rules(self, event: JSONObject, controls: PlanControls) -> FilterResult:
        violations = self._find_common_violations(event)
        if violations and controls.common_rule_mode == "BLOCK":
            stop = Rejection(
                SOURCE_STEP, "common_schema_violation", _summarise_violations(violations)
            )
            return FilterResult(event, stop, violations)
        if controls.common_rule_mode == "OMIT":
            event, omitted = _omit_violating(event, controls.section, violations)
            return FilterResult(event, None, violations, omitted)
        return FilterResult(event, None, violations)

    def _find_common_violations(self, event: JSONObject) -> tuple[PlanViolation, ...]:
        return tuple(
            found for rule in self.plan.common_rules for found in rule.find_violations(event)
        )


def _apply_event_rule(event: JSONObject, rule: PlanRule, controls: PlanControls) -> FilterResult:
    violations = rule.find_violations(event)
    if violations and controls.block_violating:
        return FilterResult(
            event,
            Rejection(SOURCE_STEP, "schema_violation", _summarise_violations(violations)),
            violations,
        )
    omitted: tuple[OmittedField, ...] = ()
    if controls.omit_unplanned:
        event, omitted = _omit_unplanned(event, controls.section, rule)
    if controls.omit_violating:
        event, more = _omit_violating(event, controls.section, violations)
        omitted += more
    return FilterResult(event, None, violations, omitted)


def _omit_unplanned(
    event: JSONObject, section: str, rule: PlanRule
) -> tuple[JSONObject, tuple[OmittedField, ...]]:
    """Remove the properties that the rule does not name, with all that they contain. (assumed)"""
    held = event.get(section) or {}
    planned = rule.planned_names(section)
    unplanned = [name for name in held if planned is not None and name not in planned]
    if planned is None or not unplanned:
        return event, ()
    left = {name: value for name, value in held.items() if name in planned}
    omitted = tuple(OmittedField(f"{section}.{name}", UNPLANNED_CAUSE) for name in unplanned)
    return {**event, section: left}, omitted


def _omit_violating(
    event: JSONObject, section: str, violations: tuple[PlanViolation, ...]
) -> tuple[JSONObject, tuple[OmittedField, ...]]:
    """Remove each violating value below *section*."""
    omitted = []
    # The last item of a list goes first, so that the places of the others still hold.
    for violation in sorted(
        violations, key=lambda each: [*map(_path_sort_key, each.path)], reverse=True
    ):
        if len(violation.path) > 1 and violation.path[0] == section:
            left = _remove_at_path(event, violation.path)
            if left is not event:
                event = left
                omitted.append(OmittedField(violation.field, VIOLATION_CAUSE))
    return event, tuple(reversed(omitted))


def _path_sort_key(step: str | int) -> tuple[int, str]:
    return (step, "") if isinstance(step, int) else (0, step)


def _remove_at_path(value: JSON, path: ValuePath) -> JSON:
    """Return a copy of *value* without the value at *path*; *value* itself if there is none."""
    step, *rest = path
    try:
        child = value[step]
    except (KeyError, IndexError, TypeError):
        return value
    left = _remove_at_path(child, tuple(rest)) if rest else None
    if rest and left is child:
        return value
    if isinstance(value, list):
        return [*value[: int(step)], *([left] if rest else []), *value[int(step) + 1 :]]
    kept = {name: held for name, held in value.items() if rest or name != step}
    return {**kept, step: left} if rest else kept


def _add_protocols_context(result: FilterResult, source_id: str | None) -> JSONObject:
    """Return the event with `context.protocols` as Segment writes it."""
    by_cause: dict[str, list[JSON]] = {UNPLANNED_CAUSE: [], VIOLATION_CAUSE: []}
    for omission in result.omitted:
        by_cause[omission.by].append(omission.field)
    found = {
        "omitted": by_cause[UNPLANNED_CAUSE],
        "omitted_on_violation": by_cause[VIOLATION_CAUSE],
        "violations": [
            {"type": each.type, "field": each.field, "description": each.description}
            for each in result.violations
        ],
    }
    label: JSONObject = {name: value for name, value in found.items() if value}
    if not label:
        return result.event
    if source_id:
        label = {"sourceId": source_id, **label}
    context = result.event.get("context") or {}
    given = context.get("protocols")
    own = given if isinstance(given, dict) else {}
    return {**result.event, "context": {**context, "protocols": {**own, **label}}}


def _summarise_violations(violations: tuple[PlanViolation, ...]) -> str:
    first, *others = violations
    more = f", and {len(others)} more" if others else ""
    return f"{first.field}: {first.description} ({first.rule}){more}"
