"""Guards for state shared by threads and, on PostgreSQL, by processes."""

from contextlib import AbstractContextManager
from threading import Lock
from typing import Protocol

from segment_insider_emulator.types import JSONObject


class Shareable(Protocol):
    """Interface of objects with a small state that can be exported as JSON and loaded elsewhere."""

    def export_state(self) -> JSONObject:
        """Return the object's shared state as JSON."""

    def load_state(self, state: JSONObject) -> None:
        """Replace the object's state by one that `export_state` returned."""


class StateGuard(Protocol):
    """Guard of the shared state of one object: locks it for reading and for updates."""

    @property
    def lock_for_reading(self) -> AbstractContextManager[object]:
        """Return a context manager: within it, no other thread changes the shared state."""

    @property
    def lock_for_update(self) -> AbstractContextManager[object]:
        """Return a context manager that loads the latest shared state, and shares the changed one.

        No other thread or process changes the state during the block. If the block raises, it
        must leave the state unchanged.
        """


class StateGuardFactory(Protocol):
    """Callable that creates the guard of a named shared state."""

    def __call__(
        self, name: str, shareable: Shareable, *, refresh_on_read: bool = True
    ) -> StateGuard:
        """Create the guard of the state of *shareable*.

        Args:
            refresh_on_read: Whether readers need the latest state, and not only updates.
        """


class _ProcessLocalGuard:
    def __init__(self) -> None:
        self.lock_for_reading = self.lock_for_update = Lock()


def create_process_local_guard(
    name: str, shareable: Shareable, *, refresh_on_read: bool = True
) -> StateGuard:
    """Create a guard for a state that no other process shares; name and state are not used."""
    return _ProcessLocalGuard()
