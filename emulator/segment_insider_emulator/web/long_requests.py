"""Long requests: slots of event streams, clients that disconnect, responses that are cut off.

The server puts what these need into the WSGI environment. Without a server, as in a test client,
no stream has a slot and no client ever disconnects.
"""

from collections.abc import Callable
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MAX_STREAMS: Final = 6  # event streams, which last until the page is closed; each uses a thread
MAX_WAITING_REQUESTS: Final = 8  # requests that wait for an event; each uses a thread
# In an app's config: whether calls to Segment and Insider One wait for nothing but each other.
ONE_CALL_AT_A_TIME: Final = "ONE_CALL_AT_A_TIME"
STREAMS_KEY: Final = "emulator.streams"  # in a WSGI environment: the StreamSlots
# In a WSGI environment: a function that returns whether the client has disconnected.
IS_DISCONNECTED_KEY: Final = "emulator.is_disconnected"


class ConnectionCutOff(Exception):  # no error: an injected fault
    """Raised by a response body: the server closes the connection and sends no byte of it."""


class StreamSlots:
    """Slots for long-running event streams, each of which occupies a server thread."""

    def __init__(self, max_streams: int = MAX_STREAMS) -> None:
        self._slots = BoundedSemaphore(max_streams)
        self.is_closing = False  # whether streams must end because the server stops

    def acquire_slot(self) -> bool:
        """Acquire a slot if one is free; `release_slot` returns it."""
        return self._slots.acquire(blocking=False)

    def release_slot(self) -> None:
        """Release a slot that `acquire_slot` returned."""
        self._slots.release()


def create_disconnection_check(environ: "WSGIEnvironment") -> Callable[[], bool]:
    """Return a function that says if the client has disconnected or the server shuts down."""
    streams: StreamSlots | None = environ.get(STREAMS_KEY)
    is_disconnected: Callable[[], bool] = environ.get(IS_DISCONNECTED_KEY, bool)
    return lambda: is_disconnected() or (streams is not None and streams.is_closing)
