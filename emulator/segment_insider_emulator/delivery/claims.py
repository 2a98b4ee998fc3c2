"""Which messages are under way, so that two requests never carry the same one at once."""

from collections.abc import Iterator, Set
from contextlib import contextmanager
from threading import Condition

from segment_insider_emulator.errors import Unavailable

PATIENCE = 20.0  # seconds; a thread of the server waits as long


class Claims:
    """Message ids held by the requests that carry them now.

    Args:
        patience: Seconds that a request waits for the one before it.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._held: set[str] = set()
        self._freed = Condition()

    @contextmanager
    def hold(self, message_ids: Set[str]) -> Iterator[None]:
        """Wait until nobody holds any of *message_ids*, then hold them all for the block.

        Raises: Unavailable, when they are held for longer than a request waits.
        """
        with self._freed:
            if not self._freed.wait_for(lambda: self._held.isdisjoint(message_ids), self._patience):
                what = "an earlier request is still delivering the same messages"
                remedy = "Send them again later; see that the address of --insider-url answers."
                raise Unavailable(what, "messageId", remedy)
            self._held |= message_ids
        try:
            yield
        finally:
            with self._freed:
                self._held -= message_ids
                self._freed.notify_all()
