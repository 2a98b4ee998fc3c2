"""Values as liquidjs sees them: the special words nil, empty and blank, and how values compare.

Source: liquidjs 10.30, `drop/`, `render/operator.ts`, `context/context.ts`, `util/underscore.ts`.
"""

import math
from typing import Final, TypeGuard

from segment_insider_emulator.mapping.javascript import (
    MISSING,
    WHITE_SPACE,
    is_number,
    member,
    number_of,
    text_of,
    units,
)
from segment_insider_emulator.mapping.liquid.errors import Fault
from segment_insider_emulator.types import JSON

# JavaScript engines refuse longer texts at five times this size; here it also guards memory.
MAX_TEXT: Final = 100_000_000


class Word:
    """One of the words nil, empty and blank: equal to many values, ordered with none."""

    def __init__(self, plain: str | None) -> None:
        self.plain = plain


NIL: Final = Word(None)
EMPTY: Final = Word("")
BLANK: Final = Word("")


def plain(value: JSON) -> JSON:
    """*value*, with a word replaced by what filters get for it: nil gives null, the others ''."""
    return value.plain if isinstance(value, Word) else value


def given(value: JSON, otherwise: JSON) -> JSON:
    """*otherwise* for an argument that is left out, or that names what is not there."""
    return otherwise if value is MISSING else value


def is_nil(value: JSON) -> bool:
    """Whether *value* is null or undefined."""
    return value is None or value is MISSING


def holds(value: JSON) -> bool:
    """Whether a condition with *value* holds: only false and nil do not."""
    value = plain(value)
    return value is not False and not is_nil(value)


def stringify(value: JSON) -> str:
    """The text that an output writes: nothing for nil, lists without separators."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        pieces = [stringify(each) for each in value]
        if sum(map(len, pieces)) > MAX_TEXT:
            raise Fault("Invalid string length")
        return "".join(pieces)
    return "" if is_nil(value) or isinstance(value, Word) else text_of(value)


def string(value: JSON) -> str:
    """The text that JavaScript's own `String(value)` gives."""
    return "[object Object]" if isinstance(value, Word) else text_of(value)


def number(value: JSON) -> float:
    """The number that `Number(value)` gives, NaN included."""
    value = plain(value)
    if isinstance(value, int | float):
        return +value
    if value is None:
        return 0
    return math.nan if value is MISSING else number_of(text_of(value))


def number_or_zero(value: JSON) -> float:
    """The number that arithmetic filters take *value* for."""
    result = float(number(value))
    # JavaScript's `+value || 0`, which loses the sign of -0 too.
    return 0.0 if math.isnan(result) or not result else result


def equal(left: JSON, right: JSON) -> bool:
    """What `==` says: no conversions, lists by their elements, objects by identity."""
    if isinstance(left, Word):
        return _is_word(left, right)
    if isinstance(right, Word):
        return _is_word(right, left)
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(equal, left, right))
    if is_number(left) and is_number(right):
        return bool(left == right)
    if isinstance(left, dict):
        return left is right
    return type(left) is type(right) and bool(left == right)


def _is_word(word: Word, value: JSON) -> bool:
    if word is NIL:
        return is_nil(plain(value))
    if word is BLANK and (value is False or is_nil(plain(value))):
        return True
    if word is BLANK and isinstance(value, str):
        return not value.strip(WHITE_SPACE)
    return isinstance(value, str | list | dict) and not value


def order(left: JSON, right: JSON) -> int | None:
    """-1, 0 or 1 as *left* is less, equal or greater; None when they have no order."""
    if isinstance(left, Word) or isinstance(right, Word):
        return None
    left, right = _primitive(left), _primitive(right)
    if isinstance(left, str) and isinstance(right, str):
        first, second = (side.encode("utf-16-be", "surrogatepass") for side in (left, right))
        return (first > second) - (first < second)
    one, other = number(left), number(right)
    if math.isnan(one) or math.isnan(other):
        return None
    return (one > other) - (one < other)


def _primitive(value: JSON) -> JSON:
    return string(value) if isinstance(value, list | dict | Word) else value


def plus(left: JSON, right: JSON) -> JSON:
    """What JavaScript's `left + right` gives: texts are joined, all else is added."""
    left, right = _primitive(plain(left)), _primitive(plain(right))
    if isinstance(left, str) or isinstance(right, str):
        return text_of(left) + text_of(right)
    return number(left) + number(right)


def contains(left: JSON, right: JSON) -> bool:
    """What `contains` says: an equal element in a list, or a text in a text."""
    left = plain(left)
    if isinstance(left, list):
        return any(equal(each, right) for each in left)
    return isinstance(left, str) and string(plain(right)) in left


def walked(count: float, text: str) -> int:
    """How many characters of *text* a loop up to *count* walks: a fraction takes one more."""
    return 0 if math.isnan(count) else math.ceil(max(0, min(count, len(text))))


def element(values: list[JSON], index: float) -> JSON:
    """The element at *index*, from the end when negative; MISSING outside the list."""
    if index < 0:
        index += len(values)
    return values[int(index)] if index == int(index) and 0 <= index < len(values) else MISSING


def read(value: JSON, key: JSON) -> JSON:
    """The member *key* of *value*; `size`, `first` and `last` are there without being members.

    Nil has nil for every member. MISSING says that there is no such member.
    """
    if is_nil(value):
        return value
    if isinstance(value, Word):
        return MISSING
    if isinstance(value, list) and is_finite(key):
        return element(value, key)
    found = own(value, string(key))
    if found is MISSING and key == "size" and isinstance(value, list | dict | str):
        return units(value) if isinstance(value, str) else len(value)
    if isinstance(value, list) and key in ("first", "last"):
        return element(value, 0 if key == "first" else -1)
    return found


def is_finite(key: JSON) -> TypeGuard[float]:
    """Whether *key* is a number that can be an index."""
    return is_number(key) and math.isfinite(key)


def own(value: JSON, key: str) -> JSON:
    """The own property *key* of *value*; MISSING when it has none."""
    if isinstance(value, dict):
        return value.get(key, MISSING)
    if value == "":
        return 0 if key == "length" else MISSING
    return member(value, key) if isinstance(value, list | str) else MISSING
