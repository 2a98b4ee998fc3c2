"""Runtime of Liquid templates: conversions, comparisons, and the state and limits of a rendering.

Source: liquidjs 10.30, `drop/`, `render/operator.ts`, `context/context.ts`, `util/underscore.ts`.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final, TextIO, TypeAlias, TypeGuard

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

# JavaScript engines reject texts from five times this length; here the limit also guards memory.
MAX_TEXT_LENGTH: Final = 100_000_000


class LiquidKeyword:
    """A Liquid keyword nil, empty or blank: equal to many values, comparable with none."""

    def __init__(self, plain_value: str | None) -> None:
        self.plain_value = plain_value


NIL: Final = LiquidKeyword(None)
EMPTY: Final = LiquidKeyword("")
BLANK: Final = LiquidKeyword("")


def replace_liquid_keyword(value: JSON) -> JSON:
    """Replace a Liquid keyword by the value that filters get: null for nil, "" for the others."""
    return value.plain_value if isinstance(value, LiquidKeyword) else value


def replace_missing_with_default(value: JSON, default: JSON) -> JSON:
    """Return a filter argument, or *default* when it is left out or undefined."""
    return default if value is MISSING else value


def is_nil(value: JSON) -> bool:
    """Return whether a Liquid value is null or undefined."""
    return value is None or value is MISSING


def is_liquid_truthy(value: JSON) -> bool:
    """Return whether a Liquid condition with *value* is true: only false and nil are not."""
    value = replace_liquid_keyword(value)
    return value is not False and not is_nil(value)


def format_output(value: JSON) -> str:
    """Return the text that a Liquid output writes: nothing for nil, lists without separators."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        texts = [format_output(item) for item in value]
        if sum(map(len, texts)) > MAX_TEXT_LENGTH:
            raise UnlocatedLiquidError("Invalid string length")
        return "".join(texts)
    return "" if is_nil(value) or isinstance(value, LiquidKeyword) else to_js_string(value)


def to_string(value: JSON) -> str:
    """Return the result of JavaScript's `String(value)`."""
    return "[object Object]" if isinstance(value, LiquidKeyword) else to_js_string(value)


def to_number(value: JSON) -> float:
    """Return the result of JavaScript's `Number(value)`, NaN included."""
    value = replace_liquid_keyword(value)
    if isinstance(value, int | float):
        return +value
    if value is None:
        return 0
    return math.nan if value is MISSING else to_js_number(to_js_string(value))


def to_number_or_zero(value: JSON) -> float:
    """Convert a Liquid value to a number for arithmetic filters: 0 when it is not one."""
    result = float(to_number(value))
    # JavaScript's `+value || 0`, which loses the sign of -0 too.
    return 0.0 if math.isnan(result) or not result else result


def is_equal(left: JSON, right: JSON) -> bool:
    """Return the result of Liquid's `==`: no conversions, lists by item, objects by identity."""
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
        return is_nil(replace_liquid_keyword(value))
    if keyword is BLANK and (value is False or is_nil(replace_liquid_keyword(value))):
        return True
    if keyword is BLANK and isinstance(value, str):
        return not value.strip(WHITE_SPACE)
    return isinstance(value, str | list | dict) and not value


def compare_liquid_values(left: JSON, right: JSON) -> int | None:
    """Return -1, 0 or 1 as Liquid value *left* is less, equal or greater; None without an order."""
    if isinstance(left, LiquidKeyword) or isinstance(right, LiquidKeyword):
        return None
    left, right = _to_primitive(left), _to_primitive(right)
    if isinstance(left, str) and isinstance(right, str):
        left_units, right_units = (
            text.encode("utf-16-be", "surrogatepass") for text in (left, right)
        )
        return (left_units > right_units) - (left_units < right_units)
    left_number, right_number = to_number(left), to_number(right)
    if math.isnan(left_number) or math.isnan(right_number):
        return None
    return (left_number > right_number) - (left_number < right_number)


def _to_primitive(value: JSON) -> JSON:
    return to_string(value) if isinstance(value, list | dict | LiquidKeyword) else value


def add_like_javascript(left: JSON, right: JSON) -> JSON:
    """Return JavaScript's `left + right`: joined texts if one is a text, else the sum."""
    left, right = (
        _to_primitive(replace_liquid_keyword(left)),
        _to_primitive(replace_liquid_keyword(right)),
    )
    if isinstance(left, str) or isinstance(right, str):
        return to_js_string(left) + to_js_string(right)
    return to_number(left) + to_number(right)


def contains_value(left: JSON, right: JSON) -> bool:
    """Return the result of Liquid's `contains`: an equal element in a list, or a text in a text."""
    left = replace_liquid_keyword(left)
    if isinstance(left, list):
        return any(is_equal(item, right) for item in left)
    return isinstance(left, str) and to_string(replace_liquid_keyword(right)) in left


def count_characters_up_to(count: float, text: str) -> int:
    """Return how many characters of *text* a loop up to *count* visits: *count* rounded up."""
    return 0 if math.isnan(count) else math.ceil(max(0, min(count, len(text))))


def get_list_element(values: list[JSON], index: float) -> JSON:
    """Return the element at *index*, from the end when negative; MISSING outside the list."""
    if index < 0:
        index += len(values)
    return values[int(index)] if index == int(index) and 0 <= index < len(values) else MISSING


def get_property(value: JSON, key: JSON) -> JSON:
    """Return a property of a Liquid value, or its `size`, `first` or `last`, which are no members.

    Every property of nil is nil. MISSING means that there is no such property.
    """
    if is_nil(value):
        return value
    if isinstance(value, LiquidKeyword):
        return MISSING
    if isinstance(value, list) and is_finite_number(key):
        return get_list_element(value, key)
    own_value = get_own_property(value, to_string(key))
    if own_value is MISSING and key == "size" and isinstance(value, list | dict | str):
        return count_utf16_units(value) if isinstance(value, str) else len(value)
    if isinstance(value, list) and key in ("first", "last"):
        return get_list_element(value, 0 if key == "first" else -1)
    return own_value


def is_finite_number(key: JSON) -> TypeGuard[float]:
    """Return whether *key* is a finite number, so that it can be an index."""
    return is_number(key) and math.isfinite(key)


def get_own_property(value: JSON, key: str) -> JSON:
    """Return the own property *key* of a JavaScript value; MISSING when there is none."""
    if isinstance(value, dict):
        return value.get(key, MISSING)
    if value == "":
        return 0 if key == "length" else MISSING
    return get_member(value, key) if isinstance(value, list | str) else MISSING


# Segment's limits are 100 million units of memory, which liquidjs counts by its own rules, and
# half a second. Time is limited by counting, too, so that a result never depends on the machine.
MAX_MEMORY_UNITS: Final = 100_000_000
MAX_LIST_LENGTH: Final = 300_000

CompiledExpression: TypeAlias = Callable[["LiquidContext"], JSON]


class LiquidContext:
    """State of one rendering of a Liquid template: event, variables, counters and limits."""

    def __init__(self, event: JSON) -> None:
        self.event = event
        self.variable_frames: list[JSONObject] = [{}]
        self.counter_values: dict[str, float] = {}
        self._next_cycle_indexes: dict[str, int] = {}
        self._memory_units = 0.0
        self._output_length = 0

    def count_memory(self, amount: float) -> None:
        """Count units of memory of a Liquid rendering before they are used, up to Segment's limit.

        Raises: UnlocatedLiquidError, beyond Segment's limit.
        """
        if amount > 0:
            self._memory_units += amount
            if self._memory_units > MAX_MEMORY_UNITS:
                raise UnlocatedLiquidError("memory alloc limit exceeded")

    def count_list_memory(self, length: float) -> None:
        """Count the memory of a new list of *length* elements towards the limit of a rendering."""
        self.count_memory(length)
        if length > MAX_LIST_LENGTH:
            raise UnlocatedLiquidError("template render limit exceeded")

    def write_output(self, text: str, output: TextIO) -> None:
        """Write *text* to the output of the Liquid template, and count its length."""
        self._output_length += len(text)
        if self._output_length > MAX_TEXT_LENGTH:
            raise UnlocatedLiquidError("Invalid string length")
        output.write(text)

    def get_variable(self, key: JSON) -> JSON:
        """Return the Liquid variable *key*, else the event's member; MISSING without either."""
        name = to_string(key)
        for frame in reversed(self.variable_frames):
            if name in frame:
                return frame[name]
        if name in self.counter_values:
            return self.counter_values[name]
        event_value = get_own_property(self.event, name)
        # liquidjs looks up unknown names in an empty object, and the size of that is 0.
        return 0 if event_value is MISSING and key == "size" else event_value

    def set_variable(self, name: str, value: JSON) -> None:
        """Set a variable of the Liquid template."""
        self.variable_frames[0][name] = value

    @contextmanager
    def temporarily_set_variables(self, variables: JSONObject) -> Iterator[None]:
        """Set Liquid variables for the duration of a block; they hide others of the same name."""
        self.variable_frames.append(variables)
        yield
        self.variable_frames.pop()

    def add_to_counter(self, name: str, step: int) -> float:
        """Add *step* to a Liquid counter; a new one starts at the event's number of its name, or 0.

        Returns: The value before the step.
        """
        value = self.counter_values.get(name, get_own_property(self.event, name))
        previous = to_number(value) if is_number(value) else 0
        self.counter_values[name] = previous + step
        return previous

    def take_next_cycle_index(self, cycle_key: str, length: int) -> int:
        """Return the index of the next value of a Liquid `cycle` tag with *length* values."""
        index = self._next_cycle_indexes.get(cycle_key, 0)
        self._next_cycle_indexes[cycle_key] = (index + 1) % length
        return index


# Takes the context, the value and the arguments. An argument that is left out is undefined;
# `name: value` arrives as the pair [name, value].
LiquidFilter: TypeAlias = Callable[..., Any]


def number_filter(function: Callable[..., float]) -> LiquidFilter:
    """Decorate a Liquid filter that takes value and arguments as numbers, 0 for other values."""

    @wraps(function)
    def call_with_numbers(_context: LiquidContext, *values: JSON) -> float:
        return function(*map(to_number_or_zero, values))

    return call_with_numbers


def text_filter(function: LiquidFilter) -> LiquidFilter:
    """Decorate a Liquid filter that takes its value as text, and count the memory of the text."""

    @wraps(function)
    def call_with_text(context: LiquidContext, value: JSON, *arguments: JSON) -> JSON:
        text = format_output(value)
        context.count_memory(len(text))
        return function(text, *arguments)

    return call_with_text
