"""What became of the calls of a scenario, for whoever reads a failed step."""

from collections.abc import Iterator

from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.explanation import (
    ConditionCheck,
    SubscriptionTrace,
    explain_event,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.drift.dropped import explain_unmapped_properties
from segment_insider_emulator.workspace.lint.subject import AnalysisContext, build_context
from segment_insider_scenarios.comparison import format_cell
from segment_insider_scenarios.scene import ScenarioContext, call_label


def explain_calls(scene: ScenarioContext, name: str | None = None) -> list[str]:
    """One or more lines for each call made for *name*, or for anybody."""
    messages = scene.list_messages(name)
    whose = f" for {name}" if name else ""
    if not messages:
        return [f"Segment received no call{whose}."]
    workspace = scene.emulator.workspace
    destination = Destination(workspace.destination)
    subject = build_context({**workspace.document, "destination": workspace.destination})
    lines = [line for message in messages for line in _explain_call(destination, subject, message)]
    return [f"What became of the calls{whose}:", *lines]


def find_unread_paths(scene: ScenarioContext, message: JSONObject) -> list[str]:
    """Paths of the message's properties and traits that no mapping read."""
    destination = Destination(scene.emulator.workspace.destination)
    return explain_event(destination, message["normalised"]).dropped


def _explain_call(
    destination: Destination, subject: AnalysisContext, message: JSONObject
) -> Iterator[str]:
    why = f": {message['reason']}" if message["reason"] else ""
    yield f"  {call_label(message)} - {message['verdict']}{why}"
    if not message["normalised"]:
        return
    event = message["normalised"]
    explained = explain_event(destination, event)
    matched = [account.subscription for account in explained.accounts if account.matched]
    if matched:
        yield f"    matched {', '.join(matched)}"
        if explained.dropped:
            yield f"    no mapping read {', '.join(explained.dropped)}"
            # Several products that lack the same would be told the same line each.
            yield from dict.fromkeys(_suggest_mappings(subject, event, explained.dropped))
    elif near := _describe_nearest_trigger(explained.accounts):
        yield f"    nearest is {near}"


def _suggest_mappings(
    subject: AnalysisContext, event: JSONObject, unread: list[str]
) -> Iterator[str]:
    """The lines of the workspace file that would map what was not read."""
    for suggestion in explain_unmapped_properties(subject, event, unread):
        if suggestion.suggestion_text:
            yield f"      {suggestion.suggestion_text}"
        if suggestion.replaces_mapping:
            yield "      once `emulator export FILE --format workspace` has written `settings`"


def _describe_nearest_trigger(accounts: list[SubscriptionTrace]) -> str | None:
    """The subscription whose trigger came closest, with the conditions that did not hold."""
    candidates = [account for account in accounts if any(c.holds for c in account.conditions)]
    if not candidates:
        return None
    account = max(candidates, key=lambda each: _met_share(each.conditions))
    wanted = "; ".join(
        _describe_unmet_condition(check) for check in account.conditions if not check.holds
    )
    return f"{account.subscription}, which wants {wanted}"


def _met_share(conditions: list[ConditionCheck]) -> float:
    return sum(check.holds for check in conditions) / len(conditions)


def _describe_unmet_condition(check: ConditionCheck) -> str:
    actual_text = "nothing" if check.found is None else format_cell(check.found)
    return f"{check.condition} and finds {actual_text}"
