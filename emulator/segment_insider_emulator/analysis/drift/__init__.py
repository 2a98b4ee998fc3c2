"""Function behind `emulator drift`: compares a workspace with guide, catalogue and traffic."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from segment_insider_emulator.analysis.context import (
    AnalysisContext,
    LocatedSubscription,
    build_context,
)
from segment_insider_emulator.analysis.drift.deviations import (
    SENT_TWICE_TEXT,
    Deviation,
    DeviationEffect,
    DeviationTable,
    PreviewedDeviation,
    ValueChange,
    combine_trigger_edits,
    group_deviations_by_subscription,
    merge_deviations,
)
from segment_insider_emulator.analysis.drift.guide_comparison import (
    compare_mappings_with_guide,
    find_missing_subscriptions,
)
from segment_insider_emulator.analysis.drift.known_differences import (
    KnownDifference,
    evaluate_known_differences,
    find_insider_guide_differences,
)
from segment_insider_emulator.analysis.drift.lint_edits import (
    LintProblem,
    suggest_edit_for_finding,
)
from segment_insider_emulator.analysis.drift.traffic import compare_with_traffic
from segment_insider_emulator.analysis.drift.traffic_stats import collect_traffic_stats
from segment_insider_emulator.analysis.lint import (
    LINT_RULES,
    LintRule,
    destination_rules,
    is_path_below,
    mapping_rules,
    name_finding_cause,
    payload_rules,
)
from segment_insider_emulator.analysis.sample_events import build_sample_events, fill_sample_event
from segment_insider_emulator.mapping.destination import (
    InsiderRequest,
    MappingFailure,
    Subscription,
    compile_subscription,
)
from segment_insider_emulator.mapping.path_tracking import iter_leaves
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.causes import list_known_causes
from segment_insider_emulator.workspace.edits import WorkspaceEdit, apply_workspace_edit
from segment_insider_emulator.workspace.validation import WorkspaceFinding, validate_document

_DIFFERENCE_BY_RULE: dict[LintRule, str] = {
    destination_rules.find_inactive_destination: "D25",
    destination_rules.find_wrong_credentials: "D35",
    destination_rules.find_duplicate_deliveries: "D24",
    destination_rules.find_unhandled_call_types: "D26",
    destination_rules.find_missing_cart_reviewed: "D12",
    mapping_rules.find_calls_without_event_name: "D26",
    payload_rules.find_subscriptions_without_identifier: "D11",
    payload_rules.find_unconfigured_identifiers: "D10",
    payload_rules.find_unsent_identifiers: "D10",
    payload_rules.find_unread_name_traits: "D1",
    payload_rules.find_unmapped_opt_ins: "D3",
    payload_rules.find_opt_ins_that_need_booleans: "D5",
    payload_rules.find_default_attributes_sent_as_custom: "D4",
    payload_rules.find_phone_number_identifiers: "D7",
    payload_rules.find_keys_that_lose_their_value: "D31",
    payload_rules.find_overwritten_product_values: "D23",
    payload_rules.find_missing_required_parameters: "D41",
    payload_rules.find_dropped_spec_properties: "D17",
    payload_rules.find_dropped_custom_properties: "D17",
    payload_rules.find_textual_variants: "D21",
    payload_rules.find_cart_without_currency: "D41",
    payload_rules.find_products_that_fail_order: "D21",
}
# The comparison with the guide reports the same, with a suggested edit.
_RULES_COVERED_BY_COMPARISON = (
    payload_rules.find_unread_name_traits,
    payload_rules.find_unmapped_opt_ins,
    payload_rules.find_dropped_spec_properties,
    payload_rules.find_dropped_custom_properties,
    payload_rules.find_missing_required_parameters,
)
# These findings are about data that arrives, but differently than expected.
_RULES_WITHOUT_LOSS = (
    destination_rules.find_duplicate_deliveries,
    destination_rules.find_missing_cart_reviewed,
    payload_rules.find_unconfigured_identifiers,
)


@dataclass(frozen=True, slots=True)
class DriftReport:
    """Deviations of a workspace, grouped by subscription, and the list of known differences."""

    tables: list[DeviationTable]
    known_differences: list[KnownDifference]
    compared_event_count: int = 0

    @property
    def deviations(self) -> list[PreviewedDeviation]:
        """All new deviations of the drift report, from all its tables."""
        return [deviation for table in self.tables for deviation in table.deviations]

    @property
    def known_count(self) -> int:
        """Return how many deviations the workspace file lists as known."""
        return sum(len(table.known) for table in self.tables)

    @property
    def loses_data(self) -> bool:
        """Return whether any new deviation of the drift report loses data."""
        return any(deviation.effect == "loses" for deviation in self.deviations)


def find_drift(
    document: JSONObject,
    traffic: Sequence[JSONObject] = (),
    *,
    time_budget_s: float | None = None,
) -> DriftReport | list[WorkspaceFinding]:
    """Find the drift of a workspace from the guide, the catalogue and the traffic.

    Args:
        document: A workspace file's document.
        traffic: Captured events, after Segment's normalisation.
        time_budget_s: Compare only the first events, as many as this time allows.
    Returns: The report, or the validation errors of an invalid document.
    """
    errors = validate_document(document)
    if errors:
        return errors
    context = build_context(document)
    stats = collect_traffic_stats(context, traffic, time_budget_s)
    deviations = merge_deviations(
        list(compare_with_traffic(context, stats)), list(compare_mappings_with_guide(context))
    )
    deviations += [
        deviation
        for deviation in find_missing_subscriptions(context)
        if all(deviation.edit != other.edit for other in deviations)
    ]
    deviations += convert_lint_findings_to_deviations(context, deviations)
    deviations += find_insider_guide_differences(context)
    deviations = combine_trigger_edits(context, deviations)
    preview = EditPreview(
        context, traffic[: stats.event_count], time_budget_s or MAX_PREVIEW_TIME_S
    )
    known_causes = list_known_causes(document)
    tables = [
        table.separate_known(known_causes)
        for table in group_deviations_by_subscription(
            context,
            [(deviation, preview.list_value_changes(deviation)) for deviation in deviations],
        )
    ]
    return DriftReport(tables, evaluate_known_differences(tables), stats.event_count)


def convert_lint_findings_to_deviations(
    context: AnalysisContext, deviations: Sequence[Deviation]
) -> Iterator[Deviation]:
    """Yield lint findings as deviations, except those that *deviations* already contain."""
    events = dict(destination_rules.find_duplicate_deliveries_by_event(context))
    losing = {
        deviation.subscription_path
        for deviation in deviations
        if deviation.effect == "loses" and "guide" in deviation.references
    }
    suggested = {deviation.edit.json_text for deviation in deviations if deviation.edit}
    for rule in LINT_RULES:
        for finding in rule(context):
            subscription = _find_subscription_at_path(context, finding.where)
            if (
                rule in _RULES_COVERED_BY_COMPARISON
                and subscription
                and subscription.path in losing
            ):
                continue
            converted = replace(
                _convert_finding_to_deviation(
                    context, rule, finding, subscription, events.get(finding)
                ),
                lint_cause=name_finding_cause(rule, finding, context).cause,
            )
            if converted.edit is None or converted.edit.json_text not in suggested:
                yield converted


def _find_subscription_at_path(context: AnalysisContext, path: str) -> LocatedSubscription | None:
    return next(
        (
            subscription
            for subscription in context.subscriptions
            if is_path_below(path, subscription.path)
        ),
        None,
    )


def _convert_finding_to_deviation(
    context: AnalysisContext,
    rule: LintRule,
    finding: WorkspaceFinding,
    subscription: LocatedSubscription | None,
    event_name: str | None,
) -> Deviation:
    """Convert a lint *finding* to a deviation; *event_name* is the track call it is about."""
    effect: DeviationEffect = "note" if finding.severity == "note" else "loses"
    if rule in _RULES_WITHOUT_LOSS:
        effect = "differs"
    deviation = Deviation(
        _DIFFERENCE_BY_RULE.get(rule, ""),
        subscription.path if subscription else "",
        ("guide",),
        effect,
        finding.where,
        finding.what,
        finding.remedy,
        group_text=SENT_TWICE_TEXT if rule is destination_rules.find_duplicate_deliveries else "",
    )
    problem = LintProblem(context, rule, finding, subscription, event_name)
    return replace(deviation, edit=suggest_edit_for_finding(problem))


# Changes shown for one edit; the first few show its effect.
_MAX_VALUE_CHANGES = 6
MAX_PREVIEW_TIME_S = 20.0
# Events tried until one shows a change: traffic first, then samples.
_MAX_TRIED_EVENTS = 60


class EditPreview:
    """Shows what a suggested workspace edit would change, on captured or else sample events.

    Each preview compiles a mapping, which may be huge, so that time limits their number.
    """

    def __init__(
        self, context: AnalysisContext, traffic: Sequence[JSONObject], time_budget_s: float
    ) -> None:
        self._context = context
        self._traffic = traffic
        self._ends_at = time.monotonic() + time_budget_s

    def list_value_changes(self, deviation: Deviation) -> tuple[ValueChange, ...]:
        """Return the first values that a suggested edit would change at Insider One."""
        if deviation.edit is None or deviation.edit.keys[0] != "subscriptions":
            return ()
        if time.monotonic() > self._ends_at:
            return ()
        destination = self._context.workspace.destination
        original = _compile_edited_subscription(destination, deviation.edit)
        edited = _compile_edited_subscription(
            apply_workspace_edit(destination, deviation.edit), deviation.edit
        )
        for event in islice(self._iter_preview_events(deviation), _MAX_TRIED_EVENTS):
            changes = tuple(
                islice(
                    _compare_mapping_results(
                        _compute_mapping_result(original, event),
                        _compute_mapping_result(edited, event),
                    ),
                    _MAX_VALUE_CHANGES,
                )
            )
            if changes:
                return changes
        return ()

    def _iter_preview_events(self, deviation: Deviation) -> Iterator[JSONObject]:
        """Yield events that may show the effect of a suggested edit, the most likely first."""
        if deviation.example_event is not None:
            yield (
                deviation.example_event
                if "messageId" in deviation.example_event
                else fill_sample_event(deviation.example_event)
            )
        subscription = self._get_edited_subscription(deviation)
        if subscription:
            yield from islice(
                (event for event in self._traffic if subscription.matches(event)),
                _MAX_TRIED_EVENTS // 2,
            )
            yield from build_sample_events(self._context, subscription)

    def _get_edited_subscription(self, deviation: Deviation) -> LocatedSubscription | None:
        """Return the subscription that a deviation's edit changes or adds; None without one."""
        context = self._context
        if deviation.subscription_path or deviation.edit is None:
            return next(
                (
                    subscription
                    for subscription in context.subscriptions
                    if subscription.path == deviation.subscription_path
                ),
                None,
            )
        destination = apply_workspace_edit(context.workspace.destination, deviation.edit)
        edited = build_context(context.workspace.document | {"destination": destination})
        index = deviation.edit.keys[1]
        return next((entry for entry in edited.subscriptions if entry.index == index), None)


def _compile_edited_subscription(
    destination: JSONObject, edit: WorkspaceEdit
) -> Subscription | None:
    """Compile the edited subscription; None when it does not exist yet, or is off."""
    definitions = destination["subscriptions"][int(edit.keys[1]) :][:1]
    compiled = [
        compile_subscription(definition, destination["settings"])
        for definition in definitions
        if definition.get("enabled", True)
    ]
    return next(iter(compiled), None)


def _compute_mapping_result(
    subscription: Subscription | None, event: JSONObject
) -> tuple[str, JSON]:
    """Return what a subscription makes of an event for drift: name, and user, failure or None."""
    if subscription is None:
        return "", None
    result = subscription.build_request(event)
    if isinstance(result, InsiderRequest):
        return subscription.name, result.json["users"][0]
    return subscription.name, result.message if isinstance(result, MappingFailure) else None


def _compare_mapping_results(
    before: tuple[str, JSON], after: tuple[str, JSON]
) -> Iterator[ValueChange]:
    (_, old), (name, new) = before, after
    if old == new:
        return
    if not isinstance(old, dict) or not isinstance(new, dict):
        yield ValueChange(f"the request of {name!r}", _summarise_user(old), _summarise_user(new))
        return
    old_values, new_values = dict(iter_leaves(old)), dict(iter_leaves(new))
    for path in {**old_values, **new_values}:
        # An empty object that gets members is shown by its members.
        if old_values.get(path) != new_values.get(path) and old_values.get(path) != {}:
            yield ValueChange(path, old_values.get(path), new_values.get(path))


def _summarise_user(user: JSON) -> JSON:
    """Summarise a user of an upsert: event names or attributes, or the reason for a failure."""
    if not isinstance(user, dict):
        return f"fails: {user}" if user else None
    names = list(dict.fromkeys(event["event_name"] for event in user.get("events", [])))
    return ", ".join(names) if names else "attributes " + ", ".join(user["attributes"])
