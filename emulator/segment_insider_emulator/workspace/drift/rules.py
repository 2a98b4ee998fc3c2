"""What lint has to say, as departures: each rule with its row of the checklist."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from segment_insider_emulator.mapping.directives import is_directive
from segment_insider_emulator.workspace.drift.departure import (
    Deviation,
    DeviationEffect,
    WorkspaceEdit,
)
from segment_insider_emulator.workspace.drift.reference import find_guide_subscription
from segment_insider_emulator.workspace.drift.triggers import (
    SENT_TWICE_TEXT,
    build_trigger_exclusion,
)
from segment_insider_emulator.workspace.finding import WorkspaceFinding
from segment_insider_emulator.workspace.lint import (
    LINT_RULES,
    LintRule,
    account,
    fields,
    overlap,
    parameters,
    people,
)
from segment_insider_emulator.workspace.lint.subject import AnalysisContext, LocatedSubscription

_DIFFERENCE_BY_RULE: dict[LintRule, str] = {
    account.find_inactive_destination: "D25",
    account.find_wrong_credentials: "D35",
    overlap.find_duplicate_deliveries: "D24",
    overlap.find_unhandled_call_types: "D26",
    overlap.find_missing_cart_reviewed: "D12",
    fields.find_calls_without_event_name: "D26",
    people.find_subscriptions_without_identifier: "D11",
    people.find_unlisted_identifiers: "D10",
    people.find_unsent_identifiers: "D10",
    people.find_unread_name_traits: "D1",
    people.find_unmapped_opt_ins: "D3",
    people.find_opt_ins_that_need_booleans: "D5",
    people.find_default_attributes_sent_as_custom: "D4",
    people.find_phone_number_identifiers: "D7",
    parameters.find_keys_changed_by_normalisation: "D31",
    parameters.find_overwritten_product_values: "D23",
    parameters.find_missing_required_parameters: "D41",
    parameters.find_dropped_spec_properties: "D17",
    parameters.find_dropped_custom_properties: "D17",
    parameters.find_textual_variants: "D21",
    parameters.find_cart_without_currency: "D41",
    parameters.find_strictly_typed_products: "D21",
}
# The comparison with the guide says the same, with the line to write.
_RULES_COVERED_BY_COMPARISON = (
    people.find_unread_name_traits,
    people.find_unmapped_opt_ins,
    parameters.find_dropped_spec_properties,
    parameters.find_dropped_custom_properties,
    parameters.find_missing_required_parameters,
)
# Something arrives, only not as it should.
_RULES_WITHOUT_LOSS = (
    overlap.find_duplicate_deliveries,
    overlap.find_missing_cart_reviewed,
    people.find_unlisted_identifiers,
)


def convert_lint_findings(
    context: AnalysisContext, deviations: Sequence[Deviation]
) -> Iterator[Deviation]:
    """The findings of every rule that say more than the departures *known* already."""
    events = dict(overlap.find_duplicate_deliveries_by_event(context))
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
        group_text=SENT_TWICE_TEXT if rule is overlap.find_duplicate_deliveries else "",
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
    if rule is overlap.find_duplicate_deliveries:
        return build_trigger_exclusion(subscription, event_name) if event_name is not None else None
    guides = find_guide_subscription(subscription)
    if rule is overlap.find_missing_cart_reviewed and guides:
        return WorkspaceEdit(subscription.destination_keys("trigger"), guides.subscription.trigger)
    if rule is parameters.find_keys_changed_by_normalisation:
        return _rename_key_edit(finding, subscription)
    return None


def _rename_key_edit(
    finding: WorkspaceFinding, subscription: LocatedSubscription
) -> WorkspaceEdit | None:
    field, _, key = finding.where.removeprefix(f"{subscription.path}.settings.").partition(".")
    mapping = subscription.mapping.get(field)
    if not isinstance(mapping, dict) or is_directive(mapping) or key not in mapping:
        return None
    better = parameters.suggest_normalised_key(key)
    return WorkspaceEdit(
        subscription.destination_keys("settings", field, better), mapping[key], removed_key=key
    )
