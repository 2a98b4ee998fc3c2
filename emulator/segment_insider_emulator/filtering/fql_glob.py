"""Match texts with the glob patterns of FQL, in time bounded by their lengths.

Source: Segment, Public API, "Destination Filter Query Language", match(); `@segment/tsub` 2.0.1,
`matchers.ts`, for what lists in brackets mean and which patterns are malformed.
"""

import re
from functools import lru_cache

_PATTERN_PART = re.compile(
    r"(?P<stars>\*+)|(?P<any>\?)|(?P<list>\[\^?)|\\(?P<escaped>.)|(?P<plain>[^\\])", re.S
)
_LIST_CHARACTER = r"(?:\\(.)|([^\\\]-]))"
_LIST_RANGE = re.compile(f"{_LIST_CHARACTER}(?:-{_LIST_CHARACTER})?", re.DOTALL)


class InvalidGlobPattern(ValueError):
    """The glob pattern is malformed and matches nothing; the text says why."""


def matches_glob(text: str, pattern: str) -> bool:
    """Return whether the whole of *text* matches *pattern*; a malformed pattern matches nothing."""
    compiled = _compile_glob(pattern)
    return compiled is not None and compiled.fullmatch(text) is not None


def check_glob(pattern: str) -> None:
    """Validate *pattern*. Raises: InvalidGlobPattern.

    Raises: GlobError.
    """
    _glob_to_regex(pattern)


@lru_cache(256)
def _compile_glob(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(_glob_to_regex(pattern), re.DOTALL)
    except InvalidGlobPattern:
        return None


def _glob_to_regex(pattern: str) -> str:
    chunks = [""]  # regular expressions of what stands between stars
    at = 0
    while at < len(pattern):
        part = _PATTERN_PART.match(pattern, at)
        if part is None:
            raise InvalidGlobPattern("it ends in a \\ that escapes nothing")
        at = part.end()
        if part["stars"]:
            chunks.append("")
        elif part["list"]:
            characters, at = _parse_character_list(pattern, at)
            negated = part["list"] == "[^"
            chunks[-1] += _character_class(characters, negated)
        else:
            chunks[-1] += "." if part["any"] else re.escape(part["escaped"] or part["plain"])
    first, *others = chunks
    # What stands between two stars is taken where it first fits and never tried elsewhere:
    # otherwise a pattern of many stars takes for ever to fail.
    middle = "".join(f"(?>.*?{chunk})" for chunk in others[:-1])
    rest = f"{middle}.*{others[-1]}" if others else ""
    return first + rest


def _parse_character_list(pattern: str, start: int) -> tuple[str, int]:
    """Parse a character list [...] to a regular expression; also return where it ends.

    Raises: GlobError.
    """
    ranges = []
    begin = start
    while not (pattern.startswith("]", start) and start > begin):
        found = _LIST_RANGE.match(pattern, start)
        if found is None:
            raise InvalidGlobPattern(_character_list_error(pattern, start))
        start = found.end()
        low = found[1] or found[2]
        high = found[3] or found[4] or low
        if low <= high:
            ranges.append(f"{re.escape(low)}-{re.escape(high)}")
    return "".join(ranges), start + 1


def _character_class(ranges: str, negated: bool) -> str:
    if not ranges:  # every range ends before it begins
        return "." if negated else "(?!)"
    return f"[{'^' if negated else ''}{ranges}]"


def _character_list_error(pattern: str, index: int) -> str:
    if index >= len(pattern) or pattern[index] == "\\":
        return "it has a [ without its ]"
    return (
        f"in [ ], {pattern[index]} is where a character should be; write \\{pattern[index]} for it"
    )
