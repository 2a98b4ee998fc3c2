"""Which messages are under way, so that two requests never carry the same one at once."""

from collections.abc import Iterator, Set
from contextlib import contextmanager
from threading import Condition


class Claims:
    """Message ids held by the requests that carry them now."""

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._freed = Condition()

    @contextmanager
    def hold(self, message_ids: Set[str]) -> Iterator[None]:
        """Wait until nobody holds any of *message_ids*, then hold them all for the block."""
        with self._freed:
            self._freed.wait_for(lambda: self._held.isdisjoint(message_ids))
            self._held |= message_ids
        try:
            yield
        finally:
            with self._freed:
                self._held -= message_ids
                self._freed.notify_all()
