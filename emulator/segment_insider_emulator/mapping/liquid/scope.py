"""What one rendering of a template knows and may use: the event, its variables, its limits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from liquid import BoundTemplate, RenderContext

from segment_insider_emulator.mapping.javascript import MISSING, is_number
from segment_insider_emulator.mapping.liquid.errors import UnlocatedLiquidError
from segment_insider_emulator.mapping.liquid.values import (
    MAX_TEXT_LENGTH,
    get_own_property,
    to_number,
    to_string,
)
from segment_insider_emulator.types import JSON, JSONObject

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
