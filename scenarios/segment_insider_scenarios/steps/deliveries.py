"""Gherkin steps that check deliveries: received events, requests to Insider One, call verdicts."""

from collections import Counter
from collections.abc import Sequence

from pytest_bdd import then

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.storage.records import VERDICTS
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios.assertions import (
    assert_claim_holds,
    assert_happens_within,
    assert_rows_equal,
    fail_claim,
    fail_missing_rows,
    find_newest_call,
    find_unmapped_call_paths,
)
from segment_insider_scenarios.context import ScenarioContext
from segment_insider_scenarios.name_checks import (
    ScenarioEventNames,
    require_known_name,
    require_known_or_received,
    require_nonempty_text,
    require_possible_event_name,
    require_valid_event_name,
)
from segment_insider_scenarios.step_catalogue import StepPattern
from segment_insider_scenarios.tables import (
    StepTable,
    TableRow,
    flatten_values,
    format_row,
    parse_rows,
    require_table_header,
)
from segment_insider_scenarios.value_checks import find_failed_rows


@then(StepPattern("Insider One receives exactly these events for {person:p}:"))
def receives_exactly_events(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Compare all Insider One events of the person in order, in the table's columns only.

    | event_name             | product_id | unit_price |
    | confirmation_page_view | mug        | 8.50       |
    """
    claim = f"Insider One receives exactly these events for {person}"
    _assert_events(scene, claim, person, datatable, datatable[0])


@then(StepPattern("Insider One receives exactly these events and parameters for {person:p}:"))
def receives_exactly_events_and_parameters(
    scene: ScenarioContext, person: str, datatable: StepTable
) -> None:
    """Compare all Insider One events of the person with all parameters, such as custom.sku.

    | event_name  | custom.list |
    | wish_listed | mine        |
    """
    received = [_event_to_columns(event) for event in scene.list_insider_events(person)]
    columns = list(dict.fromkeys([*datatable[0], *(name for event in received for name in event)]))
    claim = f"Insider One receives exactly these events and parameters for {person}"
    _assert_events(scene, claim, person, datatable, columns)


@then(StepPattern("Insider One receives no events for {person:p}"))
def receives_no_events(scene: ScenarioContext, person: str) -> None:
    """Check that Insider One has no events of the person, known or not."""
    claim = f"Insider One receives no events for {person}"
    columns = ("event_name",)
    received = [
        format_row(_event_to_columns(event), columns) for event in scene.list_insider_events(person)
    ]
    assert_rows_equal(scene, claim, columns, [], received, name=person)


@then(StepPattern('Insider One receives no "{event_name}" for {person:p}'))
def receives_no_event_named(scene: ScenarioContext, person: str, event_name: str) -> None:
    """Check that Insider One has no event of this name for the person."""
    _assert_event_count(scene, person, event_name, 0)


@then(StepPattern('Insider One receives {count:d} "{event_name}" for {person:p}'))
def receives_event_count(scene: ScenarioContext, person: str, event_name: str, count: int) -> None:
    """Check the number of Insider One events of this name that the person has."""
    _assert_event_count(scene, person, event_name, count)


@then(
    StepPattern(
        'Insider One receives "{event_name:q}" for {person:p} within {length:q} '
        'of the call "{call:q}"'
    )
)
def receives_event_within(
    scene: ScenarioContext, person: str, event_name: str, length: str, call: str
) -> None:
    """Check that such an event of the person arrives in time, by the emulator's clock.

    The time begins with the newest such call. Parts of a second do not count.
    """
    claim = f'Insider One receives "{event_name}" for {person} within {length} of the call "{call}"'
    require_valid_event_name(
        event_name, scene.emulator.workspace.insider_options, scene.vocabulary, claim
    )
    times = {
        event["received_at"]: f"{event['event_name']} of {person}"
        for event in scene.list_insider_events(person)
        if event["event_name"] == event_name
    }
    assert_happens_within(scene, claim, times, length, call, name=person)


@then(StepPattern("{person:p} and {other:p} receive the same events"))
def people_receive_same_events(scene: ScenarioContext, person: str, other: str) -> None:
    """Compare all Insider One events of two people in order: names and parameters."""
    claim = f"{person} and {other} receive the same events"
    received = [
        [_event_to_columns(event) for event in scene.list_insider_events(name)]
        for name in (person, other)
    ]
    if not any(received):
        fail_claim(scene, claim, [f"Neither {person} nor {other} has an event."], name=person)
    columns = list(dict.fromkeys(name for rows in received for row in rows for name in row))
    rows_of_person, rows_of_other = (
        [format_row(row, columns) for row in rows] for rows in received
    )
    assert_rows_equal(scene, claim, columns, rows_of_person, rows_of_other, name=other)


@then(StepPattern("Insider One receives at least these events for {person:p}:"))
def receives_at_least_events(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Check that each row is an Insider One event of the person, in any order, among others.

    | event_name  | product_id |
    | wish_listed | mug        |
    """
    claim = f"Insider One receives at least these events for {person}"
    expected, received = _build_expected_and_received_rows(
        scene, claim, person, datatable, datatable[0]
    )
    missing = list((Counter(expected) - Counter(received)).elements())
    if missing:
        fail_missing_rows(scene, claim, datatable[0], missing, received, name=person)


@then(StepPattern("Insider One receives these events for {person:p} in this order:"))
def receives_events_in_order(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Check the order of the person's Insider One events; there may be others in between.

    | event_name               |
    | product_detail_page_view |
    | wish_listed              |
    """
    claim = f"Insider One receives these events for {person} in this order"
    expected, received = _build_expected_and_received_rows(
        scene, claim, person, datatable, datatable[0]
    )
    coming = iter(received)
    missing = [row for row in expected if row not in coming]
    if missing:
        fail_missing_rows(scene, claim, datatable[0], missing, received, name=person)


@then(StepPattern('the newest "{event_name}" of {person:p} has these values:'))
def newest_event_has_values(
    scene: ScenarioContext, person: str, event_name: str, datatable: StepTable
) -> None:
    """Check values of the person's newest event of this name, e.g. timestamp, event_params.

    | place                   | must be | value |
    | timestamp               | a       | time  |
    | event_params.unit_price | about   | 8.5   |
    """
    claim = f'the newest "{event_name}" of {person} has these values'
    require_valid_event_name(
        event_name, scene.emulator.workspace.insider_options, scene.vocabulary, claim
    )
    events = [
        event for event in scene.list_insider_events(person) if event["event_name"] == event_name
    ]
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
    names = [event["event_name"] for event in scene.list_insider_events(person)]
    actual_count = names.count(event_name)
    assert_claim_holds(
        scene,
        claim,
        holds=actual_count == count,
        actual_text=f"It received {actual_count}; all events: {', '.join(names) or 'none'}.",
        name=person,
    )


def _reject_impossible_event(scene: ScenarioContext, event_name: str, claim: str) -> None:
    """Reject a step "receives no" for an event name that could never arrive.

    Raises: EmulatorError.
    """
    if event_name in scene.texts.confirmed_names:
        return
    profiles = scene.emulator.client.list_profiles()
    received = {event["event_name"] for profile in profiles for event in profile["events"]}
    sent = [str(message["event"]) for message in scene.list_segment_messages() if message["event"]]
    traffic = ScenarioEventNames(sent, scene.texts.feature_texts, frozenset(received))
    require_possible_event_name(event_name, scene.vocabulary, traffic, claim)


def _assert_events(
    scene: ScenarioContext, claim: str, person: str, table: StepTable, columns: Sequence[str]
) -> None:
    expected, received = _build_expected_and_received_rows(scene, claim, person, table, columns)
    assert_rows_equal(scene, claim, columns, expected, received, name=person)


def _build_expected_and_received_rows(
    scene: ScenarioContext, claim: str, person: str, table: StepTable, columns: Sequence[str]
) -> tuple[list[TableRow], list[TableRow]]:
    """Return a step table's rows of events and the received rows, in the same columns."""
    require_known_or_received(
        "parameter", table[0], lambda: _list_received_parameters(scene), claim, scene.texts
    )
    expected = [format_row(row, columns) for row in parse_rows(table, scene.is_text_value)]
    return expected, [
        format_row(_event_to_columns(event), columns) for event in scene.list_insider_events(person)
    ]


def _list_received_parameters(scene: ScenarioContext) -> set[str]:
    """Return the parameter names of all events that Insider One received."""
    profiles = scene.emulator.client.list_profiles()
    return {
        name
        for profile in profiles
        for event in profile["events"]
        for name in _event_to_columns(event)
    }


def _event_to_columns(event: JSONObject) -> dict[str, JSON]:
    """Return column -> value of an Insider One event: name and parameters, e.g. "custom.sku"."""
    return {"event_name": event["event_name"], **flatten_values(event["event_params"])}


@then(StepPattern("the number of requests to Insider One is {count:d}"))
def insider_request_count_is(scene: ScenarioContext, count: int) -> None:
    """Check the number of requests to Insider One for all people; a retried request counts once."""
    deliveries = [
        delivery for delivery in scene.emulator.client.list_deliveries() if delivery["request"]
    ]
    names = ", ".join(
        f"{delivery['event']} by {delivery['subscription']}" for delivery in deliveries
    )
    assert_claim_holds(
        scene,
        f"the number of requests to Insider One is {count}",
        holds=len(deliveries) == count,
        actual_text=f"There were {len(deliveries)}: {names or 'none'}.",
    )


@then(StepPattern('the call "{call}" leads to {count:d} requests'))
@then(StepPattern('the call "{call}" leads to 1 request'))
def call_leads_to_requests(scene: ScenarioContext, call: str, count: int = 1) -> None:
    """Check the number of requests to Insider One that the newest such call caused."""
    deliveries = _list_requests_of_call(scene, call)
    names = ", ".join(f'"{delivery["subscription"]}"' for delivery in deliveries)
    assert_claim_holds(
        scene,
        f'the call "{call}" leads to {count} {"request" if count == 1 else "requests"}',
        holds=len(deliveries) == count,
        actual_text=f"It led to {len(deliveries)}: {names or 'none'}.",
    )


@then(StepPattern('the request of the call "{call}" has these values:'))
def call_request_has_values(scene: ScenarioContext, call: str, datatable: StepTable) -> None:
    """Check the JSON body of the only request to Insider One that the newest such call caused.

    | place                             | must be | value |
    | users.0.identifiers.uuid          |         | ada   |
    | users.0.events.0.timestamp        | a       | time  |
    | users.0.events.0.event_params.url | absent  |       |
    """
    claim = f'the request of the call "{call}" has these values'
    deliveries = _list_requests_of_call(scene, call)
    if len(deliveries) > 1:
        names = ", ".join(f'"{delivery["subscription"]}"' for delivery in deliveries)
        remedy = (
            f'Name the mapping: the request of the mapping "…" has these values. Mappings: {names}.'
        )
        raise EmulatorError(f"the call {call!r} led to {len(deliveries)} requests", claim, remedy)
    _assert_request_values(
        scene, claim, deliveries[0]["request"]["json"] if deliveries else None, datatable
    )


@then(StepPattern('the request of the mapping "{mapping}" has these values:'))
def mapping_request_has_values(scene: ScenarioContext, mapping: str, datatable: StepTable) -> None:
    """Check the newest request to Insider One of one mapping: method, url, headers and json.

    | place                  | must be   | value |
    | method                 |           | POST  |
    | headers.x-partner-name | a         | text  |
    | json.users             | of length | 1     |
    """
    claim = f'the request of the mapping "{mapping}" has these values'
    _require_mapping(scene, mapping, claim)
    mapping_requests = [
        delivery["request"]
        for delivery in scene.emulator.client.list_deliveries()
        if delivery["subscription"] == mapping and delivery["request"]
    ]
    _assert_request_values(
        scene, claim, mapping_requests[-1] if mapping_requests else None, datatable
    )


@then(StepPattern('the mapping "{mapping}" takes no call'))
def mapping_matches_no_call(scene: ScenarioContext, mapping: str) -> None:
    """Check that the mapping's trigger matched no call, or that the mapping is disabled."""
    claim = f'the mapping "{mapping}" takes no call'
    _require_mapping(scene, mapping, claim)
    deliveries = scene.emulator.client.list_deliveries()
    event_names = [
        str(delivery["event"]) for delivery in deliveries if delivery["subscription"] == mapping
    ]
    assert_claim_holds(
        scene,
        claim,
        holds=not event_names,
        actual_text=f"It took {', '.join(event_names)}.",
    )


def _require_mapping(scene: ScenarioContext, mapping: str, claim: str) -> None:
    known = [
        subscription["name"]
        for subscription in scene.emulator.client.get_destination()["subscriptions"]
    ]
    require_known_name("mapping", [mapping], known, claim)


def _list_requests_of_call(scene: ScenarioContext, call: str) -> list[JSONObject]:
    message = find_newest_call(scene, call)
    deliveries = scene.emulator.client.list_deliveries(messageId=message["messageId"])
    return [delivery for delivery in deliveries if delivery["request"]]


def _assert_request_values(
    scene: ScenarioContext, claim: str, document: JSON, table: StepTable
) -> None:
    if document is None:
        fail_claim(scene, claim, ["There was no request."])
    if differing := find_failed_rows(table, document, claim, scene.texts.confirmed_names):
        fail_claim(scene, claim, differing)


@then(StepPattern('the call "{call}" ends as {verdict:w}'))
def call_has_verdict(scene: ScenarioContext, call: str, verdict: str) -> None:
    """Check the verdict of the newest call with this event, page, screen or type."""
    _require_known_verdict(verdict)
    message = find_newest_call(scene, call)
    assert_claim_holds(
        scene,
        f'the call "{call}" ends as {verdict}',
        holds=message["verdict"] == verdict,
        actual_text=f"It ended as {_describe_call_verdict(message)}.",
    )


@then(StepPattern('the call "{call}" ends as {verdict:w} because "{reason}"'))
def call_has_verdict_and_reason(
    scene: ScenarioContext, call: str, verdict: str, reason: str
) -> None:
    """Check the verdict of the newest such call and its reason, or a part of the reason."""
    _require_known_verdict(verdict)
    require_nonempty_text("reason", reason, f'the call "{call}" ends as {verdict} because ""')
    message = find_newest_call(scene, call)
    assert_claim_holds(
        scene,
        f'the call "{call}" ends as {verdict} because "{reason}"',
        holds=message["verdict"] == verdict and reason in (message["reason"] or ""),
        actual_text=f"It ended as {_describe_call_verdict(message)}.",
    )


@then(StepPattern('no mapping reads exactly these properties of the call "{call}":'))
def no_mapping_reads_exactly_paths(scene: ScenarioContext, call: str, datatable: StepTable) -> None:
    """Compare the table with the paths of the call's properties and traits that no mapping reads.

    | property             |
    | properties.gift_wrap |
    """
    require_table_header(datatable, ("property",))
    columns = datatable[0]
    paths = find_unmapped_call_paths(scene, find_newest_call(scene, call))
    received = [format_row({columns[0]: path}, columns) for path in sorted(paths)]
    expected = sorted(tuple(line) for line in datatable[1:])
    claim = f'no mapping reads exactly these properties of the call "{call}"'
    assert_rows_equal(scene, claim, columns, expected, received)


def _require_known_verdict(verdict: str) -> None:
    if verdict not in VERDICTS:
        raise EmulatorError(f"unknown verdict {verdict!r}", "", f"Known: {', '.join(VERDICTS)}.")


def _describe_call_verdict(message: JSONObject) -> str:
    because = f', because "{message["reason"]}"' if message["reason"] else ""
    return f"{message['verdict']}{because}"
