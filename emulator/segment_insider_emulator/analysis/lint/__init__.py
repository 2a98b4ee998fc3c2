"""All lint rules of `emulator lint`, and the function that checks a workspace with them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from segment_insider_emulator.analysis.context import AnalysisContext, build_context
from segment_insider_emulator.analysis.lint import (
    destination_rules,
    function_rules,
    mapping_rules,
    payload_rules,
    transformation_rules,
    trigger_rules,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.causes import (
    MAX_CAUSE_LENGTH,
    find_known_cause,
    list_known_causes,
)
from segment_insider_emulator.workspace.validation import (
    SEVERITIES,
    WorkspaceFinding,
    add_subscription_names,
    validate_document,
)

LintRule: TypeAlias = Callable[[AnalysisContext], Iterator[WorkspaceFinding]]

LINT_RULES: tuple[LintRule, ...] = (
    destination_rules.find_inactive_destination,
    destination_rules.find_too_many_subscriptions,
    destination_rules.find_wrong_credentials,
    destination_rules.find_unknown_settings,
    destination_rules.find_duplicate_subscription_names,
    trigger_rules.find_misread_triggers,
    trigger_rules.find_impossible_triggers,
    trigger_rules.find_misspelled_event_names,
    trigger_rules.find_negations_of_missing_values,
    destination_rules.find_duplicate_deliveries,
    destination_rules.find_unhandled_call_types,
    destination_rules.find_missing_cart_reviewed,
    mapping_rules.find_invalid_directives,
    mapping_rules.find_unknown_directive_options,
    mapping_rules.find_ineffective_if_directives,
    mapping_rules.find_unpaired_braces,
    mapping_rules.find_invalid_liquid,
    mapping_rules.find_unknown_fields,
    mapping_rules.find_unmapped_required_fields,
    mapping_rules.find_paths_without_value,
    mapping_rules.find_calls_without_event_name,
    mapping_rules.find_batched_subscriptions,
    destination_rules.find_unparsable_filters,
    destination_rules.find_constant_filter_conditions,
    destination_rules.find_filters_without_fields,
    transformation_rules.find_unparsable_transformations,
    transformation_rules.find_constant_transformation_conditions,
    transformation_rules.find_transformations_without_effect,
    transformation_rules.find_conflicting_transformations,
    transformation_rules.find_unsupported_transformation_paths,
    transformation_rules.find_unreachable_transformations,
    transformation_rules.find_misspelled_new_event_names,
    transformation_rules.find_mappings_of_moved_values,
    destination_rules.find_unmapped_consent_categories,
    destination_rules.find_unknown_consent_categories,
    destination_rules.find_schema_settings_without_plan,
    payload_rules.find_subscriptions_without_identifier,
    payload_rules.find_unconfigured_identifiers,
    payload_rules.find_unsent_identifiers,
    payload_rules.find_unread_name_traits,
    payload_rules.find_unmapped_opt_ins,
    payload_rules.find_opt_ins_that_need_booleans,
    payload_rules.find_default_attributes_sent_as_custom,
    payload_rules.find_phone_number_identifiers,
    payload_rules.find_keys_that_lose_their_value,
    payload_rules.find_overwritten_product_values,
    payload_rules.find_missing_required_parameters,
    payload_rules.find_dropped_spec_properties,
    payload_rules.find_dropped_custom_properties,
    payload_rules.find_textual_variants,
    payload_rules.find_cart_without_currency,
    payload_rules.find_products_that_fail_order,
    function_rules.find_function_problems,
)


@dataclass(frozen=True, slots=True)
class LintReport:
    """Findings of lint about a workspace, the worst first, and those whose causes are known."""

    findings: list[WorkspaceFinding]
    known: list[WorkspaceFinding]


def lint_document(document: JSONObject) -> list[WorkspaceFinding]:
    """Check a workspace document with all lint rules; return the findings, the worst first.

    An invalid document gets only its validation errors. Known causes are left out.
    """
    return build_lint_report(document).findings


def build_lint_report(document: JSONObject) -> LintReport:
    """Check a workspace document with all lint rules, and find out which findings are known."""
    findings = validate_document(document)
    if findings:
        return LintReport(findings, [])
    context = build_context(document)
    findings = add_subscription_names(
        [
            name_finding_cause(rule, finding, context)
            for rule in LINT_RULES
            for finding in rule(context)
        ],
        document,
    )
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    known_causes = list_known_causes(document)
    known = [
        finding
        for finding in findings
        if find_known_cause(known_causes, finding.cause, finding.mapping)
    ]
    return LintReport([finding for finding in findings if finding not in known], known)


_QUOTED_NAME = re.compile(r"'([^']*)'|\"([^\"]*)\"")


def name_finding_cause(
    rule: LintRule, finding: WorkspaceFinding, context: AnalysisContext
) -> WorkspaceFinding:
    """Return a finding with the name of its cause: the rule, the place, and the names in it."""
    subscription = next(
        (
            subscription
            for subscription in context.subscriptions
            if is_path_below(finding.where, subscription.path)
        ),
        None,
    )
    place = finding.where
    mapping = ""
    if subscription:
        place, mapping = place.removeprefix(subscription.path).strip("."), subscription.name
    names = [
        name
        for quoted in _QUOTED_NAME.findall(finding.what)
        if (name := "".join(quoted)) and name != mapping
    ]
    rule_name = rule.__name__.removeprefix("find_").replace("_", "-")
    cause = " ".join(filter(None, (rule_name, place, *dict.fromkeys(names))))
    return replace(finding, cause=cause[:MAX_CAUSE_LENGTH], mapping=mapping)


def is_path_below(path: str, parent: str) -> bool:
    """Return whether a document path is another one, or a place within it."""
    return path == parent or path.startswith(f"{parent}.")
