"""The parts of a date as they are found in a text, and the point in time that they make.

Source: V8, `src/date/dateparser.cc`: DayComposer, TimeComposer, TimeZoneComposer.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from segment_insider_emulator.mapping.dates.moments import count_days_since_epoch
from segment_insider_emulator.mapping.dates.tokens import UnreadableDateError

_TIME_PART_LIMITS: Final = (60, 60, 1_000)


class ZoneOffset(NamedTuple):
    """How far the clock is ahead of UTC; minutes are None while they may follow a colon."""

    sign: int
    hours: int
    minutes: int | None

    @property
    def is_utc(self) -> bool:
        return self.hours == 0 and self.minutes == 0


UTC_OFFSET: Final = ZoneOffset(1, 0, 0)


@dataclass
class DateParts:
    """What a text has said so far.

    Args:
        days: Up to three numbers, in the order of the text.
        times: Hour, minute, second and millisecond, as far as known.
        month: A month that the text names, 1 to 12.
        half_day: 12 behind "pm", 0 behind "am".
        iso: Whether *days* are certainly year, month and day.
    """

    day_numbers: list[int] = field(default_factory=list)
    time_numbers: list[int] = field(default_factory=list)
    named_month: int | None = None
    half_day_hours: int | None = None
    zone_offset: ZoneOffset | None = None
    is_iso: bool = False

    def can_be_next_time_part(self, number: int) -> bool:
        """Whether *number* can be the next part of the time that has begun."""
        return (
            0 < len(self.time_numbers) < 4
            and number < _TIME_PART_LIMITS[len(self.time_numbers) - 1]
        )

    def can_be_zone_minutes(self, number: int) -> bool:
        return self.zone_offset is not None and self.zone_offset.minutes is None and number < 60

    def finish_time(self, *numbers: int) -> None:
        """Add *numbers* to the time; what is still unknown is 0."""
        self.time_numbers = [*self.time_numbers, *numbers, 0, 0, 0][:4]

    def compute_epoch_ms(self) -> int:
        """Milliseconds since 1970 in UTC.

        Raises: Unreadable, when a part is missing or out of its range.
        """
        offset = 0
        if self.zone_offset is not None:
            offset = self.zone_offset.sign * (
                self.zone_offset.hours * 60 + (self.zone_offset.minutes or 0)
            )
        return (
            self._compute_epoch_days() * 86_400_000
            + self._compute_time_of_day_ms()
            - offset * 60_000
        )

    def _compute_epoch_days(self) -> int:
        """Days since 1970."""
        if not self.day_numbers:
            raise UnreadableDateError
        year, month, day = self._order_day_numbers(*[*self.day_numbers, 1, 1][:3])
        if not self.is_iso and 0 <= year < 100:
            year += 2000 if year < 50 else 1900
        if not (1 <= month <= 12 and 1 <= day <= 31):
            raise UnreadableDateError
        return count_days_since_epoch(year, month, day)

    def _order_day_numbers(self, first: int, second: int, third: int) -> tuple[int, int, int]:
        first_is_day = 1 <= first <= 31
        if self.named_month is not None:
            return (
                (second, self.named_month, first)
                if first_is_day
                else (first, self.named_month, second)
            )
        if self.is_iso or not first_is_day:
            return first, second, third
        return third, first, second

    def _compute_time_of_day_ms(self) -> int:
        """Milliseconds since midnight."""
        hour, minute, second, millisecond = [*self.time_numbers, 0, 0, 0, 0][:4]
        if self.half_day_hours is not None:
            if hour > 12:
                raise UnreadableDateError
            hour = hour % 12 + self.half_day_hours
        fits = hour < 24 and minute < 60 and second < 60 and millisecond < 1_000
        if not fits and (hour, minute, second, millisecond) != (24, 0, 0, 0):
            raise UnreadableDateError
        return ((hour * 60 + minute) * 60 + second) * 1_000 + millisecond
