"""Dates read from text as V8's `Date.parse` reads them, on a machine whose clock is on UTC.

A text is read as ISO 8601 as far as it goes. What follows, or any other text, is read leniently:
numbers, names of months and zones, and punctuation in nearly any order.

Source: V8, `src/date/dateparser-inl.h`, Parse.
"""

import math
from typing import Final

from segment_insider_emulator.mapping.dates.iso import read_iso_date
from segment_insider_emulator.mapping.dates.moments import clip_epoch_ms
from segment_insider_emulator.mapping.dates.parts import DateParts, ZoneOffset
from segment_insider_emulator.mapping.dates.tokens import (
    END_TOKEN,
    DateToken,
    DateTokenStream,
    UnreadableDateError,
)

_MONTH_PREFIXES: Final = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
_ZONE_OFFSET_HOURS: Final = {
    **{"ut": 0, "utc": 0, "z": 0, "gmt": 0, "est": -5, "edt": -4},
    **{"cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7},
}
_SIGNS_AFTER_TIME: Final = ("Z", "z", "+", "-")


def parse_date_ms(text: str) -> float:
    """Milliseconds since 1970 in UTC; NaN when *text* is no date."""
    tokens, parts = DateTokenStream(text), DateParts()
    try:
        read_iso_date(tokens, parts)
        _read_legacy_date(tokens, parts)
        return clip_epoch_ms(parts.compute_epoch_ms())
    except UnreadableDateError:
        return math.nan


def _read_legacy_date(tokens: DateTokenStream, parts: DateParts) -> None:
    numbered = bool(parts.day_numbers)
    while (token := tokens.take()) is not END_TOKEN:
        if token.kind == "number":
            numbered = True
            _read_number(tokens, parts, token.number)
        elif token.kind == "word":
            _read_word(tokens, parts, token.text.lower(), numbered)
        elif token.text in "+-" and (
            parts.time_numbers or (parts.zone_offset and parts.zone_offset.is_utc)
        ):
            numbered = True
            _read_zone_offset(tokens, parts, -1 if token.text == "-" else 1)
        elif token.text in "+-)" and numbered:
            raise UnreadableDateError


def _read_number(tokens: DateTokenStream, parts: DateParts, number: int) -> None:
    if tokens.take_text_if(":"):
        _read_clock_time(tokens, parts, number)
    elif tokens.take_text_if(".") and parts.can_be_next_time_part(number):
        fraction = tokens.take()
        if fraction.kind != "number":
            raise UnreadableDateError
        parts.finish_time(number, fraction.fraction_ms)
    elif parts.zone_offset is not None and parts.can_be_zone_minutes(number):
        parts.zone_offset = parts.zone_offset._replace(minutes=number)
    elif parts.can_be_next_time_part(number):
        parts.finish_time(number)
        following = tokens.peek()
        if following.kind not in ("end", "space") and following.text not in _SIGNS_AFTER_TIME:
            raise UnreadableDateError
    elif len(parts.day_numbers) < 3:
        parts.day_numbers.append(number)
        tokens.take_text_if("-")
    else:
        raise UnreadableDateError


def _read_clock_time(tokens: DateTokenStream, parts: DateParts, number: int) -> None:
    if len(parts.time_numbers) > 3:
        raise UnreadableDateError
    if not tokens.take_text_if(":"):
        parts.time_numbers.append(number)
        tokens.take_text_if(".")
    elif parts.time_numbers:
        raise UnreadableDateError
    else:
        parts.time_numbers += [number, 0]


def _read_word(tokens: DateTokenStream, parts: DateParts, word: str, has_number: bool) -> None:
    if word in ("am", "pm") and parts.time_numbers:
        parts.half_day_hours = 12 if word == "pm" else 0
    elif word[:3] in _MONTH_PREFIXES:
        parts.named_month = _MONTH_PREFIXES.index(word[:3]) + 1
        tokens.take_text_if("-")
    elif word in _ZONE_OFFSET_HOURS and has_number:
        hours = _ZONE_OFFSET_HOURS[word]
        parts.zone_offset = ZoneOffset(-1 if hours < 0 else 1, abs(hours), 0)
    elif has_number or tokens.peek().kind == "number":
        raise UnreadableDateError


def _read_zone_offset(tokens: DateTokenStream, parts: DateParts, sign: int) -> None:
    token = tokens.take() if tokens.peek().kind == "number" else DateToken("number", "")
    length = len(token.text)
    if tokens.peek().text == ":":
        parts.zone_offset = ZoneOffset(sign, token.number, None)
    elif length in (1, 2):
        parts.zone_offset = ZoneOffset(sign, token.number, 0)
    elif length in (3, 4):
        parts.zone_offset = ZoneOffset(sign, *divmod(token.number, 100))
    else:
        raise UnreadableDateError
