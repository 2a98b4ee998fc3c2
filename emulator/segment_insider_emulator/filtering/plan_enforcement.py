"""Enforcement of a tracking plan: events that violate it are rejected or lose values.

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

UNPLANNED_CAUSE, VIOLATION_CAUSE = "unplanned", "violation"

CommonRuleMode = Literal["ALLOW", "BLOCK", "OMIT"]
ValuePath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class PlanViolationControls:
    """What a source does about tracking plan violations of one event type; default: nothing.

    Args:
        section: The object with the values: "properties" or "traits".
        block_unplanned: Whether events that the plan does not name are rejected.
        omit_unplanned: Whether values that the plan does not name are removed.
        block_violating: Whether events that violate their own rule are rejected.
        omit_violating: Whether values that violate the event's own rule are removed.
        common_rule_mode: What happens to violations of the common rules.
    """

    section: str
    block_unplanned: bool = False
    omit_unplanned: bool = False
    block_violating: bool = False
    omit_violating: bool = False
    common_rule_mode: CommonRuleMode = "ALLOW"


@dataclass(frozen=True, slots=True)
class PlanEnforcer:
    """Enforces a tracking plan on events, as its source's settings say.

    Args:
        controls: Type of event -> its controls.
        source_id: Segment's id of the source, written into events; None leaves it out.
    """

    plan: TrackingPlan
    controls: dict[str, PlanViolationControls]
    source_id: str | None = None

    def enforce_plan(self, event: JSONObject) -> FilterResult:
        """Check *event* against the tracking plan; record violations in the event's context."""
        controls = self.controls[event["type"]]
        rule = self.plan.find_rule(event)
        if rule is None:
            result = self._reject_unplanned_event(event, controls)
        else:
            result = _apply_event_rule(event, rule, controls)
        if result.rejection is None:
            result = result.merge_with_later(self._apply_common_rules(result.event, controls))
        return replace(result, event=_add_protocols_context(result, self.source_id))

    def _reject_unplanned_event(
        self, event: JSONObject, controls: PlanViolationControls
    ) -> FilterResult:
        if event["type"] != "track" or not controls.block_unplanned:
            return FilterResult(event)
        violations = self._find_common_violations(event)
        name = f"the plan has no event {event['event']!r}"
        if violations and controls.common_rule_mode == "BLOCK":
            # Two reasons at once; it is not documented when Segment uses this code. (assumed)
            rejection = Rejection(
                SOURCE_STEP,
                "unplanned_and_schema_violation",
                f"{name}, {_summarise_violations(violations)}",
            )
        else:
            why = f"{name}; names match in every letter and blank"
            rejection = Rejection(SOURCE_STEP, "unplanned", why)
        return FilterResult(event, rejection, violations)

    def _apply_common_rules(
        self, event: JSONObject, controls: PlanViolationControls
    ) -> FilterResult:
        violations = self._find_common_violations(event)
        if violations and controls.common_rule_mode == "BLOCK":
            rejection = Rejection(
                SOURCE_STEP, "common_schema_violation", _summarise_violations(violations)
            )
            return FilterResult(event, rejection, violations)
        if controls.common_rule_mode == "OMIT":
            event, omitted = _omit_violating_fields(event, controls.section, violations)
            return FilterResult(event, None, violations, omitted)
        return FilterResult(event, None, violations)

    def _find_common_violations(self, event: JSONObject) -> tuple[PlanViolation, ...]:
        return tuple(
            violation
            for rule in self.plan.common_rules
            for violation in rule.find_violations(event)
        )


def parse_violation_controls(settings: JSONObject) -> dict[str, PlanViolationControls]:
    """Parse a source's settings for plan violations to event type -> controls.

    Pages, screens and aliases have no settings: they are checked and never rejected.
    """
    track = settings.get("track", {})
    return {
        "track": PlanViolationControls(
            "properties",
            block_unplanned=not track.get("allowUnplannedEvents", True),
            omit_unplanned=not track.get("allowUnplannedEventProperties", True),
            block_violating=not track.get("allowEventOnViolations", True),
            omit_violating=not track.get("allowPropertiesOnViolations", True),
            common_rule_mode=_parse_common_rule_mode(track),
        ),
        **{kind: _parse_trait_controls(settings.get(kind, {})) for kind in ("identify", "group")},
        **dict.fromkeys(("page", "screen", "alias"), PlanViolationControls("properties")),
    }


def _parse_trait_controls(settings: JSONObject) -> PlanViolationControls:
    return PlanViolationControls(
        "traits",
        omit_unplanned=not settings.get("allowUnplannedTraits", True),
        omit_violating=not settings.get("allowTraitsOnViolations", True),
        common_rule_mode=_parse_common_rule_mode(settings),
    )


def _parse_common_rule_mode(settings: JSONObject) -> CommonRuleMode:
    mode = settings.get("commonEventOnViolations", "ALLOW")
    if mode in ("ALLOW", "BLOCK"):
        return "ALLOW" if mode == "ALLOW" else "BLOCK"
    return "OMIT"  # OMIT_PROPERTIES or OMIT_TRAITS


def _apply_event_rule(
    event: JSONObject, rule: PlanRule, controls: PlanViolationControls
) -> FilterResult:
    violations = rule.find_violations(event)
    if violations and controls.block_violating:
        return FilterResult(
            event,
            Rejection(SOURCE_STEP, "schema_violation", _summarise_violations(violations)),
            violations,
        )
    omitted: tuple[OmittedField, ...] = ()
    if controls.omit_unplanned:
        event, omitted = _omit_unplanned_fields(event, controls.section, rule)
    if controls.omit_violating:
        event, more = _omit_violating_fields(event, controls.section, violations)
        omitted += more
    return FilterResult(event, None, violations, omitted)


def _omit_unplanned_fields(
    event: JSONObject, section: str, rule: PlanRule
) -> tuple[JSONObject, tuple[OmittedField, ...]]:
    """Remove the event's fields that its plan rule does not name, with their content. (assumed)"""
    values = event.get(section) or {}
    planned = rule.list_planned_field_names(section)
    unplanned = [name for name in values if planned is not None and name not in planned]
    if planned is None or not unplanned:
        return event, ()
    left = {name: value for name, value in values.items() if name in planned}
    omitted = tuple(OmittedField(f"{section}.{name}", UNPLANNED_CAUSE) for name in unplanned)
    return {**event, section: left}, omitted


def _omit_violating_fields(
    event: JSONObject, section: str, violations: tuple[PlanViolation, ...]
) -> tuple[JSONObject, tuple[OmittedField, ...]]:
    """Remove each event value below *section* that violates the tracking plan."""
    omitted = []
    # The last item of a list is removed first, so that the indexes of the others stay valid.
    for violation in sorted(
        violations, key=lambda violation: [*map(_get_path_sort_key, violation.path)], reverse=True
    ):
        if len(violation.path) > 1 and violation.path[0] == section:
            left = _remove_value_at_path(event, violation.path)
            if left is not event:
                event = left
                omitted.append(OmittedField(violation.field, VIOLATION_CAUSE))
    return event, tuple(reversed(omitted))


def _get_path_sort_key(step: str | int) -> tuple[int, str]:
    return (step, "") if isinstance(step, int) else (0, step)


def _remove_value_at_path(value: JSON, path: ValuePath) -> JSON:
    """Return a copy of the JSON *value* without what is at *path*; *value* itself if nothing is."""
    step, *rest = path
    try:
        child = value[step]
    except (KeyError, IndexError, TypeError):
        return value
    left = _remove_value_at_path(child, tuple(rest)) if rest else None
    if rest and left is child:
        return value
    if isinstance(value, list):
        return [*value[: int(step)], *([left] if rest else []), *value[int(step) + 1 :]]
    remaining = {name: member for name, member in value.items() if rest or name != step}
    return {**remaining, step: left} if rest else remaining


def _add_protocols_context(result: FilterResult, source_id: str | None) -> JSONObject:
    """Return the event with its plan violations in `context.protocols`, as Segment writes them."""
    by_cause: dict[str, list[JSON]] = {UNPLANNED_CAUSE: [], VIOLATION_CAUSE: []}
    for omission in result.omitted:
        by_cause[omission.by].append(omission.field)
    lists = {
        "omitted": by_cause[UNPLANNED_CAUSE],
        "omitted_on_violation": by_cause[VIOLATION_CAUSE],
        "violations": [
            {
                "type": violation.type,
                "field": violation.field,
                "description": violation.description,
            }
            for violation in result.violations
        ],
    }
    label: JSONObject = {name: value for name, value in lists.items() if value}
    if not label:
        return result.event
    if source_id:
        label = {"sourceId": source_id, **label}
    context = result.event.get("context") or {}
    protocols = context.get("protocols")
    existing = protocols if isinstance(protocols, dict) else {}
    return {**result.event, "context": {**context, "protocols": {**existing, **label}}}


def _summarise_violations(violations: tuple[PlanViolation, ...]) -> str:
    first, *others = violations
    more = f", and {len(others)} more" if others else ""
    return f"{first.field}: {first.description} ({first.rule}){more}"
