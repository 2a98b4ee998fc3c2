"""Where a scenario failed, and what an unknown step may have meant."""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
from pytest_bdd.parser import Scenario, Step
from pytest_bdd.scenario import find_fixturedefs_for_step

from segment_insider_scenarios.catalogue import (
    find_matching_patterns,
    find_matching_steps,
    list_steps,
    suggest_steps,
)
from segment_insider_scenarios.signs import correct_punctuation

NO_THEN_MESSAGE = "This scenario checks nothing: it has no Then. Add a Then step."
COMPOUND_NAME = re.compile(r"\w+(?:['.@+-]\w+)+")
EXAMPLE_PERSON = "Ada"


def relative_path(file: str, root: Path) -> str:
    """The feature *file* from where the run began, when it is below."""
    path = Path(file)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def format_scenario(scenario: Scenario, root: Path, *failed_steps: Step) -> str:
    """Return the scenario's steps, with `>` at those that failed.

    Args:
        root: Where the run began.
    """
    at = failed_steps[0].line_number if failed_steps else scenario.line_number
    lines = [f"{relative_path(scenario.feature.filename, root)}:{at}: {scenario.name}"]
    marked = {(step.line_number, step.name) for step in failed_steps}
    for step in scenario.steps:
        mark = ">" if (step.line_number, step.name) in marked else " "
        lines.append(f"{mark} {step.keyword.strip():5} {step.name}")
    return "\n".join(lines)


def has_then_step(scenario: Scenario) -> bool:
    """Whether the scenario has a Then."""
    return any(step.type == "then" for step in scenario.steps)


def find_unknown_steps(scenario: Scenario, request: pytest.FixtureRequest) -> list[Step]:
    """Return the steps of a scenario that no function takes, among those that its test can see."""
    manager = request._fixturemanager
    return [
        step
        for step in scenario.steps
        if not any(find_fixturedefs_for_step(step, manager, request.node))
    ]


def describe_unknown_step(step: Step) -> str:
    """Say that there is no such step, and which was meant or comes near."""
    kind = step.type.capitalize()
    meant = (_suggest_other_keyword, _suggest_corrected_punctuation, _suggest_short_name)
    suggestion = next(filter(None, (find(step) for find in meant)), None) or _suggest_nearest_steps(
        step
    )
    return f"There is no such step: {kind} {step.name}\n\n{suggestion}"


def describe_ambiguous_step(step: Step) -> str | None:
    """Say which steps would all read this one; None when only one does, or none."""
    if len(find_matching_patterns(step.name, step.type)) < 2:
        return None
    entries = [entry for entry in find_matching_steps(step.name) if step.type in entry.kinds]
    kind = step.type.capitalize()
    lead = f"Several steps read this: {kind} {step.name}"
    known = [f"  {kind} {entry.pattern}  ({entry.module})" for entry in entries]
    remedy = "Say it in other words, or rename the step that is your own."
    return "\n".join([lead, "", *known, "", remedy])


def _suggest_other_keyword(step: Step) -> str | None:
    for entry in find_matching_steps(step.name):
        kind = entry.kinds[0].capitalize()
        return f"It exists as a {kind}:\n  {kind} {entry.pattern}"
    return None


def _suggest_corrected_punctuation(step: Step) -> str | None:
    """A step that is known, but for signs such as curly quotes."""
    correction = correct_punctuation(
        step.name, lambda text: bool(find_matching_patterns(text, step.type))
    )
    if correction is None:
        return None
    text, sentences = correction
    kind = step.type.capitalize()
    return f"It differs in its signs. {sentences}\n  {kind} {text}"


def _suggest_short_name(step: Step) -> str | None:
    """A step that is known, but for a person with a name of several words or with other signs."""
    for compound_name in _find_compound_names(step.name):
        for entry in find_matching_steps(step.name.replace(compound_name, EXAMPLE_PERSON, 1)):
            if step.type in entry.kinds:
                kind = step.type.capitalize()
                short = re.split(r"\W", compound_name)[0]
                lead = f"People have names of one word: {short}, not {compound_name}."
                return f"{lead}\n  {kind} {entry.pattern}"
    return None


def _find_compound_names(text: str) -> Iterator[str]:
    """What may be such a name: words in capitals one after the other, and one such as ada-7."""
    words = text.rstrip(":").split(" ")
    for is_capital, run in groupby(words, key=lambda word: word[:1].isupper()):
        if is_capital and " " in (name := " ".join(run)):
            yield name
    yield from (word for word in words if COMPOUND_NAME.fullmatch(word))


def _suggest_nearest_steps(step: Step) -> str:
    kind = step.type.capitalize()
    known = [entry.pattern for entry in list_steps() if step.type in entry.kinds]
    near = suggest_steps(step.name, step.type)
    lead = "Did you mean one of these?" if near else f"These are the {kind} steps:"
    return "\n".join([lead, *(f"  {kind} {pattern}" for pattern in near or known)])
