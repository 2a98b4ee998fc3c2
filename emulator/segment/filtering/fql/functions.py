"""The functions of filter FQL.

Source: Segment, Public API, "Destination Filter Query Language", "Functions". Documented are the
results for the types named there, and for null those of contains, length, lowercase, typeof and
match; the others treat null alike. Any other type is an error. (assumed)
"""

import json
from collections.abc import Callable
from typing import TypeAlias

from emulator.segment.filtering.fql import glob
from emulator.segment.filtering.fql.kinds import EvaluationError, kind
from emulator.types import JSON

Function: TypeAlias = Callable[..., JSON]


def contains(text: JSON, part: JSON) -> bool:
    if text is None:
        return False
    return _text("contains", part) in _text("contains", text)


def match(text: JSON, pattern: JSON) -> bool:
    if text is None:
        return False
    try:
        return glob.matches(_text("match", text), _text("match", pattern))
    except glob.GlobError as error:
        raise EvaluationError(str(error)) from error


def length(value: JSON) -> int:
    """Items of a list; bytes of a text, which may be more than its characters."""
    if value is None:
        return 0
    if isinstance(value, list):
        return len(value)
    return len(_text("length", value).encode("utf-8", "surrogatepass"))


def boolean(value: JSON) -> bool:
    """Null, zero, "false" and whatever is empty are false; nobody documents the rule. (assumed)"""
    return value != "false" and bool(value)


def string(value: JSON) -> str:
    """A text as it is, null as an empty one, anything else as JSON. (assumed)"""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def number(value: JSON) -> float | None:
    if value is None:
        return None
    try:
        return float(value if kind(value) == "number" else _text("number", value))
    except ValueError as error:
        raise EvaluationError("number() was given a text that is no number") from error


def _text(function: str, value: JSON) -> str:
    if isinstance(value, str):
        return value
    raise EvaluationError(f"{function}() takes text, and was given {kind(value)}")


def _of_text(name: str, change: Callable[[str], str]) -> Function:
    return lambda value: None if value is None else change(_text(name, value))


FUNCTIONS: dict[str, Function] = {
    "contains": contains,
    "match": match,
    "length": length,
    "lowercase": _of_text("lowercase", str.lower),
    "uppercase": _of_text("uppercase", str.upper),
    "snakecase": _of_text("snakecase", lambda text: text.replace(" ", "_")),
    "kebabcase": _of_text("kebabcase", lambda text: text.replace(" ", "-")),
    "titlecase": _of_text(
        "titlecase", lambda text: " ".join(word[:1].upper() + word[1:] for word in text.split(" "))
    ),
    "typeof": kind,
    "bool": boolean,
    "string": string,
    "number": number,
}
