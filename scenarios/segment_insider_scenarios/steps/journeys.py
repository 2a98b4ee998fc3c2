"""Gherkin steps that check journeys: entries, exits, messages that would be sent, trails."""

from pytest_bdd import then

from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.assertions import (
    assert_claim_holds,
    assert_rows_equal,
    list_trail_entries,
    trail_entry_to_columns,
)
from segment_insider_scenarios.context import ScenarioContext
from segment_insider_scenarios.name_checks import require_known_name
from segment_insider_scenarios.step_catalogue import StepPattern
from segment_insider_scenarios.tables import StepTable, format_row, parse_rows


@then(StepPattern('{person:p} enters the journey "{journey}" because of "{event}"'))
def enters_journey(scene: ScenarioContext, person: str, journey: str, event: str) -> None:
    """Check that the person entered the journey once, with this event; the run may be over."""
    claim = f'{person} enters the journey "{journey}" because of "{event}"'
    _assert_trail_entry_causes(scene, claim, person, journey, "entered", [event])


@then(StepPattern('{person:p} enters the journey "{journey}" {count:d} times'))
@then(StepPattern('{person:p} enters the journey "{journey}" 1 time'))
def enters_journey_times(scene: ScenarioContext, person: str, journey: str, count: int = 1) -> None:
    """Check how often the person entered the journey."""
    run_count = len(scene.list_journey_runs(journey, person))
    claim = f'{person} enters the journey "{journey}" {_format_entry_count(count)}'
    actual_text = f"{person} entered it {_format_entry_count(run_count)}."
    _assert_journey_claim(
        scene, claim, person, journey, holds=run_count == count, actual_text=actual_text
    )


@then(StepPattern('{person:p} never enters the journey "{journey}"'))
def never_enters_journey(scene: ScenarioContext, person: str, journey: str) -> None:
    """Check that the person never entered the journey, known to Insider One or not."""
    claim = f'{person} never enters the journey "{journey}"'
    _assert_trail_entry_causes(scene, claim, person, journey, "entered", [])


@then(StepPattern('{person:p} leaves the journey "{journey}" because of "{event}"'))
def leaves_journey(scene: ScenarioContext, person: str, journey: str, event: str) -> None:
    """Check that the person left the journey by an exit rule, which acts at once."""
    claim = f'{person} leaves the journey "{journey}" because of "{event}"'
    _assert_trail_entry_causes(scene, claim, person, journey, "exited", [event])


@then(StepPattern('{person:p} waits in the journey "{journey}"'))
def waits_in_journey(scene: ScenarioContext, person: str, journey: str) -> None:
    """Check that the person's latest run of the journey is in progress."""
    claim = f'{person} waits in the journey "{journey}"'
    _assert_run_status(scene, claim, person, journey, "in_progress")


@then(StepPattern('the journey "{journey}" ends for {person:p} as {end:w}'))
def journey_ends(scene: ScenarioContext, person: str, journey: str, end: str) -> None:
    """Check how the person's latest run of the journey ended: completed, dropped or exited."""
    claim = f'the journey "{journey}" ends for {person} as {end}'
    _assert_run_status(scene, claim, person, journey, end)


@then(StepPattern('the journey "{journey}" reaches the goal "{goal}" with {person:p}'))
def journey_reaches_goal(scene: ScenarioContext, person: str, journey: str, goal: str) -> None:
    """Check that the person's run of the journey reached a goal, such as Purchase."""
    goals = [
        reached for run in scene.list_journey_runs(journey, person) for reached in run["goals"]
    ]
    claim = f'the journey "{journey}" reaches the goal "{goal}" with {person}'
    actual_text = f"It reached {', '.join(goals) or 'none'}."
    _assert_journey_claim(
        scene, claim, person, journey, holds=goal in goals, actual_text=actual_text
    )


@then(StepPattern('the journey "{journey}" would send {channel:w} to {address}'))
def journey_would_send_message(
    scene: ScenarioContext, journey: str, channel: str, address: str
) -> None:
    """Check that the journey would send exactly one message to this address or number."""
    sent = [
        f"{entry['details']['channel']} to {entry['details']['address']}"
        for entry in list_trail_entries(scene, journey)
        if entry["kind"] == "would_send"
    ]
    claim = f'the journey "{journey}" would send {channel} to {address}'
    holds = sent.count(f"{channel} to {address}") == 1
    actual_text = f"It would send {', '.join(sent) or 'nothing'}."
    assert_claim_holds(scene, claim, holds=holds, actual_text=actual_text, journey=journey)


@then(StepPattern('the journey "{journey}" would not write to {person:p}'))
def journey_would_not_message_person(scene: ScenarioContext, journey: str, person: str) -> None:
    """Check that the journey would so far send the person no message on any channel."""
    sent = [
        entry["what"]
        for entry in list_trail_entries(scene, journey, person)
        if entry["kind"] == "would_send"
    ]
    claim = f'the journey "{journey}" would not write to {person}'
    _assert_journey_claim(
        scene, claim, person, journey, holds=not sent, actual_text=f"It {', '.join(sent)}."
    )


@then(StepPattern('the journey "{journey}" holds back {channel:w} for {person:p} because "{why}"'))
def journey_suppresses_channel(
    scene: ScenarioContext, person: str, journey: str, channel: str, why: str
) -> None:
    """Check all reasons, comma-separated, why the journey sends the person no message."""
    suppressed = [
        (entry["details"]["channel"], ", ".join(entry["details"]["why"]))
        for entry in list_trail_entries(scene, journey, person)
        if entry["details"].get("channel") and entry["details"].get("why")
    ]
    suppressed_text = (
        "; ".join(f"{name} because {reasons}" for name, reasons in suppressed) or "nothing"
    )
    claim = f'the journey "{journey}" holds back {channel} for {person} because "{why}"'
    holds = (channel, why) in suppressed
    _assert_journey_claim(
        scene, claim, person, journey, holds=holds, actual_text=f"It holds back {suppressed_text}."
    )


@then(StepPattern('the journey "{journey}" leaves exactly this trail for {person:p}:'))
def journey_leaves_trail(
    scene: ScenarioContext, person: str, journey: str, datatable: StepTable
) -> None:
    """Compare the person's journey trail: kind, and details such as why, event.event_name.

    | kind       | channel |
    | entered    |         |
    | would_send | email   |
    """
    claim = f'the journey "{journey}" leaves exactly this trail for {person}'
    columns = datatable[0]
    trail = [trail_entry_to_columns(entry) for entry in list_trail_entries(scene, journey, person)]
    require_known_name("column", columns, {name for entry in trail for name in entry}, claim)
    received = [format_row(entry, columns) for entry in trail]
    expected = [format_row(row, columns) for row in parse_rows(datatable)]
    assert_rows_equal(scene, claim, columns, expected, received, name=person, journey=journey)


def _assert_trail_entry_causes(
    scene: ScenarioContext, claim: str, person: str, journey: str, kind: str, events: list[str]
) -> None:
    """Fail the Then step unless the journey trail's entries of a kind have exactly these causes."""
    trail = [entry for entry in list_trail_entries(scene, journey, person) if entry["kind"] == kind]
    causes = [_describe_cause(entry["details"]) for entry in trail]
    actual_text = (
        f"It was {kind} because of {', '.join(causes)}." if causes else f"Nothing is {kind}."
    )
    _assert_journey_claim(
        scene, claim, person, journey, holds=causes == events, actual_text=actual_text
    )


def _assert_run_status(
    scene: ScenarioContext, claim: str, person: str, journey: str, status: str
) -> None:
    runs = scene.list_journey_runs(journey, person)
    latest = runs[-1]["status"] if runs else None
    status_text = latest.replace("_", " ") if latest else ""
    actual_text = f"The latest run is {status_text}." if latest else f"{person} never entered it."
    _assert_journey_claim(
        scene, claim, person, journey, holds=latest == status, actual_text=actual_text
    )


def _assert_journey_claim(
    scene: ScenarioContext, claim: str, person: str, journey: str, *, holds: bool, actual_text: str
) -> None:
    assert_claim_holds(
        scene, claim, holds=holds, actual_text=actual_text, name=person, journey=journey
    )


def _describe_cause(details: JSONObject) -> str:
    """Return the cause of a trail entry: an event, an attribute or something else."""
    if "event" in details:
        return str(details["event"]["event_name"])
    return str(details["attribute"]["name"]) if "attribute" in details else "something else"


def _format_entry_count(count: int) -> str:
    return "1 time" if count == 1 else f"{count} times"
