"""Steps about files of calls and changed mappings: what is rejected, and how."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios.context import ScenarioContext
from segment_insider_scenarios.running_emulator import SandboxProvider
from segment_insider_scenarios.shopper import read_call_file, track_call
from segment_insider_scenarios.steps.setup import sets_mapping_fields, sets_mapping_trigger


@pytest.fixture
def scene(emulators: SandboxProvider) -> Iterator[ScenarioContext]:
    with ScenarioContext(emulators, Path()) as context:
        yield context


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{", "calls.ndjson:1: not JSON", id="no JSON"),
        pytest.param('\n{"type": "wish"}', "calls.ndjson:2: this is not a call", id="another type"),
        pytest.param(
            "[1]", r"calls.ndjson\[1\]: this is not a call", id="a list of something else"
        ),
    ],
)
def test_a_file_without_calls_is_rejected(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "calls.ndjson").write_text(text)
    with pytest.raises(EmulatorError, match=f"^{message}"):
        list(read_call_file(tmp_path / "calls.ndjson"))


def test_a_list_of_calls_is_sent_in_order(tmp_path: Path) -> None:
    (tmp_path / "calls.json").write_text('[{"type": "page"}, {"type": "track"}]')
    assert list(read_call_file(tmp_path / "calls.json")) == [
        ("calls.json[1]", {"type": "page"}),
        ("calls.json[2]", {"type": "track"}),
    ]


def test_an_unknown_mapping_is_reported_with_the_closest_name(
    scene: ScenarioContext,
) -> None:
    with pytest.raises(EmulatorError, match="Did you mean 'Track Event'"):
        sets_mapping_trigger(scene, "Track Events", 'type = "track"')


def test_changing_the_workspace_after_a_call_is_rejected(scene: ScenarioContext) -> None:
    scene.send_calls("Ada", track_call("Wish Listed"))
    with pytest.raises(EmulatorError, match="an earlier step has changed something"):
        sets_mapping_trigger(scene, "Track Event", 'type = "track"')


def test_a_field_inside_a_directive_cannot_be_changed(scene: ScenarioContext) -> None:
    table = [("field", "value"), ("uuid.inner", "x")]
    with pytest.raises(EmulatorError, match="Give uuid as a whole"):
        sets_mapping_fields(scene, "Track Event", table)
