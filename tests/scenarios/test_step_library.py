"""The step library and its page say the same, and every step is shown at work."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from pytest_bdd.feature import get_feature
from pytest_bdd.parser import Step
from pytest_bdd.steps import StepFunctionContext, step_function_context_registry

import scenarios.plugin
from scenarios.catalogue import StepEntry, catalogue

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "scenarios.md").read_text()
FEATURES = sorted((ROOT / "features").rglob("*.feature"))
OWN = tuple(f"scenarios.steps.{theme}" for theme in scenarios.plugin.THEMES)


def own_entries() -> list[StepEntry]:
    return [entry for entry in catalogue() if entry.module in OWN]


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
    return {each.parser.name for each in contexts if each.step_func.__module__ in OWN} - shown


def takers(step: Step) -> list[StepFunctionContext]:
    return [
        context
        for context in step_function_context_registry.values()
        if context.type == step.type and context.parser.is_matching(step.name)
    ]


def test_the_page_has_a_row_for_every_step_and_no_other() -> None:
    rows = re.findall(r"^\| (?:Given|When|Then).*\|$", PAGE, re.MULTILINE)
    expected = [
        f"| {', '.join(kind.capitalize() for kind in entry.kinds)}: `{entry.pattern}` "
        f"| {entry.about} |"
        for entry in own_entries()
    ]
    assert sorted(rows) == sorted(expected)


def test_every_step_of_a_feature_is_taken_by_exactly_one(tmp_path: Path) -> None:
    wrong = [
        where for where, step in steps([*examples(tmp_path), *FEATURES]) if len(takers(step)) != 1
    ]
    assert wrong == []


def test_the_page_shows_every_step_at_work(tmp_path: Path) -> None:
    assert unused(examples(tmp_path)) == set()


def test_a_feature_uses_every_step() -> None:
    assert unused(FEATURES) == set()


@pytest.mark.parametrize("path", FEATURES, ids=lambda path: path.stem)
def test_a_scenario_has_one_when_and_one_standing(path: Path) -> None:
    for name, scenario in get_feature(str(path.parent), path.name).scenarios.items():
        keywords = [step.keyword.strip() for step in scenario.steps]
        assert keywords.count("When") == 1, name
        assert len(scenario.tags & scenarios.plugin.MARKS.keys()) == 1, name
        assert len(scenario.all_background_steps) <= 3, name
