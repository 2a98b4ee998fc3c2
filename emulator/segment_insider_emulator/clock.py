"""Time as the emulator sees it: passed in, never read inside a decision."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.held import StateGuardFactory, process_local
from segment_insider_emulator.types import JSONObject

Clock: TypeAlias = Callable[[], datetime]
Stopwatch: TypeAlias = Callable[[], float]  # seconds, from any moment on; never goes back

# Room to add retentions and waits to any time, or to take them off, within the calendar.
EARLIEST_TIME = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_TIME = datetime(9000, 1, 1, tzinfo=UTC)
NEVER_DUE = "9999"  # later than any ISO 8601 time that is met
_MICROSECOND = timedelta(microseconds=1)


def utc_now() -> datetime:
    """The machine's time, aware, in UTC."""
    return datetime.now(UTC)


def format_iso_utc(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`, as Segment writes times."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{utc.isoformat(timespec='milliseconds')[:-6]}Z"  # without its "+00:00"


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What a clock shows: the time, whether it stands still, and how far ahead of the machine."""

    now: datetime
    frozen: bool
    offset: timedelta


class SandboxClock:
    """A clock that runs with the machine's until it is frozen, set or moved. Safe for threads,
    and the same for all processes that *hold* it.

    It never goes back, but by `reset`; while the machine's own clock goes back, it stands still.
    """

    def __init__(
        self, machine_clock: Clock = utc_now, create_guard: StateGuardFactory = process_local
    ) -> None:
        self._machine_clock = machine_clock
        self._frozen: datetime | None = None
        self._offset = timedelta(0)
        self._latest_time = machine_clock()
        self._guard = create_guard("clock", self)

    def __call__(self) -> datetime:
        with self._guard.reading():
            return self._current_time()

    def read(self) -> ClockReading:
        """Everything the clock shows, at one moment."""
        with self._guard.reading():
            now = self._current_time()
            return ClockReading(now, self._frozen is not None, now - self._machine_clock())

    def freeze(self) -> None:
        """Stand still at the present time."""
        with self._guard.updating():
            self._frozen = self._current_time()

    def resume(self) -> None:
        """Run again, from the time the clock shows."""
        with self._guard.updating():
            now = self._current_time()
            self._offset, self._frozen = now - self._machine_clock(), None

    def set(self, at: datetime, where: str = "set") -> None:
        """Go to *at*, aware, and stand still there.

        Raises: EmulatorError, when that is earlier than the clock's time, or beyond LATEST.
        """
        with self._guard.updating():
            check_clock_range(at, where)
            if at < self._current_time():
                what = f"{format_iso_utc(at)} is earlier than the clock's time, {format_iso_utc(self._current_time())}"
                remedy = 'Start afresh at that time: POST /emulator/v1/reset {"now": ...}.'
                raise EmulatorError(what, where, remedy)
            self._frozen = self._latest_time = at

    def advance(self, by: timedelta, where: str = "advance") -> None:
        """Go forward by *by*, which is positive; a clock that runs goes on running.

        Raises: EmulatorError, when that is beyond LATEST.
        """
        with self._guard.updating():
            now = self._current_time()
            if by > LATEST_TIME - now:
                raise _out_of_range_error(where)
            self._latest_time = now + by
            if self._frozen:
                self._frozen = self._latest_time
            else:
                self._offset += by

    def reset(self, at: datetime | None = None) -> None:
        """Follow the machine again or, with *at*, stand still there: the only way back in time.

        Raises: EmulatorError, when *at* is not from EARLIEST to LATEST.
        """
        if at:
            check_clock_range(at, "now")
        with self._guard.updating():
            self._frozen, self._offset = at, timedelta(0)
            self._latest_time = at or self._machine_clock()

    def state(self) -> JSONObject:
        """For other processes: {"frozen", "offset", "latest"}; the offset in microseconds."""
        return {
            "frozen": self._frozen and self._frozen.isoformat(),
            "offset": self._offset // _MICROSECOND,
            "latest": self._latest_time.isoformat(),
        }

    def restore(self, state: JSONObject) -> None:
        """Go on from what `state` gave."""
        self._frozen = state["frozen"] and datetime.fromisoformat(state["frozen"])
        self._offset = state["offset"] * _MICROSECOND
        self._latest_time = datetime.fromisoformat(state["latest"])

    def _current_time(self) -> datetime:
        self._latest_time = max(
            self._latest_time, self._frozen or self._machine_clock() + self._offset
        )
        return self._latest_time


def check_clock_range(at: datetime, where: str) -> None:
    """Raises: EmulatorError, when *at* is not from EARLIEST to LATEST."""
    if not EARLIEST_TIME <= at <= LATEST_TIME:
        raise _out_of_range_error(where)


def _out_of_range_error(where: str) -> EmulatorError:
    remedy = f"Stay from {format_iso_utc(EARLIEST_TIME)} to {format_iso_utc(LATEST_TIME)}."
    return EmulatorError("the clock does not go there", where, remedy)
