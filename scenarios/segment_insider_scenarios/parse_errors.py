"""What Gherkin's parser refuses, in words: the line, what is wrong there, and what to do."""

import re
from typing import NamedTuple

from gherkin.errors import CompositeParserException, NoSuchLanguageException, ParserException

from segment_insider_scenarios.catalogue import is_library_step
from segment_insider_scenarios.gherkin_words import (
    explain_wrong_keyword,
    explain_wrong_title,
    language_name,
    normalise_keyword,
    resembles_keyword,
    split_after_first_words,
    step_keyword_languages,
)
from segment_insider_scenarios.placeholders import FeatureProblem

_PARSER_POSITION_PREFIX = re.compile(r"^\(\d+:\d+\): ")
_LANGUAGE_COMMENT = re.compile(r"^\s*#\s*language\s*:\s*(\S+)\s*$")
_DOCSTRING_QUOTES = ('"""', "```")
_QUOTE_LOOKALIKES = re.compile(r"['`\"\u2018-\u201f\u00ab\u00bb]{2,3}")
_STEP_HINT = "Begin it with Given, When, Then, And or But. Put # before it if it is a remark."


class _ParserProblem(NamedTuple):
    """What is wrong, what to do, and the line to look at."""

    what: str
    remedy: str
    line: int


def explain_parser_error(error: CompositeParserException, text: str) -> FeatureProblem:
    """Return the first fault that the parser found: the others mostly follow from it."""
    lines = text.split("\n")
    problem = _explain_first_error(min(error.errors, key=lambda each: each.location["line"]), lines)
    line_text = lines[problem.line - 1].strip() if problem.line <= len(lines) else ""
    return (
        problem.line,
        problem.what,
        f"{problem.remedy} It reads: {line_text}" if line_text else problem.remedy,
    )


def _explain_first_error(error: ParserException, lines: list[str]) -> _ParserProblem:
    number = error.location["line"]
    parser_message = _PARSER_POSITION_PREFIX.sub("", str(error))
    if isinstance(error, NoSuchLanguageException):
        code = parser_message.rpartition(" ")[2]
        known = ", ".join(f"{each} ({language_name(each)})" for each in ("en", "tr", "de", "fr"))
        return _ParserProblem(
            f"Gherkin has no language {code!r}", f"Known: {known} and others.", number
        )
    if "inconsistent cell count" in parser_message:
        what = "this row has more or fewer cells than the first row of its table"
        return _ParserProblem(what, "Write | between cells, and \\| within one.", number)
    if "whitespace" in parser_message:
        return _ParserProblem(
            "a tag has a blank in it", "Write each tag in one word: @slow.", number
        )
    if opened := _find_unclosed_docstring(lines):
        remedy = f"End it with {lines[opened - 1].strip()[:3]} in a line of its own."
        return _ParserProblem("the text that begins here is not closed", remedy, opened)
    if "unexpected end of file" in parser_message:
        what = "the file ends where a scenario should follow"
        return _ParserProblem(what, "Write it, or remove what is before it.", number)
    what, remedy = _diagnose_rejected_line(
        lines[number - 1].strip(), parser_message, _file_language(lines)
    )
    return _ParserProblem(what, remedy, number)


def _file_language(lines: list[str]) -> str:
    match_found = next((match for line in lines if (match := _LANGUAGE_COMMENT.match(line))), None)
    return match_found[1] if match_found else "en"


def _find_unclosed_docstring(lines: list[str]) -> int | None:
    """The line of a text between triple quotes that has no end."""
    sign, opened = "", None
    for number, line in enumerate(map(str.strip, lines), start=1):
        if sign and line.startswith(sign):
            sign, opened = "", None
        elif not sign and line.startswith(_DOCSTRING_QUOTES):
            sign, opened = line[:3], number
    return opened


def _diagnose_rejected_line(line: str, parser_message: str, language: str) -> tuple[str, str]:
    """What a line is that cannot stand where it does."""
    if found := explain_wrong_title(line, language) or _diagnose_keyword(line, language):
        return found
    if "#FeatureLine" in parser_message:
        what = "this line is where `Feature:` should be"
        return what, "Begin the file with `Feature:` and a name."
    if line.startswith("|"):
        return "this row belongs to no step", "Put it below a step that takes a table."
    if line.startswith("@"):
        return "these tags belong to no scenario", "Put them above `Scenario:`."
    if _QUOTE_LOOKALIKES.match(line):
        return "this line is no step", 'A text is between """ and """, in lines of their own.'
    return "this line is no step", _STEP_HINT


def _diagnose_keyword(line: str, language: str) -> tuple[str, str] | None:
    for words, rest in split_after_first_words(line):
        known = is_library_step(rest) or normalise_keyword(words) in step_keyword_languages()
        if rest and known and resembles_keyword(words):
            return explain_wrong_keyword(words, language)
    return None
