"""Guards for state shared by threads and, on PostgreSQL, by processes."""

from contextlib import AbstractContextManager
from threading import Lock
from typing import Protocol

from segment_insider_emulator.types import JSONObject


class Shareable(Protocol):
    """Has a small state that can be exported as JSON and restored."""

    def export_state(self) -> JSONObject:
        """Return the state as a JSON object."""

    def load_state(self, state: JSONObject) -> None:
        """Replace the state by one that `export_state` returned, maybe in another process."""


class StateGuard(Protocol):
    """Locks the state of one Shareable."""

    @property
    def lock_for_reading(self) -> AbstractContextManager[object]:
        """A context in which no other thread changes the state."""

    @property
    def lock_for_update(self) -> AbstractContextManager[object]:
        """A context that starts with the latest state and shares the changed one at its end.

        No other thread or process changes the state during the block. If the block raises, it
        must leave the state unchanged.
        """


class StateGuardFactory(Protocol):
    """Creates the guard of a named state."""

    def __call__(
        self, name: str, shareable: Shareable, *, refresh_on_read: bool = True
    ) -> StateGuard:
        """Create the guard of *shareable*.

        Args:
            refresh_on_read: Whether readers need the latest state, and not only updates.
        """


class _ProcessLocalGuard:
    def __init__(self) -> None:
        self.lock_for_reading = self.lock_for_update = Lock()


def create_process_local_guard(
    name: str, shareable: Shareable, *, refresh_on_read: bool = True
) -> StateGuard:
    """Create a lock for a state that no other process shares; name and state are not used."""
    return _ProcessLocalGuard()
