"""Steps about time and journeys: what they reject, and the trail that a failed step prints."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked_commands import run_python_module

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios.assertions import format_trails
from segment_insider_scenarios.context import ScenarioContext
from segment_insider_scenarios.running_emulator import SandboxProvider
from segment_insider_scenarios.shopper import product_added_call, track_call
from segment_insider_scenarios.steps import actions, journeys, profiles

HERE = Path(__file__).parent
PAGE = (HERE.parent.parent / "docs" / "scenarios.md").read_text()
MOMENT = re.compile(r":\d\d\.\d{3}Z")  # the clock runs on while a scenario runs
NOON = "2026-11-23T12:00:00Z"


@pytest.fixture
def scene(emulators: SandboxProvider) -> Iterator[ScenarioContext]:
    with ScenarioContext(emulators, Path()) as context:
        yield context


@pytest.mark.extended
def test_a_failed_step_prints_the_journey_trail_as_documented() -> None:
    command = [
        "segment_insider_emulator",
        "verify",
        "--json",
        "failing_journey.feature",
    ]
    result = run_python_module(*command, cwd=HERE)
    [result] = json.loads(result.stdout)["scenarios"]
    _, examples = re.findall(r"```text\n(.*?)\n```", PAGE, re.DOTALL)
    assert MOMENT.sub("", examples) in MOMENT.sub("", result["failure"])


def test_a_set_clock_is_not_frozen(scene: ScenarioContext) -> None:
    scene.set_and_run_clock(NOON)
    scene.send_calls("Ada", track_call("Song Played"))
    [message] = scene.list_segment_messages()
    assert message["receivedAt"].startswith("2026-11-23T12:00:0")
    assert message["receivedAt"] > "2026-11-23T12:00:00.000Z"


def test_setting_the_clock_after_a_change_is_rejected(scene: ScenarioContext) -> None:
    scene.send_calls("Ada", track_call("Song Played"))
    message = (
        rf"^{NOON}: an earlier step has changed something\. "
        r"Make it the first step, or let time pass\.$"
    )
    with pytest.raises(EmulatorError, match=message):
        scene.set_and_run_clock(NOON)


def test_an_unknown_journey_is_reported(scene: ScenarioContext) -> None:
    profiles = (
        r"the workspace has no journey 'Carts'\. Known: Cart abandonment, Purchase thank-you, "
    )
    with pytest.raises(EmulatorError, match=profiles):
        scene.list_journey_runs("Carts")


def test_a_person_who_never_entered_a_journey_has_no_trail(scene: ScenarioContext) -> None:
    scene.get_person("Ada")
    assert format_trails(scene, "Welcome", "Ada") == ["Ada never entered Welcome.", ""]
    assert format_trails(scene, "Welcome") == ["No one entered Welcome.", ""]


def test_each_run_has_its_own_trail_with_its_status(scene: ScenarioContext) -> None:
    scene.set_and_run_clock(NOON)
    scene.send_calls("Ada", product_added_call({"product_id": "mug"}, "c-9"))
    scene.emulator.client.advance_clock("2 days")
    scene.send_calls("Ada", product_added_call({"product_id": "tray"}, "c-10"))
    headings = [
        line for line in format_trails(scene, "Cart abandonment", "Ada") if line.endswith(":")
    ]
    assert headings == [
        "The trail of Ada in Cart abandonment, dropped:",
        "The trail of Ada in Cart abandonment, in progress:",
    ]


def test_a_trail_shows_no_cause_later_than_its_effect(scene: ScenarioContext) -> None:
    scene.send_calls("Ada", product_added_call({"product_id": "mug"}, "c-9"))
    _, entered, *_ = format_trails(scene, "Cart abandonment", "Ada")
    assert entered.partition("Z  ")[2] == "entered because of item_added_to_cart"


def test_a_trail_shows_the_time_of_an_event_that_came_late(scene: ScenarioContext) -> None:
    body = {
        "userId": "ada",
        "event": "Product Added",
        "timestamp": NOON,
        "properties": {"product_id": "mug"},
    }
    scene.get_person("Ada")
    scene.set_and_run_clock("2026-11-23T12:05:00Z")
    actions.app_posts_json_to_segment(scene, "/v1/track", json.dumps(body))
    _, entered, *_ = format_trails(scene, "Cart abandonment", "Ada")
    what = "entered because of item_added_to_cart at 2026-11-23T12:00:00.000Z"
    assert entered.partition("Z  ")[2] == what


def test_an_unknown_trail_column_is_reported(scene: ScenarioContext) -> None:
    scene.send_calls("Ada", product_added_call({"product_id": "mug"}, "c-9"))
    table = [["kind", "event.event_nam"], ["entered", ""], ["waiting", ""]]
    message = r"there is no column 'event\.event_nam'\. Did you mean 'event\.event_name'\?"
    with pytest.raises(EmulatorError, match=message):
        journeys.journey_leaves_trail(scene, "Ada", "Cart abandonment", table)


def test_an_unknown_personalisation_detail_is_reported(scene: ScenarioContext) -> None:
    scene.send_calls("Ada", track_call("Song Played"))
    message = r"there is no detail 'carte'\. Did you mean 'cart'\?"
    with pytest.raises(EmulatorError, match=message):
        profiles.has_personalisation_values(scene, "Ada", [["what", "value"], ["carte", ""]])
