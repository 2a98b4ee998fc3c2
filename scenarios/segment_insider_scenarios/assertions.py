"""Assertions for Then steps, whose failures explain what happened to calls and in journeys."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from segment_insider_emulator.clock import format_duration, parse_duration, parse_iso_time
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios.context import ScenarioContext
from segment_insider_scenarios.tables import (
    TableRow,
    diff_missing_rows,
    diff_rows,
    flatten_values,
    format_cell,
    mark_different_rows,
)

if TYPE_CHECKING:
    from segment_insider_emulator.analysis.context import AnalysisContext
    from segment_insider_emulator.mapping.explanation import ConditionCheck, SubscriptionTrace


def explain_calls(scene: ScenarioContext, name: str | None = None) -> list[str]:
    """Explain in lines of text what happened to each call of a person, or of all people."""
    messages = scene.list_segment_messages(name)
    of_person = f" for {name}" if name else ""
    if not messages:
        return [f"Segment received no call{of_person}."]
    # Imported here because only a failure is explained.
    from segment_insider_emulator.analysis.context import build_context

    workspace = scene.emulator.workspace
    destination = Destination(workspace.destination)
    subject = build_context({**workspace.document, "destination": workspace.destination})
    lines = [line for message in messages for line in _explain_call(destination, subject, message)]
    return [f"What happened to the calls{of_person}:", *lines]


def find_unmapped_call_paths(scene: ScenarioContext, message: JSONObject) -> list[str]:
    """Return the paths of a call's properties and traits that no mapping reads."""
    from segment_insider_emulator.mapping.explanation import explain_event

    destination = Destination(scene.emulator.workspace.destination)
    return explain_event(destination, message["normalised"]).dropped


def _explain_call(
    destination: Destination, subject: "AnalysisContext", message: JSONObject
) -> Iterator[str]:
    why = f": {message['reason']}" if message["reason"] else ""
    yield f"  {get_call_label(message)} - {message['verdict']}{why}"
    if not message["normalised"]:
        return
    from segment_insider_emulator.mapping.explanation import explain_event

    event = message["normalised"]
    explained = explain_event(destination, event)
    matched = [account.subscription for account in explained.accounts if account.matched]
    if matched:
        yield f"    matched {', '.join(matched)}"
        if explained.dropped:
            yield f"    no mapping read {', '.join(explained.dropped)}"
            # Products with the same gap would repeat the same line.
            yield from dict.fromkeys(_suggest_mappings(subject, event, explained.dropped))
    elif near := _describe_nearest_trigger(explained.accounts):
        yield f"    nearest is {near}"


def _suggest_mappings(
    subject: "AnalysisContext", event: JSONObject, unread: list[str]
) -> Iterator[str]:
    """Yield lines for the workspace file that would map properties which no mapping reads."""
    from segment_insider_emulator.analysis.drift.unsent_properties import (
        explain_unmapped_properties,
    )

    for suggestion in explain_unmapped_properties(subject, event, unread):
        if suggestion.suggestion_text:
            yield f"      {suggestion.suggestion_text}"
        if suggestion.replaces_default_mapping:
            yield "      once `emulator export FILE --format workspace` has written `settings`"


def _describe_nearest_trigger(accounts: "list[SubscriptionTrace]") -> str | None:
    """Describe the subscription whose trigger nearly matches a call, with the unmet conditions."""
    candidates = [account for account in accounts if any(c.holds for c in account.conditions)]
    if not candidates:
        return None
    account = max(candidates, key=lambda trace: _compute_met_condition_share(trace.conditions))
    wanted = "; ".join(
        _describe_unmet_condition(check) for check in account.conditions if not check.holds
    )
    return f"{account.subscription}, which requires {wanted}"


def _compute_met_condition_share(conditions: "list[ConditionCheck]") -> float:
    return sum(check.holds for check in conditions) / len(conditions)


def _describe_unmet_condition(check: "ConditionCheck") -> str:
    actual_text = "nothing" if check.found is None else format_cell(check.found)
    return f"{check.condition}, but finds {actual_text}"


# The app's clock gives the time of an event, Insider One's clock that of a journey: the effect of
# an event may seem to come before it, by less than this.
MAX_CLOCK_DIFFERENCE = timedelta(seconds=1)


def list_trail_entries(
    scene: ScenarioContext, journey: str, name: str | None = None
) -> list[JSONObject]:
    """Return the journey trail entries of a person, or of all people; earliest run first."""
    return [entry for run in scene.list_journey_runs(journey, name) for entry in run["trail"]]


def trail_entry_to_columns(entry: JSONObject) -> dict[str, JSON]:
    """Return column -> value of a journey trail entry: kind, text and details by path."""
    return {"kind": entry["kind"], "what": entry["what"], **flatten_values(entry["details"])}


def format_trails(scene: ScenarioContext, journey: str, name: str | None = None) -> list[str]:
    """Return journey trails as text lines, with a blank line after each."""
    runs = scene.list_journey_runs(journey, name)
    if not runs:
        return [f"{name or 'No one'} {'never ' if name else ''}entered {journey}.", ""]
    lines = []
    for run in runs:
        status = run["status"].replace("_", " ")
        lines += [f"The trail{f' of {name}' if name else ''} in {journey}, {status}:"]
        lines += [f"  {entry['at']}  {_format_trail_entry(entry)}" for entry in run["trail"]]
        lines += [""]
    return lines


def _format_trail_entry(entry: JSONObject) -> str:
    """Return the text of a journey trail entry, with the event time only if it differs."""
    what: str = entry["what"]
    happened_at = entry["details"].get("event", {}).get("timestamp")
    event, moved = parse_iso_time(happened_at), parse_iso_time(entry["at"])
    if event is None or moved is None or abs(event - moved) >= MAX_CLOCK_DIFFERENCE:
        return what
    return what.replace(f" at {happened_at}", "", 1)


def assert_rows_equal(
    scene: ScenarioContext,
    claim: str,
    columns: Sequence[str],
    expected: list[TableRow],
    received: list[TableRow],
    *,
    name: str | None = None,
    journey: str | None = None,
) -> None:
    """Fail the Then step unless the expected and received table rows are equal.

    Args:
        claim: What the step says, a sentence without its full stop.
        name: Explain the calls of this person; None: of all people.
        journey: Explain with the trail of this journey, for *name* or all people.
    """
    none = "Nothing arrived." if journey or received else _describe_absent_rows(scene, name)
    if differing := diff_rows(columns, expected, received, none):
        scene.compared_rows = {
            "columns": list(columns),
            "rows": [[mark, *row] for mark, row in mark_different_rows(expected, received)],
        }
        fail_claim(scene, claim, differing, name=name, journey=journey)


def _describe_absent_rows(scene: ScenarioContext, name: str | None) -> str:
    """Return the failure message for no received rows, with what the person's profile has."""
    profile = scene.find_insider_profile(name) if name else None
    if profile is None:
        return "Nothing arrived."
    attributes = ", ".join(flatten_values(profile["attributes"])) or "none"
    events = ", ".join(event["event_name"] for event in profile["events"]) or "none"
    return f"None of these arrived. What did for {name}: attributes {attributes}; events {events}."


def fail_missing_rows(
    scene: ScenarioContext,
    claim: str,
    columns: Sequence[str],
    missing: list[TableRow],
    received: list[TableRow],
    *,
    name: str,
) -> None:
    """Fail the Then step, showing the *missing* expected rows among all received rows."""
    fail_claim(scene, claim, diff_missing_rows(columns, missing, received), name=name)


def assert_claim_holds(
    scene: ScenarioContext,
    claim: str,
    *,
    holds: bool,
    actual_text: str,
    name: str | None = None,
    journey: str | None = None,
) -> None:
    """Fail the Then step with *actual_text* unless its *claim* holds."""
    if not holds:
        fail_claim(scene, claim, [actual_text], name=name, journey=journey)


def fail_claim(
    scene: ScenarioContext,
    claim: str,
    reasons: list[str],
    *,
    name: str | None = None,
    journey: str | None = None,
) -> None:
    """Fail the Then step with reasons, the journey trail and what happened to the calls."""
    # The traceback would be this library's: it is the scenario that is wrong, or the mapping.
    trail = format_trails(scene, journey, name) if journey else []
    lines = [f"Failed: {claim}.", "", *reasons, "", *trail, *explain_calls(scene, name)]
    if scene.emulator.remains_after_run:
        lines += ["", f"You can inspect its sandbox: {scene.emulator.url}/"]
    pytest.fail("\n".join(lines), pytrace=False)


def get_call_label(message: JSONObject) -> str:
    """Return the label of a message in failures: its event, page or screen, or its type."""
    sent = message["message"]
    return str(message["event"] or sent.get("name") or message["type"] or "a call without a type")


def assert_happens_within(
    scene: ScenarioContext,
    claim: str,
    happenings: Mapping[str, str],
    length: str,
    call: str,
    *,
    name: str | None = None,
    journey: str | None = None,
) -> None:
    """Fail a Then step unless something happens after a call, within a length of time.

    Args:
        happenings: ISO 8601 time -> what happened then.
        length: A duration such as "45 minutes"; parts of a second do not count.
    Raises: EmulatorError, for a length that is no duration.
    """
    limit = parse_duration(length, claim)
    called_at = datetime.fromisoformat(find_newest_call(scene, call)["receivedAt"])
    gaps = {datetime.fromisoformat(at) - called_at: what for at, what in happenings.items()}
    later = {gap: what for gap, what in gaps.items() if gap >= timedelta(0)}
    soonest = min(later, default=None)
    actual_text = (
        "Nothing like it happened after the call."
        if soonest is None
        else f"{later[soonest]}: {format_duration(soonest)} after the call."
    )
    assert_claim_holds(
        scene,
        claim,
        holds=soonest is not None and soonest < limit + timedelta(seconds=1),
        actual_text=actual_text,
        name=name,
        journey=journey,
    )


def find_newest_call(scene: ScenarioContext, call: str) -> JSONObject:
    """Return the newest captured message with this event, page, screen or type.

    Raises: EmulatorError.
    """
    messages = scene.list_segment_messages()
    for message in reversed(messages):
        if call in (message["event"], get_call_label(message), message["type"]):
            return message
    call_labels = ", ".join(get_call_label(message) for message in messages) or "none"
    raise EmulatorError(
        f"there was no call {call!r}", "", f"Calls in this scenario: {call_labels}."
    )
