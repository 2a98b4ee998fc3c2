"""The requests that Insider One received, to the JSON value."""

from pytest_bdd import then

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios import parsers
from segment_insider_scenarios.expectations import unmet
from segment_insider_scenarios.naming import expect_known
from segment_insider_scenarios.scene import Scene, newest
from segment_insider_scenarios.tables import Table
from segment_insider_scenarios.verdicts import expect, refuse


@then(parsers.parse("the number of requests to Insider One is {count:d}"))
def number_of_requests(scene: Scene, count: int) -> None:
    """Of everybody; attempts that were repeated count once."""
    made = [each for each in scene.emulator.client.deliveries() if each["request"]]
    names = ", ".join(f"{each['event']} by {each['subscription']}" for each in made)
    expect(
        scene,
        f"the number of requests to Insider One is {count}",
        holds=len(made) == count,
        found=f"There were {len(made)}: {names or 'none'}.",
    )


@then(parsers.parse('the request of the call "{call}" has these values:'))
def request_has(scene: Scene, call: str, datatable: Table) -> None:
    """The body of the only request that the newest such call led to.

    | place                             | must be | value |
    | users.0.identifiers.uuid          |         | ada   |
    | users.0.events.0.timestamp        | a       | time  |
    | users.0.events.0.event_params.url | absent  |       |
    """
    claim = f'the request of the call "{call}" has these values'
    made = _made(scene, call)
    if len(made) > 1:
        names = ", ".join(f'"{each["subscription"]}"' for each in made)
        remedy = f'Say which: the request of the mapping "…" has these values. Mappings: {names}.'
        raise EmulatorError(f"the call {call!r} led to {len(made)} requests", claim, remedy)
    _expect(scene, claim, made[0]["request"]["json"] if made else None, datatable)


@then(parsers.parse('the request of the mapping "{mapping}" has these values:'))
def mapping_request_has(scene: Scene, mapping: str, datatable: Table) -> None:
    """The newest request of one mapping: method, url, headers and json.

    | place                  | must be   | value |
    | method                 |           | POST  |
    | headers.x-partner-name | a         | text  |
    | json.users             | of length | 1     |
    """
    claim = f'the request of the mapping "{mapping}" has these values'
    _expect_mapping(scene, mapping, claim)
    made = [
        each["request"]
        for each in scene.emulator.client.deliveries()
        if each["subscription"] == mapping and each["request"]
    ]
    _expect(scene, claim, made[-1] if made else None, datatable)


@then(parsers.parse('the mapping "{mapping}" takes no call'))
def mapping_takes_none(scene: Scene, mapping: str) -> None:
    """Its trigger matched nothing, or it is disabled."""
    claim = f'the mapping "{mapping}" takes no call'
    _expect_mapping(scene, mapping, claim)
    made = scene.emulator.client.deliveries()
    taken = [str(each["event"]) for each in made if each["subscription"] == mapping]
    expect(
        scene,
        claim,
        holds=not taken,
        found=f"It took {', '.join(taken)}.",
    )


def _expect_mapping(scene: Scene, mapping: str, claim: str) -> None:
    known = [each["name"] for each in scene.emulator.client.destination()["subscriptions"]]
    expect_known("mapping", [mapping], known, claim)


def _made(scene: Scene, call: str) -> list[JSONObject]:
    message = newest(scene, call)
    made = scene.emulator.client.deliveries(messageId=message["messageId"])
    return [each for each in made if each["request"]]


def _expect(scene: Scene, claim: str, document: JSON, table: Table) -> None:
    if document is None:
        refuse(scene, claim, ["There was no request."])
    if differing := unmet(table, document, claim, scene.spelling.correct):
        refuse(scene, claim, differing)
