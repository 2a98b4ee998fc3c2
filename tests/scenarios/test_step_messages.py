"""Messages of steps about times, invalid JSON and empty texts."""

import json
import re
from typing import Any

import pytest
from forked_commands import run_python_module

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios.step_catalogue import (
    StepPattern,
    is_library_step,
    list_library_steps,
)
from segment_insider_scenarios.value_checks import require_time

list_library_steps()

FEATURE = '''\
Feature: Messages

  Scenario: JSON with a comma too many
    When an app posts to "/v1/track":
      """
      {"event": "Wish Listed",
       "userId": "ada",}
      """
    Then Segment answers 200

  Scenario: JSON that is refused on purpose
    When an app posts to "/v1/track":
      """
      {"event"
      """
    Then Segment answers 400

  Scenario: a clock as people write it
    Given the clock stands at "23.11.2026 12:00"
    When Ada signs in
    Then Insider One knows 1 person

  Scenario Outline: an event called "<event>"
    When an app posts to "/v1/track":
      """json
      {"event": "<event>", "userId": "ada"}
      """
    Then the call "<event>" ends as <end>

    Examples:
      | event       | end      |
      | Wish Listed | accepted |
      |             | rejected |
'''


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("messages")
    (folder / "m.feature").write_text(FEATURE)
    command = ["segment_insider_emulator", "verify", "--json", "."]
    result = run_python_module(*command, cwd=folder)
    return {scenario["scenario"]: scenario for scenario in json.loads(result.stdout)["scenarios"]}


def test_invalid_json_is_reported_with_its_position(results: Any) -> None:
    failure = results["JSON with a comma too many"]["failure"]
    # Python 3.13 points at the comma, older ones behind it.
    assert re.search(r"It answered 400. The text is not JSON in line 2, column 1[78]: ", failure)
    assert results["JSON that is refused on purpose"]["verdict"] == "passed"


def test_a_time_without_a_zone_is_reported_with_the_form_to_use(results: Any) -> None:
    failure = results["a clock as people write it"]["failure"]
    assert failure.endswith(
        "'23.11.2026 12:00' is not a time. Write 2026-11-23T12:00:00Z, or +03:00 in place of the Z."
    )


@pytest.mark.parametrize("title", ['an event called "Wish Listed"', 'an event called ""'])
def test_a_quoted_empty_cell_is_an_empty_text(results: Any, title: str) -> None:
    assert results[title]["verdict"] == "passed"


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("23.11.2026", "Write 2026-11-23T00:00:00Z"),
        ("23/11/2026 12:00:30", "Write 2026-11-23T12:00:30Z"),
        ("2026-11-23 12:00", "Write 2026-11-23T12:00:00Z"),
        ("2026-11-23T12:00", "Write 2026-11-23T12:00:00Z"),
        ("noon", "Write it as 2026-11-23T12:00:00Z"),
        ("", "Write it as 2026-11-23T12:00:00Z"),
    ],
)
def test_the_form_of_a_time_is_explained(text: str, remedy: str) -> None:
    with pytest.raises(EmulatorError) as refused:
        require_time(text)
    assert refused.value.remedy == f"{remedy}, or +03:00 in place of the Z."


@pytest.mark.parametrize("text", ["2026-11-23T12:00:00Z", "2026-11-23T12:00:00+03:00"])
def test_a_time_with_a_zone_is_accepted(text: str) -> None:
    require_time(text)


@pytest.mark.parametrize(
    ("text", "value"), [('does ""', ""), ('does "a"', "a"), ('does "a "" b"', 'a "" b')]
)
def test_a_quoted_text_may_be_empty(text: str, value: str) -> None:
    assert StepPattern('does "{event}"').parse_arguments(text) == {"event": value}


def test_every_step_with_a_quoted_value_accepts_an_empty_value() -> None:
    quoted = [entry for entry in list_library_steps() if '"{' in entry.pattern]
    texts = [entry.example.partition("\n")[0].partition(" ")[2] for entry in quoted]
    emptied = [text[: text.index('"')] + '""' + text.split('"', 2)[2] for text in texts]
    assert [text for text in emptied if not is_library_step(text)] == []
