"""Any call to Segment, by the SDK or by hand."""

import json

import orjson
from pytest_bdd import given, then, when

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios import calls, parsers
from segment_insider_scenarios.call_files import read_call_file
from segment_insider_scenarios.call_tables import (
    read_property_table,
    reject_event_typo,
    reject_page_typo,
)
from segment_insider_scenarios.scene import ScenarioContext
from segment_insider_scenarios.tables import StepTable
from segment_insider_scenarios.verdicts import assert_claim

STATUS_OK = 200


@given(parsers.StepPattern('{person:w} does "{event}"'))
@when(parsers.StepPattern('{person:w} does "{event}"'))
def does_event(scene: ScenarioContext, person: str, event: str) -> None:
    """A track call without properties."""
    reject_event_typo(scene, event)
    scene.send_calls(person, calls.track(event))


@given(parsers.StepPattern('{person:w} does "{event}" with:'))
@when(parsers.StepPattern('{person:w} does "{event}" with:'))
def does_event_with_properties(
    scene: ScenarioContext, person: str, event: str, datatable: StepTable
) -> None:
    """A track call with a table of property and value; products.0.price is a place inside.

    | property   | value |
    | product_id | mug   |
    | price      | 8.50  |
    """
    reject_event_typo(scene, event)
    scene.send_calls(person, calls.track(event, read_property_table(scene, datatable, event)))


@given(parsers.StepPattern('{person:w} visits the page "{page}"'))
@when(parsers.StepPattern('{person:w} visits the page "{page}"'))
def visits_page(scene: ScenarioContext, person: str, page: str) -> None:
    """A page call."""
    reject_page_typo(scene, page)
    scene.send_calls(person, calls.page(page))


@given(parsers.StepPattern('{person:w} visits the page "{page}" with:'))
@when(parsers.StepPattern('{person:w} visits the page "{page}" with:'))
def visits_page_with_properties(
    scene: ScenarioContext, person: str, page: str, datatable: StepTable
) -> None:
    """A page call with a table of property and value, such as url, path, title.

    | property | value                 |
    | url      | https://shop.example/ |
    """
    reject_page_typo(scene, page)
    scene.send_calls(person, calls.page(page, read_property_table(scene, datatable, page)))


@given(parsers.StepPattern('{person:w} opens the screen "{screen}"'))
@when(parsers.StepPattern('{person:w} opens the screen "{screen}"'))
def opens_screen(scene: ScenarioContext, person: str, screen: str) -> None:
    """A screen call, which apps make."""
    scene.send_calls(person, calls.screen(screen))


@given(parsers.StepPattern('{person:w} joins the group "{group}"'))
@when(parsers.StepPattern('{person:w} joins the group "{group}"'))
def joins_group(scene: ScenarioContext, person: str, group: str) -> None:
    """A group call; the destination has no action for it."""
    scene.send_calls(person, calls.group(group))


@given(parsers.StepPattern('{person:w} was known as "{previous}" before'))
@when(parsers.StepPattern('{person:w} was known as "{previous}" before'))
def had_previous_id(scene: ScenarioContext, person: str, previous: str) -> None:
    """An alias call from an earlier id to the user id; the destination has no action for it."""
    scene.send_calls(person, calls.alias(previous))


@given(parsers.StepPattern('an app sends the calls of "{file}"'))
@when(parsers.StepPattern('an app sends the calls of "{file}"'))
def app_sends_call_file(scene: ScenarioContext, file: str) -> None:
    """A file beside the feature: one call a line (NDJSON), or a JSON list of them."""
    emulator = scene.emulator
    for where, call in read_call_file(scene.folder / file):
        body = orjson.dumps(call)
        scene.posted_status = emulator.client.post_to_segment(
            f"/v1/{call['type']}", body, emulator.workspace.write_key
        )
        if scene.posted_status != STATUS_OK:
            remedy = "Correct the call, or send it by hand: When an app posts to …"
            raise EmulatorError(f"Segment answered {scene.posted_status}", where, remedy)


@when(parsers.StepPattern('an app posts to "{path}":'))
def app_posts_body(scene: ScenarioContext, path: str, docstring: str) -> None:
    """JSON sent by hand with the workspace's write key, for what no SDK would send.

    {"event": "Wish Listed", "userId": "ada"}
    """
    emulator = scene.emulator
    scene.posted_status = emulator.client.post_to_segment(
        path, docstring.encode(), emulator.workspace.write_key
    )
    scene.posted_body = docstring


@then(parsers.StepPattern("Segment answers {status:d}"))
def segment_status_is(scene: ScenarioContext, status: int) -> None:
    """The status of what was posted by hand."""
    assert_claim(
        scene,
        f"Segment answers {status}",
        holds=scene.posted_status == status,
        actual_text=f"It answered {scene.posted_status}.{_json_error_hint(scene.posted_body)}",
    )


def _json_error_hint(posted: str | None) -> str:
    """Where what was posted is not JSON, as a sentence with a blank before it."""
    try:
        json.loads(posted or "null")
    except json.JSONDecodeError as error:
        return f" The text is not JSON in line {error.lineno}, column {error.colno}: {error.msg}."
    return ""
