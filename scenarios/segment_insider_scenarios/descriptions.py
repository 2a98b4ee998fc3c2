"""Lines of descriptions that were meant as steps: Gherkin runs none of them."""

from collections.abc import Iterator

from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.catalogue import best_library_similarity, is_library_step
from segment_insider_scenarios.gherkin_words import (
    STEP_KEYWORD_ROLES,
    explain_wrong_keyword,
    explain_wrong_title,
    is_list_bullet,
    normalise_keyword,
    resembles_keyword,
    split_after_first_words,
)
from segment_insider_scenarios.placeholders import FeatureProblem

MIN_STEP_SIMILARITY = 0.75  # how much the rest of a line is like a step that it nearly is
_STEP_ARGUMENT_MARKS = ("|", '"""', "```")
_MISSING_TEXT_HINT = "Write the step behind it, in the same line."
_COMMENT_HINT = "Put # before it if it is a remark."


def find_steps_in_description(
    node: JSONObject, lines: list[str], language: str, *, allows_steps: bool
) -> Iterator[FeatureProblem]:
    """Find the lines of a description that read as steps.

    Args:
        node: What has the description, as Gherkin's parser gives it.
        lines: Of the whole file.
        language: Code of the file's language.
        steps: Whether steps may follow it, as in a scenario; above them prose is rare.
    """
    before = ""
    for number, line in _description_lines(node, lines):
        if told := _diagnose_description_line(line, before, language, allows_steps=allows_steps):
            what, remedy = told
            yield number, f"{what}, so it would not run: {line}", f"{remedy} {_COMMENT_HINT}"
            return
        before = line


def _description_lines(node: JSONObject, lines: list[str]) -> Iterator[tuple[int, str]]:
    """Number and text of each line of a description; comments are none."""
    description_lines = [each.strip() for each in node.get("description", "").split("\n")]
    at = 0
    for number, line in enumerate(lines[node["location"]["line"] :], node["location"]["line"] + 1):
        while at < len(description_lines) and not description_lines[at]:
            at += 1
        if at == len(description_lines):
            return
        if line.strip() == description_lines[at]:
            yield number, description_lines[at]
            at += 1


def _diagnose_description_line(
    line: str, previous_line: str, language: str, *, allows_steps: bool
) -> tuple[str, str] | None:
    """What a line is that is no prose, and what to do; None for prose."""
    if allows_steps and line.startswith(_STEP_ARGUMENT_MARKS):
        return "there is no step above this line", "Begin the line above with Given, When or Then."
    for words, rest in split_after_first_words(line):
        if _looks_like_step(words, rest, allows_steps=allows_steps):
            return explain_wrong_keyword(words, language)
    if not allows_steps:
        return explain_wrong_title(line, language)
    return _diagnose_scenario_line(line, previous_line, language)


def _diagnose_scenario_line(line: str, previous_line: str, language: str) -> tuple[str, str] | None:
    """The same for a line below which steps follow: it need not read as one to the letter."""
    if is_library_step(line):
        return "this step has no keyword", "Begin it with Given, When or Then."
    for words, rest in split_after_first_words(line):
        if (
            rest
            and resembles_keyword(words)
            and best_library_similarity(rest) >= MIN_STEP_SIMILARITY
        ):
            return explain_wrong_keyword(words, language)
    if title := explain_wrong_title(line, language):
        return title
    if _starts_with_english_keyword(line) and not _continues_sentence(previous_line, line):
        word, *more = line.split()
        alone = f"{word!r} is alone in its line", _MISSING_TEXT_HINT
        return explain_wrong_keyword(word, language) if more else alone
    return None


def _looks_like_step(words: str, rest: str, *, allows_steps: bool) -> bool:
    if not is_library_step(rest):
        return False
    return resembles_keyword(words) or (
        allows_steps and (is_list_bullet(words) or " " not in words)
    )


def _starts_with_english_keyword(line: str) -> bool:
    return normalise_keyword(line.split()[0]) in STEP_KEYWORD_ROLES


def _continues_sentence(previous_line: str, line: str) -> bool:
    """Whether *line* goes on with the sentence of the line *before* it."""
    return (
        bool(previous_line)
        and not previous_line.endswith((".", "!", "?", ":"))
        and line[0].islower()
    )
