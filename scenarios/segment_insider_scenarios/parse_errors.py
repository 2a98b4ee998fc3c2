"""What Gherkin's parser refuses, in words: the line, what is wrong there, and what to do."""

import re
from typing import NamedTuple

from gherkin.errors import CompositeParserException, NoSuchLanguageException, ParserException

from segment_insider_scenarios.catalogue import reads
from segment_insider_scenarios.gherkin_words import (
    bare,
    language_of,
    resembles_keyword,
    splits,
    step_keywords,
    wrong_keyword,
    wrong_title,
)
from segment_insider_scenarios.placeholders import Fault

_PREFIX = re.compile(r"^\(\d+:\d+\): ")
_LANGUAGE = re.compile(r"^\s*#\s*language\s*:\s*(\S+)\s*$")
_QUOTES = ('"""', "```")
_LIKE_QUOTES = re.compile(r"['`\"\u2018-\u201f\u00ab\u00bb]{2,3}")
_STEP_REMEDY = "Begin it with Given, When, Then, And or But. Put # before it if it is a remark."


class _Said(NamedTuple):
    """What is wrong, what to do, and the line to look at."""

    what: str
    remedy: str
    line: int


def fault_of_parser(error: CompositeParserException, text: str) -> Fault:
    """Return the first fault that the parser found: the others mostly follow from it."""
    lines = text.split("\n")
    said = _told(min(error.errors, key=lambda each: each.location["line"]), lines)
    shown = lines[said.line - 1].strip() if said.line <= len(lines) else ""
    return said.line, said.what, f"{said.remedy} It reads: {shown}" if shown else said.remedy


def _told(error: ParserException, lines: list[str]) -> _Said:
    number = error.location["line"]
    said = _PREFIX.sub("", str(error))
    if isinstance(error, NoSuchLanguageException):
        code = said.rpartition(" ")[2]
        known = ", ".join(f"{each} ({language_of(each)})" for each in ("en", "tr", "de", "fr"))
        return _Said(f"Gherkin has no language {code!r}", f"Known: {known} and others.", number)
    if "inconsistent cell count" in said:
        what = "this row has more or fewer cells than the first row of its table"
        return _Said(what, "Write | between cells, and \\| within one.", number)
    if "whitespace" in said:
        return _Said("a tag has a blank in it", "Write each tag in one word: @slow.", number)
    if opened := _open_text(lines):
        remedy = f"End it with {lines[opened - 1].strip()[:3]} in a line of its own."
        return _Said("the text that begins here is not closed", remedy, opened)
    if "unexpected end of file" in said:
        what = "the file ends where a scenario should follow"
        return _Said(what, "Write it, or remove what is before it.", number)
    what, remedy = _of_line(lines[number - 1].strip(), said, _language(lines))
    return _Said(what, remedy, number)


def _language(lines: list[str]) -> str:
    found = next((match for line in lines if (match := _LANGUAGE.match(line))), None)
    return found[1] if found else "en"


def _open_text(lines: list[str]) -> int | None:
    """The line of a text between triple quotes that has no end."""
    sign, opened = "", None
    for number, line in enumerate(map(str.strip, lines), start=1):
        if sign and line.startswith(sign):
            sign, opened = "", None
        elif not sign and line.startswith(_QUOTES):
            sign, opened = line[:3], number
    return opened


def _of_line(line: str, said: str, language: str) -> tuple[str, str]:
    """What a line is that cannot stand where it does."""
    if found := wrong_title(line, language) or _of_keyword(line, language):
        return found
    if "#FeatureLine" in said:
        what = "this line is where `Feature:` should be"
        return what, "Begin the file with `Feature:` and a name."
    if line.startswith("|"):
        return "this row belongs to no step", "Put it below a step that takes a table."
    if line.startswith("@"):
        return "these tags belong to no scenario", "Put them above `Scenario:`."
    if _LIKE_QUOTES.match(line):
        return "this line is no step", 'A text is between """ and """, in lines of their own.'
    return "this line is no step", _STEP_REMEDY


def _of_keyword(line: str, language: str) -> tuple[str, str] | None:
    for words, rest in splits(line):
        known = reads(rest) or bare(words) in step_keywords()
        if rest and known and resembles_keyword(words):
            return wrong_keyword(words, language)
    return None
