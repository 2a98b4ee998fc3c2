"""Text of messages never moves the cursor of a terminal, colours it or begins a line."""

import json
import re
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result
from forked_commands import run_python_module

from segment_insider_emulator.cli import main
from segment_insider_emulator.terminal_output import escape_controls_in_json

HOSTILE = "gift\x1b[2J\x1b[35m\x9b2J\r\n\x07\u202eend\u2066"
PLAIN = "gift�[2J�[35m�2J����end�"
COLOUR = re.compile("\x1b\\[(?:[01]|3[0-4])m")  # ours
EVENT = {"type": "identify", "messageId": HOSTILE, "userId": "ada", "traits": {HOSTILE: 1}}
WORKSPACE = f"""\
source: {{name: Shop, writeKey: wk}}
destination:
  settings: {{account_name: a, ucd_key: k}}
  subscriptions: [{{name: {json.dumps(HOSTILE)}, actionSlug: nothing, trigger: 'type = "track"'}}]
"""


def run_command(folder: Path, *command: str) -> Result:
    (folder / "events.ndjson").write_text(json.dumps(EVENT), "utf-8")
    (folder / "shop.yaml").write_text(WORKSPACE, "utf-8")
    arguments = [str(folder / word) if (folder / word).exists() else word for word in command]
    return CliRunner().invoke(main, arguments, color=True)


def list_control_characters(text: str) -> list[str]:
    """Return the control characters in *text*."""
    return [
        character
        for character in COLOUR.sub("", text)
        if not character.isprintable() and character != "\n"
    ]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("map", "--explain", "events.ndjson"), id="map"),
        pytest.param(("drift", "--traffic", "events.ndjson"), id="drift"),
    ],
)
def test_control_characters_of_a_name_are_replaced(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    output = run_command(tmp_path, *command, "--preset", "segment-defaults").stdout
    assert f"traits.{PLAIN} was sent once, but no mapping reads it." in output
    assert COLOUR.search(output)
    assert list_control_characters(output) == []


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("map", "--workspace", "shop.yaml", "events.ndjson"), id="map"),
        pytest.param(
            ("replay", "--workers", "1", "--preset", "segment-defaults", "events.ndjson"),
            id="replay",
        ),
        pytest.param(
            ("replay", "--workers", "1", "--workspace", "shop.yaml", "events.ndjson"), id="an error"
        ),
        pytest.param(("contract", "events", "--strict", "events.ndjson"), id="contract"),
        pytest.param(("lint", "shop.yaml"), id="lint"),
        pytest.param(("drift", "shop.yaml"), id="drift"),
        pytest.param(("coverage", "--traffic", "events.ndjson"), id="coverage"),
    ],
)
def test_no_command_prints_control_characters(command: tuple[str, ...], tmp_path: Path) -> None:
    result = run_command(tmp_path, *command)
    assert list_control_characters(result.stdout + result.stderr) == []


def test_json_output_escapes_control_characters() -> None:
    document = {"a": "\x9b2J \x7f \u202e", "b": "İpek"}
    raw = escape_controls_in_json(orjson.dumps(document))
    assert orjson.loads(raw) == document
    assert list_control_characters(raw.decode()) == []
    assert "İpek".encode() in raw


@pytest.mark.extended
def test_a_failed_scenario_prints_no_control_characters(tmp_path: Path) -> None:
    text = "Wish\x1b[35m\u202e Listed\x9b2J"
    (tmp_path / "w.feature").write_text(
        f'Feature: F {text}\n  Scenario: S {text}\n    When Ada does "{text}" with:\n'
        f"      | property | value |\n      | note | {text} |\n"
        "    Then Insider One receives exactly these events and parameters for Ada:\n"
        "      | event_name | custom.note |\n      | other | x |\n"
    )
    for module in (["segment_insider_emulator", "verify"], ["pytest", "-p", "no:cacheprovider"]):
        result = run_python_module(*module, ".", cwd=tmp_path)
        assert result.returncode == 1
        assert list_control_characters(result.stdout + result.stderr) == []
