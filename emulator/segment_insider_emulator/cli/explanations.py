"""Explanations for people, and the same as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import TypeAlias

import click
import orjson

from segment_insider_emulator.analysis.context import AnalysisContext, build_context
from segment_insider_emulator.analysis.drift.unsent_properties import (
    explain_deciding_properties,
    explain_empty_values,
    explain_unmapped_properties,
    find_unsent_values,
)
from segment_insider_emulator.analysis.lint.payload_rules import suggest_normalised_key
from segment_insider_emulator.insider.options import InsiderOptions
from segment_insider_emulator.insider.validation import UserError, validate_user
from segment_insider_emulator.mapping import Destination, InsiderRequest, MappingFailure
from segment_insider_emulator.mapping.explanation import (
    ConditionCheck,
    EventExplanation,
    SubscriptionTrace,
    explain_event,
)
from segment_insider_emulator.mapping.javascript import to_json_text
from segment_insider_emulator.mapping.upserts import normalise_name
from segment_insider_emulator.mapping.value_origins import ValueOrigin
from segment_insider_emulator.segment.validation import MESSAGE_TYPES
from segment_insider_emulator.terminal_output import (
    escape_json,
    expand_settings_hint,
    print_lines,
    style_text,
)
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import Workspace

RefusalsBySubscription: TypeAlias = dict[int, list[UserError]]

_MAX_REFUSALS = 3  # told of one request
_MAX_CONDITIONS = 3  # told of the subscriptions that are told together


def print_explanations(
    workspace: Workspace, workspace_name: str, events: Iterable[JSONObject], *, as_json: bool
) -> None:
    """Print one explanation for each event, as text or as a JSON line.

    Args:
        name: Of the workspace, as commands take it.
    """
    destination, subject = Destination(workspace.destination), build_context(workspace.document)
    for event in events:
        explanation = explain_event(destination, event)
        refused = _find_refusals(destination, event, workspace.insider_options)
        if as_json:
            document = {
                **_explanation_members(explanation),
                "refused": _refusals_document(explanation, refused),
            }
            click.echo(escape_json(orjson.dumps(document, default=_serialise_special_value)))
        else:
            dropped = _format_unread_paths(event, explanation, subject, workspace_name)
            print_lines([*_format_explanation(event, explanation, refused), *dropped, ""])


def _explanation_members(explanation: EventExplanation) -> JSONObject:
    return {each.name: getattr(explanation, each.name) for each in fields(explanation)}


def _refusals_document(
    explanation: EventExplanation, refusals: RefusalsBySubscription
) -> list[JSONObject]:
    return [
        {
            "subscription": explanation.accounts[at].subscription,
            "where": each.where,
            "what": each.text,
            "remedy": each.remedy,
        }
        for at, found in refusals.items()
        for each in found
    ]


def _serialise_special_value(value: object) -> JSON:
    """A failure as an object; a value that is missing in a list as null."""
    return value._asdict() if isinstance(value, MappingFailure) else None


def _find_refusals(
    destination: Destination, event: JSONObject, options: InsiderOptions
) -> RefusalsBySubscription:
    """Why Insider One would take nothing of what a subscription sends, by its place."""
    results = ((at, each.build_request(event)) for at, each in enumerate(destination.subscriptions))
    return {
        at: _drop_repeated_errors(
            fault for user in result.json["users"] for fault in validate_user(user, options)
        )
        for at, result in results
        if isinstance(result, InsiderRequest)
    }


def _drop_repeated_errors(errors: Iterable[UserError]) -> list[UserError]:
    """Of *found*, the first of those that say the same."""
    first_by_text: dict[tuple[str, str], UserError] = {}
    for each in errors:
        first_by_text.setdefault((each.text, each.remedy), each)
    return list(first_by_text.values())


def _format_explanation(
    event: JSONObject, explanation: EventExplanation, refusals: RefusalsBySubscription
) -> Iterator[str]:
    name = f" {event['event']!r}" if event.get("event") else ""
    yield style_text(f"{event.get('type')}{name}  {explanation.message_id or ''}", bold=True)
    if event.get("type") not in MESSAGE_TYPES:
        known = f"{', '.join(MESSAGE_TYPES[:-1])} and {MESSAGE_TYPES[-1]}"
        kind = (
            f"of the type {_format_found_value(event['type'])}"
            if event.get("type")
            else "without a type"
        )
        yield f"  Segment takes no call {kind}, only {known}"
        return
    yield from _format_subscriptions(event, explanation.accounts, refusals)


def _format_subscriptions(
    event: JSONObject, traces: Sequence[SubscriptionTrace], refusals: RefusalsBySubscription
) -> Iterator[str]:
    """Each that matched, and the others together; where none did, the reasons are what is asked."""
    grouped = []
    if any(each.matched for each in traces):
        grouped = [each for each in traces if not each.failure and _unmet_conditions(each)]
    if len(grouped) == 1:
        grouped = []
    for at, account in enumerate(traces):
        if account not in grouped:
            yield from _format_subscription_trace(account, event)
            yield from _format_refusals(refusals.get(at, []))
    if grouped:
        yield f"  not matched  {len(grouped)} others, which want {_format_first_unmet(grouped)}"


def _unmet_conditions(trace: SubscriptionTrace) -> list[ConditionCheck]:
    return [] if trace.matched else [each for each in trace.conditions if not each.holds]


def _format_first_unmet(traces: Sequence[SubscriptionTrace]) -> str:
    """The first condition of each that does not hold."""
    conditions = list(dict.fromkeys(_unmet_conditions(each)[0].condition for each in traces))
    listed_conditions = " or ".join(conditions[:_MAX_CONDITIONS])
    more = len(conditions) - _MAX_CONDITIONS
    return f"{listed_conditions} or {more} more, see --json" if more > 0 else listed_conditions


def _format_unread_paths(
    event: JSONObject, explanation: EventExplanation, subject: AnalysisContext, workspace_name: str
) -> Iterator[str]:
    if event.get("type") not in MESSAGE_TYPES:
        return
    yield from (f"  {sentence}" for sentence in explain_deciding_properties(explanation, event))
    if explanation.dropped:
        yield "  dropped: no matching subscription reads"
    for each in explain_unmapped_properties(subject, event, explanation.dropped):
        yield f"    {each.path} {each.explanation}".rstrip()
        if each.suggestion_text:
            yield f"      {each.suggestion_text}"
        if each.replaces_mapping:
            yield f"      {expand_settings_hint(workspace_name)}"


def _format_refusals(errors: Sequence[UserError]) -> Iterator[str]:
    for each in errors[:_MAX_REFUSALS]:
        yield f'    Insider One answers 200 and refuses it: "{each.text}". {each.remedy}'


def _format_subscription_trace(trace: SubscriptionTrace, event: JSONObject) -> Iterator[str]:
    title = f"{trace.subscription} ({trace.action_slug})"
    if not trace.matched:
        yield f"  not matched  {title}: {_explain_mismatch(trace)}"
        return
    if trace.failure:
        yield f"  failed       {title}: {trace.failure.message}"
    else:
        yield f"  matched      {title}"
    for origin in trace.origins:
        yield from _format_value_origin(origin)
    for origin in find_unsent_values(trace):
        lost_value = f"{origin.field} = {_format_found_value(origin.value)} from {_format_source_paths(origin)}"
        yield f"    lost: {lost_value}{_renamed_key_hint(origin)}"
    yield from (f"    {sentence}" for sentence in explain_empty_values(trace, event))


def _explain_mismatch(trace: SubscriptionTrace) -> str:
    if trace.failure:
        return trace.failure.message
    return "; ".join(
        f"{each.condition}, but it is {_format_found_value(each.found)}"
        for each in _unmet_conditions(trace)
    )


def _format_value_origin(origin: ValueOrigin) -> Iterator[str]:
    if origin.at:
        yield f"    {origin.at[0]} = {to_json_text(origin.value)}"
        yield from (f"    {place}" for place in origin.at[1:])
        yield f"        from {_format_source_paths(origin)}, by {origin.field}"


def _renamed_key_hint(origin: ValueOrigin) -> str:
    """What to do about a key that is sent under another name, and so without its value."""
    key = origin.field.partition(".")[2].partition(".")[0]
    if not key or normalise_name(key) == key:
        return ""
    return f". A key with a capital or a space loses its value: map it to {suggest_normalised_key(key)}"


def _format_source_paths(origin: ValueOrigin) -> str:
    """The paths that a value was made from, and those that only decided which value it is."""
    source_paths = [path for path in origin.read if path not in origin.decided_by]
    source = ", ".join(source_paths) or "the mapping itself"
    decided = f", decided by {', '.join(origin.decided_by)}" if origin.decided_by else ""
    return f"{source}{decided}"


def _format_found_value(value: JSON) -> str:
    return "missing" if value is None else to_json_text(value)
