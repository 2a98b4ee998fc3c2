"""Glob patterns of filter FQL, matched in time that the lengths bound.

Source: Segment, Public API, "Destination Filter Query Language", match(); `@segment/tsub` 2.0.1,
`matchers.ts`, for what lists in brackets mean and which patterns are malformed.
"""

import re
from functools import lru_cache

_PART = re.compile(
    r"(?P<stars>\*+)|(?P<any>\?)|(?P<list>\[\^?)|\\(?P<escaped>.)|(?P<plain>[^\\])", re.S
)
_CHARACTER = r"(?:\\(.)|([^\\\]-]))"
_RANGE = re.compile(f"{_CHARACTER}(?:-{_CHARACTER})?", re.DOTALL)


class GlobError(ValueError):
    """A pattern that cannot be read, which matches nothing; the text says why."""


def matches(text: str, pattern: str) -> bool:
    """Check whether all of *text* has the form of *pattern*; a malformed one matches nothing."""
    compiled = _compiled(pattern)
    return compiled is not None and compiled.fullmatch(text) is not None


def check(pattern: str) -> None:
    """Read *pattern*. Raises: GlobError."""
    _expression(pattern)


@lru_cache(256)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(_expression(pattern), re.DOTALL)
    except GlobError:
        return None


def _expression(pattern: str) -> str:
    chunks = [""]  # regular expressions of what stands between stars
    at = 0
    while at < len(pattern):
        part = _PART.match(pattern, at)
        if part is None:
            raise GlobError("it ends in a \\ that escapes nothing")
        at = part.end()
        if part["stars"]:
            chunks.append("")
        elif part["list"]:
            characters, at = _list(pattern, at)
            negated = part["list"] == "[^"
            chunks[-1] += _one_of(characters, negated)
        else:
            chunks[-1] += "." if part["any"] else re.escape(part["escaped"] or part["plain"])
    first, *others = chunks
    # What stands between two stars is taken where it first fits and never tried elsewhere:
    # otherwise a pattern of many stars takes for ever to fail.
    middle = "".join(f"(?>.*?{chunk})" for chunk in others[:-1])
    rest = f"{middle}.*{others[-1]}" if others else ""
    return first + rest


def _list(pattern: str, at: int) -> tuple[str, int]:
    """The characters and ranges of a list, for a regular expression, and where it ends.

    Raises: GlobError.
    """
    ranges = []
    begin = at
    while not (pattern.startswith("]", at) and at > begin):
        found = _RANGE.match(pattern, at)
        if found is None:
            raise GlobError(_fault(pattern, at))
        at = found.end()
        low = found[1] or found[2]
        high = found[3] or found[4] or low
        if low <= high:
            ranges.append(f"{re.escape(low)}-{re.escape(high)}")
    return "".join(ranges), at + 1


def _one_of(ranges: str, negated: bool) -> str:
    if not ranges:  # every range ends before it begins
        return "." if negated else "(?!)"
    return f"[{'^' if negated else ''}{ranges}]"


def _fault(pattern: str, at: int) -> str:
    if at >= len(pattern) or pattern[at] == "\\":
        return "it has a [ without its ]"
    return f"in [ ], {pattern[at]} is where a character should be; write \\{pattern[at]} for it"
