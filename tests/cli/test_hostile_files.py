"""Hostile files: every command explains what is wrong with them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from segment_insider_emulator.cli import main

COMMANDS = (
    ("lint",),
    ("drift",),
    ("coverage", "--traffic"),
    ("map",),
    ("map", "--workspace"),
    ("import",),
    ("contract", "check"),
    ("contract", "run"),
    ("contract", "events"),
    ("replay", "--workers", "1"),
    ("verify",),
    ("verify", "--workspace"),
    ("serve", "--port", "0", "--db", ":memory:", "--workspace"),
)
DEEP = 50_000
FILES: dict[str, Callable[[Path], object]] = {
    "deep.json": lambda path: path.write_text('{"a":' * DEEP + "1" + "}" * DEEP),
    "deep.ndjson": lambda path: path.write_text("[" * DEEP + "]" * DEEP + "\n"),
    "deep.yaml": lambda path: path.write_text("a: " + "[" * DEEP + "]" * DEEP),
    "deep.tf": lambda path: path.write_text('resource "a" "b" { c = ' + "[" * DEEP + "]" * DEEP),
    "deep.feature": lambda path: path.write_text("Feature: F\n" + "  Rule: R\n" * 2000),
    "long.ndjson": lambda path: path.write_text("x" * 2_000_000),
    "nul.json": lambda path: path.write_bytes(b'{"a":"\0"}\0\0' * 50),
    "bytes.bin": lambda path: path.write_bytes(bytes(range(256)) * 4),
    "folder.yaml": lambda path: path.mkdir(),
    "loop.yaml": lambda path: path.symlink_to(path),
    "missing.yaml": lambda path: None,
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_hostile_file_is_rejected_with_an_explanation(
    command: tuple[str, ...], name: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    FILES[name](file)
    result = CliRunner().invoke(main, [*command, str(file)])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (1, 2), result.output
    assert result.output.strip()
    assert "Traceback" not in result.output
