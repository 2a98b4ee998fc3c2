"""Dates read from text as V8's `Date.parse` reads them, on a machine whose clock is on UTC.

A text is read as ISO 8601 as far as it goes. What follows, or any other text, is read leniently:
numbers, names of months and zones, and punctuation in nearly any order.

Source: V8, `src/date/dateparser-inl.h`, Parse.
"""

import math
from typing import Final

from segment_insider_emulator.mapping.dates.iso import read_iso
from segment_insider_emulator.mapping.dates.moments import clipped
from segment_insider_emulator.mapping.dates.parts import Parts, Zone
from segment_insider_emulator.mapping.dates.tokens import END, Token, Tokens, Unreadable

_MONTHS: Final = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
_ZONES: Final = {
    **{"ut": 0, "utc": 0, "z": 0, "gmt": 0, "est": -5, "edt": -4},
    **{"cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7},
}
_MAY_FOLLOW_TIME: Final = ("Z", "z", "+", "-")


def date_of(text: str) -> float:
    """Milliseconds since 1970 in UTC; NaN when *text* is no date."""
    tokens, parts = Tokens(text), Parts()
    try:
        read_iso(tokens, parts)
        _read_loosely(tokens, parts)
        return clipped(parts.milliseconds())
    except Unreadable:
        return math.nan


def _read_loosely(tokens: Tokens, parts: Parts) -> None:
    numbered = bool(parts.days)
    while (token := tokens.next()) is not END:
        if token.kind == "number":
            numbered = True
            _read_number(tokens, parts, token.number)
        elif token.kind == "word":
            _read_word(tokens, parts, token.text.lower(), numbered)
        elif token.text in "+-" and (parts.times or (parts.zone and parts.zone.is_utc)):
            numbered = True
            _read_offset(tokens, parts, -1 if token.text == "-" else 1)
        elif token.text in "+-)" and numbered:
            raise Unreadable


def _read_number(tokens: Tokens, parts: Parts, number: int) -> None:
    if tokens.skip(":"):
        _read_clock(tokens, parts, number)
    elif tokens.skip(".") and parts.expects(number):
        fraction = tokens.next()
        if fraction.kind != "number":
            raise Unreadable
        parts.finish_time(number, fraction.milliseconds)
    elif parts.zone is not None and parts.expects_zone_minutes(number):
        parts.zone = parts.zone._replace(minutes=number)
    elif parts.expects(number):
        parts.finish_time(number)
        following = tokens.peek()
        if following.kind not in ("end", "space") and following.text not in _MAY_FOLLOW_TIME:
            raise Unreadable
    elif len(parts.days) < 3:
        parts.days.append(number)
        tokens.skip("-")
    else:
        raise Unreadable


def _read_clock(tokens: Tokens, parts: Parts, number: int) -> None:
    if len(parts.times) > 3:
        raise Unreadable
    if not tokens.skip(":"):
        parts.times.append(number)
        tokens.skip(".")
    elif parts.times:
        raise Unreadable
    else:
        parts.times += [number, 0]


def _read_word(tokens: Tokens, parts: Parts, word: str, numbered: bool) -> None:
    if word in ("am", "pm") and parts.times:
        parts.half_day = 12 if word == "pm" else 0
    elif word[:3] in _MONTHS:
        parts.month = _MONTHS.index(word[:3]) + 1
        tokens.skip("-")
    elif word in _ZONES and numbered:
        hours = _ZONES[word]
        parts.zone = Zone(-1 if hours < 0 else 1, abs(hours), 0)
    elif numbered or tokens.peek().kind == "number":
        raise Unreadable


def _read_offset(tokens: Tokens, parts: Parts, sign: int) -> None:
    token = tokens.next() if tokens.peek().kind == "number" else Token("number", "")
    length = len(token.text)
    if tokens.peek().text == ":":
        parts.zone = Zone(sign, token.number, None)
    elif length in (1, 2):
        parts.zone = Zone(sign, token.number, 0)
    elif length in (3, 4):
        parts.zone = Zone(sign, *divmod(token.number, 100))
    else:
        raise Unreadable
