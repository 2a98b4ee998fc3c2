"""The strict beginning of every date text: ISO 8601, as far as it goes.

Source: V8, `src/date/dateparser-inl.h`, ParseES5DateTime.
"""

from segment_insider_emulator.mapping.dates.parts import UTC, Parts, Zone
from segment_insider_emulator.mapping.dates.tokens import END, Tokens, Unreadable


def read_iso(tokens: Tokens, parts: Parts) -> None:
    """Read as much of an ISO date as there is; a time behind it must be whole.

    Raises: Unreadable, when the time is not.
    """
    if not _read_day(tokens, parts):
        return
    if tokens.skip("T", "t"):
        _read_time(tokens, parts)
        _read_zone(tokens, parts)
        if tokens.peek() is not END:
            raise Unreadable
    if tokens.peek() is END:
        parts.iso = True
        if not parts.times:
            parts.zone = UTC


def _read_day(tokens: Tokens, parts: Parts) -> bool:
    """Whether what was read is a date so far: year, perhaps with month and day."""
    year = _year(tokens)
    if year is None:
        return False
    parts.days.append(year)
    for high in (12, 31):
        if not tokens.skip("-"):
            return True
        part = tokens.digits(2, 1, high)
        if part is None:
            return False
        parts.days.append(part)
    return True


def _year(tokens: Tokens) -> int | None:
    sign = tokens.skip("+", "-")
    if not sign:
        return tokens.digits(4, 0, 9_999)
    year = tokens.digits(6, 0, 999_999)
    if sign == "-" and year is not None:
        # There is no negative year zero; V8 has read over it by now.
        return -year or None
    return year


def _read_time(tokens: Tokens, parts: Parts) -> None:
    hour = tokens.required(24)
    # 24:00 is the end of a day, and no minute of it is left.
    last = 0 if hour == 24 else 59
    parts.times += [hour, _behind_colon(tokens, last)]
    if not tokens.skip(":"):
        return
    parts.times.append(tokens.required(last))
    if tokens.skip("."):
        fraction = tokens.next()
        if fraction.kind != "number" or (hour == 24 and fraction.number):
            raise Unreadable
        parts.times.append(fraction.milliseconds)


def _read_zone(tokens: Tokens, parts: Parts) -> None:
    if tokens.skip("Z", "z"):
        parts.zone = UTC
    elif sign := tokens.skip("+", "-"):
        parts.zone = Zone(-1 if sign == "-" else 1, *_offset(tokens))


def _offset(tokens: Tokens) -> tuple[int, int]:
    both = tokens.digits(4, 0, 2_359)
    if both is None:
        return tokens.required(23), _behind_colon(tokens, 59)
    if both % 100 > 59:
        raise Unreadable
    return divmod(both, 100)


def _behind_colon(tokens: Tokens, high: int) -> int:
    if not tokens.skip(":"):
        raise Unreadable
    return tokens.required(high)
