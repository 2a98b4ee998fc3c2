"""The step library and its reference agree, and a feature uses every step."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from pytest_bdd.feature import get_feature
from pytest_bdd.parser import Step
from pytest_bdd.steps import StepFunctionContext, step_function_context_registry

from segment_insider_emulator.cli import main
from segment_insider_scenarios.plugin import BASIS_MARKS
from segment_insider_scenarios.step_catalogue import (
    LIBRARY_PACKAGE,
    CatalogueStep,
    find_matching_steps,
    list_library_steps,
)
from segment_insider_scenarios.steps import THEMES

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "scenarios.md").read_text()
REFERENCE = (ROOT / "docs" / "steps.md").read_text()
FEATURES = sorted((ROOT / "features").rglob("*.feature"))
LIBRARY_MODULES = tuple(f"{LIBRARY_PACKAGE}.{theme}" for theme in THEMES)


def iter_steps(paths: Iterable[Path]) -> Iterator[tuple[str, Step]]:
    """Yield place and step for every step of *paths*, with filled outlines."""
    for path in paths:
        for template in get_feature(str(path.parent), path.name).scenarios.values():
            rows = [row for examples in template.examples for row in examples.as_contexts()]
            for row in rows or [{}]:
                for step in template.render(row).steps:
                    yield f"{path.name}:{step.line_number} {step.type} {step.name}", step


def write_examples(folder: Path) -> list[Path]:
    """Write the examples of the page to files in *folder*; return the files."""
    files = []
    for number, example in enumerate(re.findall(r"```gherkin\n(.*?)```", PAGE, re.DOTALL)):
        files.append(folder / f"{number}.feature")
        files[-1].write_text(example)
    return files


def find_unused_patterns(paths: Iterable[Path]) -> set[str]:
    """Return the steps of the library that none of *paths* uses."""
    used = {
        context.parser.name
        for _, step in iter_steps(paths)
        for context in find_matching_functions(step)
    }
    contexts = step_function_context_registry.values()
    return {
        context.parser.name
        for context in contexts
        if context.step_func.__module__ in LIBRARY_MODULES
    } - used


def find_matching_functions(step: Step) -> list[StepFunctionContext]:
    return [
        context
        for context in step_function_context_registry.values()
        if context.type == step.type and context.parser.is_matching(step.name)
    ]


def test_the_step_reference_is_the_output_of_the_command() -> None:
    printed = CliRunner().invoke(main, ["steps", "--markdown"])
    assert printed.output == REFERENCE


@pytest.mark.parametrize("entry", list_library_steps(), ids=lambda entry: entry.pattern)
def test_an_example_matches_only_its_own_step(entry: CatalogueStep) -> None:
    kind, _, words = entry.example.partition("\n")[0].partition(" ")
    matching = [
        matching_step
        for matching_step in find_matching_steps(words)
        if kind.lower() in matching_step.kinds
    ]
    assert matching == [entry]
    assert (entry.below is None) == (entry.shown == "")


def test_every_step_of_a_feature_matches_exactly_one_function(tmp_path: Path) -> None:
    wrong = [
        where
        for where, step in iter_steps([*write_examples(tmp_path), *FEATURES])
        if len(find_matching_functions(step)) != 1
    ]
    assert wrong == []


def test_every_step_is_used_in_a_feature() -> None:
    assert find_unused_patterns(FEATURES) == set()


@pytest.mark.parametrize("path", FEATURES, ids=lambda path: path.stem)
def test_a_scenario_has_one_when_and_one_basis_tag(path: Path) -> None:
    for name, scenario in get_feature(str(path.parent), path.name).scenarios.items():
        keywords = [step.keyword.strip() for step in scenario.steps]
        assert keywords.count("When") == 1, name
        assert len(scenario.tags & BASIS_MARKS.keys()) == 1, name
        assert len(scenario.all_background_steps) <= 3, name
