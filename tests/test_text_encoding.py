"""Text files as editors save them: with a byte order mark, in UTF-16, in Windows-1254."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from segment_insider_emulator.cli import main
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.text_encoding import decode_utf8
from segment_insider_scenarios.shopper import read_call_file

FIXTURES = Path(__file__).parent.parent / "fixtures"
EVENTS = FIXTURES / "events" / "shop.ndjson"
WORKSPACE = FIXTURES / "workspaces" / "minimal.yaml"
CASES = FIXTURES / "conformance" / "actions.ndjson"
# What is read -> its file, and the command that reads it.
READERS = {
    "events to map": (EVENTS, ["map", "FILE"]),
    "events to replay": (EVENTS, ["replay", "--workers", "1", "--json", "FILE"]),
    "events of a contract": (EVENTS, ["contract", "events", "FILE"]),
    "traffic": (EVENTS, ["drift", "--preset", "guide", "--traffic", "FILE"]),
    "workspace": (WORKSPACE, ["lint", "FILE"]),
    "contract cases": (CASES, ["contract", "check", "FILE"]),
    "Public API": (
        FIXTURES / "imports" / "public-api" / "destination.json",
        ["import", "FILE"],
    ),
    "Terraform": (FIXTURES / "imports" / "terraform" / "insider.tf", ["import", "FILE"]),
}


def run_command(command: list[str], file: Path, raw: bytes) -> Result:
    file.write_bytes(raw)
    return CliRunner().invoke(main, [str(file) if word == "FILE" else word for word in command])


@pytest.mark.parametrize("what", READERS)
def test_a_byte_order_mark_is_accepted(what: str, tmp_path: Path) -> None:
    source, command = READERS[what]
    plain, marked = (
        run_command(command, tmp_path / source.name, mark + source.read_bytes())
        for mark in (b"", b"\xef\xbb\xbf")
    )
    assert (marked.exit_code, len(marked.stdout)) == (plain.exit_code, len(plain.stdout))
    assert marked.stderr == plain.stderr


@pytest.mark.parametrize("what", READERS)
def test_utf_16_is_rejected_in_one_line(what: str, tmp_path: Path) -> None:
    source, command = READERS[what]
    result = run_command(
        command, tmp_path / source.name, source.read_text("utf-8").encode("utf-16")
    )
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert re.search(r"the file is in UTF-16, not in UTF-8[.;] [Ss]ave it as UTF-8", line)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_an_encoding_with_wide_characters_is_named(encoding: str) -> None:
    with pytest.raises(EmulatorError) as refused:
        decode_utf8("Feature: Wishes".encode(encoding), "wishes.feature")
    name = encoding[:6].upper()
    message = f"wishes.feature: the file is in {name}, not in UTF-8. Save it as UTF-8."
    assert str(refused.value) == message


def test_a_windows_1254_file_is_rejected_with_its_line() -> None:
    raw = "first\nİpek Şahin".encode("cp1254")
    with pytest.raises(EmulatorError) as refused:
        decode_utf8(raw, "names.ndjson")
    what = "names.ndjson: the file is not UTF-8 text (line 2 has the byte 0xdd)."
    assert str(refused.value) == f"{what} Save it as UTF-8."


def test_a_line_that_is_not_utf_8_is_reported(tmp_path: Path) -> None:
    raw = EVENTS.read_bytes().splitlines()[0] + '\n{"event": "Şal"}'.encode("cp1254")
    result = run_command(["map", "FILE"], tmp_path / "shop.ndjson", raw)
    assert ":2: not UTF-8 text (byte 0xde, column 12)." in result.stderr


def test_call_files_may_have_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "calls.ndjson"
    file.write_bytes(b'\xef\xbb\xbf{"type": "page"}\n')
    assert list(read_call_file(file)) == [("calls.ndjson:1", {"type": "page"})]
