"""Any call to Segment, by the SDK or by hand."""

import json

import orjson
from pytest_bdd import given, then, when

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios import calls, parsers
from segment_insider_scenarios.call_files import read_calls
from segment_insider_scenarios.call_tables import expect_event, expect_page, read_properties
from segment_insider_scenarios.scene import Scene
from segment_insider_scenarios.tables import Table
from segment_insider_scenarios.verdicts import expect

OK = 200


@given(parsers.parse('{person:w} does "{event}"'))
@when(parsers.parse('{person:w} does "{event}"'))
def does(scene: Scene, person: str, event: str) -> None:
    """A track call without properties."""
    expect_event(scene, event)
    scene.tell(person, calls.event(event))


@given(parsers.parse('{person:w} does "{event}" with:'))
@when(parsers.parse('{person:w} does "{event}" with:'))
def does_with(scene: Scene, person: str, event: str, datatable: Table) -> None:
    """A track call with a table of property and value; products.0.price is a place inside.

    | property   | value |
    | product_id | mug   |
    | price      | 8.50  |
    """
    expect_event(scene, event)
    scene.tell(person, calls.event(event, read_properties(scene, datatable, event)))


@given(parsers.parse('{person:w} visits the page "{page}"'))
@when(parsers.parse('{person:w} visits the page "{page}"'))
def visits(scene: Scene, person: str, page: str) -> None:
    """A page call."""
    expect_page(scene, page)
    scene.tell(person, calls.page(page))


@given(parsers.parse('{person:w} visits the page "{page}" with:'))
@when(parsers.parse('{person:w} visits the page "{page}" with:'))
def visits_with(scene: Scene, person: str, page: str, datatable: Table) -> None:
    """A page call with a table of property and value, such as url, path, title.

    | property | value                 |
    | url      | https://shop.example/ |
    """
    expect_page(scene, page)
    scene.tell(person, calls.page(page, read_properties(scene, datatable, page)))


@given(parsers.parse('{person:w} opens the screen "{screen}"'))
@when(parsers.parse('{person:w} opens the screen "{screen}"'))
def opens(scene: Scene, person: str, screen: str) -> None:
    """A screen call, which apps make."""
    scene.tell(person, calls.screen(screen))


@given(parsers.parse('{person:w} joins the group "{group}"'))
@when(parsers.parse('{person:w} joins the group "{group}"'))
def joins(scene: Scene, person: str, group: str) -> None:
    """A group call; the destination has no action for it."""
    scene.tell(person, calls.group(group))


@given(parsers.parse('{person:w} was known as "{previous}" before'))
@when(parsers.parse('{person:w} was known as "{previous}" before'))
def was_known_as(scene: Scene, person: str, previous: str) -> None:
    """An alias call from an earlier id to the user id; the destination has no action for it."""
    scene.tell(person, calls.alias(previous))


@given(parsers.parse('an app sends the calls of "{file}"'))
@when(parsers.parse('an app sends the calls of "{file}"'))
def sends_file(scene: Scene, file: str) -> None:
    """A file beside the feature: one call a line (NDJSON), or a JSON list of them."""
    own = scene.emulator
    for where, call in read_calls(scene.folder / file):
        body = orjson.dumps(call)
        scene.answered = own.client.post(f"/v1/{call['type']}", body, own.workspace.write_key)
        if scene.answered != OK:
            remedy = "Correct the call, or send it by hand: When an app posts to …"
            raise EmulatorError(f"Segment answered {scene.answered}", where, remedy)


@when(parsers.parse('an app posts to "{path}":'))
def posts(scene: Scene, path: str, docstring: str) -> None:
    """JSON sent by hand with the workspace's write key, for what no SDK would send.

    {"event": "Wish Listed", "userId": "ada"}
    """
    own = scene.emulator
    scene.answered = own.client.post(path, docstring.encode(), own.workspace.write_key)
    scene.posted = docstring


@then(parsers.parse("Segment answers {status:d}"))
def segment_answers(scene: Scene, status: int) -> None:
    """The status of what was posted by hand."""
    expect(
        scene,
        f"Segment answers {status}",
        holds=scene.answered == status,
        found=f"It answered {scene.answered}.{_json_fault(scene.posted)}",
    )


def _json_fault(posted: str | None) -> str:
    """Where what was posted is not JSON, as a sentence with a blank before it."""
    try:
        json.loads(posted or "null")
    except json.JSONDecodeError as error:
        return f" The text is not JSON in line {error.lineno}, column {error.colno}: {error.msg}."
    return ""
