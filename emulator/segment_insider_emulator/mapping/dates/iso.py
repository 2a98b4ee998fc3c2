"""The strict beginning of every date text: ISO 8601, as far as it goes.

Source: V8, `src/date/dateparser-inl.h`, ParseES5DateTime.
"""

from segment_insider_emulator.mapping.dates.parts import UTC_OFFSET, DateParts, ZoneOffset
from segment_insider_emulator.mapping.dates.tokens import (
    END_TOKEN,
    DateTokenStream,
    UnreadableDateError,
)


def read_iso_date(tokens: DateTokenStream, parts: DateParts) -> None:
    """Read as much of an ISO date as there is; a time behind it must be whole.

    Raises: Unreadable, when the time is not.
    """
    if not _read_iso_day(tokens, parts):
        return
    if tokens.take_text_if("T", "t"):
        _read_iso_time(tokens, parts)
        _read_iso_zone(tokens, parts)
        if tokens.peek() is not END_TOKEN:
            raise UnreadableDateError
    if tokens.peek() is END_TOKEN:
        parts.is_iso = True
        if not parts.time_numbers:
            parts.zone_offset = UTC_OFFSET


def _read_iso_day(tokens: DateTokenStream, parts: DateParts) -> bool:
    """Whether what was read is a date so far: year, perhaps with month and day."""
    year = _read_iso_year(tokens)
    if year is None:
        return False
    parts.day_numbers.append(year)
    for high in (12, 31):
        if not tokens.take_text_if("-"):
            return True
        part = tokens.take_digits(2, 1, high)
        if part is None:
            return False
        parts.day_numbers.append(part)
    return True


def _read_iso_year(tokens: DateTokenStream) -> int | None:
    sign = tokens.take_text_if("+", "-")
    if not sign:
        return tokens.take_digits(4, 0, 9_999)
    year = tokens.take_digits(6, 0, 999_999)
    if sign == "-" and year is not None:
        # There is no negative year zero; V8 has read over it by now.
        return -year or None
    return year


def _read_iso_time(tokens: DateTokenStream, parts: DateParts) -> None:
    hour = tokens.take_two_digits(24)
    # 24:00 is the end of a day, and no minute of it is left.
    last = 0 if hour == 24 else 59
    parts.time_numbers += [hour, _read_two_digits_after_colon(tokens, last)]
    if not tokens.take_text_if(":"):
        return
    parts.time_numbers.append(tokens.take_two_digits(last))
    if tokens.take_text_if("."):
        fraction = tokens.take()
        if fraction.kind != "number" or (hour == 24 and fraction.number):
            raise UnreadableDateError
        parts.time_numbers.append(fraction.fraction_ms)


def _read_iso_zone(tokens: DateTokenStream, parts: DateParts) -> None:
    if tokens.take_text_if("Z", "z"):
        parts.zone_offset = UTC_OFFSET
    elif sign := tokens.take_text_if("+", "-"):
        parts.zone_offset = ZoneOffset(-1 if sign == "-" else 1, *_read_iso_offset(tokens))


def _read_iso_offset(tokens: DateTokenStream) -> tuple[int, int]:
    both = tokens.take_digits(4, 0, 2_359)
    if both is None:
        return tokens.take_two_digits(23), _read_two_digits_after_colon(tokens, 59)
    if both % 100 > 59:
        raise UnreadableDateError
    return divmod(both, 100)


def _read_two_digits_after_colon(tokens: DateTokenStream, maximum: int) -> int:
    if not tokens.take_text_if(":"):
        raise UnreadableDateError
    return tokens.take_two_digits(maximum)
