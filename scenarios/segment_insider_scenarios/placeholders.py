r"""Placeholders of outlines: which a text has, and which columns of Examples fill them.

`\<word>` is the text `<word>`, and so is a tag of HTML that is closed in the same text.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches

from segment_insider_emulator.types import JSONObject

FeatureProblem = tuple[int, str, str]  # line, what is wrong, what to do
ESCAPED_BRACKET = re.compile(r"\\<(?=[^<>]*>)")
BRACKET_MARK = "\ue000"  # stands for an escaped "<" while placeholders are filled
_PLACEHOLDER_PATTERN = re.compile(r"(?<!\\)<([^<>\n]+)>")
_CLOSING_TAG = re.compile(r"</([^<>\n]+)>")
_PLACEHOLDER_WORDS = re.compile(r"[^\W\d][\w.-]*(?: [\w.-]+){0,3}")
_ESCAPE_HINT = r"Write \<{0}> where the text itself is meant."
_RENAME_COLUMN_HINT = "Where the text itself is meant, give the column another name."


def mark_escaped_brackets(text: str) -> str:
    """Return *text* with a sign that nothing fills in place of each escaped bracket."""
    return ESCAPED_BRACKET.sub(BRACKET_MARK, text)


def restore_escaped_brackets(text: str) -> str:
    """Return *text* with the brackets that `protect` put away."""
    return text.replace(BRACKET_MARK, "<")


def find_placeholder_problems(
    scenario: JSONObject, *, is_outline: bool
) -> Iterator[FeatureProblem]:
    """Find what is wrong with the placeholders and the Examples of a parsed scenario.

    Args:
        scenario: As Gherkin's parser gives it.
        outline: Whether its keyword is that of an outline.
    """
    examples = scenario.get("examples", [])
    if not examples:
        yield from _find_unfilled_placeholders(scenario, is_outline=is_outline)
        return
    used = {
        name
        for _, text in scenario_texts_with_lines(scenario)
        for name in _PLACEHOLDER_PATTERN.findall(text)
    }
    for examples_table in examples:
        yield from _check_examples_table(scenario, examples_table, used)


def find_background_placeholders(background: JSONObject) -> Iterator[FeatureProblem]:
    """Find placeholders in a Background, which has no Examples."""
    for line, text in scenario_texts_with_lines(background):
        for name in _probable_placeholders(text):
            what = f"<{name}> is in a Background, which no Examples fill"
            yield line, what, f"Move the step into the outline. {_ESCAPE_HINT.format(name)}"


def scenario_texts_with_lines(scenario: JSONObject) -> Iterator[tuple[int, str]]:
    """Line and text of all places of a scenario that a placeholder may stand in."""
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
        for at, text in scenario_texts_with_lines(scenario)
        for name in _probable_placeholders(text)
    ]
    if is_outline:
        named = " for " + ", ".join(sorted({f"<{name}>" for _, name in names})) if names else ""
        remedy = f"Add Examples with a table of values{named}, or call it a Scenario."
        yield line, "this outline has no Examples", remedy
        return
    for at, name in names:
        what = f"<{name}> is in a scenario without Examples, so nothing fills it"
        yield at, what, f"Write the value, or add Examples. {_ESCAPE_HINT.format(name)}"


def _check_examples_table(
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
        yield line, f"the column {twice!r} of Examples is there twice", "Keep one of the two."
    for at, text in scenario_texts_with_lines(scenario):
        yield from ((at, *fault) for fault in _check_placeholders_of_text(text, columns))
    for column in columns:
        if column not in used_names:
            placeholders = ", ".join(sorted(f"<{name}>" for name in used_names)) or "none"
            what = f"no placeholder names the column {column!r} of Examples"
            remedy = f"Placeholders: {placeholders}. Use <{column}> in a step or in the title."
            yield line, what, remedy


def _check_placeholders_of_text(text: str, columns: list[str]) -> Iterator[tuple[str, str]]:
    rest, meant = text, set(_probable_placeholders(text))
    for name in _PLACEHOLDER_PATTERN.findall(text):
        if name in columns or _closest_column(name, columns) or name in meant:
            rest = rest.replace(f"<{name}>", "\n")
            if name not in columns:
                what = f"Examples have no column for <{name}>. Columns: {', '.join(columns)}"
                yield what, _suggest_column(name, columns)
    for fragment in _find_half_open_placeholders(rest, columns):
        what = f"{fragment!r} lacks a bracket of its placeholder"
        column = max((each for each in columns if each in fragment), key=len)
        yield what, f"Write <{column}>. {_RENAME_COLUMN_HINT}"


def _suggest_column(name: str, columns: list[str]) -> str:
    if near := _closest_column(name, columns):
        return f"Did you mean <{near}>?"
    return f"Add the column. {_ESCAPE_HINT.format(name)}"


def _closest_column(name: str, columns: list[str]) -> str | None:
    """The column that *name* is a slip of."""
    folded = {column.strip().casefold(): column for column in columns}
    near = get_close_matches(name.strip().casefold(), folded, n=1, cutoff=0.75)
    return folded[near[0]] if near else None


def _find_half_open_placeholders(text: str, columns: list[str]) -> Iterator[str]:
    """Find placeholders that lost a bracket: `value>` or `<value` where a column has the name."""
    names = "|".join(re.escape(each) for each in sorted(columns, key=len, reverse=True) if each)
    if names:
        yield from re.findall(rf"(?<![\w<\\])<(?:{names})(?![\w>])|(?<![\w<])\w?(?:{names})>", text)


def _probable_placeholders(text: str) -> Iterator[str]:
    """The names in angle brackets that look like placeholders, and not like HTML."""
    closed = set(_CLOSING_TAG.findall(text))
    for name in _PLACEHOLDER_PATTERN.findall(text):
        if _PLACEHOLDER_WORDS.fullmatch(name) and name not in closed:
            yield name
