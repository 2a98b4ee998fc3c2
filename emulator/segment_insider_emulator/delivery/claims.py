"""Which messages are under way, so that two requests never carry the same one at once."""

from collections.abc import Iterator, Set
from contextlib import contextmanager
from threading import Condition

from segment_insider_emulator.errors import TemporarilyUnavailable

IN_FLIGHT_TIMEOUT_S = 20.0  # seconds; a thread of the server waits as long


class InFlightIds:
    """Message ids held by the requests that carry them now.

    Args:
        patience: Seconds that a request waits for the one before it.
    """

    def __init__(self, timeout_s: float = IN_FLIGHT_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._reserved_ids: set[str] = set()
        self._released = Condition()

    @contextmanager
    def reserve(self, message_ids: Set[str]) -> Iterator[None]:
        """Wait until nobody holds any of *message_ids*, then hold them all for the block.

        Raises: Unavailable, when they are held for longer than a request waits.
        """
        with self._released:
            if not self._released.wait_for(
                lambda: self._reserved_ids.isdisjoint(message_ids), self._timeout_s
            ):
                what = "an earlier request is still delivering the same messages"
                remedy = "Send them again later; see that the address of --insider-url answers."
                raise TemporarilyUnavailable(what, "messageId", remedy)
            self._reserved_ids |= message_ids
        try:
            yield
        finally:
            with self._released:
                self._reserved_ids -= message_ids
                self._released.notify_all()
