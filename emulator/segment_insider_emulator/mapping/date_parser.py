"""A date parser for texts that works like V8's `Date.parse` on a machine in UTC.

A text is read as ISO 8601 as far as possible. What follows, or any other text, is read as a legacy
date: numbers, names of months and zones, and punctuation in nearly any order.

Source: V8, `src/date/dateparser-inl.h`, `src/date/dateparser.cc`; ECMAScript, "Time-related
constants and abstract operations".
"""

import math
import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from segment_insider_emulator.mapping.javascript import WHITE_SPACE

_TOKEN_PATTERN: Final = re.compile(
    rf"(?P<number>[0-9]+)|(?P<word>[^\x00-@{WHITE_SPACE}]+)|(?P<space>[{WHITE_SPACE}]+)|(?P<sign>.)",
    re.DOTALL,
)
# Digits after the ninth are ignored.
_SIGNIFICANT_DIGITS: Final = 9
# Limits of minutes, seconds and milliseconds.
_TIME_PART_LIMITS: Final = (60, 60, 1_000)
_MONTH_PREFIXES: Final = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
_ZONE_OFFSET_HOURS: Final = {
    **{"ut": 0, "utc": 0, "z": 0, "gmt": 0, "est": -5, "edt": -4},
    **{"cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7},
}
_SIGNS_AFTER_TIME: Final = ("Z", "z", "+", "-")

MS_PER_DAY: Final = 86_400_000
_MAX_EPOCH_MS: Final = 8.64e15


def parse_date_ms(text: str) -> float:
    """Parse *text* as a date; return milliseconds since 1970 in UTC, NaN when it is not a date."""
    tokens, parts = DateTokenStream(text), DateParts()
    try:
        _read_iso_date(tokens, parts)
        _read_legacy_date(tokens, parts)
        return clip_epoch_ms(parts.compute_epoch_ms())
    except UnreadableDateError:
        return math.nan


def count_days_since_epoch(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a Gregorian date; *day* may exceed the month."""
    # Years that begin in March end with the leap day.
    year -= month <= 2
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + day_of_year - 719_468


def clip_epoch_ms(milliseconds: float) -> float:
    """Return *milliseconds* as JavaScript dates store them: whole, NaN when too far from 1970."""
    if not abs(milliseconds) <= _MAX_EPOCH_MS:
        return math.nan
    return float(int(milliseconds))


class UnreadableDateError(Exception):
    """A text cannot be read as a date."""


class DateToken(NamedTuple):
    """A token of a date text; its kind is "number", "word", "space", "sign" or "end"."""

    kind: str
    text: str

    @property
    def number(self) -> int:
        """Return the value of a number token."""
        return int(self.text.lstrip("0")[:_SIGNIFICANT_DIGITS] or 0)

    @property
    def fraction_ms(self) -> int:
        """The digits of a number token as a decimal fraction of a second, in milliseconds."""
        return self.number * 1_000 // int(10 ** min(len(self.text), _SIGNIFICANT_DIGITS))


END_TOKEN: Final = DateToken("end", "")


class DateTokenStream:
    """The tokens of a date text, read one after the other."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokenize_date(text)
        self._position = 0

    def peek_token(self) -> DateToken:
        """Return the next date token without taking it; END_TOKEN at the end."""
        return self._tokens[self._position] if self._position < len(self._tokens) else END_TOKEN

    def take_token(self) -> DateToken:
        """Return the next date token and move past it."""
        token = self.peek_token()
        self._position += 1
        return token

    def take_token_with_text(self, *texts: str) -> str:
        """Take the next date token if its text is one of *texts*; return the text, else ""."""
        return self.take_token().text if self.peek_token().text in texts else ""

    def take_number_of_length(self, length: int, minimum: int, maximum: int) -> int | None:
        """Take the next date token if it is a number of *length* digits in range, or None."""
        token = self.peek_token()
        if (
            token.kind != "number"
            or len(token.text) != length
            or not minimum <= token.number <= maximum
        ):
            return None
        return self.take_token().number

    def take_two_digits(self, maximum: int) -> int:
        """Take the next date token if it is a two-digit number up to *maximum*, or return None.

        Raises: UnreadableDateError, when something else is next.
        """
        number = self.take_number_of_length(2, 0, maximum)
        if number is None:
            raise UnreadableDateError
        return number


def _tokenize_date(text: str) -> list[DateToken]:
    """Split a date text into tokens; text in parentheses becomes one sign."""
    tokens: list[DateToken] = []
    depth = 0
    for match in _TOKEN_PATTERN.finditer(text):
        if depth == 0:
            tokens.append(DateToken(match.lastgroup or "sign", match.group()))
        depth += match.group() == "("
        depth -= depth > 0 and match.group() == ")"
    return tokens


class ZoneOffset(NamedTuple):
    """Offset of a time zone from UTC; minutes are None while they may follow after a colon."""

    sign: int
    hours: int
    minutes: int | None

    @property
    def is_utc(self) -> bool:
        """Return whether the zone offset is zero, so that times with it are in UTC."""
        return self.hours == 0 and self.minutes == 0


UTC_OFFSET: Final = ZoneOffset(1, 0, 0)


@dataclass
class DateParts:
    """Parts of a date that the date parser has read so far.

    Args:
        day_numbers: Up to three numbers, in the order of the text.
        time_numbers: Hour, minute, second and millisecond, as far as known.
        named_month: A month that the text names, 1 to 12.
        half_day_hours: 12 after "pm", 0 after "am".
        is_iso: Whether *day_numbers* are certainly year, month and day.
    """

    day_numbers: list[int] = field(default_factory=list)
    time_numbers: list[int] = field(default_factory=list)
    named_month: int | None = None
    half_day_hours: int | None = None
    zone_offset: ZoneOffset | None = None
    is_iso: bool = False

    def can_be_next_time_part(self, number: int) -> bool:
        """Return whether *number* can be the next part of a time that has begun."""
        return (
            0 < len(self.time_numbers) < 4
            and number < _TIME_PART_LIMITS[len(self.time_numbers) - 1]
        )

    def can_be_zone_minutes(self, number: int) -> bool:
        """Return whether *number* can be the minutes of an offset such as "+5:30"."""
        return self.zone_offset is not None and self.zone_offset.minutes is None and number < 60

    def add_time_numbers(self, *numbers: int) -> None:
        """Add *numbers* to the time of day; parts that are still unknown become 0."""
        self.time_numbers = [*self.time_numbers, *numbers, 0, 0, 0][:4]

    def compute_epoch_ms(self) -> int:
        """Return the date in milliseconds since 1970 in UTC.

        Raises: UnreadableDateError, when a part is missing or out of range.
        """
        day_ms = self._compute_epoch_days() * MS_PER_DAY + self._compute_time_of_day_ms()
        if self.zone_offset is None:
            return day_ms
        sign, hours, minutes = self.zone_offset
        return day_ms - sign * (hours * 60 + (minutes or 0)) * 60_000

    def _compute_epoch_days(self) -> int:
        """Return the days from 1970-01-01 to the date."""
        if not self.day_numbers:
            raise UnreadableDateError
        year, month, day = self._order_year_month_day(*[*self.day_numbers, 1, 1][:3])
        if not self.is_iso and 0 <= year < 100:
            year += 2000 if year < 50 else 1900
        if not (1 <= month <= 12 and 1 <= day <= 31):
            raise UnreadableDateError
        return count_days_since_epoch(year, month, day)

    def _order_year_month_day(self, first: int, second: int, third: int) -> tuple[int, int, int]:
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
        """Return the milliseconds of the date since its midnight."""
        hour, minute, second, millisecond = [*self.time_numbers, 0, 0, 0, 0][:4]
        if self.half_day_hours is not None:
            if hour > 12:
                raise UnreadableDateError
            hour = hour % 12 + self.half_day_hours
        fits = hour < 24 and minute < 60 and second < 60 and millisecond < 1_000
        if not fits and (hour, minute, second, millisecond) != (24, 0, 0, 0):
            raise UnreadableDateError
        return ((hour * 60 + minute) * 60 + second) * 1_000 + millisecond


def _read_iso_date(tokens: DateTokenStream, parts: DateParts) -> None:
    """Read an ISO 8601 date from the beginning of the text, as far as it goes.

    Raises: UnreadableDateError, when a time is not complete.
    """
    if not _read_iso_day(tokens, parts):
        return
    if tokens.take_token_with_text("T", "t"):
        _read_iso_time(tokens, parts)
        _read_iso_zone(tokens, parts)
        if tokens.peek_token() is not END_TOKEN:
            raise UnreadableDateError
    if tokens.peek_token() is END_TOKEN:
        parts.is_iso = True
        if not parts.time_numbers:
            parts.zone_offset = UTC_OFFSET


def _read_iso_day(tokens: DateTokenStream, parts: DateParts) -> bool:
    """Read an ISO 8601 year, perhaps with month and day; return whether all of it was valid."""
    year = _read_iso_year(tokens)
    if year is None:
        return False
    parts.day_numbers.append(year)
    for maximum in (12, 31):
        if not tokens.take_token_with_text("-"):
            return True
        number = tokens.take_number_of_length(2, 1, maximum)
        if number is None:
            return False
        parts.day_numbers.append(number)
    return True


def _read_iso_year(tokens: DateTokenStream) -> int | None:
    sign = tokens.take_token_with_text("+", "-")
    if not sign:
        return tokens.take_number_of_length(4, 0, 9_999)
    year = tokens.take_number_of_length(6, 0, 999_999)
    if sign == "-" and year is not None:
        # There is no negative year zero; V8 has moved past it.
        return -year or None
    return year


def _read_iso_time(tokens: DateTokenStream, parts: DateParts) -> None:
    hour = tokens.take_two_digits(24)
    # 24:00 is the end of a day, so no minutes or seconds may follow.
    maximum = 0 if hour == 24 else 59
    parts.time_numbers += [hour, _read_two_digits_after_colon(tokens, maximum)]
    if not tokens.take_token_with_text(":"):
        return
    parts.time_numbers.append(tokens.take_two_digits(maximum))
    if tokens.take_token_with_text("."):
        fraction = tokens.take_token()
        if fraction.kind != "number" or (hour == 24 and fraction.number):
            raise UnreadableDateError
        parts.time_numbers.append(fraction.fraction_ms)


def _read_iso_zone(tokens: DateTokenStream, parts: DateParts) -> None:
    if tokens.take_token_with_text("Z", "z"):
        parts.zone_offset = UTC_OFFSET
    elif sign := tokens.take_token_with_text("+", "-"):
        parts.zone_offset = ZoneOffset(-1 if sign == "-" else 1, *_read_iso_offset(tokens))


def _read_iso_offset(tokens: DateTokenStream) -> tuple[int, int]:
    hours_minutes = tokens.take_number_of_length(4, 0, 2_359)
    if hours_minutes is None:
        return tokens.take_two_digits(23), _read_two_digits_after_colon(tokens, 59)
    if hours_minutes % 100 > 59:
        raise UnreadableDateError
    return divmod(hours_minutes, 100)


def _read_two_digits_after_colon(tokens: DateTokenStream, maximum: int) -> int:
    if not tokens.take_token_with_text(":"):
        raise UnreadableDateError
    return tokens.take_two_digits(maximum)


def _read_legacy_date(tokens: DateTokenStream, parts: DateParts) -> None:
    has_number = bool(parts.day_numbers)
    while (token := tokens.take_token()) is not END_TOKEN:
        if token.kind == "number":
            has_number = True
            _read_legacy_number(tokens, parts, token.number)
        elif token.kind == "word":
            _read_legacy_word(tokens, parts, token.text.lower(), has_number)
        elif token.text in "+-" and (
            parts.time_numbers or (parts.zone_offset and parts.zone_offset.is_utc)
        ):
            has_number = True
            _read_zone_offset(tokens, parts, -1 if token.text == "-" else 1)
        elif token.text in "+-)" and has_number:
            raise UnreadableDateError


def _read_legacy_number(tokens: DateTokenStream, parts: DateParts, number: int) -> None:
    if tokens.take_token_with_text(":"):
        _read_clock_number(tokens, parts, number)
    elif tokens.take_token_with_text(".") and parts.can_be_next_time_part(number):
        fraction = tokens.take_token()
        if fraction.kind != "number":
            raise UnreadableDateError
        parts.add_time_numbers(number, fraction.fraction_ms)
    elif parts.zone_offset is not None and parts.can_be_zone_minutes(number):
        parts.zone_offset = parts.zone_offset._replace(minutes=number)
    elif parts.can_be_next_time_part(number):
        parts.add_time_numbers(number)
        next_token = tokens.peek_token()
        if next_token.kind not in ("end", "space") and next_token.text not in _SIGNS_AFTER_TIME:
            raise UnreadableDateError
    elif len(parts.day_numbers) < 3:
        parts.day_numbers.append(number)
        tokens.take_token_with_text("-")
    else:
        raise UnreadableDateError


def _read_clock_number(tokens: DateTokenStream, parts: DateParts, number: int) -> None:
    if len(parts.time_numbers) > 3:
        raise UnreadableDateError
    if not tokens.take_token_with_text(":"):
        parts.time_numbers.append(number)
        tokens.take_token_with_text(".")
    elif parts.time_numbers:
        raise UnreadableDateError
    else:
        parts.time_numbers += [number, 0]


def _read_legacy_word(
    tokens: DateTokenStream, parts: DateParts, word: str, has_number: bool
) -> None:
    if word in ("am", "pm") and parts.time_numbers:
        parts.half_day_hours = 12 if word == "pm" else 0
    elif word[:3] in _MONTH_PREFIXES:
        parts.named_month = _MONTH_PREFIXES.index(word[:3]) + 1
        tokens.take_token_with_text("-")
    elif word in _ZONE_OFFSET_HOURS and has_number:
        hours = _ZONE_OFFSET_HOURS[word]
        parts.zone_offset = ZoneOffset(-1 if hours < 0 else 1, abs(hours), 0)
    elif has_number or tokens.peek_token().kind == "number":
        raise UnreadableDateError


def _read_zone_offset(tokens: DateTokenStream, parts: DateParts, sign: int) -> None:
    token = tokens.take_token() if tokens.peek_token().kind == "number" else DateToken("number", "")
    length = len(token.text)
    if tokens.peek_token().text == ":":
        parts.zone_offset = ZoneOffset(sign, token.number, None)
    elif length in (1, 2):
        parts.zone_offset = ZoneOffset(sign, token.number, 0)
    elif length in (3, 4):
        parts.zone_offset = ZoneOffset(sign, *divmod(token.number, 100))
    else:
        raise UnreadableDateError
