"""Printer of explanations of mapped events, as text or JSON, for `emulator map --explain`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import TypeAlias

import click
import orjson

from segment_insider_emulator.analysis.context import AnalysisContext, build_context
from segment_insider_emulator.analysis.drift.unsent_properties import (
    explain_condition_only_properties,
    explain_empty_properties,
    explain_moved_values,
    explain_unmapped_properties,
    find_unsent_values,
)
from segment_insider_emulator.analysis.lint.payload_rules import suggest_normalised_key
from segment_insider_emulator.delivery.filter_chain import (
    FilterChain,
    build_change_list,
    build_filter_report,
    is_stopped_by_function,
)
from segment_insider_emulator.filtering.result import FilterResult
from segment_insider_emulator.filtering.transformations import describe_change, find_sent_path
from segment_insider_emulator.insider.account_options import InsiderAccountOptions
from segment_insider_emulator.insider.validation import UserValidationError, validate_user
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
    build_expand_settings_hint,
    escape_controls_in_json,
    print_lines,
    style_terminal_text,
)
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import Workspace

RefusalsBySubscription: TypeAlias = dict[int, list[UserValidationError]]

_MAX_REFUSALS = 3  # printed for one request
_MAX_CONDITIONS = 3  # printed for a group of subscriptions
_MAX_CHANGES = 5  # printed for one function


def is_valid_call(event: JSONObject) -> bool:
    """Return whether the stages before the mappings can take an event: it has a type and name."""
    kind = event.get("type")
    return kind in MESSAGE_TYPES and (kind != "track" or isinstance(event.get("event"), str))


def print_event_explanations(
    workspace: Workspace,
    workspace_name: str,
    filter_chain: FilterChain,
    events: Iterable[JSONObject],
    *,
    as_json: bool,
) -> None:
    """Print one mapping explanation for each event, as text or as a JSON line.

    Args:
        workspace_name: File, preset or URL of the workspace.
    """
    destination, subject = Destination(workspace.destination), build_context(workspace.document)
    for sent_event in events:
        passed = (
            filter_chain.filter_event(sent_event, enabled=True, destination=destination)
            if is_valid_call(sent_event)
            else FilterResult(sent_event)
        )
        event, trigger_event = passed.event, passed.trigger_event
        if passed.rejection:
            _print_filtered_event(sent_event, passed, as_json=as_json)
            continue
        explanation = explain_event(destination, event, trigger_event)
        refused = _find_insider_rejections(
            destination, event, workspace.insider_options, trigger_event
        )
        if as_json:
            document = {
                **_build_explanation_members(explanation),
                **_build_filter_members(passed),
                "refused": _build_insider_rejection_objects(explanation, refused),
            }
            click.echo(
                escape_controls_in_json(
                    orjson.dumps(document, default=_serialise_failure_or_missing)
                )
            )
        else:
            changes = build_change_list(passed)
            dropped = _format_unread_paths(event, explanation, subject, workspace_name, changes)
            lines = _format_explanation(event, explanation, refused, passed)
            missed = explain_moved_values(subject, event, changes, trigger_event)
            notes = [f"  {name}: {sentence}" for name, sentence in missed]
            print_lines([*lines, *notes, *dropped, ""])


def _build_filter_members(filter_result: FilterResult) -> JSONObject:
    """Return what happened before the mappings, for JSON; {} when nothing did."""
    report = build_filter_report(filter_result)
    return {key: value for key, value in report.items() if value}


def _print_filtered_event(event: JSONObject, result: FilterResult, *, as_json: bool) -> None:
    """Print why an event does not reach the mappings."""
    if as_json:
        document = {"message_id": event.get("messageId"), **_build_filter_members(result)}
        click.echo(escape_controls_in_json(orjson.dumps(document)))
        return
    title, stages = _format_title(event, event.get("messageId")), _format_stages(result)
    word = "not sent    " if is_stopped_by_function(result) else "filtered    "
    print_lines([title, *stages, f"  {word} {result.rejection}", ""])


def _format_stages(result: FilterResult) -> Iterator[str]:
    """Format what transformations and functions did with an event before the mappings."""
    functions = {run["function"] for run in result.functions}
    for change in build_change_list(result):
        if change["by"] not in functions:
            yield f"  changed      {change['by']}: {describe_change(change)}"
    yield from _format_function_runs(result)


def _format_function_runs(passed: FilterResult) -> Iterator[str]:
    for run in passed.functions:
        own = [change for change in passed.changes if change.by == run["function"]]
        listed = ", ".join(f"{change.kind} {change.field}" for change in own[:_MAX_CHANGES])
        more = f" and {len(own) - _MAX_CHANGES} more" if len(own) > _MAX_CHANGES else ""
        yield f"  ran          {run['function']}: {listed or 'no change'}{more}"
    yield from _format_consoles(passed)


def _format_consoles(result: FilterResult) -> Iterator[str]:
    for run in result.functions:
        yield from (f"    console.{line['level']}: {line['text']}" for line in run["logs"])


def _build_explanation_members(explanation: EventExplanation) -> JSONObject:
    return {field.name: getattr(explanation, field.name) for field in fields(explanation)}


def _build_insider_rejection_objects(
    explanation: EventExplanation, refusals: RefusalsBySubscription
) -> list[JSONObject]:
    return [
        {
            "subscription": explanation.accounts[at].subscription,
            "where": error.where,
            "what": error.text,
            "remedy": error.remedy,
        }
        for at, errors in refusals.items()
        for error in errors
    ]


def _serialise_failure_or_missing(value: object) -> JSON:
    """Convert a mapping failure to a JSON object, and a missing list entry to null."""
    return value._asdict() if isinstance(value, MappingFailure) else None


def _find_insider_rejections(
    destination: Destination,
    event: JSONObject,
    options: InsiderAccountOptions,
    trigger_event: JSONObject | None,
) -> RefusalsBySubscription:
    """Return why Insider One would reject a request, by the index of its subscription."""
    results = (
        (at, subscription.build_request(event, trigger_event))
        for at, subscription in enumerate(destination.subscriptions)
    )
    return {
        at: _drop_repeated_errors(
            fault for user in result.json["users"] for fault in validate_user(user, options)
        )
        for at, result in results
        if isinstance(result, InsiderRequest)
    }


def _drop_repeated_errors(errors: Iterable[UserValidationError]) -> list[UserValidationError]:
    """Return Insider One's user errors without repeated texts, for `emulator map --explain`."""
    first_by_text: dict[tuple[str, str], UserValidationError] = {}
    for error in errors:
        first_by_text.setdefault((error.text, error.remedy), error)
    return list(first_by_text.values())


def _format_title(event: JSONObject, message_id: JSON) -> str:
    name = f" {event['event']!r}" if event.get("event") else ""
    return style_terminal_text(f"{event.get('type')}{name}  {message_id or ''}", bold=True)


def _format_explanation(
    event: JSONObject,
    explanation: EventExplanation,
    refusals: RefusalsBySubscription,
    passed: FilterResult,
) -> Iterator[str]:
    yield _format_title(event, explanation.message_id)
    yield from _format_stages(passed)
    if event.get("type") not in MESSAGE_TYPES:
        known = f"{', '.join(MESSAGE_TYPES[:-1])} and {MESSAGE_TYPES[-1]}"
        kind = (
            f"of the type {_format_value_or_missing(event['type'])}"
            if event.get("type")
            else "without a type"
        )
        yield f"  Segment accepts no call {kind}, only {known}"
        return
    changes = build_change_list(passed)
    yield from _format_subscription_traces(event, explanation.accounts, refusals, changes)


def _format_subscription_traces(
    event: JSONObject,
    traces: Sequence[SubscriptionTrace],
    refusals: RefusalsBySubscription,
    changes: Sequence[JSONObject],
) -> Iterator[str]:
    """Format matched subscriptions one by one and unmatched ones as one group."""
    grouped = []
    if any(trace.matched for trace in traces):
        grouped = [trace for trace in traces if not trace.failure and _list_unmet_conditions(trace)]
    if len(grouped) == 1:
        grouped = []
    for at, trace in enumerate(traces):
        if trace not in grouped:
            yield from _format_subscription_trace(trace, event, changes)
            yield from _format_insider_rejections(refusals.get(at, []))
    if grouped:
        conditions_text = _format_first_unmet_conditions(grouped)
        yield f"  not matched  {len(grouped)} others, which require {conditions_text}"


def _list_unmet_conditions(trace: SubscriptionTrace) -> list[ConditionCheck]:
    return [] if trace.matched else [check for check in trace.conditions if not check.holds]


def _format_first_unmet_conditions(traces: Sequence[SubscriptionTrace]) -> str:
    """Return the first unmet trigger condition of each subscription as text."""
    conditions = list(dict.fromkeys(_list_unmet_conditions(trace)[0].condition for trace in traces))
    listed_conditions = " or ".join(conditions[:_MAX_CONDITIONS])
    more = len(conditions) - _MAX_CONDITIONS
    return f"{listed_conditions} or {more} more, see --json" if more > 0 else listed_conditions


def _format_unread_paths(
    event: JSONObject,
    explanation: EventExplanation,
    subject: AnalysisContext,
    workspace_name: str,
    changes: Sequence[JSONObject],
) -> Iterator[str]:
    if event.get("type") not in MESSAGE_TYPES:
        return
    yield from (
        f"  {sentence}" for sentence in explain_condition_only_properties(explanation, event)
    )
    if explanation.dropped:
        yield "  dropped: no matching subscription reads"
    for property_note in explain_unmapped_properties(subject, event, explanation.dropped):
        path = _format_path_with_sent_path(property_note.path, changes)
        yield f"    {path} {property_note.explanation}".rstrip()
        if property_note.suggestion_text:
            yield f"      {property_note.suggestion_text}"
        if property_note.replaces_default_mapping:
            yield f"      {build_expand_settings_hint(workspace_name)}"


def _format_insider_rejections(errors: Sequence[UserValidationError]) -> Iterator[str]:
    for error in errors[:_MAX_REFUSALS]:
        yield f'    Insider One answers 200 and refuses it: "{error.text}". {error.remedy}'


def _format_subscription_trace(
    trace: SubscriptionTrace, event: JSONObject, changes: Sequence[JSONObject]
) -> Iterator[str]:
    title = f"{trace.subscription} ({trace.action_slug})"
    if not trace.matched:
        yield f"  not matched  {title}: {_explain_trigger_mismatch(trace)}"
        return
    if trace.failure:
        yield f"  failed       {title}: {trace.failure.message}"
    else:
        yield f"  matched      {title}"
    for origin in trace.origins:
        yield from _format_value_origin(origin, changes)
    for origin in find_unsent_values(trace):
        lost_value = f"{origin.field} = {_format_value_or_missing(origin.value)}"
        source = _format_source_paths(origin, changes)
        yield f"    lost: {lost_value} from {source}{_format_renamed_key_hint(origin)}"
    yield from (f"    {sentence}" for sentence in explain_empty_properties(trace, event))


def _explain_trigger_mismatch(trace: SubscriptionTrace) -> str:
    if trace.failure:
        return trace.failure.message
    return "; ".join(
        f"{check.condition}, but it is {_format_value_or_missing(check.found)}"
        for check in _list_unmet_conditions(trace)
    )


def _format_value_origin(origin: ValueOrigin, changes: Sequence[JSONObject]) -> Iterator[str]:
    if origin.at:
        yield f"    {origin.at[0]} = {to_json_text(origin.value)}"
        yield from (f"    {place}" for place in origin.at[1:])
        yield f"        from {_format_source_paths(origin, changes)}, by {origin.field}"


def _format_renamed_key_hint(origin: ValueOrigin) -> str:
    """Explain how to keep a value whose key Segment renames; "" when it does not rename it."""
    key = origin.field.partition(".")[2].partition(".")[0]
    if not key or normalise_name(key) == key:
        return ""
    suggestion = suggest_normalised_key(key)
    return f". A key with a capital or a space loses its value: map it to {suggestion}"


def _format_source_paths(origin: ValueOrigin, changes: Sequence[JSONObject]) -> str:
    """Return the event paths that a value was made from, and those that only selected it."""
    source_paths = [
        _format_path_with_sent_path(path, changes)
        for path in origin.read
        if path not in origin.decided_by
    ]
    source = ", ".join(source_paths) or "the mapping itself"
    decided = f", decided by {', '.join(origin.decided_by)}" if origin.decided_by else ""
    return f"{source}{decided}"


def _format_path_with_sent_path(path: str, changes: Sequence[JSONObject]) -> str:
    """Return an event path, and where its value was before it was moved, or who made it."""
    sent_path, by = find_sent_path(changes, path)
    if sent_path not in ("", path):
        return f"{path} (sent as {sent_path})"
    return f"{path} (made by {by[0]})" if by else path


def _format_value_or_missing(value: JSON) -> str:
    return "missing" if value is None else to_json_text(value)
