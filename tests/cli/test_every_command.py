"""What all commands have in common: help with an example, exit codes, one line for bad input."""

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from test_workspace_options import COMMANDS, list_options

from segment_insider_emulator.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text("utf-8")
# Command -> whether it exits with 1 for some answer, and whether it has --json.
DOCUMENTED = {
    name: (bool(when.strip()), json == "yes")
    for name, when, json in re.findall(
        r"^\| `([\w ]+)` \| (.*?)\| ?(yes|) ?\|$", PAGE, re.MULTILINE
    )
}
EXITS_WITH_1 = re.compile(r"\b[Ee]xits? (?:0[^.]*?,(?: or)? )?1 ")
CLOSED = "http://127.0.0.1:1"  # nothing listens there
SERVE = ("serve", "--db", ":memory:", "--port", "0")
BAD_URLS = ("127.0.0.1:8282", "http://", "ftp://x", "nonsense", "http://127.0.0.1:99999", "")
URL_COMMANDS = (
    ("health", "--url"),
    ("send", "Song Played", "--url"),
    ("tail", "--no-follow", "--url"),
    ("coverage", "--url"),
    ("drift", "--preset", "guide", "--traffic"),
    ("contract", "record", "cases.ndjson", "--from"),
)
# Command -> arguments that it cannot use. `file` is a text, `folder` a folder with a file.
BAD_INPUT: dict[str, list[tuple[str, ...]]] = {
    "init": [("file",), ("/proc/x",)],
    "serve": [
        *(("--port", port) for port in ("-1", "65536", "x", "")),
        *(("--tls", "--tls-port", port) for port in ("-1", "65536", "x")),
        ("--tls-cert", "file"),
        ("--tls-key", "file"),
        ("--tls-cert", "file", "--tls-key", "file"),
        ("--tls-cert", "missing", "--tls-key", "missing"),
        *(("--allowed-hosts", name) for name in ("a b", "http://x", "*", "a/b")),
        *(("--public-url", url) for url in ("x", "ftp://x", "http://", "https://x?y")),
        *(("--url-prefix", path) for path in ("x y", "/a//b", "/v1", "/../x")),
        ("--trusted-proxy", "1.2.3"),
        ("--host", "999.1.1.1"),
        ("--keep-days", "-1"),
        ("--keep-bytes", "1XB"),
        ("--db", "/proc/x/y.db"),
        ("--db", "loop"),
        ("--db", "file"),
        ("--teams", "file"),
        ("--workspace", "missing"),
    ],
    "demo": [("--port", "99999"), ("--workspace", "missing")],
    "send": [
        ("--url", CLOSED),
        *(("x", field, "--url", CLOSED) for field in ("=1", "a:=", "a:={", "a", "a:=@missing")),
        ("x", "a=@folder", "--url", CLOSED),
        ("x", "--type", "nope"),
    ],
    "health": [("--wait", "--timeout", "x"), ("--wait", "--timeout", "-1s")],
    "map": [("missing",), ("folder",), ("--workspace", "file", "file")],
    "verify": [
        ("missing",),
        ("file",),
        *(("folder", "--tags", tags) for tags in ("@a and", "(@a", "not", "@nothing")),
        ("folder", "-k", "nothing"),
        *((f"folder/ok.feature:{line}",) for line in ("0", "99", "x")),
        ("folder", "-n", "x"),
        ("folder", "--fail-under", "101"),
        ("folder", "--skip-tags", "("),
        ("folder", "--last-failed", "--tags", "("),
        ("folder", "--url", CLOSED),
        ("folder", "--report-to", CLOSED),
    ],
    "steps": [("--glue", "file"), ("--glue", "/proc/x")],
    "assets": [("--cache", "/proc/x"), ("--cache", "file")],
    "certificate": [("--cache", "/proc/x"), ("--cache", "file")],
    "schema": [("x",)],
    "lint": [(), ("missing",), ("folder",), ("--preset", "guide", "--sarif", "folder")],
    "tail": [("--url", CLOSED), ("((", "--url", CLOSED), ("--since", "x"), ("--limit", "0")],
    "mcp": [("--nope",)],
    "drift": [
        (),
        ("missing",),
        ("folder",),
        ("file",),
        ("--preset", "guide", "--traffic", "folder"),
    ],
    "coverage": [(), ("--url", CLOSED), ("--traffic", "missing"), ("--traffic", "file")],
    "import": [(), ("missing",), ("file",)],
    "replay": [(), ("missing",), ("--against", "missing", "folder"), ("foo://x",)],
    "export": [("missing",), ("file", "--format", "workspace")],
    "contract run": [("missing",), ("file",)],
    "contract check": [("missing",), ("folder", "--workspace", "missing")],
    "contract record": [(), ("--from", CLOSED, "cases.ndjson"), ("--from", "missing", "x.ndjson")],
    "contract events": [("missing",), ("file",)],
    "contract schema": [("--workspace", "missing"), ("--workspace", "file")],
    "plan infer": [("missing",)],
}
CASES = [(name, arguments) for name, cases in BAD_INPUT.items() for arguments in cases]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("neither JSON nor a certificate\n")
    Path("loop").symlink_to("loop")
    Path("folder").mkdir()
    Path("folder", "ok.feature").write_text("Feature: A\n  Scenario: B\n    When Ada opts out\n")


def test_the_page_lists_every_command() -> None:
    assert DOCUMENTED.keys() == COMMANDS.keys()
    assert BAD_INPUT.keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_has_an_example_and_what_the_page_says(name: str) -> None:
    result = CliRunner().invoke(main, [*name.split(), "--help"])
    text = " ".join(result.output.split())
    assert result.exit_code == 0
    assert f"Example: emulator {name}" in text
    exits_with_1, has_json = DOCUMENTED[name]
    assert ("--json" in list_options(COMMANDS[name])) == has_json
    assert bool(EXITS_WITH_1.search(text)) == exits_with_1, f"{name} --help does not say when"


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_bad_input_ends_with_one_line_and_exit_code_2(
    name: str, arguments: tuple[str, ...]
) -> None:
    command = SERVE if name == "serve" else name.split()
    check_refusal([*command, *arguments])


@pytest.mark.parametrize("url", BAD_URLS)
@pytest.mark.parametrize("command", URL_COMMANDS, ids=" ".join)
def test_an_address_that_is_none_is_refused(command: tuple[str, ...], url: str) -> None:
    check_refusal([*command, url], exit_codes=(1, 2))


def check_refusal(arguments: list[str], exit_codes: tuple[int, ...] = (2,)) -> None:
    result = CliRunner().invoke(main, arguments)
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code in exit_codes, result.output
    lines = [line for line in result.stderr.splitlines() if line and not is_usage(line)]
    assert lines, "nothing says why"
    assert [line for line in lines if line.startswith(("emulator: ", "Error: ", "http"))], lines
    assert all(len(line) < 500 for line in lines)


def is_usage(line: str) -> bool:
    """Return whether a line is of the usage that click prints before an error."""
    return line.startswith(("Usage: ", "Try "))


def test_a_command_that_does_not_exist_is_named() -> None:
    result = CliRunner().invoke(main, ["sned"])
    assert (result.exit_code, "sned" in result.stderr) == (2, True)
    assert isinstance(COMMANDS["send"], click.Command)
