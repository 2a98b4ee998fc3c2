"""`emulator verify --coverage`: what of each workspace the scenarios have used."""

import json
from pathlib import Path
from typing import Any

import pytest
from forked_commands import run_python_module

FEATURES = """\
Feature: Shop
  Scenario: A traveller
    When Ada tells the shop these traits:
      | trait | value |
      | age   | 36    |
    Then Insider One knows 1 person

  Scenario: A wish
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada

  Scenario: Defaults
    Given the workspace "segment-defaults"
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada
"""
SILENT = """\
Feature: Nothing
  Scenario: Silence
    Given Insider One answers 500
    Then Insider One knows nobody
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop")
    (path / "shop.feature").write_text(FEATURES)
    return path


def run_verify(folder: Path, *arguments: str) -> Any:
    return run_python_module("segment_insider_emulator", "verify", *arguments, ".", cwd=folder)


@pytest.mark.extended_variants
@pytest.mark.parametrize("workers", ["1", "2"])
def test_each_workspace_has_its_coverage(folder: Path, workers: str) -> None:
    result = run_verify(folder, "--coverage", "--json", "-n", workers)
    assert result.returncode == 0, result.stderr
    coverages = {each["workspace"]: each for each in json.loads(result.stdout)["coverage"]}
    assert {name: each["scenarios"] for name, each in coverages.items()} == {
        "guide": 2, "segment-defaults": 1,
    }  # fmt: skip
    rows = {row["name"]: row for row in coverages["guide"]["rows"]}
    assert (rows["age"]["state"], rows["age"]["events"]) == ("seen and right", 1)
    assert rows["age"]["example"]["scenario"] == "shop.feature:2 A traveller"
    assert rows["Cart Viewed Event"]["state"] == "never seen"
    assert "Branches" in {row["group"] for row in coverages["guide"]["rows"]}


@pytest.mark.extended
def test_the_selected_workspace_alone_has_to_reach_the_percentage(folder: Path) -> None:
    files = ("--coverage-html", "c.html", "--coverage-json", "c.json")
    result = run_verify(folder, "--preset", "guide", "--fail-under", "2", *files)
    assert result.returncode == 0, result.stderr
    assert "Coverage of guide, 2 scenarios" in result.stdout
    assert "(not counted)" in result.stdout
    assert [each["counted"] for each in json.loads((folder / "c.json").read_text())] == [
        True,
        False,
    ]
    assert "shop.feature:2 A traveller" in (folder / "c.html").read_text()
    assert run_verify(folder, "--fail-under", "90").returncode == 1


@pytest.mark.extended
def test_scenarios_that_send_nothing_cover_nothing(tmp_path: Path) -> None:
    (tmp_path / "nothing.feature").write_text(SILENT)
    result = run_verify(tmp_path, "--coverage")
    assert result.returncode == 2
    assert "nothing was covered: the scenarios sent no event" in result.stderr
