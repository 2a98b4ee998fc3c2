"""Detection of typing errors in scenarios: names that are one slip away from another name."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.similar_names import (
    find_intended_name,
    is_typo_of_text,
    list_quoted_texts,
    normalise_name,
)

if TYPE_CHECKING:  # pages of the emulator import this where pytest-bdd need not be installed
    from pytest_bdd.parser import Feature, Scenario, Step

CONFIRM_NAME_STEP = 'Given the name "{}" is correct'
CONFIRM_NAME_PATTERN = re.compile(r'the name "(.+)" is correct')
CURRENCY_PATTERN = re.compile(r" in (\w+):$")
MAX_CACHED_FEATURES = 8


@dataclass(frozen=True, slots=True)
class ScenarioTexts:
    """Texts of a scenario and its feature file, and the names confirmed as correctly spelt.

    Args:
        scenario_texts: Texts in quotes and in cells of this scenario.
        quoted_texts: Those in quotes.
        feature_texts: Texts of the whole feature.
        confirmed_names: Names that a step says are correct.
    """

    scenario_texts: frozenset[str] = frozenset()
    quoted_texts: frozenset[str] = frozenset()
    feature_texts: frozenset[str] = frozenset()
    confirmed_names: frozenset[str] = frozenset()

    def reject_name_typo(self, noun: str, name: str, known: Iterable[str], where: str) -> None:
        """Reject a name in a scenario that is one typing error away from a name of *known*.

        Raises: EmulatorError.
        """
        self.reject_misspelled_name(noun, name, find_intended_name(name, known), where)

    def reject_misspelled_name(
        self, noun: str, name: str, suggestion: str | None, where: str
    ) -> None:
        """Reject a name in a scenario that has a *suggestion*, unless a step confirms it.

        Raises: EmulatorError.
        """
        if suggestion and name not in self.confirmed_names:
            raise EmulatorError(
                f"unknown {noun} {name!r}", where, format_typo_hint(name, suggestion)
            )

    def contains_name(self, name: str, *, feature: bool) -> bool:
        """Return whether a step of the scenario, or of its whole feature file, contains a name."""
        texts = self.feature_texts if feature else self.scenario_texts
        return any(name == text or name in text.split(".") for text in texts)


def format_typo_hint(name: str, suggestion: str) -> str:
    """Return a hint for a probable typo: the suggested name, and the step that confirms *name*."""
    return f"Did you mean {suggestion!r}? If not, add the step: {CONFIRM_NAME_STEP.format(name)}."


def collect_scenario_texts(scenario: "Scenario") -> ScenarioTexts:
    """Collect the texts of a scenario and of its feature file, for spelling checks."""
    correct = (CONFIRM_NAME_PATTERN.fullmatch(step.name) for step in scenario.steps)
    return ScenarioTexts(
        frozenset(text for step in scenario.steps for text in _list_step_texts(step)),
        frozenset(text for step in scenario.steps for text in _list_quoted_texts(step)),
        _list_feature_texts(scenario.feature),
        frozenset(found[1] for found in correct if found),
    )


@lru_cache(MAX_CACHED_FEATURES)
def _list_feature_texts(feature: "Feature") -> frozenset[str]:
    templates = list(feature.scenarios.values())
    steps = (
        text for template in templates for step in template.steps for text in _list_step_texts(step)
    )
    rows = (
        row for template in templates for examples in template.examples for row in examples.examples
    )
    return frozenset([*steps, *(str(cell) for row in rows for cell in row)])


def reject_quoted_text_typos(
    steps: Sequence["Step"], texts: ScenarioTexts, allowed_names: frozenset[str]
) -> None:
    """Reject a quoted text that occurs elsewhere in the scenario with one typing error.

    Args:
        allowed_names: Names that are never a slip.
    Raises: EmulatorError.
    """
    fine = texts.confirmed_names | allowed_names
    before = {
        text for step in steps if step.type != "then" for text in _list_quoted_texts(step)
    } - fine
    for step in steps:
        for text in before.intersection(_list_quoted_texts(step)):
            others = sorted(texts.scenario_texts - fine - {text})
            twins = (
                other
                for other in others
                if is_typo_of_text(text, other)
                or (other in before and normalise_name(text) == normalise_name(other))
            )
            if twin := next(twins, None):
                what = f"the scenario has {text!r} and {twin!r}"
                remedy = (
                    f"Use one spelling. If both are correct, add: {CONFIRM_NAME_STEP.format(text)}."
                )
                raise EmulatorError(what, step.name, remedy)


def _list_quoted_texts(step: "Step") -> list[str]:
    return [] if CONFIRM_NAME_PATTERN.fullmatch(step.name) else list_quoted_texts(step.name)


def _list_step_texts(step: "Step") -> Iterator[str]:
    yield from _list_quoted_texts(step)
    if not CONFIRM_NAME_PATTERN.fullmatch(step.name) and (
        currency := CURRENCY_PATTERN.search(step.name)
    ):
        yield currency[1]
    if step.datatable:
        yield from (str(cell) for row in step.datatable.raw() for cell in row if cell)
