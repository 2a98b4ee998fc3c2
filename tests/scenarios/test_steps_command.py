"""`emulator steps`: all steps, steps with some words, and an error when none matches."""

import json

import pytest
from click.testing import CliRunner, Result

from segment_insider_emulator.cli import main
from segment_insider_scenarios.step_catalogue import list_library_steps


def run_steps_command(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["steps", *arguments])


def test_json_output_has_a_line_for_each_step() -> None:
    lines = [json.loads(line) for line in run_steps_command("--json").stdout.splitlines()]
    assert [step["pattern"] for step in lines] == [entry.pattern for entry in list_library_steps()]


def test_a_line_contains_the_example() -> None:
    [lines] = map(json.loads, run_steps_command("--json", "opens", "screen").stdout.splitlines())
    assert lines == {
        "module": "segment_insider_scenarios.steps.actions",
        "kinds": ["given", "when"],
        "pattern": '{person} opens the screen "{screen}"',
        "about": "Send a screen call of the person, as mobile apps do.",
        "below": None,
        "shown": "",
        "example": 'When Ada opens the screen "Home"',
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(
            ["Ada", "opens", "the", "screens"],
            'No step matches. Did you mean one of these?\n  {person} opens the screen "{screen}"\n',
            id="near one",
        ),
        pytest.param(["zzz"], "No step matches. Try fewer words.\n", id="near none"),
    ],
)
def test_words_that_no_step_has_exit_1(words: list[str], message: str) -> None:
    result = run_steps_command(*words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(message.removesuffix("\n"))


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colour_is_used_only_where_it_is_wanted(
    environment: dict[str, str], coloured: bool
) -> None:
    runner = CliRunner(env={"NO_COLOR": None, **environment})
    printed = runner.invoke(main, ["steps", "screen"], color=True).stdout
    assert ("\x1b[" in printed) is coloured
