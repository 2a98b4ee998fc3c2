"""Which feature files plain `pytest` runs, and that it runs each scenario once."""

from pathlib import Path

import pytest
from forked_commands import run_python_module

OURS = """\
Feature: Ours

  Scenario: A call
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada

  Scenario Outline: Calls
    When Ada does "<event>"
    Then Insider One receives 1 "wish_listed" for Ada

    Examples:
      | event       |
      | Wish Listed |
"""
FOREIGN = """\
Feature: Foreign

  Scenario: Another library
    When the lift stops at floor 4
"""
TURKISH = """\
# language: tr
Özellik: Dilekler

  Senaryo: Bir kupa
    Eğer ki Ada does "Wish Listed"
    O zaman Insider One receives 1 "wish_listed" for Ada
"""
CHINESE = """\
# language: zh-CN
功能: 愿望

  场景: 杯子
    当Ada does "Wish Listed"
    那么Insider One receives 1 "wish_listed" for Ada
"""
CALL, CALLS = "test_a_call", "test_calls[Wish Listed]"


def collect(folder: Path, *arguments: str) -> str:
    """Return the output of pytest when it collects tests in *folder*."""
    command = ["pytest", "--collect-only", "-p", "no:cacheprovider"]
    result = run_python_module(*command, *arguments, cwd=folder)
    return result.stdout + result.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with our features, one bound by a module, one of behave, one of others."""
    for file, text in {
        "features/ours.feature": OURS,
        "bound/ours.feature": OURS,
        "bound/test_ours.py": "from pytest_bdd import scenarios\nscenarios('.')\n",
        "behaved/features/ours.feature": OURS,
        "behaved/features/steps/calls.py": "from behave import when\n",
        "bound/steps/notes.md": "A folder that has nothing to do with features.",
        "dilekler/features/dilek.feature": TURKISH,
        "dilekler/features/steps/calls.py": "from pytest_bdd import when\n",
        "yuanwang/wish.feature": CHINESE,
        "lift/floors.feature": FOREIGN,
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        pytest.param(
            (),
            [
                "bound/test_ours.py",
                "dilekler/features/dilek.feature",
                "features/ours.feature",
                "yuanwang/wish.feature",
            ],
            id="ours, each once, in any language",
        ),
        pytest.param(
            ("lift/floors.feature",), ["lift/floors.feature"], id="a named file, of any library"
        ),
        pytest.param(
            ("-o", "emulator_features=none"),
            ["bound/test_ours.py"],
            id="none",
            marks=pytest.mark.extended,
        ),
        pytest.param(
            ("-o", "emulator_features=all"),
            [
                "behaved/features/ours.feature",
                "bound/test_ours.py",
                "dilekler/features/dilek.feature",
                "features/ours.feature",
                "lift/floors.feature",
                "yuanwang/wish.feature",
            ],
            id="all",
            marks=pytest.mark.extended,
        ),
    ],
)
def test_pytest_collects_features_of_this_library(
    project: Path, arguments: tuple[str, ...], files: list[str]
) -> None:
    output = collect(project, "-q", *arguments)
    tests_by_file = {
        "lift/floors.feature": ["test_another_library"],
        "dilekler/features/dilek.feature": ["test_bir_kupa"],
        "yuanwang/wish.feature": ["test_杯子"],
    }
    assert sorted(line for line in output.splitlines() if "::" in line) == [
        f"{file}::{name}" for file in files for name in tests_by_file.get(file, [CALL, CALLS])
    ]


@pytest.mark.extended
def test_pytest_reports_features_that_it_does_not_collect(project: Path) -> None:
    output = collect(project)
    for why, file in {
        "another tool's steps in the folder steps": "behaved/features/ours.feature",
        "no step of this library": "lift/floors.feature",
    }.items():
        assert f"{why}, so not collected: {file} (see emulator_features)" in output.splitlines()


@pytest.mark.extended
def test_a_bound_feature_with_a_misspelt_keyword_fails(
    tmp_path: Path,
) -> None:
    (tmp_path / "test_ours.py").write_text("from pytest_bdd import scenarios\nscenarios('.')\n")
    (tmp_path / "ours.feature").write_text(OURS.replace("When Ada", "when Ada", 1))
    command = ["pytest", "-rf", "-p", "no:cacheprovider", "test_ours.py"]
    result = run_python_module(*command, cwd=tmp_path)
    assert "ours.feature:4: 'when' is not written like a keyword" in result.stdout
    assert "test_a_call" in result.stdout
    assert result.returncode == 1


HAPPY_PATH = (
    "    Example: happy path\n      When Ada signs in\n      Then Insider One knows 1 people\n"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "\ufeff" + OURS,
            "ours.feature:1: pytest-bdd cannot read this file, which the module binds.",
            id="a byte order mark",
        ),
        pytest.param(
            OURS.replace("When Ada", "* Ada", 1),
            "pytest-bdd cannot read this file, which the module binds. First step",
            id="a star first",
            marks=pytest.mark.extended,
        ),
        pytest.param(
            f"Feature: F\n  Rule: one\n{HAPPY_PATH}  Rule: two\n{HAPPY_PATH}",
            "ours.feature:7: several scenarios are called 'happy path', and the module runs only "
            "the last. Rename them.",
            id="two rules",
            marks=pytest.mark.extended,
        ),
    ],
)
def test_a_bound_feature_that_pytest_bdd_reads_differently_fails(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "test_ours.py").write_text("from pytest_bdd import scenarios\nscenarios('.')\n")
    (tmp_path / "ours.feature").write_text(text, "utf-8")
    command = ["pytest", "-p", "no:cacheprovider", "test_ours.py"]
    result = run_python_module(*command, cwd=tmp_path)
    assert message in result.stdout
    assert "Without `scenarios(...)` in the module, pytest collects and runs" in result.stdout
    assert "INTERNALERROR" not in result.stdout
    assert result.returncode in (1, 2)


def test_an_unknown_value_of_emulator_features_is_rejected(project: Path) -> None:
    output = collect(project, "-o", "emulator_features=some")
    assert (
        output.strip() == "ERROR: emulator_features: 'some' is not known. Known: ours, all, none."
    )
