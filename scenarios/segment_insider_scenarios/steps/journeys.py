"""Gherkin steps that check journeys: entries, exits, messages that would be sent, trails."""

from collections.abc import Sequence

from pytest_bdd import then

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.web_push import WEB_PUSH_CHANNEL
from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.assertions import (
    assert_claim_holds,
    assert_happens_within,
    assert_rows_equal,
    list_trail_entries,
    trail_entry_to_columns,
)
from segment_insider_scenarios.context import ScenarioContext
from segment_insider_scenarios.name_checks import parse_channel, require_known_name
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


# Message in words -> channel.
MESSAGE_KINDS = {
    "an e-mail": "email",
    "an email": "email",
    "an SMS": "sms",
    "a WhatsApp message": "whatsapp",
    "a WhatsApp": "whatsapp",
    "a web push": WEB_PUSH_CHANNEL,
}


@then(StepPattern('{person:p} gets {kind:q} that says "{message:q}"'))
def person_gets_message(scene: ScenarioContext, person: str, kind: str, message: str) -> None:
    """Check that a journey would send the person an e-mail, an SMS, a WhatsApp or a web push."""
    claim = f'{person} gets {kind} that says "{message}"'
    sent = _list_sent_messages(scene, person)
    wanted = (_parse_message_kind(kind, claim), message)
    holds = any(what == wanted for _, what in sent)
    actual_text = f"{person} gets {_format_messages(sent)}."
    assert_claim_holds(scene, claim, holds=holds, actual_text=actual_text, name=person)


@then(
    StepPattern(
        '{person:p} gets {kind:q} that says "{message:q}" within {length:q} of the call "{call:q}"'
    )
)
def person_gets_message_within(
    scene: ScenarioContext, person: str, kind: str, message: str, length: str, call: str
) -> None:
    """Check that a journey would send this message in time, by the emulator's clock.

    The time begins with the newest such call. Parts of a second do not count.
    """
    claim = f'{person} gets {kind} that says "{message}" within {length} of the call "{call}"'
    wanted = (_parse_message_kind(kind, claim), message)
    times = {
        at: f"{person} gets it" for at, what in _list_sent_messages(scene, person) if what == wanted
    }
    assert_happens_within(scene, claim, times, length, call, name=person)


@then(StepPattern("{person:p} gets no message"))
def person_gets_no_message(scene: ScenarioContext, person: str) -> None:
    """Check that no journey would so far send the person a message on any channel."""
    sent = _list_sent_messages(scene, person)
    actual_text = f"{person} gets {_format_messages(sent)}."
    assert_claim_holds(
        scene, f"{person} gets no message", holds=not sent, actual_text=actual_text, name=person
    )


def _list_sent_messages(scene: ScenarioContext, person: str) -> list[tuple[str, tuple[str, str]]]:
    """Return (time, (channel, message)) of the messages that journeys would send a person."""
    return [
        (entry["at"], (entry["details"]["channel"], entry["details"]["message"]))
        for journey in scene.emulator.client.list_journeys()
        for entry in list_trail_entries(scene, journey["name"], person)
        if entry["kind"] == "would_send"
    ]


def _parse_message_kind(kind: str, claim: str) -> str:
    """Return the channel of a message in words, such as "an e-mail".

    Raises: EmulatorError.
    """
    channels = {words.lower(): channel for words, channel in MESSAGE_KINDS.items()}
    if kind.lower() not in channels:
        remedy = f"Known: {', '.join(MESSAGE_KINDS)}."
        raise EmulatorError(f"{kind!r} is not a message that a journey sends", claim, remedy)
    return channels[kind.lower()]


def _format_messages(sent: Sequence[tuple[str, tuple[str, str]]]) -> str:
    kinds = {channel: words for words, channel in reversed(MESSAGE_KINDS.items())}
    texts = [f'{kinds[channel]} that says "{message}"' for _, (channel, message) in sent]
    return ", ".join(texts) or "no message"


@then(StepPattern('the journey "{journey}" would send {channel} to {address}'))
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
    holds = sent.count(f"{parse_channel(channel)} to {address}") == 1
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


@then(StepPattern('the journey "{journey}" holds back {channel} for {person:p} because "{why}"'))
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
    holds = (parse_channel(channel), why) in suppressed
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
