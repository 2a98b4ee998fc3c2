"""The requests that Insider One received, to the JSON value."""

from pytest_bdd import then

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios import parsers
from segment_insider_scenarios.expectations import find_failed_rows
from segment_insider_scenarios.naming import require_known_name
from segment_insider_scenarios.scene import ScenarioContext, find_newest_call
from segment_insider_scenarios.tables import StepTable
from segment_insider_scenarios.verdicts import assert_claim, fail_claim


@then(parsers.StepPattern("the number of requests to Insider One is {count:d}"))
def request_count_is(scene: ScenarioContext, count: int) -> None:
    """Of everybody; attempts that were repeated count once."""
    deliveries = [each for each in scene.emulator.client.list_deliveries() if each["request"]]
    names = ", ".join(f"{each['event']} by {each['subscription']}" for each in deliveries)
    assert_claim(
        scene,
        f"the number of requests to Insider One is {count}",
        holds=len(deliveries) == count,
        actual_text=f"There were {len(deliveries)}: {names or 'none'}.",
    )


@then(parsers.StepPattern('the request of the call "{call}" has these values:'))
def call_request_has_values(scene: ScenarioContext, call: str, datatable: StepTable) -> None:
    """The body of the only request that the newest such call led to.

    | place                             | must be | value |
    | users.0.identifiers.uuid          |         | ada   |
    | users.0.events.0.timestamp        | a       | time  |
    | users.0.events.0.event_params.url | absent  |       |
    """
    claim = f'the request of the call "{call}" has these values'
    deliveries = _list_requests_of_call(scene, call)
    if len(deliveries) > 1:
        names = ", ".join(f'"{each["subscription"]}"' for each in deliveries)
        remedy = f'Say which: the request of the mapping "…" has these values. Mappings: {names}.'
        raise EmulatorError(f"the call {call!r} led to {len(deliveries)} requests", claim, remedy)
    _assert_request_values(
        scene, claim, deliveries[0]["request"]["json"] if deliveries else None, datatable
    )


@then(parsers.StepPattern('the request of the mapping "{mapping}" has these values:'))
def mapping_request_has_values(scene: ScenarioContext, mapping: str, datatable: StepTable) -> None:
    """The newest request of one mapping: method, url, headers and json.

    | place                  | must be   | value |
    | method                 |           | POST  |
    | headers.x-partner-name | a         | text  |
    | json.users             | of length | 1     |
    """
    claim = f'the request of the mapping "{mapping}" has these values'
    _require_mapping(scene, mapping, claim)
    mapping_requests = [
        each["request"]
        for each in scene.emulator.client.list_deliveries()
        if each["subscription"] == mapping and each["request"]
    ]
    _assert_request_values(
        scene, claim, mapping_requests[-1] if mapping_requests else None, datatable
    )


@then(parsers.StepPattern('the mapping "{mapping}" takes no call'))
def mapping_takes_no_call(scene: ScenarioContext, mapping: str) -> None:
    """Its trigger matched nothing, or it is disabled."""
    claim = f'the mapping "{mapping}" takes no call'
    _require_mapping(scene, mapping, claim)
    deliveries = scene.emulator.client.list_deliveries()
    event_names = [str(each["event"]) for each in deliveries if each["subscription"] == mapping]
    assert_claim(
        scene,
        claim,
        holds=not event_names,
        actual_text=f"It took {', '.join(event_names)}.",
    )


def _require_mapping(scene: ScenarioContext, mapping: str, claim: str) -> None:
    known = [each["name"] for each in scene.emulator.client.get_destination()["subscriptions"]]
    require_known_name("mapping", [mapping], known, claim)


def _list_requests_of_call(scene: ScenarioContext, call: str) -> list[JSONObject]:
    message = find_newest_call(scene, call)
    deliveries = scene.emulator.client.list_deliveries(messageId=message["messageId"])
    return [each for each in deliveries if each["request"]]


def _assert_request_values(
    scene: ScenarioContext, claim: str, document: JSON, table: StepTable
) -> None:
    if document is None:
        fail_claim(scene, claim, ["There was no request."])
    if differing := find_failed_rows(table, document, claim, scene.texts.confirmed_names):
        fail_claim(scene, claim, differing)
