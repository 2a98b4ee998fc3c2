"""Scenarios are isolated, in one process and in two, with the same results."""

import json
from pathlib import Path

import pytest
from forked_commands import run_python_module

COUNT = 24
# All have the same people and ids: whatever one could see of another would fail it.
SCENARIO = """\
  Scenario: Number {n}
    Given the clock stands at "2026-11-{day:02}T12:00:00Z"
    When Ada completes order "o-17" in EUR:
      | product_id | price | quantity |
      | p-{n}      | {n}   | 1        |
    Then Insider One receives exactly these events for Ada:
      | event_name             | product_id |
      | confirmation_page_view | p-{wanted} |
    And Insider One knows 1 person
    And the number of requests to Insider One is 1
"""


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("features")
    for file in range(4):
        scenarios = [
            SCENARIO.format(n=n, day=n % 28 + 1, wanted=n if n % 6 else 0)
            for n in range(file * 6 + 1, file * 6 + 7)
        ]
        (folder / f"shop-{file}.feature").write_text(f"Feature: {file}\n" + "".join(scenarios))
    return folder


def run_and_read_verdicts(folder: Path, *options: str) -> list[tuple[str, str]]:
    command = ["segment_insider_emulator", "verify", "--json", *options, "."]
    result = run_python_module(*command, cwd=folder)
    scenarios = json.loads(result.stdout)["scenarios"]
    return sorted((scenario["scenario"], scenario["verdict"]) for scenario in scenarios)


@pytest.mark.extended
@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="one", marks=pytest.mark.extended),
        pytest.param(("-n", "2"), id="two", marks=pytest.mark.extended),
        pytest.param(("--serve",), id="served"),
    ],
)
def test_each_scenario_ends_as_it_does_alone(features: Path, options: tuple[str, ...]) -> None:
    expected = [(f"Number {n}", "passed" if n % 6 else "failed") for n in range(1, COUNT + 1)]
    assert run_and_read_verdicts(features, *options) == sorted(expected)
