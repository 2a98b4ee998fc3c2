"""What all who answer for one sandbox hold in common: the threads of a process or, where they share
a database, those of several processes."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Lock
from typing import Protocol, TypeAlias

from emulator.types import JSONObject


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


Hold: TypeAlias = Callable[[str, Holder], Held]  # by name, when the holder is whole


class _OneProcess:
    def __init__(self) -> None:
        self._lock = Lock()

    def looking(self) -> AbstractContextManager[object]:
        return self._lock

    changing = looking


def alone(_name: str, _holder: Holder) -> Held:
    """For a process that shares with no other."""
    return _OneProcess()
