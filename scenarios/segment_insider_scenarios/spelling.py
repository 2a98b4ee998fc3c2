"""Names that are one typing error away from another name, and those that are correct as written."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.near_misses import SHORTEST, fold, is_one_slip, nearest

if TYPE_CHECKING:  # pages of the emulator import this where pytest-bdd need not be installed
    from pytest_bdd.parser import Feature, Scenario, Step

CORRECT = 'Given the name "{}" is correct'
CORRECT_STEP = re.compile(r'the name "(.+)" is correct')
CURRENCY = re.compile(r" in (\w+):$")
FEATURES = 8  # whose texts are remembered
QUOTED = re.compile(r'"([^"]+)"')
PARTS = re.compile(r"[^\W\d_]+|\d+")
LONGEST_LABEL = 2  # letters of the part that tells the ids of a series apart: o-a and o-b


def is_slip_of_text(text: str, other: str) -> bool:
    """Check whether *text* is *other* with one slip; ids of one series, o-17 and o-18, are not.

    An event and its system name, Wish Listed and wish_listed, are no two spellings.
    """
    if ("_" in text) != ("_" in other):
        return False
    if min(len(text), len(other)) <= SHORTEST or not is_one_slip(fold(text), fold(other)):
        return False
    parts, others = PARTS.findall(text.casefold()), PARTS.findall(other.casefold())
    if len(parts) != len(others):
        return True
    differing = [pair for pair in zip(parts, others, strict=True) if pair[0] != pair[1]]
    return not all(_are_labels(*pair) for pair in differing)


def _are_labels(part: str, other: str) -> bool:
    """Whether the ids of a series may differ by these: 9 and 10, or a and b."""
    if part.isdigit() and other.isdigit():
        return True
    return len(part) == len(other) <= LONGEST_LABEL


@dataclass(frozen=True, slots=True)
class Spelling:
    """The texts of a scenario and of its feature, and the names that are correct as written.

    Args:
        scenario: Texts in quotes and in cells of this scenario.
        quoted: Those in quotes.
        feature: Texts of the whole feature.
        correct: Names that a step says are correct.
    """

    scenario: frozenset[str] = frozenset()
    quoted: frozenset[str] = frozenset()
    feature: frozenset[str] = frozenset()
    correct: frozenset[str] = frozenset()

    def expect(self, noun: str, name: str, known: Iterable[str], where: str) -> None:
        """Refuse *name* when it is one slip away from a name of *known*.

        Raises: EmulatorError.
        """
        self.refuse(noun, name, nearest(name, known), where)

    def refuse(self, noun: str, name: str, near: str | None, where: str) -> None:
        """Refuse *name*, which may mean *near*; None means nothing. Raises: EmulatorError."""
        if near and name not in self.correct:
            raise EmulatorError(f"unknown {noun} {name!r}", where, remedy_for_slip(name, near))

    def says(self, name: str, *, feature: bool) -> bool:
        """Check whether a step has *name*, in this scenario or anywhere in the *feature*."""
        texts = self.feature if feature else self.scenario
        return any(name == text or name in text.split(".") for text in texts)


def remedy_for_slip(name: str, near: str) -> str:
    """Name the one that may be meant, and the step that says otherwise."""
    return f"Did you mean {near!r}? If not, add the step: {CORRECT.format(name)}."


def spelling_of(scenario: "Scenario") -> Spelling:
    """Read the texts of *scenario*, an outline's row among them, and of its feature."""
    correct = (CORRECT_STEP.fullmatch(step.name) for step in scenario.steps)
    return Spelling(
        frozenset(text for step in scenario.steps for text in _texts(step)),
        frozenset(text for step in scenario.steps for text in _quoted(step)),
        _texts_of(scenario.feature),
        frozenset(found[1] for found in correct if found),
    )


@lru_cache(FEATURES)
def _texts_of(feature: "Feature") -> frozenset[str]:
    templates = list(feature.scenarios.values())
    steps = (text for each in templates for step in each.steps for text in _texts(step))
    rows = (row for each in templates for examples in each.examples for row in examples.examples)
    return frozenset([*steps, *(str(cell) for row in rows for cell in row)])


def expect_one_spelling(steps: Sequence["Step"], spelling: Spelling, known: frozenset[str]) -> None:
    """Refuse a text in quotes that another place of the scenario has with one slip.

    Args:
        known: Names that are never a slip.
    Raises: EmulatorError.
    """
    fine = spelling.correct | known
    before = {text for step in steps if step.type != "then" for text in _quoted(step)} - fine
    for step in steps:
        for text in before.intersection(_quoted(step)):
            others = sorted(spelling.scenario - fine - {text})
            twins = (
                other
                for other in others
                if is_slip_of_text(text, other) or (other in before and fold(text) == fold(other))
            )
            if twin := next(twins, None):
                what = f"the scenario has {text!r} and {twin!r}"
                remedy = f"Write it the same. If both are right, add: {CORRECT.format(text)}."
                raise EmulatorError(what, step.name, remedy)


def _quoted(step: "Step") -> list[str]:
    return [] if CORRECT_STEP.fullmatch(step.name) else QUOTED.findall(step.name)


def _texts(step: "Step") -> Iterator[str]:
    yield from _quoted(step)
    if not CORRECT_STEP.fullmatch(step.name) and (currency := CURRENCY.search(step.name)):
        yield currency[1]
    if step.datatable:
        yield from (str(cell) for row in step.datatable.raw() for cell in row if cell)
