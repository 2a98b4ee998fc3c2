"""The parts of a date as they are found in a text, and the point in time that they make.

Source: V8, `src/date/dateparser.cc`: DayComposer, TimeComposer, TimeZoneComposer.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from segment_insider_emulator.mapping.dates.moments import days_before
from segment_insider_emulator.mapping.dates.tokens import Unreadable

_LIMITS: Final = (60, 60, 1_000)


class Zone(NamedTuple):
    """How far the clock is ahead of UTC; minutes are None while they may follow a colon."""

    sign: int
    hours: int
    minutes: int | None

    @property
    def is_utc(self) -> bool:
        return self.hours == 0 and self.minutes == 0


UTC: Final = Zone(1, 0, 0)


@dataclass
class Parts:
    """What a text has said so far.

    Args:
        days: Up to three numbers, in the order of the text.
        times: Hour, minute, second and millisecond, as far as known.
        month: A month that the text names, 1 to 12.
        half_day: 12 behind "pm", 0 behind "am".
        iso: Whether *days* are certainly year, month and day.
    """

    days: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    month: int | None = None
    half_day: int | None = None
    zone: Zone | None = None
    iso: bool = False

    def expects(self, number: int) -> bool:
        """Whether *number* can be the next part of the time that has begun."""
        return 0 < len(self.times) < 4 and number < _LIMITS[len(self.times) - 1]

    def expects_zone_minutes(self, number: int) -> bool:
        return self.zone is not None and self.zone.minutes is None and number < 60

    def finish_time(self, *numbers: int) -> None:
        """Add *numbers* to the time; what is still unknown is 0."""
        self.times = [*self.times, *numbers, 0, 0, 0][:4]

    def milliseconds(self) -> int:
        """Milliseconds since 1970 in UTC.

        Raises: Unreadable, when a part is missing or out of its range.
        """
        offset = 0
        if self.zone is not None:
            offset = self.zone.sign * (self.zone.hours * 60 + (self.zone.minutes or 0))
        return self._day() * 86_400_000 + self._time() - offset * 60_000

    def _day(self) -> int:
        """Days since 1970."""
        if not self.days:
            raise Unreadable
        year, month, day = self._year_month_day(*[*self.days, 1, 1][:3])
        if not self.iso and 0 <= year < 100:
            year += 2000 if year < 50 else 1900
        if not (1 <= month <= 12 and 1 <= day <= 31):
            raise Unreadable
        return days_before(year, month, day)

    def _year_month_day(self, first: int, second: int, third: int) -> tuple[int, int, int]:
        first_is_day = 1 <= first <= 31
        if self.month is not None:
            return (second, self.month, first) if first_is_day else (first, self.month, second)
        if self.iso or not first_is_day:
            return first, second, third
        return third, first, second

    def _time(self) -> int:
        """Milliseconds since midnight."""
        hour, minute, second, millisecond = [*self.times, 0, 0, 0, 0][:4]
        if self.half_day is not None:
            if hour > 12:
                raise Unreadable
            hour = hour % 12 + self.half_day
        fits = hour < 24 and minute < 60 and second < 60 and millisecond < 1_000
        if not fits and (hour, minute, second, millisecond) != (24, 0, 0, 0):
            raise Unreadable
        return ((hour * 60 + minute) * 60 + second) * 1_000 + millisecond
