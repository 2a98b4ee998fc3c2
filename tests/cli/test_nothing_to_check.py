"""A command with nothing to check exits with 2 and one line that says so."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from segment_insider_emulator.cli import main

OFF = """\
source: {name: Shop, writeKey: wk}
destination:
  settings: {account_name: shop, ucd_key: key}
  subscriptions: [{name: Orders, actionSlug: orderCompletedEvent, enabled: false}]
"""
DESELECTING = """\
def pytest_collection_modifyitems(items):
    del items[:]
"""
SKIPPING = """\
import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.skip)
"""
WISHES = """\
Feature: Wishes
  Scenario: A mug
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada
"""


@pytest.fixture(autouse=True)
def empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Return an empty folder, empty files, and folders with files of another kind."""
    monkeypatch.chdir(tmp_path)
    for name in ("folder", "texts", "hidden/.git", "features"):
        Path(name).mkdir(parents=True)
    Path("empty.ndjson").touch()
    Path("blank.ndjson").write_text("\n \n\n")
    Path("texts/readme.md").write_text("Cases of the shop.")
    Path("hidden/.git/case.json").write_text("{}")
    Path("off.yaml").write_text(OFF)


def run_command(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


CASES = ("folder", "texts", "hidden", "empty.ndjson", "blank.ndjson")
EVENTS = ("empty.ndjson", "blank.ndjson")


@pytest.mark.parametrize(
    "arguments",
    [
        *(("contract", "check", name) for name in CASES),
        *(("contract", "check", "--update", name) for name in CASES[:1]),
        *(("contract", "check", "--preset", "guide", name) for name in CASES),
        *(("contract", "run", name) for name in CASES),
        *(("contract", "record", name) for name in CASES),
        *(("contract", "events", name) for name in EVENTS),
        ("contract", "schema", "--workspace", "off.yaml"),
        *(("drift", "--preset", "guide", "--traffic", name) for name in EVENTS),
        *(("coverage", "--traffic", name) for name in EVENTS),
        *(("map", name) for name in EVENTS),
        *(("map", "--explain", name) for name in EVENTS),
        ("map",),  # of an empty standard input
        ("lint", "empty.ndjson"),
        ("import", "empty.ndjson"),
        ("verify", "features"),
    ],
    ids=" ".join,
)
def test_a_command_without_anything_to_check_exits_2(arguments: tuple[str, ...]) -> None:
    result = run_command(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr.splitlines()[-1].startswith("emulator: ")
    assert "passed" not in result.output


@pytest.mark.parametrize("name", ["empty.ndjson", "blank.ndjson"])
def test_an_archive_without_events_exits_2(name: str) -> None:
    result = run_command("replay", "--workers", "1", name)
    assert result.exit_code == 2
    assert result.stderr == (
        "emulator: FILE: no event found. Name files that have one, a line each.\n"
    )


@pytest.mark.parametrize("conftest", [DESELECTING, SKIPPING], ids=["deselected", "skipped"])
def test_scenarios_that_do_not_run_exit_2(conftest: str) -> None:
    Path("features/wishes.feature").write_text(WISHES)
    Path("features/conftest.py").write_text(conftest)
    result = run_command("verify", "features")
    assert result.exit_code == 2, result.output
    assert result.stderr.splitlines()[-1].startswith("emulator: ")


def test_cases_in_folders_below_are_checked() -> None:
    Path("folder/orders").mkdir()
    Path("folder/orders/order.json").write_text("{}")
    result = run_command("contract", "check", "folder")
    assert result.exit_code == 2
    assert result.stderr.startswith("emulator: folder/orders/order.json:1: ")
