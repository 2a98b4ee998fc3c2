"""Nothing that came in a message moves a terminal's cursor, or begins a line of its own."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from emulator.cli import main

HOSTILE = "gift\x1b[2J\x1b[8m\x9b2J\r\n\x07end"
PLAIN = "gift�[2J�[8m�2J���end"
COLOUR = re.compile("\x1b\\[(?:[01]|3[0-7])m")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["map", "--explain"], id="map"),
        pytest.param(["drift", "--traffic"], id="drift"),
    ],
)
def test_control_characters_of_a_name_are_replaced(command: list[str], tmp_path: Path) -> None:
    events = tmp_path / "events.ndjson"
    event = {"type": "identify", "messageId": HOSTILE, "userId": "ada", "traits": {HOSTILE: 1}}
    events.write_text(json.dumps(event), "utf-8")

    arguments = [*command, str(events), "--preset", "segment-defaults"]
    told = CliRunner().invoke(main, arguments, color=True).stdout

    assert f"traits.{PLAIN} came once and no mapping reads it." in told
    assert COLOUR.search(told)
    assert not [each for each in COLOUR.sub("", told) if not each.isprintable() and each != "\n"]
