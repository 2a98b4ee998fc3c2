"""`emulator verify`, run as a user would, in a folder with nothing but feature files."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from forked_commands import run_python_module

from segment_insider_emulator.cli import main
from segment_insider_emulator.workspace.loading import read_preset_document

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "scenarios.md").read_text()
EXAMPLES = re.findall(r"```gherkin\n(.*?)```", PAGE, re.DOTALL)
FAILING = (Path(__file__).parent / "failing.feature").read_text()
PASSING = """\
Feature: Wishes
  Scenario: A mug
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada
"""
BIRTHDAY = """\
Feature: Birthdays
  Scenario: A date without a time
    When Ada tells the shop these traits:
      | trait    | value      |
      | birthday | 1990-01-02 |
    Then the call "identify" ends as accepted
"""
MISSPELT = """\
Feature: Wishes
  Scenario: A typing error
    When Ada ads these products to the cart "c-9":
      | product_id |
      | mug        |
"""
WORDS_OF_ITS_OWN = """\
Feature: Profiles
  Scenario: A name
    When Ada identifies with:
      | trait     | value |
      | firstName | Ada   |
    Then Ada's profile has:
      | attribute | value |
      | name      | Ada   |
"""
BAD_TABLE = """\
Feature: Wishes
  Scenario: One column too many
    When Ada tells the shop these traits:
      | trait | value | why |
      | age   | 36    | so  |
"""
NAMED_WORKSPACE = """\
Feature: Own
  Scenario: A workspace file next to the feature
    Given the workspace "shop.yaml"
    When Ada opens the screen "Home"
    Then Insider One knows nobody
"""
PROJECT_STEP = """\
Feature: Own
  Scenario: A step of a conftest file
    When Ada wishes
    Then Insider One receives 1 "wish_listed" for Ada
"""
CONFTEST = """\
from pytest_bdd import parsers, when

from segment_insider_scenarios.shopper import track_call


@when(parsers.parse("{person:w} wishes"))
def wishes(scene, person):
    scene.send_calls(person, track_call("Wish Listed"))


@when(parsers.parse("{person:w} opens the screen {screen} and smiles"))
@when(parsers.parse("{person:w} opens the screen {screen} and {face}"))
def smiles(scene, person):
    pass
"""
AMBIGUOUS = """\
Feature: Own
  Scenario: Two steps for one sentence
    When Ada opens the screen "Home" and smiles
    Then Insider One knows nobody
"""
REDEFINED = """\
Feature: Own
  Scenario: A step that the library has, too
    When Ada signs in
    Then Insider One knows nobody
"""
REDEFINING_CONFTEST = """\
from pytest_bdd import parsers, when


@when(parsers.parse("{person:w} signs in"))
def signs_in(scene, person):
    pass
"""
UNREADABLE = {
    "empty": ("", "empty.feature: it has no feature. Write one."),
    "nothing": ("Feature: Nothing\n", "nothing.feature: it has no scenarios. Write one."),
    "twice": (
        "Feature: Twice\n  Scenario: A\n    Given Ada shops\n  Scenario: A\n",
        "twice.feature:4: the scenario 'A' has the same name as the one in line 2. "
        "Give it another name.",
    ),
    "odd": (
        "Feature: Odd\n  Scenario: A\n    Given Ada shops\n    or not\n",
        "odd.feature:4: this line is not a step. Begin it with Given, When, Then, And or But. "
        "If it is a comment, put # before it. It reads: or not",
    ),
    "uneven": (
        "Feature: Uneven\n  Scenario: A\n    Given Ada views these products:\n"
        "      | product_id | price |\n      | mug |\n",
        "uneven.feature:5: this row has more or fewer cells than the first row of its table. "
        r"Write | between cells, and \| within one. It reads: | mug |",
    ),
}


def run_verify(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["segment_insider_emulator", "verify", *arguments]
    return run_python_module(*command, cwd=folder)


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the output of `verify --json` for a folder with good and bad files."""
    folder = tmp_path_factory.mktemp("features")
    files = {
        "failing.feature": FAILING,
        "misspelt.feature": MISSPELT,
        "words.feature": WORDS_OF_ITS_OWN,
        "table.feature": BAD_TABLE,
        "workspace.feature": NAMED_WORKSPACE,
        "shop.yaml": (ROOT / "fixtures" / "workspaces" / "minimal.yaml").read_text(),
        "step.feature": PROJECT_STEP,
        "ambiguous.feature": AMBIGUOUS,
        "redefined/own.feature": REDEFINED,
        "redefined/conftest.py": REDEFINING_CONFTEST,
        "conftest.py": CONFTEST,
        **{f"example-{at}.feature": example for at, example in enumerate(EXAMPLES)},
        **{f"{name}.feature": text for name, (text, _) in UNREADABLE.items()},
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    result = run_verify(folder, "--json", ".")
    assert result.returncode == 2
    return json.loads(result.stdout)


def list_results(summary: Any, file: str) -> list[Any]:
    return [result for result in summary["scenarios"] if result["where"].startswith(file)]


def test_a_passing_feature_exits_0_and_leaves_no_files(tmp_path: Path) -> None:
    (tmp_path / "wishes.feature").write_text(PASSING)
    result = run_verify(tmp_path, ".")
    expected = "Wishes  (wishes.feature)\n  passed   A mug\n1 scenario: 1 passed\n"
    assert (result.returncode, result.stdout, result.stderr) == (0, expected, "")
    assert [path.name for path in tmp_path.iterdir()] == ["wishes.feature"]


@pytest.mark.extended
def test_known_causes_of_the_workspace_make_no_warning_and_are_counted(tmp_path: Path) -> None:
    (tmp_path / "birthday.feature").write_text(BIRTHDAY)
    guide = read_preset_document("guide")
    entry = {"cause": "wrong-format attributes.birthday", "note": "Next version"}
    (tmp_path / "shop.json").write_text(json.dumps({**guide, "knownCauses": [entry]}))
    result = run_verify(tmp_path, "--workspace", "shop.json", ".")
    assert (result.returncode, result.stdout.splitlines()[-1]) == (
        0,
        "1 scenario: 1 passed; 1 known cause left out",
    )


@pytest.mark.parametrize("option", ["--html", "--junit", "--cucumber-json", "--cucumber-messages"])
def test_a_dash_is_no_report_file(tmp_path: Path, option: str) -> None:
    result = CliRunner().invoke(main, ["verify", option, "-", str(tmp_path)])
    assert result.exit_code == 2
    assert result.stderr.endswith("A report needs a file name: - is not allowed.\n")


def test_a_failing_feature_exits_1(tmp_path: Path) -> None:
    (tmp_path / "misspelt.feature").write_text(MISSPELT)
    result = run_verify(tmp_path, "misspelt.feature")
    assert (result.returncode, result.stderr) == (1, "")
    assert result.stdout.startswith("Wishes  (misspelt.feature)\n  failed   A typing error\n")


def test_a_failure_reads_as_documented(summary: Any) -> None:
    [result] = list_results(summary, "failing")
    documented = re.search(r"```text\n(.*?)\n```", PAGE, re.DOTALL)
    assert documented
    assert result["failure"] == documented[1]


def test_an_unknown_step_is_reported_with_the_closest_steps(summary: Any) -> None:
    [result] = list_results(summary, "misspelt")
    assert result["failure"].splitlines() == [
        "misspelt.feature:3: A typing error",
        '> When  Ada ads these products to the cart "c-9":',
        "",
        'There is no such step: When Ada ads these products to the cart "c-9":',
        "",
        "Did you mean one of these?",
        '  When {person} adds these products to cart "{cart}":',
        '  When {person} removes these products from cart "{cart}":',
        "  When {person} buys these products in {currency}:",
    ]


def test_an_unknown_step_leads_to_the_steps_about_its_words(summary: Any) -> None:
    [result] = list_results(summary, "words")
    lines = result["failure"].splitlines()
    assert "  When {person} tells the shop these traits:" in lines
    begin = lines.index("These steps are about one of your words:")
    assert "  Then the profile of {person} has these values:" in lines[begin:]
    assert lines[-1] == "Steps with examples: emulator steps WORD"
    assert len(lines[begin:]) <= 10


def test_an_ambiguous_step_is_rejected(summary: Any) -> None:
    [result] = list_results(summary, "ambiguous")
    assert result["steps"][0]["verdict"] == "ambiguous"
    assert result["failure"].splitlines()[4:] == [
        'Several steps match this: When Ada opens the screen "Home" and smiles',
        "",
        "  When {person} opens the screen {screen} and smiles  (conftest)",
        "  When {person} opens the screen {screen} and {face}  (conftest)",
        "",
        "Use other words, or rename your own step.",
    ]


def test_a_library_step_that_a_project_defines_anew_is_rejected(summary: Any) -> None:
    [result] = list_results(summary, "redefined")
    assert result["failure"].splitlines()[4:8] == [
        "Several steps match this: When Ada signs in",
        "",
        "  When {person} signs in  (segment_insider_scenarios.steps.actions)",
        "  When {person} signs in  (conftest)",
    ]


def test_a_wrong_table_is_reported_without_a_traceback(summary: Any) -> None:
    [result] = list_results(summary, "table")
    assert result["failure"].splitlines() == [
        "table.feature:3: One column too many",
        "> When  Ada tells the shop these traits:",
        "",
        "trait | value | why: this table has the wrong header. Begin with the line: "
        "| trait | value |. Write each trait on a line of its own.",
    ]


def test_unreadable_files_are_reported_and_the_others_run(summary: Any) -> None:
    assert sorted(summary["unreadable"]) == sorted(message for _, message in UNREADABLE.values())
    assert (summary["failed"], summary["skipped"]) == (6, 0)


def test_the_documented_examples_pass(summary: Any) -> None:
    failures = [result["failure"] for result in list_results(summary, "example")]
    assert failures == [None] * "".join(EXAMPLES).count("Scenario:")


@pytest.mark.parametrize("file", ["workspace", "step"])
def test_files_next_to_a_feature_are_used(summary: Any, file: str) -> None:
    assert [result["verdict"] for result in list_results(summary, file)] == ["passed"]


def test_the_default_folder_is_features(tmp_path: Path) -> None:
    result = run_verify(tmp_path)
    remedy = "Name your features, or begin a project with: emulator init."
    message = f"emulator: features: there is no such folder. {remedy}\n"
    assert (result.returncode, result.stdout, result.stderr) == (2, "", message)


@pytest.mark.parametrize("command", ["verify", "demo"])
def test_a_missing_extra_is_reported_in_one_line(command: str) -> None:
    script = (
        "import sys; sys.modules['faker'] = None; from segment_insider_emulator.cli import main;"
        f"main(['{command}'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True
    )
    assert (result.returncode, result.stdout, result.stderr) == (
        2,
        "",
        f"emulator: emulator {command}: Faker not installed. "
        "Run: pip install 'segment-insider-emulator[scenarios]', "
        "or in a checkout: pip install '.[scenarios]'\n",
    )


def test_all_unknown_steps_of_a_scenario_are_reported_at_once(tmp_path: Path) -> None:
    steps = (
        "    Given Ada shopz\n    When Ada signs in\n    And Ada buys a mug\n    Then all is well\n"
    )
    (tmp_path / "w.feature").write_text(f"Feature: F\n  Scenario: A\n{steps}")
    [result] = json.loads(run_verify(tmp_path, "--json", ".").stdout)["scenarios"]
    lines = result["failure"].splitlines()
    assert lines[:5] == [
        "w.feature:3: A",
        "> Given Ada shopz",
        "  When  Ada signs in",
        "> And   Ada buys a mug",
        "> Then  all is well",
    ]
    assert [line for line in lines if line.startswith("There is no such step")] == [
        "There is no such step: Given Ada shopz",
        "There is no such step: When Ada buys a mug",
        "There is no such step: Then all is well",
    ]
    verdicts = [step["verdict"] for step in result["steps"]]
    assert verdicts == ["undefined", "skipped", "undefined", "undefined"]
