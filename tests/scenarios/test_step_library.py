"""The step library and its page say the same, and every step is shown at work."""

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
OWN = tuple(f"{LIBRARY_PACKAGE}.{theme}" for theme in THEMES)


def steps(paths: Iterable[Path]) -> Iterator[tuple[str, Step]]:
    """Every step of these files, outlines filled in."""
    for path in paths:
        for template in get_feature(str(path.parent), path.name).scenarios.values():
            rows = [row for examples in template.examples for row in examples.as_contexts()]
            for row in rows or [{}]:
                for step in template.render(row).steps:
                    yield f"{path.name}:{step.line_number} {step.type} {step.name}", step


def examples(folder: Path) -> list[Path]:
    """The page's examples, each in a file of its own."""
    found = []
    for number, example in enumerate(re.findall(r"```gherkin\n(.*?)```", PAGE, re.DOTALL)):
        found.append(folder / f"{number}.feature")
        found[-1].write_text(example)
    return found


def unused(paths: Iterable[Path]) -> set[str]:
    """The library's steps that none of these files has."""
    shown = {context.parser.name for _, step in steps(paths) for context in takers(step)}
    contexts = step_function_context_registry.values()
    return {
        context.parser.name for context in contexts if context.step_func.__module__ in OWN
    } - shown


def takers(step: Step) -> list[StepFunctionContext]:
    return [
        context
        for context in step_function_context_registry.values()
        if context.type == step.type and context.parser.is_matching(step.name)
    ]


def test_the_reference_is_the_one_that_the_command_prints() -> None:
    printed = CliRunner().invoke(main, ["steps", "--markdown"])
    assert printed.output == REFERENCE


@pytest.mark.parametrize("entry", list_library_steps(), ids=lambda entry: entry.pattern)
def test_an_example_is_a_step_that_only_its_own_pattern_reads(entry: CatalogueStep) -> None:
    kind, _, words = entry.example.partition("\n")[0].partition(" ")
    taking = [
        matching_step
        for matching_step in find_matching_steps(words)
        if kind.lower() in matching_step.kinds
    ]
    assert taking == [entry]
    assert (entry.below is None) == (entry.shown == "")


def test_every_step_of_a_feature_is_taken_by_exactly_one(tmp_path: Path) -> None:
    wrong = [
        where for where, step in steps([*examples(tmp_path), *FEATURES]) if len(takers(step)) != 1
    ]
    assert wrong == []


def test_a_feature_uses_every_step() -> None:
    assert unused(FEATURES) == set()


@pytest.mark.parametrize("path", FEATURES, ids=lambda path: path.stem)
def test_a_scenario_has_one_when_and_one_standing(path: Path) -> None:
    for name, scenario in get_feature(str(path.parent), path.name).scenarios.items():
        keywords = [step.keyword.strip() for step in scenario.steps]
        assert keywords.count("When") == 1, name
        assert len(scenario.tags & BASIS_MARKS.keys()) == 1, name
        assert len(scenario.all_background_steps) <= 3, name
