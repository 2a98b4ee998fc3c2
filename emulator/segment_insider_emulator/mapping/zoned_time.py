"""Points in time with the parts that dates are written from, without Python's limits on years.

Source: ECMAScript, "Time-related constants and abstract operations".
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final

_MS_PER_DAY: Final = 86_400_000
_MAX_EPOCH_MS: Final = 8.64e15


def count_days_since_epoch(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a day of the proleptic Gregorian calendar; *day* may overflow."""
    # Years that begin in March end with the leap day.
    year -= month <= 2
    in_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + in_year - 719_468


def clip_epoch_ms(milliseconds: float) -> float:
    """*milliseconds* as a date keeps them: whole, NaN when too far from 1970."""
    if not abs(milliseconds) <= _MAX_EPOCH_MS:
        return math.nan
    return float(int(milliseconds))


@dataclass(frozen=True)
class ZonedTime:
    """A point in time, and the clock on which its parts are read.

    Args:
        instant: Milliseconds since 1970 in UTC.
        offset: Minutes to add to the clock to get UTC, negative in the east.
        zone: The name of the clock's time zone; empty when only the offset is known.
    """

    epoch_ms: float
    offset_minutes: float
    zone_name: str

    @cached_property
    def local_ms(self) -> int:
        """Milliseconds since 1970 on the clock."""
        return int(self.epoch_ms - self.offset_minutes * 60_000)

    @cached_property
    def _year_month_day(self) -> tuple[int, int, int]:
        days = self.local_ms // _MS_PER_DAY + 719_468
        era, in_era = divmod(days, 146_097)
        year = (in_era - in_era // 1_460 + in_era // 36_524 - in_era // 146_096) // 365
        in_year = in_era - (365 * year + year // 4 - year // 100)
        month = (5 * in_year + 2) // 153
        day = in_year - (153 * month + 2) // 5 + 1
        return era * 400 + year + (month >= 10), (month + 2) % 12 + 1, day

    @property
    def year(self) -> int:
        return self._year_month_day[0]

    @property
    def month(self) -> int:
        """1 to 12."""
        return self._year_month_day[1]

    @property
    def day(self) -> int:
        return self._year_month_day[2]

    @property
    def day_of_year(self) -> int:
        return self.local_ms // _MS_PER_DAY - count_days_since_epoch(self.year, 1, 1) + 1

    @property
    def weekday(self) -> int:
        """0 to 6, Sunday first."""
        return (self.local_ms // _MS_PER_DAY + 4) % 7

    @property
    def hour(self) -> int:
        return self.local_ms // 3_600_000 % 24

    @property
    def minute(self) -> int:
        return self.local_ms // 60_000 % 60

    @property
    def second(self) -> int:
        return self.local_ms // 1_000 % 60

    @property
    def millisecond(self) -> int:
        return self.local_ms % 1_000
