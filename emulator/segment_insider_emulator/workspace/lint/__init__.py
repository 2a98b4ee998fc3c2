"""`emulator lint`: what is wrong in a workspace file, where, and what to write instead."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.finding import SEVERITIES, Finding
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
from segment_insider_emulator.workspace.lint.subject import Subject, subject_of
from segment_insider_emulator.workspace.structure import faults, named

Rule: TypeAlias = Callable[[Subject], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    account.silent_destinations,
    account.too_many_subscriptions,
    account.wrong_credentials,
    account.unknown_settings,
    account.shared_names,
    reading.misread_triggers,
    conditions.impossible_triggers,
    conditions.misspelt_events,
    conditions.missing_values,
    overlap.events_sent_twice,
    overlap.calls_not_taken,
    overlap.cart_reviewed,
    fields.faulty_directives,
    directives.unknown_options,
    directives.idle_conditions,
    directives.unpaired_braces,
    directives.broken_liquid,
    fields.unknown_fields,
    fields.required_fields,
    fields.dead_paths,
    fields.unnamed_pages,
    fields.batching,
    filtering.broken_filters,
    filtering.constant_filters,
    filtering.idle_filters,
    filtering.idle_controls,
    people.anonymous_subscriptions,
    people.unlisted_identifiers,
    people.unsent_identifiers,
    people.unread_names,
    people.unmapped_opt_ins,
    people.truthful_opt_ins,
    people.custom_twins,
    people.phone_numbers,
    parameters.lost_keys,
    parameters.overwritten_products,
    parameters.required_parameters,
    parameters.dropped_properties,
    parameters.dropped_custom_properties,
    parameters.textual_variants,
    parameters.cart_currency,
    parameters.typed_products,
)


def lint(document: JSONObject) -> list[Finding]:
    """Everything there is to say about a workspace *document*, the worst first.

    A document that does not have the shape of a workspace gets the errors of its shape only.
    """
    found = faults(document)
    if not found:
        subject = subject_of(document)
        found = named([finding for rule in RULES for finding in rule(subject)], document)
    return sorted(found, key=lambda each: SEVERITIES.index(each.severity))
