"""Glob patterns of filter FQL, matched in time that the lengths bound.

Source: Segment, Public API, "Destination Filter Query Language", match().
"""

import re
from functools import lru_cache

_PART = re.compile(r"\*+|\?|\[([^\]]+)\]|\\(.)|(.)", re.DOTALL)
_MEANS_MORE = re.compile(r"([\\^\[&~|])")  # between brackets, to a regular expression alone


class GlobError(ValueError):
    """A pattern that cannot be read."""


def matches(text: str, pattern: str) -> bool:
    """Whether all of *text* has the form of *pattern*. Raises: GlobError."""
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache(256)
def _compiled(pattern: str) -> re.Pattern[str]:
    chunks = [""]  # regular expressions of what stands between stars
    for part in _PART.finditer(pattern):
        if part.group().startswith("*"):
            chunks.append("")
        else:
            chunks[-1] += _character(part, pattern)
    first, *others = chunks
    # What stands between two stars is taken where it first fits and never tried elsewhere:
    # otherwise a pattern of many stars takes for ever to fail.
    held = "".join(f"(?>.*?{chunk})" for chunk in others[:-1])
    rest = f"{held}.*{others[-1]}" if others else ""
    try:
        return re.compile(first + rest, re.DOTALL)
    except re.error as error:
        raise GlobError(
            f"the pattern {pattern!r} has a range that ends before it begins"
        ) from error


def _character(part: re.Match[str], pattern: str) -> str:
    listed, escaped, plain = part.groups()
    if part.group() == "?":
        return "."
    if listed:
        escaped_list = _MEANS_MORE.sub(r"\\\1", listed)
        return f"[{escaped_list}]"
    if plain == "[":
        raise GlobError(f"the pattern {pattern!r} has a [ without its ]")
    return re.escape(escaped or plain)
