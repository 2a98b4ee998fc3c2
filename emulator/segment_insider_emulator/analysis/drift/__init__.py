"""What lint has to say, as departures: each rule with its row of the checklist."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from segment_insider_emulator.analysis.context import (
    AnalysisContext,
    LocatedSubscription,
    build_context,
)
from segment_insider_emulator.analysis.drift.guide_comparison import (
    compare_mappings,
    find_guide_subscription,
    find_missing_subscriptions,
)
from segment_insider_emulator.analysis.drift.known_differences import (
    KnownDifference,
    check_known_differences,
    find_platform_notes,
)
from segment_insider_emulator.analysis.drift.model import (
    SENT_TWICE_TEXT,
    Deviation,
    DeviationEffect,
    DeviationTable,
    PreviewedDeviation,
    WorkspaceEdit,
    build_trigger_exclusion,
    combine_trigger_edits,
    group_by_subscription,
    merge_deviations,
)
from segment_insider_emulator.analysis.drift.preview import EditPreview
from segment_insider_emulator.analysis.drift.traffic import compare_with_traffic
from segment_insider_emulator.analysis.lint import (
    LINT_RULES,
    LintRule,
    destination_rules,
    mapping_rules,
    payload_rules,
)
from segment_insider_emulator.mapping.directives import is_directive
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.validation import WorkspaceFinding, validate_document

_DIFFERENCE_BY_RULE: dict[LintRule, str] = {
    destination_rules.find_inactive_destination: "D25",
    destination_rules.find_wrong_credentials: "D35",
    destination_rules.find_duplicate_deliveries: "D24",
    destination_rules.find_unhandled_call_types: "D26",
    destination_rules.find_missing_cart_reviewed: "D12",
    mapping_rules.find_calls_without_event_name: "D26",
    payload_rules.find_subscriptions_without_identifier: "D11",
    payload_rules.find_unlisted_identifiers: "D10",
    payload_rules.find_unsent_identifiers: "D10",
    payload_rules.find_unread_name_traits: "D1",
    payload_rules.find_unmapped_opt_ins: "D3",
    payload_rules.find_opt_ins_that_need_booleans: "D5",
    payload_rules.find_default_attributes_sent_as_custom: "D4",
    payload_rules.find_phone_number_identifiers: "D7",
    payload_rules.find_keys_changed_by_normalisation: "D31",
    payload_rules.find_overwritten_product_values: "D23",
    payload_rules.find_missing_required_parameters: "D41",
    payload_rules.find_dropped_spec_properties: "D17",
    payload_rules.find_dropped_custom_properties: "D17",
    payload_rules.find_textual_variants: "D21",
    payload_rules.find_cart_without_currency: "D41",
    payload_rules.find_strictly_typed_products: "D21",
}
# The comparison with the guide says the same, with the line to write.
_RULES_COVERED_BY_COMPARISON = (
    payload_rules.find_unread_name_traits,
    payload_rules.find_unmapped_opt_ins,
    payload_rules.find_dropped_spec_properties,
    payload_rules.find_dropped_custom_properties,
    payload_rules.find_missing_required_parameters,
)
# Something arrives, only not as it should.
_RULES_WITHOUT_LOSS = (
    destination_rules.find_duplicate_deliveries,
    destination_rules.find_missing_cart_reviewed,
    payload_rules.find_unlisted_identifiers,
)


def convert_lint_findings(
    context: AnalysisContext, deviations: Sequence[Deviation]
) -> Iterator[Deviation]:
    """The findings of every rule that say more than the departures *known* already."""
    events = dict(destination_rules.find_duplicate_deliveries_by_event(context))
    losing = {
        each.subscription_path
        for each in deviations
        if each.effect == "loses" and "guide" in each.references
    }
    for rule in LINT_RULES:
        for finding in rule(context):
            placed = _subscription_at(context, finding.where)
            if rule in _RULES_COVERED_BY_COMPARISON and placed and placed.path in losing:
                continue
            found = _finding_to_deviation(rule, finding, placed, events.get(finding))
            if found.edit is None or all(found.edit != each.edit for each in deviations):
                yield found


def _subscription_at(context: AnalysisContext, path: str) -> LocatedSubscription | None:
    return next(
        (
            each
            for each in context.subscriptions
            if path == each.path or path.startswith(f"{each.path}.")
        ),
        None,
    )


def _finding_to_deviation(
    rule: LintRule,
    finding: WorkspaceFinding,
    subscription: LocatedSubscription | None,
    event_name: str | None,
) -> Deviation:
    """*finding* of *rule* as a departure; *event* is the track call that it is about, if any."""
    effect: DeviationEffect = "note" if finding.severity == "note" else "loses"
    if rule in _RULES_WITHOUT_LOSS:
        effect = "differs"
    found = Deviation(
        _DIFFERENCE_BY_RULE.get(rule, ""),
        subscription.path if subscription else "",
        ("guide",),
        effect,
        finding.where,
        finding.what,
        finding.remedy,
        group_text=SENT_TWICE_TEXT if rule is destination_rules.find_duplicate_deliveries else "",
    )
    if subscription is None:
        return found
    return replace(found, edit=_finding_edit(rule, finding, subscription, event_name))


def _finding_edit(
    rule: LintRule,
    finding: WorkspaceFinding,
    subscription: LocatedSubscription,
    event_name: str | None,
) -> WorkspaceEdit | None:
    if rule is destination_rules.find_duplicate_deliveries:
        return build_trigger_exclusion(subscription, event_name) if event_name is not None else None
    guides = find_guide_subscription(subscription)
    if rule is destination_rules.find_missing_cart_reviewed and guides:
        return WorkspaceEdit(subscription.destination_keys("trigger"), guides.subscription.trigger)
    if rule is payload_rules.find_keys_changed_by_normalisation:
        return _rename_key_edit(finding, subscription)
    return None


def _rename_key_edit(
    finding: WorkspaceFinding, subscription: LocatedSubscription
) -> WorkspaceEdit | None:
    field, _, key = finding.where.removeprefix(f"{subscription.path}.settings.").partition(".")
    mapping = subscription.mapping.get(field)
    if not isinstance(mapping, dict) or is_directive(mapping) or key not in mapping:
        return None
    better = payload_rules.suggest_normalised_key(key)
    return WorkspaceEdit(
        subscription.destination_keys("settings", field, better), mapping[key], removed_key=key
    )


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What was found: a table for the workspace and for each subscription, and the checklist."""

    tables: list[DeviationTable]
    known_differences: list[KnownDifference]

    @property
    def deviations(self) -> list[PreviewedDeviation]:
        return [each for table in self.tables for each in table.deviations]

    @property
    def loses_data(self) -> bool:
        """Whether any departure loses data."""
        return any(each.effect == "loses" for each in self.deviations)


def find_drift(
    document: JSONObject, traffic: Sequence[JSONObject] = ()
) -> DriftReport | list[WorkspaceFinding]:
    """Everything in which a workspace departs; the errors of its shape when it has none.

    Args:
        document: A workspace file as read.
        traffic: Captured events, as destinations are handed them.
    """
    wrong = validate_document(document)
    if wrong:
        return wrong
    subject = build_context(document)
    found = merge_deviations(
        list(compare_with_traffic(subject, traffic)), list(compare_mappings(subject))
    )
    found += [
        each
        for each in find_missing_subscriptions(subject)
        if all(each.edit != other.edit for other in found)
    ]
    found += convert_lint_findings(subject, found)
    found += find_platform_notes(subject)
    found = combine_trigger_edits(subject, found)
    preview = EditPreview(subject, traffic)
    tables = group_by_subscription(
        subject, [(each, preview.list_value_changes(each)) for each in found]
    )
    return DriftReport(tables, check_known_differences(tables))
