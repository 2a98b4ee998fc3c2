"""Printer of explanations of mapped events, as text or JSON, for `emulator map --explain`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields, replace
from typing import TypeAlias

import click
import orjson

from segment_insider_emulator.analysis.context import AnalysisContext, build_context
from segment_insider_emulator.analysis.drift.unsent_properties import (
    explain_condition_only_properties,
    explain_empty_properties,
    explain_unmapped_properties,
    find_unsent_values,
)
from segment_insider_emulator.analysis.lint.payload_rules import suggest_normalised_key
from segment_insider_emulator.delivery.filter_chain import compile_insert_functions
from segment_insider_emulator.filtering.result import EventChange, FilterResult
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


def print_event_explanations(
    workspace: Workspace, workspace_name: str, events: Iterable[JSONObject], *, as_json: bool
) -> None:
    """Print one mapping explanation for each event, as text or as a JSON line.

    Args:
        workspace_name: File, preset or URL of the workspace.
    """
    destination, subject = Destination(workspace.destination), build_context(workspace.document)
    run_functions = compile_insert_functions(workspace.functions, destination)
    for event in events:
        passed = run_functions(event) if run_functions else FilterResult(event)
        event, trigger_event = passed.event, passed.trigger_event
        explanation = explain_event(destination, event, trigger_event)
        refused = _find_insider_rejections(
            destination, event, workspace.insider_options, trigger_event
        )
        if as_json:
            document = {
                **_build_explanation_members(explanation),
                "refused": _build_insider_rejection_objects(explanation, refused),
                **_build_function_members(passed),
            }
            click.echo(
                escape_controls_in_json(
                    orjson.dumps(document, default=_serialise_failure_or_missing)
                )
            )
        else:
            if passed.rejection:
                print_lines([*_format_function_stop(event, passed), ""])
                continue
            dropped = _format_unread_paths(event, explanation, subject, workspace_name)
            lines = _format_explanation(
                event, _name_functions_as_origins(explanation, passed.changes), refused
            )
            functions = _format_function_runs(passed)
            print_lines([next(lines), *functions, *lines, *dropped, ""])


def _build_function_members(passed: FilterResult) -> JSONObject:
    """Return what the insert functions did with an event; {} without functions."""
    if not passed.functions:
        return {}
    return {
        "functions": list(passed.functions),
        "changes": [asdict(change) for change in passed.changes],
    }


def _format_function_stop(event: JSONObject, stopped: FilterResult) -> Iterator[str]:
    name = f" {event['event']!r}" if event.get("event") else ""
    title = f"{event.get('type')}{name}  {event.get('messageId') or ''}"
    yield style_terminal_text(title, bold=True)
    yield f"  not sent     {stopped.rejection}"
    yield from _format_consoles(stopped)


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


def _name_functions_as_origins(
    explanation: EventExplanation, changes: Sequence[EventChange]
) -> EventExplanation:
    """Return the explanation with the name of the function at each value that it made."""
    makers = {change.field: change.by for change in changes if change.kind != "removed"}
    if not makers:
        return explanation

    def name_maker(path: str) -> str:
        parts = path.split(".")
        prefixes = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
        maker = next((makers[prefix] for prefix in prefixes if prefix in makers), None)
        return f"{path} (made by {maker})" if maker else path

    def name_makers(origin: ValueOrigin) -> ValueOrigin:
        return replace(
            origin,
            read=[name_maker(path) for path in origin.read],
            decided_by=[name_maker(path) for path in origin.decided_by],
        )

    traces = [
        replace(trace, origins=[name_makers(origin) for origin in trace.origins])
        for trace in explanation.accounts
    ]
    return replace(explanation, accounts=traces)


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


def _format_explanation(
    event: JSONObject, explanation: EventExplanation, refusals: RefusalsBySubscription
) -> Iterator[str]:
    name = f" {event['event']!r}" if event.get("event") else ""
    yield style_terminal_text(
        f"{event.get('type')}{name}  {explanation.message_id or ''}", bold=True
    )
    if event.get("type") not in MESSAGE_TYPES:
        known = f"{', '.join(MESSAGE_TYPES[:-1])} and {MESSAGE_TYPES[-1]}"
        kind = (
            f"of the type {_format_value_or_missing(event['type'])}"
            if event.get("type")
            else "without a type"
        )
        yield f"  Segment accepts no call {kind}, only {known}"
        return
    yield from _format_subscription_traces(event, explanation.accounts, refusals)


def _format_subscription_traces(
    event: JSONObject, traces: Sequence[SubscriptionTrace], refusals: RefusalsBySubscription
) -> Iterator[str]:
    """Format matched subscriptions one by one and unmatched ones as one group."""
    grouped = []
    if any(trace.matched for trace in traces):
        grouped = [trace for trace in traces if not trace.failure and _list_unmet_conditions(trace)]
    if len(grouped) == 1:
        grouped = []
    for at, trace in enumerate(traces):
        if trace not in grouped:
            yield from _format_subscription_trace(trace, event)
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
    event: JSONObject, explanation: EventExplanation, subject: AnalysisContext, workspace_name: str
) -> Iterator[str]:
    if event.get("type") not in MESSAGE_TYPES:
        return
    yield from (
        f"  {sentence}" for sentence in explain_condition_only_properties(explanation, event)
    )
    if explanation.dropped:
        yield "  dropped: no matching subscription reads"
    for property_note in explain_unmapped_properties(subject, event, explanation.dropped):
        yield f"    {property_note.path} {property_note.explanation}".rstrip()
        if property_note.suggestion_text:
            yield f"      {property_note.suggestion_text}"
        if property_note.replaces_default_mapping:
            yield f"      {build_expand_settings_hint(workspace_name)}"


def _format_insider_rejections(errors: Sequence[UserValidationError]) -> Iterator[str]:
    for error in errors[:_MAX_REFUSALS]:
        yield f'    Insider One answers 200 and refuses it: "{error.text}". {error.remedy}'


def _format_subscription_trace(trace: SubscriptionTrace, event: JSONObject) -> Iterator[str]:
    title = f"{trace.subscription} ({trace.action_slug})"
    if not trace.matched:
        yield f"  not matched  {title}: {_explain_trigger_mismatch(trace)}"
        return
    if trace.failure:
        yield f"  failed       {title}: {trace.failure.message}"
    else:
        yield f"  matched      {title}"
    for origin in trace.origins:
        yield from _format_value_origin(origin)
    for origin in find_unsent_values(trace):
        lost_value = f"{origin.field} = {_format_value_or_missing(origin.value)}"
        source = _format_source_paths(origin)
        yield f"    lost: {lost_value} from {source}{_format_renamed_key_hint(origin)}"
    yield from (f"    {sentence}" for sentence in explain_empty_properties(trace, event))


def _explain_trigger_mismatch(trace: SubscriptionTrace) -> str:
    if trace.failure:
        return trace.failure.message
    return "; ".join(
        f"{check.condition}, but it is {_format_value_or_missing(check.found)}"
        for check in _list_unmet_conditions(trace)
    )


def _format_value_origin(origin: ValueOrigin) -> Iterator[str]:
    if origin.at:
        yield f"    {origin.at[0]} = {to_json_text(origin.value)}"
        yield from (f"    {place}" for place in origin.at[1:])
        yield f"        from {_format_source_paths(origin)}, by {origin.field}"


def _format_renamed_key_hint(origin: ValueOrigin) -> str:
    """Explain how to keep a value whose key Segment renames; "" when it does not rename it."""
    key = origin.field.partition(".")[2].partition(".")[0]
    if not key or normalise_name(key) == key:
        return ""
    suggestion = suggest_normalised_key(key)
    return f". A key with a capital or a space loses its value: map it to {suggestion}"


def _format_source_paths(origin: ValueOrigin) -> str:
    """Return the event paths that a value was made from, and those that only selected it."""
    source_paths = [path for path in origin.read if path not in origin.decided_by]
    source = ", ".join(source_paths) or "the mapping itself"
    decided = f", decided by {', '.join(origin.decided_by)}" if origin.decided_by else ""
    return f"{source}{decided}"


def _format_value_or_missing(value: JSON) -> str:
    return "missing" if value is None else to_json_text(value)
