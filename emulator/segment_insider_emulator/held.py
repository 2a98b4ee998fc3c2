"""What all who answer for one sandbox hold in common: the threads of a process or, where they share
a database, those of several processes."""

from contextlib import AbstractContextManager
from threading import Lock
from typing import Protocol

from segment_insider_emulator.types import JSONObject


class Holder(Protocol):
    """Has a small state that can be written down."""

    def state(self) -> JSONObject:
        """What it holds."""

    def restore(self, state: JSONObject) -> None:
        """Hold what `state` of the same holder in another process gave."""


class Held(Protocol):
    """The state of one holder, guarded."""

    def looking(self) -> AbstractContextManager[object]:
        """A block in which no other thread changes it."""

    def changing(self) -> AbstractContextManager[object]:
        """A block that begins with the latest state, and whose outcome all have; nobody else
        changes it meanwhile. One that raises has to leave the state as it was."""


class Hold(Protocol):
    """Guards the state of a holder that is whole, and known by its name."""

    def __call__(self, name: str, holder: Holder, *, looked_at: bool = True) -> Held:
        """The guard.

        Args:
            looked_at: Whether anybody looks who does not change it.
        """


class _OneProcess:
    def __init__(self) -> None:
        self._lock = Lock()

    def looking(self) -> AbstractContextManager[object]:
        return self._lock

    changing = looking


def alone(name: str, holder: Holder, *, looked_at: bool = True) -> Held:
    """For a process that shares with no other."""
    return _OneProcess()
