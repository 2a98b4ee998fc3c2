"""Values as liquidjs sees them: the special words nil, empty and blank, and how values compare.

Source: liquidjs 10.30, `drop/`, `render/operator.ts`, `context/context.ts`, `util/underscore.ts`.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final, TextIO, TypeGuard

from liquid import BoundTemplate, RenderContext

from segment_insider_emulator.mapping.javascript import (
    MISSING,
    WHITE_SPACE,
    count_utf16_units,
    get_member,
    is_number,
    to_js_number,
    to_js_string,
)
from segment_insider_emulator.mapping.liquid import UnlocatedLiquidError
from segment_insider_emulator.types import JSON, JSONObject

# JavaScript engines refuse longer texts at five times this size; here it also guards memory.
MAX_TEXT_LENGTH: Final = 100_000_000


class LiquidKeyword:
    """One of the words nil, empty and blank: equal to many values, ordered with none."""

    def __init__(self, plain_value: str | None) -> None:
        self.plain_value = plain_value


NIL: Final = LiquidKeyword(None)
EMPTY: Final = LiquidKeyword("")
BLANK: Final = LiquidKeyword("")


def to_plain_value(value: JSON) -> JSON:
    """*value*, with a word replaced by what filters get for it: nil gives null, the others ''."""
    return value.plain_value if isinstance(value, LiquidKeyword) else value


def replace_missing(value: JSON, default: JSON) -> JSON:
    """*otherwise* for an argument that is left out, or that names what is not there."""
    return default if value is MISSING else value


def is_nil(value: JSON) -> bool:
    """Whether *value* is null or undefined."""
    return value is None or value is MISSING


def is_liquid_truthy(value: JSON) -> bool:
    """Whether a condition with *value* holds: only false and nil do not."""
    value = to_plain_value(value)
    return value is not False and not is_nil(value)


def format_output(value: JSON) -> str:
    """The text that an output writes: nothing for nil, lists without separators."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        pieces = [format_output(each) for each in value]
        if sum(map(len, pieces)) > MAX_TEXT_LENGTH:
            raise UnlocatedLiquidError("Invalid string length")
        return "".join(pieces)
    return "" if is_nil(value) or isinstance(value, LiquidKeyword) else to_js_string(value)


def to_string(value: JSON) -> str:
    """The text that JavaScript's own `String(value)` gives."""
    return "[object Object]" if isinstance(value, LiquidKeyword) else to_js_string(value)


def to_number(value: JSON) -> float:
    """The number that `Number(value)` gives, NaN included."""
    value = to_plain_value(value)
    if isinstance(value, int | float):
        return +value
    if value is None:
        return 0
    return math.nan if value is MISSING else to_js_number(to_js_string(value))


def to_number_or_zero(value: JSON) -> float:
    """The number that arithmetic filters take *value* for."""
    result = float(to_number(value))
    # JavaScript's `+value || 0`, which loses the sign of -0 too.
    return 0.0 if math.isnan(result) or not result else result


def is_equal(left: JSON, right: JSON) -> bool:
    """What `==` says: no conversions, lists by their elements, objects by identity."""
    if isinstance(left, LiquidKeyword):
        return _matches_keyword(left, right)
    if isinstance(right, LiquidKeyword):
        return _matches_keyword(right, left)
    if isinstance(left, list):
        return (
            isinstance(right, list) and len(left) == len(right) and all(map(is_equal, left, right))
        )
    if is_number(left) and is_number(right):
        return bool(left == right)
    if isinstance(left, dict):
        return left is right
    return type(left) is type(right) and bool(left == right)


def _matches_keyword(keyword: LiquidKeyword, value: JSON) -> bool:
    if keyword is NIL:
        return is_nil(to_plain_value(value))
    if keyword is BLANK and (value is False or is_nil(to_plain_value(value))):
        return True
    if keyword is BLANK and isinstance(value, str):
        return not value.strip(WHITE_SPACE)
    return isinstance(value, str | list | dict) and not value


def compare_values(left: JSON, right: JSON) -> int | None:
    """-1, 0 or 1 as *left* is less, equal or greater; None when they have no order."""
    if isinstance(left, LiquidKeyword) or isinstance(right, LiquidKeyword):
        return None
    left, right = _to_primitive(left), _to_primitive(right)
    if isinstance(left, str) and isinstance(right, str):
        first, second = (side.encode("utf-16-be", "surrogatepass") for side in (left, right))
        return (first > second) - (first < second)
    one, other = to_number(left), to_number(right)
    if math.isnan(one) or math.isnan(other):
        return None
    return (one > other) - (one < other)


def _to_primitive(value: JSON) -> JSON:
    return to_string(value) if isinstance(value, list | dict | LiquidKeyword) else value


def add_values(left: JSON, right: JSON) -> JSON:
    """What JavaScript's `left + right` gives: texts are joined, all else is added."""
    left, right = _to_primitive(to_plain_value(left)), _to_primitive(to_plain_value(right))
    if isinstance(left, str) or isinstance(right, str):
        return to_js_string(left) + to_js_string(right)
    return to_number(left) + to_number(right)


def contains_value(left: JSON, right: JSON) -> bool:
    """What `contains` says: an equal element in a list, or a text in a text."""
    left = to_plain_value(left)
    if isinstance(left, list):
        return any(is_equal(each, right) for each in left)
    return isinstance(left, str) and to_string(to_plain_value(right)) in left


def count_loop_characters(count: float, text: str) -> int:
    """How many characters of *text* a loop up to *count* walks: a fraction takes one more."""
    return 0 if math.isnan(count) else math.ceil(max(0, min(count, len(text))))


def get_element(values: list[JSON], index: float) -> JSON:
    """The element at *index*, from the end when negative; MISSING outside the list."""
    if index < 0:
        index += len(values)
    return values[int(index)] if index == int(index) and 0 <= index < len(values) else MISSING


def get_property(value: JSON, key: JSON) -> JSON:
    """The member *key* of *value*; `size`, `first` and `last` are there without being members.

    Nil has nil for every member. MISSING says that there is no such member.
    """
    if is_nil(value):
        return value
    if isinstance(value, LiquidKeyword):
        return MISSING
    if isinstance(value, list) and is_finite_number(key):
        return get_element(value, key)
    found = get_own_property(value, to_string(key))
    if found is MISSING and key == "size" and isinstance(value, list | dict | str):
        return count_utf16_units(value) if isinstance(value, str) else len(value)
    if isinstance(value, list) and key in ("first", "last"):
        return get_element(value, 0 if key == "first" else -1)
    return found


def is_finite_number(key: JSON) -> TypeGuard[float]:
    """Whether *key* is a number that can be an index."""
    return is_number(key) and math.isfinite(key)


def get_own_property(value: JSON, key: str) -> JSON:
    """The own property *key* of *value*; MISSING when it has none."""
    if isinstance(value, dict):
        return value.get(key, MISSING)
    if value == "":
        return 0 if key == "length" else MISSING
    return get_member(value, key) if isinstance(value, list | str) else MISSING


# Segment's limits are 100 million units of memory, which liquidjs counts by its own rules, and
# half a second. The time is kept by counting too, so that a result never depends on the machine.
MAX_MEMORY_UNITS: Final = 100_000_000
MAX_LIST_LENGTH: Final = 300_000

CompiledExpression = Callable[["LiquidContext"], JSON]


class LiquidContext(RenderContext):
    """One rendering: variables that the template sets hide the event's."""

    def __init__(self, template: BoundTemplate, event: JSON) -> None:
        super().__init__(template)
        self.event = event
        self.variable_frames: list[JSONObject] = [{}]
        self.counter_values: dict[str, float] = {}
        self._memory_units = 0.0
        self._output_length = 0

    def count_memory(self, amount: float) -> None:
        """Count *amount* units of memory, before they are used."""
        if amount > 0:
            self._memory_units += amount
            if self._memory_units > MAX_MEMORY_UNITS:
                raise UnlocatedLiquidError("memory alloc limit exceeded")

    def count_list(self, length: float) -> None:
        """Count a new list of *length* elements."""
        self.count_memory(length)
        if length > MAX_LIST_LENGTH:
            raise UnlocatedLiquidError("template render limit exceeded")

    def write_output(self, text: str, buffer: TextIO) -> None:
        self._output_length += len(text)
        if self._output_length > MAX_TEXT_LENGTH:
            raise UnlocatedLiquidError("Invalid string length")
        buffer.write(text)

    def get_variable(self, key: JSON) -> JSON:
        """The variable *key*, else the event's member; MISSING when there is neither."""
        name = to_string(key)
        for frame in reversed(self.variable_frames):
            if name in frame:
                return frame[name]
        if name in self.counter_values:
            return self.counter_values[name]
        found = get_own_property(self.event, name)
        # liquidjs looks names that nobody set up in an empty object, and its size is 0.
        return 0 if found is MISSING and key == "size" else found

    def set_variable(self, name: str, value: JSON) -> None:
        self.variable_frames[0][name] = value

    @contextmanager
    def push_variables(self, variables: JSONObject) -> Iterator[None]:
        """Hide variables behind *names* for a while."""
        self.variable_frames.append(variables)
        yield
        self.variable_frames.pop()

    def step_counter(self, name: str, step: int) -> float:
        """Move the counter *name* by *step*; a number of the event serves as its start.

        Returns: The value before the move.
        """
        value = self.counter_values.get(name, get_own_property(self.event, name))
        before = to_number(value) if is_number(value) else 0
        self.counter_values[name] = before + step
        return before


LiquidFilter = Callable[..., Any]


def number_filter(function: Callable[..., float]) -> LiquidFilter:
    """Give *function* the value and the arguments as numbers, 0 for what is none."""

    @wraps(function)
    def filtered(_scope: LiquidContext, *values: JSON) -> float:
        return function(*map(to_number_or_zero, values))

    return filtered


def text_filter(function: LiquidFilter) -> LiquidFilter:
    """Give *function* the value as text, counted as memory, and the arguments as they are."""

    @wraps(function)
    def filtered(scope: LiquidContext, value: JSON, *arguments: JSON) -> JSON:
        text = format_output(value)
        scope.count_memory(len(text))
        return function(text, *arguments)

    return filtered
