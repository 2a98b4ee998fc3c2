"""What Insider One received: events and their parameters."""

from collections import Counter
from collections.abc import Sequence

from pytest_bdd import then

from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios import parsers
from segment_insider_scenarios.arrivals import Traffic, expect_possible
from segment_insider_scenarios.comparison import Row, row_of
from segment_insider_scenarios.expectations import unmet
from segment_insider_scenarios.naming import expect_event_name, expect_names
from segment_insider_scenarios.scene import Scene
from segment_insider_scenarios.tables import Table, flattened, rows
from segment_insider_scenarios.verdicts import expect, expect_rows, refuse, refuse_missing


@then(parsers.parse("Insider One receives exactly these events for {person:w}:"))
def receives_exactly(scene: Scene, person: str, datatable: Table) -> None:
    """These events in this order, no others; parameters without a column are not looked at.

    | event_name             | product_id | unit_price |
    | confirmation_page_view | mug        | 8.50       |
    """
    claim = f"Insider One receives exactly these events for {person}"
    _compare(scene, claim, person, datatable, datatable[0])


@then(parsers.parse("Insider One receives exactly these events and parameters for {person:w}:"))
def receives_exactly_with_parameters(scene: Scene, person: str, datatable: Table) -> None:
    """These events with these parameters and no others; custom.sku is a custom parameter.

    | event_name  | custom.list |
    | wish_listed | mine        |
    """
    received = [_values(event) for event in scene.events(person)]
    columns = list(dict.fromkeys([*datatable[0], *(name for each in received for name in each)]))
    claim = f"Insider One receives exactly these events and parameters for {person}"
    _compare(scene, claim, person, datatable, columns)


@then(parsers.parse("Insider One receives no events for {person:w}"))
def receives_nothing(scene: Scene, person: str) -> None:
    """It may know the person, or not."""
    claim = f"Insider One receives no events for {person}"
    columns = ("event_name",)
    received = [row_of(_values(event), columns) for event in scene.events(person)]
    expect_rows(scene, claim, columns, [], received, name=person)


@then(parsers.parse('Insider One receives no "{event_name}" for {person:w}'))
def receives_none_of(scene: Scene, person: str, event_name: str) -> None:
    """The event's name as Insider One has it."""
    _count(scene, person, event_name, 0)


@then(parsers.parse('Insider One receives {count:d} "{event_name}" for {person:w}'))
def receives_count(scene: Scene, person: str, event_name: str, count: int) -> None:
    """How many there are of one event."""
    _count(scene, person, event_name, count)


@then(parsers.parse("Insider One receives at least these events for {person:w}:"))
def receives_at_least(scene: Scene, person: str, datatable: Table) -> None:
    """Each row once, in any order; others may be there.

    | event_name  | product_id |
    | wish_listed | mug        |
    """
    claim = f"Insider One receives at least these events for {person}"
    expected, received = _rows(scene, claim, person, datatable, datatable[0])
    missing = list((Counter(expected) - Counter(received)).elements())
    if missing:
        refuse_missing(scene, claim, datatable[0], missing, received, name=person)


@then(parsers.parse("Insider One receives these events for {person:w} in this order:"))
def receives_in_order(scene: Scene, person: str, datatable: Table) -> None:
    """Others may come before, between and after.

    | event_name               |
    | product_detail_page_view |
    | wish_listed              |
    """
    claim = f"Insider One receives these events for {person} in this order"
    expected, received = _rows(scene, claim, person, datatable, datatable[0])
    coming = iter(received)
    missing = [row for row in expected if row not in coming]
    if missing:
        refuse_missing(scene, claim, datatable[0], missing, received, name=person)


@then(parsers.parse('the newest "{event_name}" of {person:w} has these values:'))
def newest_has(scene: Scene, person: str, event_name: str, datatable: Table) -> None:
    """Of the event as the profile has it: event_name, timestamp, event_params.

    | place                   | must be | value |
    | timestamp               | a       | time  |
    | event_params.unit_price | about   | 8.5   |
    """
    claim = f'the newest "{event_name}" of {person} has these values'
    expect_event_name(event_name, scene.emulator.workspace.options, scene.vocabulary, claim)
    events = [each for each in scene.events(person) if each["event_name"] == event_name]
    why = (
        unmet(datatable, events[-1], claim, scene.spelling.correct)
        if events
        else [f"There is no {event_name!r}."]
    )
    if why:
        refuse(scene, claim, why, name=person)


def _count(scene: Scene, person: str, event_name: str, count: int) -> None:
    claim = f'Insider One receives {count or "no"} "{event_name}" for {person}'
    expect_event_name(event_name, scene.emulator.workspace.options, scene.vocabulary, claim)
    if not count:
        _expect_possible(scene, event_name, claim)
    names = [event["event_name"] for event in scene.events(person)]
    found = names.count(event_name)
    expect(
        scene,
        claim,
        holds=found == count,
        found=f"It received {found}; all events: {', '.join(names) or 'none'}.",
        name=person,
    )


def _expect_possible(scene: Scene, event_name: str, claim: str) -> None:
    """Refuse to exclude an event that could not arrive. Raises: EmulatorError."""
    if event_name in scene.spelling.correct:
        return
    profiles = scene.emulator.client.profiles()
    received = {event["event_name"] for profile in profiles for event in profile["events"]}
    sent = [str(each["event"]) for each in scene.messages() if each["event"]]
    traffic = Traffic(sent, scene.spelling.feature, frozenset(received))
    expect_possible(event_name, scene.vocabulary, traffic, claim)


def _compare(scene: Scene, claim: str, person: str, table: Table, columns: Sequence[str]) -> None:
    expected, received = _rows(scene, claim, person, table, columns)
    expect_rows(scene, claim, columns, expected, received, name=person)


def _rows(
    scene: Scene, claim: str, person: str, table: Table, columns: Sequence[str]
) -> tuple[list[Row], list[Row]]:
    """What *table* expects, and what Insider One received, in these columns."""
    expect_names("parameter", table[0], lambda: _received(scene), claim, scene.spelling)
    expected = [row_of(each, columns) for each in rows(table, scene.is_text)]
    return expected, [row_of(_values(event), columns) for event in scene.events(person)]


def _received(scene: Scene) -> set[str]:
    """The parameters of all events of everybody."""
    profiles = scene.emulator.client.profiles()
    return {name for each in profiles for event in each["events"] for name in _values(event)}


def _values(event: JSONObject) -> dict[str, JSON]:
    """Column -> value: the event's name and its parameters by place, e.g. "custom.sku"."""
    return {"event_name": event["event_name"], **flattened(event["event_params"])}
