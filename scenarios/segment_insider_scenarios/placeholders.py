r"""Placeholders of outlines: which a text has, and which columns of Examples fill them.

`\<word>` is the text `<word>`, and so is a tag of HTML that is closed in the same text.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches

from segment_insider_emulator.types import JSONObject

Fault = tuple[int, str, str]  # line, what is wrong, what to do
ESCAPED = re.compile(r"\\<(?=[^<>]*>)")
KEPT = "\ue000"  # stands for an escaped "<" while placeholders are filled
_ANGLED = re.compile(r"(?<!\\)<([^<>\n]+)>")
_CLOSING = re.compile(r"</([^<>\n]+)>")
_WORDS = re.compile(r"[^\W\d][\w.-]*(?: [\w.-]+){0,3}")
_AS_TEXT = r"Write \<{0}> where the text itself is meant."
_AS_OTHER_TEXT = "Where the text itself is meant, give the column another name."


def protect(text: str) -> str:
    """Return *text* with a sign that nothing fills in place of each escaped bracket."""
    return ESCAPED.sub(KEPT, text)


def reveal(text: str) -> str:
    """Return *text* with the brackets that `protect` put away."""
    return text.replace(KEPT, "<")


def faults(scenario: JSONObject, *, outline: bool) -> Iterator[Fault]:
    """Find what is wrong with the placeholders and the Examples of a parsed scenario.

    Args:
        scenario: As Gherkin's parser gives it.
        outline: Whether its keyword is that of an outline.
    """
    examples = scenario.get("examples", [])
    if not examples:
        yield from _unfilled(scenario, outline=outline)
        return
    used = {name for _, text in texts(scenario) for name in _ANGLED.findall(text)}
    for each in examples:
        yield from _of_table(scenario, each, used)


def of_background(background: JSONObject) -> Iterator[Fault]:
    """Find placeholders in a Background, which has no Examples."""
    for line, text in texts(background):
        for name in _meant(text):
            what = f"<{name}> is in a Background, which no Examples fill"
            yield line, what, f"Move the step into the outline. {_AS_TEXT.format(name)}"


def texts(scenario: JSONObject) -> Iterator[tuple[int, str]]:
    """Line and text of all places of a scenario that a placeholder may stand in."""
    yield scenario["location"]["line"], scenario["name"]
    for step in scenario["steps"]:
        line = step["location"]["line"]
        yield line, step["text"]
        for row in step.get("dataTable", {}).get("rows", ()):
            yield from ((row["location"]["line"], cell["value"]) for cell in row["cells"])
        yield line, step.get("docString", {}).get("content", "")


def _unfilled(scenario: JSONObject, *, outline: bool) -> Iterator[Fault]:
    line = scenario["location"]["line"]
    names = [(at, name) for at, text in texts(scenario) for name in _meant(text)]
    if outline:
        named = " for " + ", ".join(sorted({f"<{name}>" for _, name in names})) if names else ""
        remedy = f"Add Examples with a table of values{named}, or call it a Scenario."
        yield line, "this outline has no Examples", remedy
        return
    for at, name in names:
        what = f"<{name}> is in a scenario without Examples, so nothing fills it"
        yield at, what, f"Write the value, or add Examples. {_AS_TEXT.format(name)}"


def _of_table(scenario: JSONObject, examples: JSONObject, used: set[str]) -> Iterator[Fault]:
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
    for at, text in texts(scenario):
        yield from ((at, *fault) for fault in _of_text(text, columns))
    for column in columns:
        if column not in used:
            placeholders = ", ".join(sorted(f"<{name}>" for name in used)) or "none"
            what = f"no placeholder names the column {column!r} of Examples"
            remedy = f"Placeholders: {placeholders}. Use <{column}> in a step or in the title."
            yield line, what, remedy


def _of_text(text: str, columns: list[str]) -> Iterator[tuple[str, str]]:
    rest, meant = text, set(_meant(text))
    for name in _ANGLED.findall(text):
        if name in columns or _close(name, columns) or name in meant:
            rest = rest.replace(f"<{name}>", "\n")
            if name not in columns:
                what = f"Examples have no column for <{name}>. Columns: {', '.join(columns)}"
                yield what, _instead(name, columns)
    for found in _half_open(rest, columns):
        what = f"{found!r} lacks a bracket of its placeholder"
        column = max((each for each in columns if each in found), key=len)
        yield what, f"Write <{column}>. {_AS_OTHER_TEXT}"


def _instead(name: str, columns: list[str]) -> str:
    if near := _close(name, columns):
        return f"Did you mean <{near}>?"
    return f"Add the column. {_AS_TEXT.format(name)}"


def _close(name: str, columns: list[str]) -> str | None:
    """The column that *name* is a slip of."""
    folded = {column.strip().casefold(): column for column in columns}
    near = get_close_matches(name.strip().casefold(), folded, n=1, cutoff=0.75)
    return folded[near[0]] if near else None


def _half_open(text: str, columns: list[str]) -> Iterator[str]:
    """Find placeholders that lost a bracket: `value>` or `<value` where a column has the name."""
    names = "|".join(re.escape(each) for each in sorted(columns, key=len, reverse=True) if each)
    if names:
        yield from re.findall(rf"(?<![\w<\\])<(?:{names})(?![\w>])|(?<![\w<])\w?(?:{names})>", text)


def _meant(text: str) -> Iterator[str]:
    """The names in angle brackets that look like placeholders, and not like HTML."""
    closed = set(_CLOSING.findall(text))
    for name in _ANGLED.findall(text):
        if _WORDS.fullmatch(name) and name not in closed:
            yield name
