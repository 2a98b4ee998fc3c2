"""The functions of filter FQL; none fails on a value of a type that it does not take.

Source: `@segment/tsub` 2.0.1, `matchers.ts`, for contains, match, lowercase, length and semver;
Segment, "Destination Filter Query Language", for typeof, bytes, and the functions that the
evaluator lacks. What those make of other types follows lowercase: null. (assumed)
"""

import json
import math
import operator
import re
from collections.abc import Callable
from typing import TypeAlias

from segment_insider_emulator.segment.filtering.fql import glob
from segment_insider_emulator.segment.filtering.fql.kinds import (
    ORDER_OPERATORS,
    is_number,
    type_name,
)
from segment_insider_emulator.types import JSON

FqlFunction: TypeAlias = Callable[..., JSON]

VERSION_OPERATORS = {"=": operator.eq, "!=": operator.ne, **ORDER_OPERATORS}
# What JavaScript's parseInt reads of one part of a version: the digits that it begins with.
_LEADING_INTEGER = re.compile(r"[\s\ufeff]*([+-]?[0-9]+)")


def contains_text(text: JSON, part: JSON) -> bool:
    return isinstance(text, str) and isinstance(part, str) and part in text


def match_glob(text: JSON, pattern: JSON) -> bool:
    return isinstance(text, str) and isinstance(pattern, str) and glob.matches_glob(text, pattern)


def length_of(value: JSON) -> float:
    """Items of a list; bytes of a text, which may be more than its characters.

    Of null it is 0, of any other value NaN, which nothing equals.
    """
    if value is None:
        return 0
    if isinstance(value, list):
        return len(value)
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    return math.nan


def compare_versions(version: JSON, comparison: JSON, other: JSON) -> bool:
    """Compare two versions such as "2", "1.10" or "1.2.3-beta", which counts as "1.2.3"."""
    if not isinstance(comparison, str) or comparison not in VERSION_OPERATORS:
        return False
    left, right = parse_version(version), parse_version(other)
    return bool(left and right and VERSION_OPERATORS[comparison](left, right))


def parse_version(version: JSON) -> tuple[float, ...] | None:
    """Return the major, minor and patch number of *version*; None when it is no version."""
    if not isinstance(version, str):
        return None
    found = [_LEADING_INTEGER.match(part) for part in version.split(".")]
    numbers = [float(each[1]) for each in found if each]
    if len(numbers) < len(found) or len(found) > 3:
        return None
    return tuple([*numbers, 0.0, 0.0][:3])


def to_boolean(value: JSON) -> bool:
    """Null, zero, "false" and whatever is empty are false; nobody documents the rule. (assumed)"""
    return value != "false" and bool(value)


def to_text(value: JSON) -> str:
    """A text as it is, null as an empty one, anything else as JSON. (assumed)"""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def to_number(value: JSON) -> float | None:
    """Return the number that *value* is or that its text says; null for others. (assumed)"""
    if not is_number(value) and not isinstance(value, str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _text_function(change: Callable[[str], str]) -> FqlFunction:
    return lambda value: change(value) if isinstance(value, str) else None


FUNCTION_IMPLEMENTATIONS: dict[str, FqlFunction] = {
    "contains": contains_text,
    "match": match_glob,
    "semver": compare_versions,
    "length": length_of,
    "lowercase": _text_function(str.lower),
    "uppercase": _text_function(str.upper),
    "snakecase": _text_function(lambda text: text.replace(" ", "_")),
    "kebabcase": _text_function(lambda text: text.replace(" ", "-")),
    "titlecase": _text_function(
        lambda text: " ".join(word[:1].upper() + word[1:] for word in text.split(" "))
    ),
    "typeof": type_name,
    "bool": to_boolean,
    "string": to_text,
    "number": to_number,
}
