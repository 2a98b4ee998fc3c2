"""What one rendering of a template knows and may use: the event, its variables, its limits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from liquid import BoundTemplate, RenderContext

from segment_insider_emulator.mapping.javascript import MISSING, is_number
from segment_insider_emulator.mapping.liquid.errors import Fault
from segment_insider_emulator.mapping.liquid.values import MAX_TEXT, number, own, string
from segment_insider_emulator.types import JSON, JSONObject

# Segment's limits are 100 million units of memory, which liquidjs counts by its own rules, and
# half a second. The time is kept by counting too, so that a result never depends on the machine.
MEMORY_LIMIT: Final = 100_000_000
LIST_LIMIT: Final = 300_000

Evaluate = Callable[["Scope"], JSON]


class Scope(RenderContext):
    """One rendering: variables that the template sets hide the event's."""

    def __init__(self, template: BoundTemplate, event: JSON) -> None:
        super().__init__(template)
        self.event = event
        self.frames: list[JSONObject] = [{}]
        self.counted: dict[str, float] = {}
        self._memory = 0.0
        self._written = 0

    def use(self, amount: float) -> None:
        """Count *amount* units of memory, before they are used."""
        if amount > 0:
            self._memory += amount
            if self._memory > MEMORY_LIMIT:
                raise Fault("memory alloc limit exceeded")

    def use_list(self, length: float) -> None:
        """Count a new list of *length* elements."""
        self.use(length)
        if length > LIST_LIMIT:
            raise Fault("template render limit exceeded")

    def write(self, text: str, buffer: TextIO) -> None:
        self._written += len(text)
        if self._written > MAX_TEXT:
            raise Fault("Invalid string length")
        buffer.write(text)

    def root(self, key: JSON) -> JSON:
        """The variable *key*, else the event's member; MISSING when there is neither."""
        name = string(key)
        for frame in reversed(self.frames):
            if name in frame:
                return frame[name]
        if name in self.counted:
            return self.counted[name]
        found = own(self.event, name)
        # liquidjs looks names that nobody set up in an empty object, and its size is 0.
        return 0 if found is MISSING and key == "size" else found

    def set(self, name: str, value: JSON) -> None:
        self.frames[0][name] = value

    @contextmanager
    def frame(self, names: JSONObject) -> Iterator[None]:
        """Hide variables behind *names* for a while."""
        self.frames.append(names)
        yield
        self.frames.pop()

    def count(self, name: str, step: int) -> float:
        """Move the counter *name* by *step*; a number of the event serves as its start.

        Returns: The value before the move.
        """
        value = self.counted.get(name, own(self.event, name))
        before = number(value) if is_number(value) else 0
        self.counted[name] = before + step
        return before
