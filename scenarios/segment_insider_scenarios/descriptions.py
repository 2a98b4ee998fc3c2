"""Lines of descriptions that were meant as steps: Gherkin runs none of them."""

from collections.abc import Iterator

from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.catalogue import best_likeness, reads
from segment_insider_scenarios.gherkin_words import (
    STEP_ROLES,
    bare,
    is_bullet,
    resembles_keyword,
    splits,
    wrong_keyword,
    wrong_title,
)
from segment_insider_scenarios.placeholders import Fault

NEAR = 0.75  # how much the rest of a line is like a step that it nearly is
_BELOW_STEPS = ("|", '"""', "```")
_WITH_TEXT = "Write the step behind it, in the same line."
_COMMENT = "Put # before it if it is a remark."


def faults(node: JSONObject, lines: list[str], language: str, *, steps: bool) -> Iterator[Fault]:
    """Find the lines of a description that read as steps.

    Args:
        node: What has the description, as Gherkin's parser gives it.
        lines: Of the whole file.
        language: Code of the file's language.
        steps: Whether steps may follow it, as in a scenario; above them prose is rare.
    """
    before = ""
    for number, line in _lines(node, lines):
        if told := _why(line, before, language, steps=steps):
            what, remedy = told
            yield number, f"{what}, so it would not run: {line}", f"{remedy} {_COMMENT}"
            return
        before = line


def _lines(node: JSONObject, lines: list[str]) -> Iterator[tuple[int, str]]:
    """Number and text of each line of a description; comments are none."""
    wanted = [each.strip() for each in node.get("description", "").split("\n")]
    at = 0
    for number, line in enumerate(lines[node["location"]["line"] :], node["location"]["line"] + 1):
        while at < len(wanted) and not wanted[at]:
            at += 1
        if at == len(wanted):
            return
        if line.strip() == wanted[at]:
            yield number, wanted[at]
            at += 1


def _why(line: str, before: str, language: str, *, steps: bool) -> tuple[str, str] | None:
    """What a line is that is no prose, and what to do; None for prose."""
    if steps and line.startswith(_BELOW_STEPS):
        return "there is no step above this line", "Begin the line above with Given, When or Then."
    for words, rest in splits(line):
        if _is_step(words, rest, steps=steps):
            return wrong_keyword(words, language)
    if not steps:
        return wrong_title(line, language)
    return _why_below_scenario(line, before, language)


def _why_below_scenario(line: str, before: str, language: str) -> tuple[str, str] | None:
    """The same for a line below which steps follow: it need not read as one to the letter."""
    if reads(line):
        return "this step has no keyword", "Begin it with Given, When or Then."
    for words, rest in splits(line):
        if rest and resembles_keyword(words) and best_likeness(rest) >= NEAR:
            return wrong_keyword(words, language)
    if title := wrong_title(line, language):
        return title
    if _is_english(line) and not _continues(before, line):
        word, *more = line.split()
        alone = f"{word!r} is alone in its line", _WITH_TEXT
        return wrong_keyword(word, language) if more else alone
    return None


def _is_step(words: str, rest: str, *, steps: bool) -> bool:
    if not reads(rest):
        return False
    return resembles_keyword(words) or (steps and (is_bullet(words) or " " not in words))


def _is_english(line: str) -> bool:
    return bare(line.split()[0]) in STEP_ROLES


def _continues(before: str, line: str) -> bool:
    """Whether *line* goes on with the sentence of the line *before* it."""
    return bool(before) and not before.endswith((".", "!", "?", ":")) and line[0].islower()
