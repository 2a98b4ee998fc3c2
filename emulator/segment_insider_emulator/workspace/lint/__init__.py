"""`emulator lint`: what is wrong in a workspace file, where, and what to write instead."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.finding import SEVERITIES, WorkspaceFinding
from segment_insider_emulator.workspace.lint import (
    account,
    conditions,
    directives,
    fields,
    filtering,
    overlap,
    parameters,
    people,
    reading,
)
from segment_insider_emulator.workspace.lint.subject import AnalysisContext, build_context
from segment_insider_emulator.workspace.structure import add_subscription_names, validate_document

LintRule: TypeAlias = Callable[[AnalysisContext], Iterator[WorkspaceFinding]]

LINT_RULES: tuple[LintRule, ...] = (
    account.find_inactive_destination,
    account.find_too_many_subscriptions,
    account.find_wrong_credentials,
    account.find_unknown_settings,
    account.find_duplicate_subscription_names,
    reading.find_misread_triggers,
    conditions.find_impossible_triggers,
    conditions.find_misspelled_event_names,
    conditions.find_negations_of_missing_values,
    overlap.find_duplicate_deliveries,
    overlap.find_unhandled_call_types,
    overlap.find_missing_cart_reviewed,
    fields.find_invalid_directives,
    directives.find_unknown_directive_options,
    directives.find_ineffective_if_directives,
    directives.find_unpaired_braces,
    directives.find_invalid_liquid,
    fields.find_unknown_fields,
    fields.find_unmapped_required_fields,
    fields.find_paths_without_value,
    fields.find_calls_without_event_name,
    fields.find_batched_subscriptions,
    filtering.find_unparsable_filters,
    filtering.find_constant_filter_conditions,
    filtering.find_filters_without_fields,
    filtering.find_controls_without_plan,
    people.find_subscriptions_without_identifier,
    people.find_unlisted_identifiers,
    people.find_unsent_identifiers,
    people.find_unread_name_traits,
    people.find_unmapped_opt_ins,
    people.find_opt_ins_that_need_booleans,
    people.find_default_attributes_sent_as_custom,
    people.find_phone_number_identifiers,
    parameters.find_keys_changed_by_normalisation,
    parameters.find_overwritten_product_values,
    parameters.find_missing_required_parameters,
    parameters.find_dropped_spec_properties,
    parameters.find_dropped_custom_properties,
    parameters.find_textual_variants,
    parameters.find_cart_without_currency,
    parameters.find_strictly_typed_products,
)


def lint_document(document: JSONObject) -> list[WorkspaceFinding]:
    """Everything there is to say about a workspace *document*, the worst first.

    A document that does not have the shape of a workspace gets the errors of its shape only.
    """
    found = validate_document(document)
    if not found:
        subject = build_context(document)
        found = add_subscription_names(
            [finding for rule in LINT_RULES for finding in rule(subject)], document
        )
    return sorted(found, key=lambda each: SEVERITIES.index(each.severity))
