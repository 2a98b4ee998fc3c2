"""The clock of a sandbox, and parsing and formatting of ISO 8601 times and durations."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeAlias

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.shared_state import StateGuardFactory, create_process_local_guard
from segment_insider_emulator.types import JSON, JSONObject

Clock: TypeAlias = Callable[[], datetime]
Stopwatch: TypeAlias = Callable[[], float]  # seconds since any moment; never goes back

# Durations can be added to or subtracted from these without leaving the calendar.
EARLIEST_TIME = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_TIME = datetime(9000, 1, 1, tzinfo=UTC)
NEVER_DUE = "9999"  # sorts after every ISO 8601 time
_MICROSECOND = timedelta(microseconds=1)


def utc_now() -> datetime:
    """Return the machine's current time, with time zone UTC."""
    return datetime.now(UTC)


# The same few times are formatted and parsed again and again while one request is handled.
@lru_cache
def format_iso_utc(moment: datetime) -> str:
    """Format a time as ISO 8601 in UTC with milliseconds and `Z`, as Segment does."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{utc.isoformat(timespec='milliseconds')[:-6]}Z"  # without "+00:00"


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What a sandbox's clock shows: the time, whether it is frozen, and its offset."""

    now: datetime
    frozen: bool
    offset: timedelta


class SandboxClock:
    """A sandbox's clock: follows the machine's clock until it is frozen, set or moved.

    Safe for threads, and shared by all processes of a database. It never goes back, except by
    `reset`; while the machine's clock goes back, it stops.
    """

    def __init__(
        self,
        machine_clock: Clock = utc_now,
        create_guard: StateGuardFactory = create_process_local_guard,
    ) -> None:
        self._machine_clock = machine_clock
        self._frozen: datetime | None = None
        self._offset = timedelta(0)
        self._latest_time = machine_clock()
        self._guard = create_guard("clock", self)

    def __call__(self) -> datetime:
        with self._guard.lock_for_reading:
            # As _current_time, without its call: each request reads the time again and again.
            shown = self._frozen or self._machine_clock() + self._offset
            if shown > self._latest_time:
                self._latest_time = shown
            return self._latest_time

    def read_time_and_offset(self) -> ClockReading:
        """Return the sandbox's time, its offset, and whether its clock is frozen, at one moment."""
        with self._guard.lock_for_reading:
            now = self._current_time()
            return ClockReading(now, self._frozen is not None, now - self._machine_clock())

    def freeze(self) -> None:
        """Freeze the sandbox's clock at its current time."""
        with self._guard.lock_for_update:
            self._frozen = self._current_time()

    def resume(self) -> None:
        """Let the sandbox's frozen clock run again, from the time it shows."""
        with self._guard.lock_for_update:
            now = self._current_time()
            self._offset, self._frozen = now - self._machine_clock(), None

    def freeze_at(self, at: datetime, where: str = "set") -> None:
        """Set the sandbox's clock to the time *at* and freeze it there.

        Raises: EmulatorError, when *at* is before the clock's time, or after LATEST_TIME.
        """
        with self._guard.lock_for_update:
            check_clock_range(at, where)
            if at < self._current_time():
                now = format_iso_utc(self._current_time())
                what = f"{format_iso_utc(at)} is earlier than the clock's time, {now}"
                remedy = 'To go back, reset: POST /emulator/v1/reset {"now": ...}.'
                raise EmulatorError(what, where, remedy)
            self._frozen = self._latest_time = at

    def advance(self, by: timedelta, where: str = "advance") -> None:
        """Move the sandbox's clock forward by *by*; a running clock keeps running.

        Raises: EmulatorError, when the new time is after LATEST_TIME.
        """
        with self._guard.lock_for_update:
            now = self._current_time()
            if by > LATEST_TIME - now:
                raise _build_out_of_range_error(where)
            self._latest_time = now + by
            if self._frozen:
                self._frozen = self._latest_time
            else:
                self._offset += by

    def reset(self, at: datetime | None = None) -> None:
        """Make the sandbox's clock follow the machine's again or, with *at*, freeze it there.

        Raises: EmulatorError, when *at* is not from EARLIEST_TIME to LATEST_TIME.
        """
        if at:
            check_clock_range(at, "now")
        with self._guard.lock_for_update:
            self._frozen, self._offset = at, timedelta(0)
            self._latest_time = at or self._machine_clock()

    def export_state(self) -> JSONObject:
        """Return the clock's state for other processes: {"frozen", "offset", "latest"}."""
        return {
            "frozen": self._frozen and self._frozen.isoformat(),
            "offset": self._offset // _MICROSECOND,
            "latest": self._latest_time.isoformat(),
        }

    def load_state(self, state: JSONObject) -> None:
        """Load the clock's state that `export_state` of another process returned."""
        self._frozen = state["frozen"] and datetime.fromisoformat(state["frozen"])
        self._offset = state["offset"] * _MICROSECOND
        self._latest_time = datetime.fromisoformat(state["latest"])

    def _current_time(self) -> datetime:
        shown = self._frozen or self._machine_clock() + self._offset
        if shown > self._latest_time:
            self._latest_time = shown
        return self._latest_time


def check_clock_range(at: datetime, where: str) -> None:
    """Check that a time is in the range of the sandbox clock. Raises: EmulatorError."""
    if not EARLIEST_TIME <= at <= LATEST_TIME:
        raise _build_out_of_range_error(where)


def _build_out_of_range_error(where: str) -> EmulatorError:
    remedy = f"Stay from {format_iso_utc(EARLIEST_TIME)} to {format_iso_utc(LATEST_TIME)}."
    return EmulatorError("the clock cannot be set to this time", where, remedy)


def parse_iso_time(value: JSON) -> datetime | None:
    """Parse an ISO 8601 time (UTC if it has no offset); None if the value is not a time."""
    return _parse_time_text(value) if isinstance(value, str) else None


@lru_cache
def _parse_time_text(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_UNIT_SECONDS = {"week": 604_800, "day": 86_400, "hour": 3600, "minute": 60, "second": 1}
_UNIT_NAMES = {
    **{name: name for name in _UNIT_SECONDS},
    **{f"{name}s": name for name in _UNIT_SECONDS},
    **{"w": "week", "d": "day", "h": "hour", "min": "minute", "mins": "minute", "m": "minute"},
    **{"sec": "second", "secs": "second", "s": "second"},
}
_NUMBER_WITH_UNIT = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]+)", re.ASCII)
_DURATION_IN_WORDS = re.compile(
    rf"{_NUMBER_WITH_UNIT.pattern}(?:(?:\s*,\s*|\s+and\s+|\s+){_NUMBER_WITH_UNIT.pattern})*",
    re.ASCII,
)
# Years and months have no fixed length, so they are not supported.
_ISO_DURATION = re.compile(
    r"p(?=\d|t\d)(?:(\d{1,9})w)?(?:(\d{1,9})d)?"
    r"(?:t(?=\d)(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9}(?:\.\d{1,6})?)s)?)?",
    re.ASCII,
)
MAX_DURATION = timedelta(days=36_525)  # a century, so that sums stay in the calendar
DURATION_REMEDY = "Write a duration, such as 45 minutes, 1 day 2 hours or PT45M."


def parse_duration(text: str, where: str) -> timedelta:
    """Parse a duration such as "1 day 2 hours" or "PT45M".

    Args:
        text: Numbers with units, or an ISO 8601 duration of weeks, days, hours, minutes, seconds.
        where: Name of the input, for error messages.
    Raises: EmulatorError, when *text* is not a duration from 1 millisecond to MAX_DURATION.
    """
    folded = text.strip().lower()
    seconds = 0.0
    if match := _ISO_DURATION.fullmatch(folded):
        units = zip(_UNIT_SECONDS.values(), match.groups(), strict=True)
        seconds = sum(float(number) * size for size, number in units if number)
    elif _DURATION_IN_WORDS.fullmatch(folded):
        seconds = sum(
            float(number) * _get_seconds_of_unit(unit, text, where)
            for number, unit in _split_into_number_unit_pairs(folded)
        )
    if seconds > MAX_DURATION.total_seconds():
        raise EmulatorError(f"{text[:40]!r} is too long", where, "Stay below a hundred years.")
    duration = timedelta(seconds=seconds)
    if duration < timedelta(milliseconds=1):
        raise EmulatorError(f"{text[:40]!r} is not a duration", where, DURATION_REMEDY)
    return duration


def format_duration(duration: timedelta) -> str:
    """Format a positive *duration* for people, e.g. "1 day 2 hours"; exact to the millisecond."""
    rest = duration // timedelta(milliseconds=1)
    parts = []
    for name, seconds in _UNIT_SECONDS.items():
        if name == "week":  # people say "8 days", not "1 week 1 day"
            continue
        count, rest = divmod(rest, seconds * 1000)
        if name == "second" and rest:
            parts.append(f"{count + rest / 1000:g} seconds")
        elif count:
            parts.append(f"{count} {name}" + ("s" if count > 1 else ""))
    return " ".join(parts)


def _split_into_number_unit_pairs(lowercase_text: str) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for match in _NUMBER_WITH_UNIT.finditer(lowercase_text)]


def _get_seconds_of_unit(unit: str, text: str, where: str) -> int:
    if unit not in _UNIT_NAMES:
        raise EmulatorError(f"{text[:40]!r} is not a duration", where, DURATION_REMEDY)
    return _UNIT_SECONDS[_UNIT_NAMES[unit]]
