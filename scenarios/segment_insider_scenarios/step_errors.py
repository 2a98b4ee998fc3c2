"""Error messages for steps that cannot run: unknown, ambiguous, or with a wrong table or text."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from inspect import getdoc, signature
from itertools import groupby
from pathlib import Path
from textwrap import indent

import pytest
from pytest_bdd.parser import Scenario, Step
from pytest_bdd.steps import step_function_context_registry

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios.step_catalogue import (
    ARGUMENT_NOUNS,
    find_matching_patterns,
    find_matching_steps,
    find_step_definitions,
    find_steps_by_word,
    is_library_function,
    list_steps,
    suggest_steps,
)

# Sign that a step has -> those that are taken for it.
_LOOKALIKE_CHARACTERS = {
    '"': "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u301d\u301e\uff02",
    "'": "\u2018\u2019\u201a\u201b\u2032\u00b4`\uff07",
    " ": "\t\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))),
    ":": "\uff1a\ua789\u2236",
    ",": "\uff0c\u201a",
    "": "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad",
}
_INTENDED_CHARACTER = {
    other: sign for sign, others in _LOOKALIKE_CHARACTERS.items() for other in others
}
_CHARACTER_HINTS = {'"': 'Write " there.', " ": "Write a space there.", "": "Remove it."}
# What else a text may have: how it is put right, and what to say.
_PUNCTUATION_CORRECTIONS: tuple[tuple[Callable[[str], str], str], ...] = (
    (lambda text: text.replace("'", '"'), 'It has single quotes. Write " around the text.'),
    (lambda text: re.sub(" {2,}", " ", text), "It has several spaces in a row. Write one."),
    (lambda text: text.rstrip(".;,!"), "It ends with an extra punctuation mark. Remove it."),
    (lambda text: text.rstrip(": ") + ":", "Write a colon at its end: a table or a text follows."),
    (lambda text: text.rstrip(": "), "It takes nothing below it. Remove the colon at its end."),
    (lambda text: unicodedata.normalize("NFC", text), "Type its accented letters again."),
)  # fmt: skip


def find_step_with_other_punctuation(
    text: str, is_step: Callable[[str], bool]
) -> tuple[str, str] | None:
    """Return the existing step that differs from a text only in punctuation, and the correction.

    Args:
        is_step: Whether there is a step of that text.
    Returns: Its text, and one sentence for each correction; None when there is no such step.
    """
    plain = "".join(_INTENDED_CHARACTER.get(sign, sign) for sign in text)
    sentences = list(_describe_wrong_characters(text))
    if sentences and is_step(plain):
        return plain, " ".join(sentences)
    for correct, sentence in _PUNCTUATION_CORRECTIONS:
        corrected = correct(plain)
        if corrected != plain and is_step(corrected):
            return corrected, " ".join([*sentences, sentence])
    return None


def _describe_wrong_characters(text: str) -> Iterable[str]:
    for sign in dict.fromkeys(character for character in text if character in _INTENDED_CHARACTER):
        name = unicodedata.name(sign, "a tabulator").lower()
        description = f"{sign} ({name})" if sign.isprintable() else name
        write = _CHARACTER_HINTS.get(
            _INTENDED_CHARACTER[sign], f"Write {_INTENDED_CHARACTER[sign]} there."
        )
        yield f"Column {text.index(sign) + 1} has {description}. {write}"


NO_THEN_MESSAGE = "This scenario checks nothing: it has no Then. Add a Then step."
_TWO_NAMES = re.compile(r"(\w[\w'-]*) and (\w[\w'-]*)")
NAME_RULE = "A person's name has at most four words of letters, digits, ', - and full stops"
_ENGLISH_KEYWORDS = ("Given", "When", "Then", "And", "But", "*")
COMPOUND_NAME = re.compile(r"\w+(?:['.@+-]\w+)+")
EXAMPLE_PERSON = "Ada"


def get_relative_path(file: str, root: Path) -> str:
    """Return the path of a file relative to *root*, or the whole path if it is not below it."""
    path = Path(file)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def format_scenario_steps(scenario: Scenario, root: Path, *failed_steps: Step) -> str:
    """Return the steps of a scenario as text, with `>` at the failed ones.

    Args:
        root: Where the run began.
    """
    at = failed_steps[0].line_number if failed_steps else scenario.line_number
    lines = [f"{get_relative_path(scenario.feature.filename, root)}:{at}: {scenario.name}"]
    marked = {(step.line_number, step.name) for step in failed_steps}
    for step in scenario.steps:
        mark = ">" if (step.line_number, step.name) in marked else " "
        lines.append(f"{mark} {step.keyword.strip():5} {step.name}")
    return "\n".join(lines)


def has_then_step(scenario: Scenario) -> bool:
    """Return whether the scenario has a Then step."""
    return any(step.type == "then" for step in scenario.steps)


def find_unknown_steps(scenario: Scenario, request: pytest.FixtureRequest) -> list[Step]:
    """Return the steps of a scenario that have no step function."""
    manager = request._fixturemanager
    return [
        step for step in scenario.steps if not find_step_definitions(step, manager, request.node)
    ]


def describe_unknown_step(step: Step) -> str:
    """Return an error message for a step that does not exist, and suggest the one meant."""
    kind = step.type.capitalize()
    meant = (
        *(_suggest_other_keyword, _suggest_corrected_punctuation),
        *(_suggest_one_person, _suggest_shorter_person_name),
    )
    suggestion = next(filter(None, (find(step) for find in meant)), None) or _suggest_nearest_steps(
        step
    )
    is_translated = step.keyword.strip() not in _ENGLISH_KEYWORDS
    language = (
        "\n\nOnly keywords are translated: write the text in English." if is_translated else ""
    )
    return f"There is no such step: {kind} {step.name}\n\n{suggestion}{language}"


def describe_ambiguous_step(step: Step, request: pytest.FixtureRequest) -> str | None:
    """Return an error message naming all steps that match one text; None if it is unambiguous.

    A library step that a project defines anew, with the same text, is ambiguous, too.
    """
    definitions = find_step_definitions(step, request._fixturemanager, request.node)
    contexts = [step_function_context_registry[found.func] for found in definitions]
    distinct = {(found.parser.name, is_library_function(found.step_func)) for found in contexts}
    if len(distinct) < 2:
        return None
    entries = [entry for entry in find_matching_steps(step.name) if step.type in entry.kinds]
    kind = step.type.capitalize()
    lead = f"Several steps match this: {kind} {step.name}"
    known = [f"  {kind} {entry.pattern}  ({entry.module})" for entry in entries]
    remedy = "Use other words, or rename your own step."
    return "\n".join([lead, "", *known, "", remedy])


def _suggest_other_keyword(step: Step) -> str | None:
    for entry in find_matching_steps(step.name):
        kind = entry.kinds[0].capitalize()
        return f"It exists as a {kind}:\n  {kind} {entry.pattern}"
    return None


def _suggest_corrected_punctuation(step: Step) -> str | None:
    """Suggest an existing step that differs only in punctuation, e.g. curly quotes."""
    correction = find_step_with_other_punctuation(
        step.name, lambda text: bool(find_matching_patterns(text, step.type))
    )
    if correction is None:
        return None
    text, sentences = correction
    kind = step.type.capitalize()
    return f"Only the punctuation differs. {sentences}\n  {kind} {text}"


def _suggest_one_person(step: Step) -> str | None:
    """Suggest a step for each of two people if the step names both, such as "Ada and Can"."""
    for match in _TWO_NAMES.finditer(step.name):
        text = step.name.replace(match[0], EXAMPLE_PERSON, 1)
        for entry in find_matching_steps(text):
            if step.type in entry.kinds:
                lead = (
                    f"It is about one person: write a step for {match[1]} and one for {match[2]}."
                )
                return f"{lead}\n  {step.type.capitalize()} {entry.pattern}"
    return None


def _suggest_shorter_person_name(step: Step) -> str | None:
    """Suggest an existing step if only the person's name has too many words or signs."""
    for compound_name in _find_multi_word_names(step.name):
        for entry in find_matching_steps(step.name.replace(compound_name, EXAMPLE_PERSON, 1)):
            if step.type in entry.kinds:
                kind = step.type.capitalize()
                words = compound_name.split()
                short = re.split(r"\W", words[-1] if words[0] in _ENGLISH_KEYWORDS else words[0])[0]
                lead = f"{NAME_RULE}: {short}, not {compound_name}."
                return f"{lead}\n  {kind} {entry.pattern}"
    return None


def _find_multi_word_names(text: str) -> Iterator[str]:
    """Yield possible person names of several words in a step, e.g. "Ada Lovelace" or "ada-7"."""
    words = text.rstrip(":").split(" ")
    for is_capital, run in groupby(words, key=lambda word: word[:1].isupper()):
        if is_capital and " " in (name := " ".join(run)):
            yield name
    yield from (word for word in words if COMPOUND_NAME.fullmatch(word))


def _suggest_nearest_steps(step: Step) -> str:
    kind = step.type.capitalize()
    if near := suggest_steps(step.name, step.type):
        return "\n".join(["Did you mean one of these?", *(f"  {kind} {one}" for one in near)])
    by_word = find_steps_by_word(step.name, step.type)
    known = [entry.pattern for entry in list_steps() if step.type in entry.kinds]
    lead = "These steps are about one of your words:" if by_word else f"These are the {kind} steps:"
    hint = "Steps with examples: emulator steps WORD"
    return "\n".join([lead, *(f"  {kind} {one}" for one in by_word or known), hint])


def describe_missing_argument(argument: str, function: Callable[..., object]) -> str:
    """Return an error message: which table or text a step needs below it, with an example.

    Args:
        argument: One of ARGUMENT_NOUNS.
    """
    noun = ARGUMENT_NOUNS[argument]
    about, _, example = (getdoc(function) or "").partition("\n\n")
    if not example:
        return f"This step needs a {noun} below it. {about}".rstrip()
    formatted_example = example if argument == "datatable" else f'"""\n{example}\n"""'
    return f"This step needs a {noun} below it, such as:\n\n{indent(formatted_example, '  ')}"


def reject_unused_argument(step: Step, function: Callable[..., object]) -> None:
    """Reject a table or text below a library step that does not use it.

    Raises: EmulatorError.
    """
    if not is_library_function(function):
        return
    arguments = {"datatable": step.datatable, "docstring": step.docstring}
    for argument, value in arguments.items():
        if value is not None and argument not in signature(function).parameters:
            noun = ARGUMENT_NOUNS[argument]
            what = f"this step takes no {noun}"
            raise EmulatorError(what, step.name, _suggest_step_with_argument(step, noun))


def _suggest_step_with_argument(step: Step, noun: str) -> str:
    """Suggest the step that starts with the same words and takes a table or text below it."""
    begun = tuple(entry.pattern for entry in find_matching_steps(step.name))
    for entry in list_steps():
        if entry.below == noun and step.type in entry.kinds and entry.pattern.startswith(begun):
            return f"With a {noun} it is: {step.type.capitalize()} {entry.pattern}"
    return f"Remove the {noun}, or choose another step."


def remove_control_characters(report: pytest.TestReport) -> None:
    """Remove the control characters of captured data from a failure report."""
    from _pytest._code.code import ExceptionRepr

    from segment_insider_emulator.terminal_output import replace_control_characters

    report.sections = [(title, replace_control_characters(text)) for title, text in report.sections]
    failure = report.longrepr
    if isinstance(failure, str):
        report.longrepr = replace_control_characters(failure)
    elif isinstance(failure, ExceptionRepr):
        if failure.reprcrash:
            failure.reprcrash = replace(
                failure.reprcrash, message=replace_control_characters(failure.reprcrash.message)
            )
        for entry in failure.reprtraceback.reprentries:
            entry.lines = [replace_control_characters(line) for line in entry.lines]
