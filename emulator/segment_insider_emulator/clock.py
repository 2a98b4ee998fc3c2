"""Time as the emulator sees it: passed in, never read inside a decision."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.held import Hold, alone
from segment_insider_emulator.types import JSONObject

Clock: TypeAlias = Callable[[], datetime]
Stopwatch: TypeAlias = Callable[[], float]  # seconds, from any moment on; never goes back

# Room to add retentions and waits to any time, or to take them off, within the calendar.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
NEVER = "9999"  # later than any ISO 8601 time that is met
_MICROSECOND = timedelta(microseconds=1)


def utc_now() -> datetime:
    """The machine's time, aware, in UTC."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`, as Segment writes times."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{utc.isoformat(timespec='milliseconds')[:-6]}Z"  # without its "+00:00"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a clock shows: the time, whether it stands still, and how far ahead of the machine."""

    now: datetime
    frozen: bool
    offset: timedelta


class SandboxClock:
    """A clock that runs with the machine's until it is frozen, set or moved. Safe for threads,
    and the same for all processes that *hold* it.

    It never goes back, but by `reset`; while the machine's own clock goes back, it stands still.
    """

    def __init__(self, machine: Clock = utc_now, hold: Hold = alone) -> None:
        self._machine = machine
        self._frozen: datetime | None = None
        self._offset = timedelta(0)
        self._latest = machine()
        self._held = hold("clock", self)

    def __call__(self) -> datetime:
        with self._held.looking():
            return self._now()

    def read(self) -> Reading:
        """Everything the clock shows, at one moment."""
        with self._held.looking():
            now = self._now()
            return Reading(now, self._frozen is not None, now - self._machine())

    def freeze(self) -> None:
        """Stand still at the present time."""
        with self._held.changing():
            self._frozen = self._now()

    def resume(self) -> None:
        """Run again, from the time the clock shows."""
        with self._held.changing():
            now = self._now()
            self._offset, self._frozen = now - self._machine(), None

    def set(self, at: datetime, where: str = "set") -> None:
        """Go to *at*, aware, and stand still there.

        Raises: EmulatorError, when that is earlier than the clock's time, or beyond LATEST.
        """
        with self._held.changing():
            check(at, where)
            if at < self._now():
                what = f"{iso(at)} is earlier than the clock's time, {iso(self._now())}"
                remedy = 'Start afresh at that time: POST /emulator/v1/reset {"now": ...}.'
                raise EmulatorError(what, where, remedy)
            self._frozen = self._latest = at

    def advance(self, by: timedelta, where: str = "advance") -> None:
        """Go forward by *by*, which is positive; a clock that runs goes on running.

        Raises: EmulatorError, when that is beyond LATEST.
        """
        with self._held.changing():
            now = self._now()
            if by > LATEST - now:
                raise _outside(where)
            self._latest = now + by
            if self._frozen:
                self._frozen = self._latest
            else:
                self._offset += by

    def reset(self, at: datetime | None = None) -> None:
        """Follow the machine again or, with *at*, stand still there: the only way back in time.

        Raises: EmulatorError, when *at* is not from EARLIEST to LATEST.
        """
        if at:
            check(at, "now")
        with self._held.changing():
            self._frozen, self._offset = at, timedelta(0)
            self._latest = at or self._machine()

    def state(self) -> JSONObject:
        """For other processes: {"frozen", "offset", "latest"}; the offset in microseconds."""
        return {
            "frozen": self._frozen and self._frozen.isoformat(),
            "offset": self._offset // _MICROSECOND,
            "latest": self._latest.isoformat(),
        }

    def restore(self, state: JSONObject) -> None:
        """Go on from what `state` gave."""
        self._frozen = state["frozen"] and datetime.fromisoformat(state["frozen"])
        self._offset = state["offset"] * _MICROSECOND
        self._latest = datetime.fromisoformat(state["latest"])

    def _now(self) -> datetime:
        self._latest = max(self._latest, self._frozen or self._machine() + self._offset)
        return self._latest


def check(at: datetime, where: str) -> None:
    """Raises: EmulatorError, when *at* is not from EARLIEST to LATEST."""
    if not EARLIEST <= at <= LATEST:
        raise _outside(where)


def _outside(where: str) -> EmulatorError:
    remedy = f"Stay from {iso(EARLIEST)} to {iso(LATEST)}."
    return EmulatorError("the clock does not go there", where, remedy)
