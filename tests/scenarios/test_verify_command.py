"""`emulator verify`, run as a user would, in a folder with nothing but feature files."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from segment_insider_emulator.cli import main

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
MISSPELT = """\
Feature: Wishes
  Scenario: A typing error
    When Ada ads these products to the cart "c-9":
      | product_id |
      | mug        |
"""
BAD_TABLE = """\
Feature: Wishes
  Scenario: One column too many
    When Ada tells the shop these traits:
      | trait | value | why |
      | age   | 36    | so  |
"""
OWN_WORKSPACE = """\
Feature: Own
  Scenario: A workspace file beside the feature
    Given the workspace "shop.yaml"
    When Ada opens the screen "Home"
    Then Insider One knows nobody
"""
OWN_STEP = """\
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


def verify(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "segment_insider_emulator", "verify", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What `verify --json` says of a folder with good and bad files."""
    folder = tmp_path_factory.mktemp("features")
    files = {
        "failing.feature": FAILING,
        "misspelt.feature": MISSPELT,
        "table.feature": BAD_TABLE,
        "workspace.feature": OWN_WORKSPACE,
        "shop.yaml": (ROOT / "fixtures" / "workspaces" / "minimal.yaml").read_text(),
        "step.feature": OWN_STEP,
        "ambiguous.feature": AMBIGUOUS,
        "conftest.py": CONFTEST,
        **{f"example-{at}.feature": example for at, example in enumerate(EXAMPLES)},
        **{f"{name}.feature": text for name, (text, _) in UNREADABLE.items()},
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    done = verify(folder, "--json", ".")
    assert done.returncode == 2
    return json.loads(done.stdout)


def of(summary: Any, file: str) -> list[Any]:
    return [result for result in summary["scenarios"] if result["where"].startswith(file)]


def test_a_passing_feature_exits_0_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "wishes.feature").write_text(PASSING)
    done = verify(tmp_path, ".")
    told = "Wishes  (wishes.feature)\n  passed   A mug\n1 scenario: 1 passed\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, told, "")
    assert [path.name for path in tmp_path.iterdir()] == ["wishes.feature"]


@pytest.mark.parametrize("option", ["--html", "--junit", "--cucumber-json", "--cucumber-messages"])
def test_a_report_named_by_a_dash_is_refused(tmp_path: Path, option: str) -> None:
    result = CliRunner().invoke(main, ["verify", option, "-", str(tmp_path)])
    assert result.exit_code == 2
    assert result.stderr.endswith("A report needs a file name: - is not allowed.\n")


def test_a_failing_feature_exits_1(tmp_path: Path) -> None:
    (tmp_path / "misspelt.feature").write_text(MISSPELT)
    done = verify(tmp_path, "misspelt.feature")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("Wishes  (misspelt.feature)\n  failed   A typing error\n")


def test_a_failure_reads_as_the_page_shows_it(summary: Any) -> None:
    [result] = of(summary, "failing")
    shown = re.search(r"```text\n(.*?)\n```", PAGE, re.DOTALL)
    assert shown
    assert result["failure"] == shown[1]


def test_a_step_that_does_not_exist_is_answered_with_the_nearest(summary: Any) -> None:
    [result] = of(summary, "misspelt")
    assert result["failure"].splitlines() == [
        "misspelt.feature:3: A typing error",
        '> When  Ada ads these products to the cart "c-9":',
        "",
        'There is no such step: When Ada ads these products to the cart "c-9":',
        "",
        "Did you mean one of these?",
        '  When {person} adds these products to cart "{cart}":',
        '  When {person} removes these products from cart "{cart}":',
        "  When {person} views these products:",
    ]


def test_a_step_that_two_functions_would_take_is_refused(summary: Any) -> None:
    [result] = of(summary, "ambiguous")
    assert result["steps"][0]["verdict"] == "ambiguous"
    assert result["failure"].splitlines()[4:] == [
        'Several steps match this: When Ada opens the screen "Home" and smiles',
        "",
        "  When {person} opens the screen {screen} and smiles  (conftest)",
        "  When {person} opens the screen {screen} and {face}  (conftest)",
        "",
        "Use other words, or rename your own step.",
    ]


def test_bad_input_of_a_step_is_said_without_a_traceback(summary: Any) -> None:
    [result] = of(summary, "table")
    assert result["failure"].splitlines() == [
        "table.feature:3: One column too many",
        "> When  Ada tells the shop these traits:",
        "",
        "trait | value | why: this table has the wrong header. Begin with the line: "
        "| trait | value |. Write each trait on a line of its own.",
    ]


def test_files_that_cannot_be_read_are_told_and_lose_no_other(summary: Any) -> None:
    assert sorted(summary["unreadable"]) == sorted(told for _, told in UNREADABLE.values())
    assert (summary["failed"], summary["skipped"]) == (4, 0)


def test_the_examples_of_the_page_pass(summary: Any) -> None:
    failures = [result["failure"] for result in of(summary, "example")]
    assert failures == [None] * "".join(EXAMPLES).count("Scenario:")


@pytest.mark.parametrize("file", ["workspace", "step"])
def test_what_stands_beside_a_feature_is_used(summary: Any, file: str) -> None:
    assert [result["verdict"] for result in of(summary, file)] == ["passed"]


def test_the_folder_features_is_the_default(tmp_path: Path) -> None:
    done = verify(tmp_path)
    told = "emulator: features: there is no such file or folder. Name a .feature file.\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)


@pytest.mark.parametrize("command", ["verify", "demo"])
def test_without_the_extra_one_line_says_what_to_install(command: str) -> None:
    script = (
        "import sys; sys.modules['faker'] = None; from segment_insider_emulator.cli import main;"
        f"main(['{command}'])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        f"emulator: emulator {command}: Faker not installed. "
        "Run: pip install 'segment-insider-emulator[scenarios]', "
        "or in a checkout: pip install '.[scenarios]'\n",
    )


def test_all_unknown_steps_of_a_scenario_are_told_at_once(tmp_path: Path) -> None:
    steps = (
        "    Given Ada shopz\n    When Ada signs in\n    And Ada buys a mug\n    Then all is well\n"
    )
    (tmp_path / "w.feature").write_text(f"Feature: F\n  Scenario: A\n{steps}")
    [result] = json.loads(verify(tmp_path, "--json", ".").stdout)["scenarios"]
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
