"""What Insider One received: events and their parameters."""

from collections import Counter
from collections.abc import Sequence

from pytest_bdd import then

from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios import parsers
from segment_insider_scenarios.arrivals import ScenarioEvents, require_possible_event
from segment_insider_scenarios.comparison import TableRow, format_row
from segment_insider_scenarios.expectations import find_failed_rows
from segment_insider_scenarios.naming import require_known_or_received, require_valid_event_name
from segment_insider_scenarios.scene import ScenarioContext
from segment_insider_scenarios.tables import StepTable, flatten_values, parse_rows
from segment_insider_scenarios.verdicts import (
    assert_claim,
    assert_rows_equal,
    fail_claim,
    fail_missing_rows,
)


@then(parsers.StepPattern("Insider One receives exactly these events for {person:w}:"))
def receives_exactly_events(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """These events in this order, no others; parameters without a column are not looked at.

    | event_name             | product_id | unit_price |
    | confirmation_page_view | mug        | 8.50       |
    """
    claim = f"Insider One receives exactly these events for {person}"
    _assert_events(scene, claim, person, datatable, datatable[0])


@then(
    parsers.StepPattern("Insider One receives exactly these events and parameters for {person:w}:")
)
def receives_exactly_events_and_parameters(
    scene: ScenarioContext, person: str, datatable: StepTable
) -> None:
    """These events with these parameters and no others; custom.sku is a custom parameter.

    | event_name  | custom.list |
    | wish_listed | mine        |
    """
    received = [_event_columns(event) for event in scene.list_events(person)]
    columns = list(dict.fromkeys([*datatable[0], *(name for each in received for name in each)]))
    claim = f"Insider One receives exactly these events and parameters for {person}"
    _assert_events(scene, claim, person, datatable, columns)


@then(parsers.StepPattern("Insider One receives no events for {person:w}"))
def receives_no_events(scene: ScenarioContext, person: str) -> None:
    """It may know the person, or not."""
    claim = f"Insider One receives no events for {person}"
    columns = ("event_name",)
    received = [format_row(_event_columns(event), columns) for event in scene.list_events(person)]
    assert_rows_equal(scene, claim, columns, [], received, name=person)


@then(parsers.StepPattern('Insider One receives no "{event_name}" for {person:w}'))
def receives_no_event_named(scene: ScenarioContext, person: str, event_name: str) -> None:
    """The event's name as Insider One has it."""
    _assert_event_count(scene, person, event_name, 0)


@then(parsers.StepPattern('Insider One receives {count:d} "{event_name}" for {person:w}'))
def receives_event_count(scene: ScenarioContext, person: str, event_name: str, count: int) -> None:
    """How many there are of one event."""
    _assert_event_count(scene, person, event_name, count)


@then(parsers.StepPattern("Insider One receives at least these events for {person:w}:"))
def receives_at_least_events(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Each row once, in any order; others may be there.

    | event_name  | product_id |
    | wish_listed | mug        |
    """
    claim = f"Insider One receives at least these events for {person}"
    expected, received = _expected_and_received_rows(scene, claim, person, datatable, datatable[0])
    missing = list((Counter(expected) - Counter(received)).elements())
    if missing:
        fail_missing_rows(scene, claim, datatable[0], missing, received, name=person)


@then(parsers.StepPattern("Insider One receives these events for {person:w} in this order:"))
def receives_events_in_order(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Others may come before, between and after.

    | event_name               |
    | product_detail_page_view |
    | wish_listed              |
    """
    claim = f"Insider One receives these events for {person} in this order"
    expected, received = _expected_and_received_rows(scene, claim, person, datatable, datatable[0])
    coming = iter(received)
    missing = [row for row in expected if row not in coming]
    if missing:
        fail_missing_rows(scene, claim, datatable[0], missing, received, name=person)


@then(parsers.StepPattern('the newest "{event_name}" of {person:w} has these values:'))
def newest_event_has_values(
    scene: ScenarioContext, person: str, event_name: str, datatable: StepTable
) -> None:
    """Of the event as the profile has it: event_name, timestamp, event_params.

    | place                   | must be | value |
    | timestamp               | a       | time  |
    | event_params.unit_price | about   | 8.5   |
    """
    claim = f'the newest "{event_name}" of {person} has these values'
    require_valid_event_name(
        event_name, scene.emulator.workspace.insider_options, scene.vocabulary, claim
    )
    events = [each for each in scene.list_events(person) if each["event_name"] == event_name]
    why = (
        find_failed_rows(datatable, events[-1], claim, scene.texts.confirmed_names)
        if events
        else [f"There is no {event_name!r}."]
    )
    if why:
        fail_claim(scene, claim, why, name=person)


def _assert_event_count(scene: ScenarioContext, person: str, event_name: str, count: int) -> None:
    claim = f'Insider One receives {count or "no"} "{event_name}" for {person}'
    require_valid_event_name(
        event_name, scene.emulator.workspace.insider_options, scene.vocabulary, claim
    )
    if not count:
        _reject_impossible_event(scene, event_name, claim)
    names = [event["event_name"] for event in scene.list_events(person)]
    actual_count = names.count(event_name)
    assert_claim(
        scene,
        claim,
        holds=actual_count == count,
        actual_text=f"It received {actual_count}; all events: {', '.join(names) or 'none'}.",
        name=person,
    )


def _reject_impossible_event(scene: ScenarioContext, event_name: str, claim: str) -> None:
    """Refuse to exclude an event that could not arrive. Raises: EmulatorError."""
    if event_name in scene.texts.confirmed_names:
        return
    profiles = scene.emulator.client.list_profiles()
    received = {event["event_name"] for profile in profiles for event in profile["events"]}
    sent = [str(each["event"]) for each in scene.list_messages() if each["event"]]
    traffic = ScenarioEvents(sent, scene.texts.feature_texts, frozenset(received))
    require_possible_event(event_name, scene.vocabulary, traffic, claim)


def _assert_events(
    scene: ScenarioContext, claim: str, person: str, table: StepTable, columns: Sequence[str]
) -> None:
    expected, received = _expected_and_received_rows(scene, claim, person, table, columns)
    assert_rows_equal(scene, claim, columns, expected, received, name=person)


def _expected_and_received_rows(
    scene: ScenarioContext, claim: str, person: str, table: StepTable, columns: Sequence[str]
) -> tuple[list[TableRow], list[TableRow]]:
    """What *table* expects, and what Insider One received, in these columns."""
    require_known_or_received(
        "parameter", table[0], lambda: _list_received_parameters(scene), claim, scene.texts
    )
    expected = [format_row(each, columns) for each in parse_rows(table, scene.is_text_value)]
    return expected, [
        format_row(_event_columns(event), columns) for event in scene.list_events(person)
    ]


def _list_received_parameters(scene: ScenarioContext) -> set[str]:
    """The parameters of all events of everybody."""
    profiles = scene.emulator.client.list_profiles()
    return {name for each in profiles for event in each["events"] for name in _event_columns(event)}


def _event_columns(event: JSONObject) -> dict[str, JSON]:
    """Column -> value: the event's name and its parameters by place, e.g. "custom.sku"."""
    return {"event_name": event["event_name"], **flatten_values(event["event_params"])}
