"""Journeys: who is in, who leaves, what would be sent and what is held back."""

from pytest_bdd import then

from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios import parsers
from segment_insider_scenarios.comparison import row_of
from segment_insider_scenarios.naming import expect_known
from segment_insider_scenarios.scene import Scene
from segment_insider_scenarios.tables import Table, rows
from segment_insider_scenarios.trail import entries, values
from segment_insider_scenarios.verdicts import expect, expect_rows


@then(parsers.parse('{person:w} enters the journey "{journey}" because of "{event}"'))
def enters(scene: Scene, person: str, journey: str, event: str) -> None:
    """Once, with this event of Insider One's; whether the journey has ended says another step."""
    claim = f'{person} enters the journey "{journey}" because of "{event}"'
    _expect_causes(scene, claim, person, journey, "entered", [event])


@then(parsers.parse('{person:w} enters the journey "{journey}" {count:d} times'))
@then(parsers.parse('{person:w} enters the journey "{journey}" 1 time'))
def enters_times(scene: Scene, person: str, journey: str, count: int = 1) -> None:
    """How often."""
    found = len(scene.runs(journey, person))
    claim = f'{person} enters the journey "{journey}" {_times(count)}'
    told = f"{person} entered it {_times(found)}."
    _expect(scene, claim, person, journey, holds=found == count, found=told)


@then(parsers.parse('{person:w} never enters the journey "{journey}"'))
def never_enters(scene: Scene, person: str, journey: str) -> None:
    """Insider One may know the person, or not."""
    claim = f'{person} never enters the journey "{journey}"'
    _expect_causes(scene, claim, person, journey, "entered", [])


@then(parsers.parse('{person:w} leaves the journey "{journey}" because of "{event}"'))
def leaves(scene: Scene, person: str, journey: str, event: str) -> None:
    """By an exit of the journey, which acts at once."""
    claim = f'{person} leaves the journey "{journey}" because of "{event}"'
    _expect_causes(scene, claim, person, journey, "exited", [event])


@then(parsers.parse('{person:w} waits in the journey "{journey}"'))
def waits(scene: Scene, person: str, journey: str) -> None:
    """The latest run is in progress."""
    claim = f'{person} waits in the journey "{journey}"'
    _expect_status(scene, claim, person, journey, "in_progress")


@then(parsers.parse('the journey "{journey}" ends for {person:w} as {end:w}'))
def ends(scene: Scene, person: str, journey: str, end: str) -> None:
    """The latest run ended so: completed, dropped or exited."""
    claim = f'the journey "{journey}" ends for {person} as {end}'
    _expect_status(scene, claim, person, journey, end)


@then(parsers.parse('the journey "{journey}" reaches the goal "{goal}" with {person:w}'))
def reaches_goal(scene: Scene, person: str, journey: str, goal: str) -> None:
    """Purchase is a goal of every journey."""
    goals = [each for run in scene.runs(journey, person) for each in run["goals"]]
    claim = f'the journey "{journey}" reaches the goal "{goal}" with {person}'
    found = f"It reached {', '.join(goals) or 'none'}."
    _expect(scene, claim, person, journey, holds=goal in goals, found=found)


@then(parsers.parse('the journey "{journey}" would send {channel:w} to {address}'))
def would_send(scene: Scene, journey: str, channel: str, address: str) -> None:
    """Once, to this address or number, whoever it belongs to."""
    sent = [
        f"{entry['details']['channel']} to {entry['details']['address']}"
        for entry in entries(scene, journey)
        if entry["kind"] == "would_send"
    ]
    claim = f'the journey "{journey}" would send {channel} to {address}'
    holds = sent.count(f"{channel} to {address}") == 1
    found = f"It would send {', '.join(sent) or 'nothing'}."
    expect(scene, claim, holds=holds, found=found, journey=journey)


@then(parsers.parse('the journey "{journey}" would not write to {person:w}'))
def would_not_write(scene: Scene, journey: str, person: str) -> None:
    """On no channel so far, inside the journey or not."""
    sent = [
        entry["what"] for entry in entries(scene, journey, person) if entry["kind"] == "would_send"
    ]
    claim = f'the journey "{journey}" would not write to {person}'
    _expect(scene, claim, person, journey, holds=not sent, found=f"It {', '.join(sent)}.")


@then(
    parsers.parse('the journey "{journey}" holds back {channel:w} for {person:w} because "{why}"')
)
def holds_back(scene: Scene, person: str, journey: str, channel: str, why: str) -> None:
    """At a reachability check or at the channel itself; all reasons, separated by commas."""
    found = [
        (entry["details"]["channel"], ", ".join(entry["details"]["why"]))
        for entry in entries(scene, journey, person)
        if entry["details"].get("channel") and entry["details"].get("why")
    ]
    shown = "; ".join(f"{held} because {reasons}" for held, reasons in found) or "nothing"
    claim = f'the journey "{journey}" holds back {channel} for {person} because "{why}"'
    holds = (channel, why) in found
    _expect(scene, claim, person, journey, holds=holds, found=f"It holds back {shown}.")


@then(parsers.parse('the journey "{journey}" leaves exactly this trail for {person:w}:'))
def leaves_trail(scene: Scene, person: str, journey: str, datatable: Table) -> None:
    """Every entry: its kind, and its details such as channel, address, why, event.event_name.

    | kind       | channel |
    | entered    |         |
    | would_send | email   |
    """
    claim = f'the journey "{journey}" leaves exactly this trail for {person}'
    columns = datatable[0]
    trail = [values(entry) for entry in entries(scene, journey, person)]
    expect_known("column", columns, {name for each in trail for name in each}, claim)
    received = [row_of(each, columns) for each in trail]
    expected = [row_of(row, columns) for row in rows(datatable)]
    expect_rows(scene, claim, columns, expected, received, name=person, journey=journey)


def _expect_causes(
    scene: Scene, claim: str, person: str, journey: str, kind: str, events: list[str]
) -> None:
    """Entries of *kind* were caused by these events, in this order, and by nothing else."""
    trail = [each for each in entries(scene, journey, person) if each["kind"] == kind]
    causes = [_cause(entry["details"]) for entry in trail]
    found = f"It was {kind} because of {', '.join(causes)}." if causes else f"Nothing is {kind}."
    _expect(scene, claim, person, journey, holds=causes == events, found=found)


def _expect_status(scene: Scene, claim: str, person: str, journey: str, status: str) -> None:
    runs = scene.runs(journey, person)
    latest = runs[-1]["status"] if runs else None
    shown = latest.replace("_", " ") if latest else ""
    found = f"The latest run is {shown}." if latest else f"{person} never entered it."
    _expect(scene, claim, person, journey, holds=latest == status, found=found)


def _expect(
    scene: Scene, claim: str, person: str, journey: str, *, holds: bool, found: str
) -> None:
    expect(scene, claim, holds=holds, found=found, name=person, journey=journey)


def _cause(details: JSONObject) -> str:
    """What an entry is put down to: an event or an attribute; a merge names neither."""
    if "event" in details:
        return str(details["event"]["event_name"])
    return str(details["attribute"]["name"]) if "attribute" in details else "something else"


def _times(count: int) -> str:
    return "1 time" if count == 1 else f"{count} times"
