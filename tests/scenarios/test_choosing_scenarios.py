"""`emulator verify` runs the scenarios that were chosen, and no choice is empty and green."""

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from forked_commands import run_python_module

from segment_insider_emulator.cli.watch import (
    run_again_on_changes,
    select_features_to_rerun,
    watch_files,
)
from segment_insider_scenarios.scenario_selection import check_word_expression

SHOP = """\
@shop
Feature: Shop

  @smoke @JIRA-1
  Scenario: A mug
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada

  @wip @issue:12
  Scenario: Unfinished
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_lost" for Ada

  @skip
  Scenario: Later
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada

  Scenario Outline: Rows
    When Ada does "<event>"
    Then Insider One receives 1 "wish_listed" for Ada

    Examples: good
      | event       |
      | Wish Listed |
    @bad
    Examples: bad
      | event       |
      | Song Played |

  @ruled
  Rule: Wishes of two

    Background:
      Given Ada shops

    Scenario: Two mugs
      When Ada does "Wish Listed"
      Then Insider One receives 1 "wish_listed" for Ada
"""
ALL = ["A mug", "Rows (row 1)", "Rows (row 2)", "Two mugs", "Later", "Unfinished"]
UNKNOWN = """\
Feature: Unknown
  Scenario: Known
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada
  Scenario: A slip
    When Ada dos "Wish Listed"
    Then Insider One knows nobody
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("choices")
    (path / "shop.feature").write_text(SHOP)
    return path


def run_verify(folder: Path, *arguments: str) -> Any:
    return run_python_module("segment_insider_emulator", "verify", *arguments, cwd=folder)


def list_results(folder: Path, *arguments: str) -> dict[str, str]:
    """Return the verdicts of a run by title."""
    result = run_verify(folder, "--json", *arguments)
    scenarios = json.loads(result.stdout)["scenarios"] if result.stdout else []
    return {scenario["title"]: scenario["verdict"] for scenario in scenarios}


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("arguments", "titles"),
    [
        pytest.param(["--tags", "@smoke"], ["A mug"], id="a tag"),
        pytest.param(["--tags", "JIRA-1"], ["A mug"], id="a tag without its sign"),
        pytest.param(
            ["--tags", "@shop and not (@smoke or @bad or @skip or @wip)"],
            ["Rows (row 1)", "Two mugs"],
            id="tags of the feature and of examples",
        ),
        pytest.param(["--tags", "@shop", "--tags", "@ruled"], ["Two mugs"], id="two expressions"),
        pytest.param(["-k", "TWO MUGS"], ["Two mugs"], id="words"),
        pytest.param(["-k", "wishes of two"], ["Two mugs"], id="words of a rule"),
        pytest.param(["-k", "rows and not row 2"], ["Rows (row 1)"], id="words and operators"),
        pytest.param(["shop.feature:6"], ["A mug"], id="a step's line"),
        pytest.param(["shop.feature:4"], ["A mug"], id="the line of its tags"),
        pytest.param(["shop.feature:25:29"], ["Rows (row 1)", "Rows (row 2)"], id="rows"),
        pytest.param(["shop.feature:24"], ["Rows (row 1)"], id="examples"),
        pytest.param(["shop.feature:35"], ["Two mugs"], id="a background's line"),
        pytest.param(["shop.feature:6", "shop.feature:32"], ["A mug", "Two mugs"], id="files"),
        pytest.param(["shop.feature:6", "."], ALL, id="a line and its folder"),
        pytest.param(["--tags", "@smoke", "-n", "2"], ["A mug"], id="two processes"),
        pytest.param(["-t", "@smoke"], ["A mug"], id="the short option of Cucumber"),
        pytest.param(["**/*.feature"], ALL, id="a pattern in quotes"),
    ],
)  # fmt: skip
def test_a_choice_runs_what_it_names(folder: Path, arguments: list[str], titles: list[str]) -> None:
    named = arguments if any("feature" in text for text in arguments) else [*arguments, "."]
    assert sorted(list_results(folder, "--dry-run", *named)) == sorted(titles)


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["--tags", "@smok", "."],
            "no scenario has the tag @smok. Did you mean @smoke?",
            id="a misspelt tag",
        ),
        pytest.param(["--tags", "@smok", "."], "Known tags: @JIRA-1, @bad,", id="known tags"),
        pytest.param(["--tags", "(@a", "."], "this is not a tag expression: (@a", id="a bracket"),
        pytest.param(["--tags", "~@a,@b", "."], 'Write "not @a or @b".', id="tags of old versions"),
        pytest.param(["@rerun.txt"], "write --last-failed", id="a rerun file"),
        pytest.param(["--format", "json", "."], "Write --junit, --html, ", id="Cucumber's option"),
        pytest.param(["--stop", "."], "No such option: --stop. Write -x.", id="behave's option"),
        pytest.param(["--bogus", "."], "No such option '--bogus'.", id="nobody's option"),
        pytest.param(["-k", "cups", "."], "no scenario matches the words cups", id="words"),
        pytest.param(["-k", "and", "."], "this is not an expression: and", id="an operator"),
        pytest.param(
            ["shop.feature:99"], "shop.feature:99: no scenario is at this line", id="a line"
        ),
        pytest.param(["--last-failed", "."], "no scenario failed when it ran last", id="failures"),
        pytest.param(["-k", "later", "."], "all scenarios are skipped", id="only skipped ones"),
        pytest.param(["--skip-tags", "(", "."], "this is not a tag expression", id="skipped tags"),
        pytest.param(["--dry-run", "--html", "x.html", "."], "nothing to report", id="a report"),
    ],
)
def test_a_choice_of_nothing_is_an_error(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "shop.feature").write_text(SHOP)
    result = run_verify(tmp_path, *arguments)
    assert result.returncode == 2
    assert message in result.stderr


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("arguments", "verdict"),
    [
        pytest.param(["."], "skipped", id="by default"),
        pytest.param(["--skip-tags", "", "."], "failed", id="without tags to skip"),
        pytest.param(["--tags", "@wip", "."], "failed", id="chosen by that tag"),
        pytest.param(["shop.feature:11"], "failed", id="chosen by its line"),
    ],
)
def test_unfinished_scenarios_are_skipped_unless_they_are_chosen(
    folder: Path, arguments: list[str], verdict: str
) -> None:
    assert list_results(folder, *arguments)["Unfinished"] == verdict


@pytest.mark.parametrize("words", ["iki ürünlü", "İKİ ÜRÜNLÜ", "IKI ürünlü", "IŞIL"])
def test_words_are_found_in_turkish_capitals(words: str) -> None:
    name = "İki ürünlü sipariş ve I\u015f\u0131l"
    assert check_word_expression("-k", words).matches(name)
    assert not check_word_expression("-k", "üç").matches(name)


def test_the_last_failures_run_again_until_they_pass(tmp_path: Path) -> None:
    file = tmp_path / "shop.feature"
    file.write_text(SHOP)
    assert run_verify(tmp_path, ".").returncode == 1
    assert list_results(tmp_path, "--last-failed", ".") == {"Rows (row 2)": "failed"}
    file.write_text("# moved\n" + SHOP.replace("Song Played", "Wish Listed"))
    assert list_results(tmp_path, "--lf", ".") == {"Rows (row 2)": "passed"}
    assert run_verify(tmp_path, "--lf", ".").returncode == 2


def test_fail_fast_ends_with_the_first_failure(folder: Path) -> None:
    result = run_verify(folder, "-x", "--tags", "@shop", ".")
    assert result.returncode == 1
    assert "1 failed" in result.stdout
    assert "1 not run" in result.stdout


def test_a_quiet_run_prints_what_fails_and_the_counts(folder: Path) -> None:
    result = run_verify(folder, "-q", "shop.feature:24", "shop.feature:29")
    lines = [line for line in result.stdout.splitlines() if not line.startswith("    ") and line]
    assert lines == [
        "Shop  (shop.feature)",
        "  failed   Rows (row 2)",
        "2 scenarios: 1 passed, 1 failed",
    ]
    passing = run_verify(folder, "--quiet", "--tags", "@smoke", ".")
    assert (passing.returncode, passing.stdout) == (0, "1 scenario: 1 passed\n")


def test_a_dry_run_suggests_steps_and_sends_nothing(tmp_path: Path) -> None:
    (tmp_path / "unknown.feature").write_text(UNKNOWN)
    result = run_verify(tmp_path, "--dry-run", ".")
    assert result.returncode == 1
    assert "There is no such step: When Ada dos" in result.stdout
    assert 'does "' in result.stdout
    assert "2 scenarios: 1 known, 1 failed; nothing was sent" in result.stdout
    assert run_verify(tmp_path, "--dry-run", "unknown.feature:2").returncode == 0
    assert not list(tmp_path.glob(".emulator_cache"))


@pytest.mark.extended
def test_steps_of_behave_are_named_as_not_loaded(tmp_path: Path) -> None:
    steps = tmp_path / "features" / "steps"
    steps.mkdir(parents=True)
    (steps / "shop.py").write_text("from behave import given\n")
    (tmp_path / "features" / "unknown.feature").write_text(UNKNOWN)
    result = run_verify(tmp_path, "--dry-run")
    assert "emulator: the steps in features/steps are of another tool, and are not" in result.stderr
    (steps / "shop.py").write_text("")
    assert "of another tool" not in run_verify(tmp_path, "--dry-run").stderr


@pytest.mark.extended
@pytest.mark.parametrize("options", [["--strict-markers"], ["-W", "error"]])
def test_tags_are_markers_of_pytest(folder: Path, options: list[str]) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    chosen = subprocess.run(
        [*command, "-m", "smoke or ruled or wip", "-k", "mug or Unfinished", "-rs"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "2 passed, 1 skipped" in chosen.stdout, chosen.stdout
    assert "its tags (@shop @wip @issue:12) meet emulator_skip_tags" in chosen.stdout


def test_a_change_runs_what_it_touches(tmp_path: Path) -> None:
    first, second = tmp_path / "a.feature", tmp_path / "b" / "b.feature"
    second.parent.mkdir()
    for file in (first, second):
        file.write_text(SHOP)
    features = [f"{first}:6", str(second.parent)]
    commands: list[Sequence[str]] = []
    changes = iter([{first}, {second}, {tmp_path / "shop.yaml"}, {tmp_path / "other.feature"}])
    run_again_on_changes(features, ["--json"], changes, commands.append)
    assert [command[4:] for command in commands] == [
        ["--json", "--", *features],
        ["--json", "--", features[0]],
        ["--json", "--", str(second)],
        ["--json", "--", *features],
        ["--json", "--", *features],  # a deleted feature
    ]
    assert select_features_to_rerun(features, [tmp_path / "b" / "b.feature"]) == [str(second)]


@pytest.mark.extended
def test_changed_files_are_noticed_except_those_that_runs_write(tmp_path: Path) -> None:
    report, feature = tmp_path / "report.json", tmp_path / "a.feature"
    changes = watch_files([tmp_path], [report])

    def write() -> None:
        report.write_text("{}")
        feature.write_text(SHOP)

    timer = threading.Timer(1, write)
    timer.start()
    assert next(changes) == {feature}
    timer.join()
