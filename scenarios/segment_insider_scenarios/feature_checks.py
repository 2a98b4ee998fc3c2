r"""Checks of feature files: placeholders, descriptions that look like steps, parser errors.

`\<word>` is the plain text `<word>`, and so is an HTML tag that is closed in the same text.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import NamedTuple

from gherkin.errors import CompositeParserException, NoSuchLanguageException, ParserException

from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.gherkin_keywords import (
    STEP_KEYWORD_ROLES,
    explain_wrong_step_keyword,
    explain_wrong_title_keyword,
    get_language_name,
    is_list_bullet,
    map_step_keywords_to_languages,
    normalise_keyword,
    resembles_step_keyword,
    split_after_first_words,
)
from segment_insider_scenarios.step_catalogue import (
    compute_best_step_similarity,
    is_step_with_short_name,
)

FeatureProblem = tuple[int, str, str]  # line, what is wrong, what to do
ESCAPED_BRACKET = re.compile(r"\\<(?=[^<>]*>)")
BRACKET_MARK = "\ue000"  # replaces an escaped "<" while placeholders are filled
_PLACEHOLDER_PATTERN = re.compile(r"(?<!\\)<([^<>\n]+)>")
_CLOSING_TAG = re.compile(r"</([^<>\n]+)>")
_PLACEHOLDER_WORDS = re.compile(r"[^\W\d][\w.-]*(?: [\w.-]+){0,3}")
_ESCAPE_HINT = r"Write \<{0}> for the text itself."
_RENAME_COLUMN_HINT = "For the text itself, rename the column."


def mark_escaped_brackets(text: str) -> str:
    """Replace each escaped bracket of a feature file by a mark that no placeholder can fill."""
    return ESCAPED_BRACKET.sub(BRACKET_MARK, text)


def restore_escaped_brackets(text: str) -> str:
    """Replace the marks of `mark_escaped_brackets` in a text by brackets."""
    return text.replace(BRACKET_MARK, "<")


def find_placeholder_problems(
    scenario: JSONObject, *, is_outline: bool
) -> Iterator[FeatureProblem]:
    """Yield the problems of a scenario outline's placeholders and Examples.

    Args:
        scenario: As Gherkin's parser gives it.
        is_outline: Whether its keyword is that of an outline.
    """
    examples = scenario.get("examples", [])
    if not examples:
        yield from _find_unfilled_placeholders(scenario, is_outline=is_outline)
        return
    used = {
        name
        for _, text in iterate_scenario_texts_with_lines(scenario)
        for name in _PLACEHOLDER_PATTERN.findall(text)
    }
    for examples_table in examples:
        yield from _find_examples_table_problems(scenario, examples_table, used)


def find_background_placeholders(background: JSONObject) -> Iterator[FeatureProblem]:
    """Yield a problem for each placeholder in a Background, which has no Examples."""
    for line, text in iterate_scenario_texts_with_lines(background):
        for name in _find_probable_placeholders(text):
            what = f"<{name}> is in a Background, but Examples do not fill a Background"
            yield line, what, f"Move the step into the outline. {_ESCAPE_HINT.format(name)}"


def iterate_scenario_texts_with_lines(scenario: JSONObject) -> Iterator[tuple[int, str]]:
    """Yield line and text of all parts of a scenario that may contain placeholders."""
    yield scenario["location"]["line"], scenario["name"]
    for step in scenario["steps"]:
        line = step["location"]["line"]
        yield line, step["text"]
        for row in step.get("dataTable", {}).get("rows", ()):
            yield from ((row["location"]["line"], cell["value"]) for cell in row["cells"])
        yield line, step.get("docString", {}).get("content", "")


def _find_unfilled_placeholders(
    scenario: JSONObject, *, is_outline: bool
) -> Iterator[FeatureProblem]:
    line = scenario["location"]["line"]
    names = [
        (at, name)
        for at, text in iterate_scenario_texts_with_lines(scenario)
        for name in _find_probable_placeholders(text)
    ]
    if is_outline:
        named = " for " + ", ".join(sorted({f"<{name}>" for _, name in names})) if names else ""
        remedy = f"Add Examples with a table of values{named}, or call it a Scenario."
        yield line, "this outline has no Examples", remedy
        return
    for at, name in names:
        what = f"<{name}> is in a scenario without Examples, so nothing fills it"
        yield at, what, f"Write the value, or add Examples. {_ESCAPE_HINT.format(name)}"


def _find_examples_table_problems(
    scenario: JSONObject, examples: JSONObject, used_names: set[str]
) -> Iterator[FeatureProblem]:
    line = examples["location"]["line"]
    header = examples.get("tableHeader")
    if not header or not examples["tableBody"]:
        what = "these Examples have no rows, so nothing would run"
        yield line, what, "Add a table: a header with the placeholders' names, and rows of values."
        return
    line = header["location"]["line"]
    columns = [cell["value"] for cell in header["cells"]]
    twice = next((name for at, name in enumerate(columns) if name in columns[:at]), None)
    if twice is not None:
        yield line, f"the column {twice!r} occurs twice in Examples", "Keep one of the two."
    for at, text in iterate_scenario_texts_with_lines(scenario):
        yield from ((at, *fault) for fault in _find_placeholder_problems_in_text(text, columns))
    for column in columns:
        if column not in used_names:
            placeholders = ", ".join(sorted(f"<{name}>" for name in used_names)) or "none"
            what = f"no placeholder names the column {column!r} of Examples"
            remedy = f"Placeholders: {placeholders}. Use <{column}> in a step or in the title."
            yield line, what, remedy


def _find_placeholder_problems_in_text(text: str, columns: list[str]) -> Iterator[tuple[str, str]]:
    rest, meant = text, set(_find_probable_placeholders(text))
    for name in _PLACEHOLDER_PATTERN.findall(text):
        if name in columns or _find_closest_examples_column(name, columns) or name in meant:
            rest = rest.replace(f"<{name}>", "\n")
            if name not in columns:
                what = f"Examples have no column for <{name}>. Columns: {', '.join(columns)}"
                yield what, _suggest_column(name, columns)
    for fragment in _find_half_open_placeholders(rest, columns):
        what = f"{fragment!r} is missing a bracket of its placeholder"
        column = max((name for name in columns if name in fragment), key=len)
        yield what, f"Write <{column}>. {_RENAME_COLUMN_HINT}"


def _suggest_column(name: str, columns: list[str]) -> str:
    if near := _find_closest_examples_column(name, columns):
        return f"Did you mean <{near}>?"
    return f"Add the column. {_ESCAPE_HINT.format(name)}"


def _find_closest_examples_column(name: str, columns: list[str]) -> str | None:
    """Return the Examples column of which a placeholder is probably a misspelling, or None."""
    folded = {column.strip().casefold(): column for column in columns}
    near = get_close_matches(name.strip().casefold(), folded, n=1, cutoff=0.75)
    return folded[near[0]] if near else None


def _find_half_open_placeholders(text: str, columns: list[str]) -> Iterator[str]:
    """Yield placeholders of a step with a missing bracket, e.g. `value>` or `<value`."""
    names = "|".join(re.escape(name) for name in sorted(columns, key=len, reverse=True) if name)
    if names:
        yield from re.findall(rf"(?<![\w<\\])<(?:{names})(?![\w>])|(?<![\w<])\w?(?:{names})>", text)


def _find_probable_placeholders(text: str) -> Iterator[str]:
    """Yield names in angle brackets that look like placeholders, not HTML."""
    closed = set(_CLOSING_TAG.findall(text))
    for name in _PLACEHOLDER_PATTERN.findall(text):
        if _PLACEHOLDER_WORDS.fullmatch(name) and name not in closed:
            yield name


MIN_STEP_SIMILARITY = 0.75  # how much the rest of a line is like a step that it nearly is
_STEP_ARGUMENT_MARKS = ("|", '"""', "```")
_MISSING_TEXT_HINT = "Write the step after it, in the same line."
_COMMENT_HINT = "If it is a comment, put # before it."


def find_steps_in_description(
    node: JSONObject, lines: list[str], language: str, *, allows_steps: bool
) -> Iterator[FeatureProblem]:
    """Yield problems: lines of a feature file's description that look like steps and never run.

    Args:
        node: What has the description, as Gherkin's parser gives it.
        lines: Of the whole file.
        language: Code of the file's language.
        allows_steps: Whether steps may follow it, as in a scenario; above them prose is rare.
    """
    before = ""
    for number, line in _list_description_lines(node, lines):
        if problem := _diagnose_description_line(line, before, language, allows_steps=allows_steps):
            what, remedy = problem
            yield number, f"{what}, so it would not run: {line}", f"{remedy} {_COMMENT_HINT}"
            return
        before = line


def _list_description_lines(node: JSONObject, lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line of a Gherkin description, without comments."""
    description_lines = [text.strip() for text in node.get("description", "").split("\n")]
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
    """Return what is wrong with a line of a Gherkin description; None if it is plain text."""
    if allows_steps and line.startswith(_STEP_ARGUMENT_MARKS):
        return "there is no step above this line", "Begin the line above with Given, When or Then."
    for words, rest in split_after_first_words(line):
        if _looks_like_step(words, rest, allows_steps=allows_steps):
            return explain_wrong_step_keyword(words, language)
    if not allows_steps:
        return explain_wrong_title_keyword(line, language)
    return _diagnose_scenario_line(line, previous_line, language)


def _diagnose_scenario_line(line: str, previous_line: str, language: str) -> tuple[str, str] | None:
    """Return what is wrong with a description line of a scenario that resembles a step, or None."""
    if is_step_with_short_name(line):
        return "this step has no keyword", "Begin it with Given, When or Then."
    for words, rest in split_after_first_words(line):
        if (
            rest
            and resembles_step_keyword(words)
            and compute_best_step_similarity(rest) >= MIN_STEP_SIMILARITY
        ):
            return explain_wrong_step_keyword(words, language)
    if title := explain_wrong_title_keyword(line, language):
        return title
    if _starts_with_english_keyword(line) and not _continues_sentence(previous_line, line):
        word, *more = line.split()
        alone = f"{word!r} has no step text", _MISSING_TEXT_HINT
        return explain_wrong_step_keyword(word, language) if more else alone
    return None


def _looks_like_step(words: str, rest: str, *, allows_steps: bool) -> bool:
    if not is_step_with_short_name(rest):
        return False
    return resembles_step_keyword(words) or (
        allows_steps and (is_list_bullet(words) or " " not in words)
    )


def _starts_with_english_keyword(line: str) -> bool:
    return normalise_keyword(line.split()[0]) in STEP_KEYWORD_ROLES


def _continues_sentence(previous_line: str, line: str) -> bool:
    """Return whether a description line continues the sentence of the previous line."""
    return (
        bool(previous_line)
        and not previous_line.endswith((".", "!", "?", ":"))
        and line[0].islower()
    )


_PARSER_POSITION_PREFIX = re.compile(r"^\(\d+:\d+\): ")
_LANGUAGE_COMMENT = re.compile(r"^\s*#\s*language\s*:\s*(\S+)\s*$")
_DOCSTRING_QUOTES = ('"""', "```")
_QUOTE_LOOKALIKES = re.compile(r"['`\"\u2018-\u201f\u00ab\u00bb]{2,3}")
_STEP_HINT = "Begin it with Given, When, Then, And or But. If it is a comment, put # before it."


class _GherkinParserProblem(NamedTuple):
    """A problem that the Gherkin parser reports: what is wrong, what to do, and the line."""

    what: str
    remedy: str
    line: int


def explain_parser_error(error: CompositeParserException, text: str) -> FeatureProblem:
    """Return the first problem of a Gherkin parser error; later ones mostly follow from it."""
    lines = text.split("\n")
    problem = _explain_first_error(
        min(error.errors, key=lambda found: found.location["line"]), lines
    )
    line_text = lines[problem.line - 1].strip() if problem.line <= len(lines) else ""
    return (
        problem.line,
        problem.what,
        f"{problem.remedy} It reads: {line_text}" if line_text else problem.remedy,
    )


def _explain_first_error(error: ParserException, lines: list[str]) -> _GherkinParserProblem:
    number = error.location["line"]
    parser_message = _PARSER_POSITION_PREFIX.sub("", str(error))
    if isinstance(error, NoSuchLanguageException):
        code = parser_message.rpartition(" ")[2]
        known = ", ".join(
            f"{code} ({get_language_name(code)})" for code in ("en", "tr", "de", "fr")
        )
        return _GherkinParserProblem(
            f"Gherkin has no language {code!r}", f"Known: {known} and others.", number
        )
    if "inconsistent cell count" in parser_message:
        what = "this row has more or fewer cells than the first row of its table"
        return _GherkinParserProblem(what, "Write | between cells, and \\| within one.", number)
    if "whitespace" in parser_message:
        return _GherkinParserProblem(
            "a tag contains a space", "Write each tag in one word: @slow.", number
        )
    if opened := _find_unclosed_docstring(lines):
        remedy = f"End it with {lines[opened - 1].strip()[:3]} in a line of its own."
        return _GherkinParserProblem("the text that begins here is not closed", remedy, opened)
    if "unexpected end of file" in parser_message:
        what = "the file ends where a scenario should follow"
        return _GherkinParserProblem(what, "Write it, or remove what is before it.", number)
    what, remedy = _diagnose_rejected_line(
        lines[number - 1].strip(), parser_message, _find_file_language(lines)
    )
    return _GherkinParserProblem(what, remedy, number)


def _find_file_language(lines: list[str]) -> str:
    match_found = next((match for line in lines if (match := _LANGUAGE_COMMENT.match(line))), None)
    return match_found[1] if match_found else "en"


def _find_unclosed_docstring(lines: list[str]) -> int | None:
    """Return the line of a triple-quoted text without end in a feature file, or None."""
    sign, opened = "", None
    for number, line in enumerate(map(str.strip, lines), start=1):
        if sign and line.startswith(sign):
            sign, opened = "", None
        elif not sign and line.startswith(_DOCSTRING_QUOTES):
            sign, opened = line[:3], number
    return opened


def _diagnose_rejected_line(line: str, parser_message: str, language: str) -> tuple[str, str]:
    """Return what is wrong with a line that the Gherkin parser rejects, and what to do."""
    if found := explain_wrong_title_keyword(line, language) or _diagnose_keyword(line, language):
        return found
    if "#FeatureLine" in parser_message:
        what = "this line comes before `Feature:`"
        return what, "Begin the file with `Feature:` and a name."
    if line.startswith("|"):
        return "this row does not belong to a step", "Put it below a step that takes a table."
    if line.startswith("@"):
        return "these tags do not belong to a scenario", "Put them above `Scenario:`."
    if _QUOTE_LOOKALIKES.match(line):
        return "this line is not a step", 'Put a text between """ and """, each on its own line.'
    return "this line is not a step", _STEP_HINT


def _diagnose_keyword(line: str, language: str) -> tuple[str, str] | None:
    for words, rest in split_after_first_words(line):
        known = (
            is_step_with_short_name(rest)
            or normalise_keyword(words) in map_step_keywords_to_languages()
        )
        if rest and known and resembles_step_keyword(words):
            return explain_wrong_step_keyword(words, language)
    return None
