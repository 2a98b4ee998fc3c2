"""What all who answer for one sandbox hold in common: the threads of a process or, where they share
a database, those of several processes."""

from contextlib import AbstractContextManager
from threading import Lock
from typing import Protocol

from segment_insider_emulator.types import JSONObject


class Shareable(Protocol):
    """Has a small state that can be written down."""

    def state(self) -> JSONObject:
        """What it holds."""

    def restore(self, state: JSONObject) -> None:
        """Hold what `state` of the same holder in another process gave."""


class StateGuard(Protocol):
    """The state of one holder, guarded."""

    def reading(self) -> AbstractContextManager[object]:
        """A block in which no other thread changes it."""

    def updating(self) -> AbstractContextManager[object]:
        """A block that begins with the latest state, and whose outcome all have; nobody else
        changes it meanwhile. One that raises has to leave the state as it was."""


class StateGuardFactory(Protocol):
    """Guards the state of a holder that is whole, and known by its name."""

    def __call__(
        self, name: str, shareable: Shareable, *, refresh_on_read: bool = True
    ) -> StateGuard:
        """The guard.

        Args:
            looked_at: Whether anybody looks who does not change it.
        """


class _ProcessLocalGuard:
    def __init__(self) -> None:
        self._lock = Lock()

    def reading(self) -> AbstractContextManager[object]:
        return self._lock

    updating = reading


def process_local(name: str, shareable: Shareable, *, refresh_on_read: bool = True) -> StateGuard:
    """For a process that shares with no other."""
    return _ProcessLocalGuard()
