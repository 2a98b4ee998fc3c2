"""Which text the destination takes for a date: what its date library or JavaScript's own reads.

Only validity matters here, because a date is sent as it came. Two grammars apply to text without
a final Z: first a lenient one of the date library, then JavaScript's, which itself falls back
from ISO 8601 to the free form of "6 May 2026 10:00 GMT". Source: behaviour observed on Node 20.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from emulator.mapping.javascript import WHITE_SPACE

_BLANK = f"[{WHITE_SPACE}]"
_LENIENT = re.compile(
    r"[0-9]{4}[-/]?(?:[0-9]{1,2})?[-/]?[0-9]{0,2}"
    rf"(?:[Tt]|{_BLANK})*(?:[0-9]{{1,2}})?:?(?:[0-9]{{1,2}})?:?(?:[0-9]{{1,2}})?[.:]?[0-9]*"
)
_ISO = re.compile(
    r"(?P<year>[0-9]{4}|\+[0-9]{6}|-(?!000000)[0-9]{6})"
    r"(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?)?"
    r"(?P<time>T(?:(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]+)?)?"
    r"|24:00(?::00(?:\.0+)?)?)"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?)?",
    re.IGNORECASE,
)
_ISO_WITH_TIME = re.compile(
    r"(?:[0-9]{4}|[+-][0-9]{6})(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?)?"
    rf"T(?![^0-9{WHITE_SPACE}\x00-@])",
    re.IGNORECASE,
)
_WORD = re.compile(
    rf"(?P<number>[0-9]+)|(?P<symbol>[-:+.)])|(?P<word>[A-Za-z\[-`{{-\U0010ffff]+)"
    rf"|(?P<blank>{_BLANK}+)|(?P<open>\()|(?P<other>.)",
    re.DOTALL,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONES = ("ut", "utc", "z", "gmt", "cst", "cdt", "est", "edt", "mst", "mdt", "pst", "pdt")
_UTC = ("ut", "utc", "z", "gmt")
_EARLIEST_YEAR, _LATEST_YEAR = -271_821, 275_760


def is_date(text: str) -> bool:
    """Whether *text* is read as a date."""
    if text[-1:] not in ("Z", "z") and _LENIENT.fullmatch(text):
        return True
    iso = _ISO.fullmatch(text)
    if iso:
        return _EARLIEST_YEAR <= int(iso["year"]) <= _LATEST_YEAR
    return not _ISO_WITH_TIME.match(text) and _FreeForm(text).is_date()


@dataclass(slots=True)
class _Token:
    kind: str
    text: str

    @property
    def number(self) -> int:
        return int(self.text[-9:])


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while match := _WORD.match(text, at):
        kind = match.lastgroup or ""
        at = _behind_parentheses(text, at) if kind == "open" else match.end()
        yield _Token(kind, match[0].lower())
    yield _Token("end", "")


def _behind_parentheses(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
        if depth == 0:
            break
    return at


@dataclass
class _FreeForm:
    """The grammar older than ISO 8601: numbers, month names and zones in nearly any order."""

    text: str
    days: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    month: int | None = None
    afternoon: bool | None = None
    zone_hour: int | None = None
    zone_minute: int | None = None
    read_number: bool = False

    def is_date(self) -> bool:
        self.tokens = list(_tokens(self.text))[::-1]
        while (token := self.tokens.pop()).kind != "end":
            if not self._take(token):
                return False
        return self._is_day() and self._is_time()

    def _take(self, token: _Token) -> bool:
        if token.kind == "number":
            self.read_number = True
            return self._number(token)
        if token.kind == "word":
            return self._word(token.text)
        if token.text in ("+", "-") and (self._is_utc() or self.times):
            return self._zone_offset()
        return not (token.text in ("+", "-", ")") and self.read_number)

    def _number(self, token: _Token) -> bool:
        number = token.number
        if self._skip(":"):
            return self._clock(number)
        if self._skip(".") and self._expects(number):
            self.times.append(number)
            self.times += [0] * (4 - len(self.times))
            return self.tokens.pop().kind == "number"
        if self.zone_hour is not None and self.zone_minute is None and number < 60:
            self.zone_minute = number
            return True
        if self._expects(number):
            self.times += [number] + [0] * (3 - len(self.times))
            following = self.tokens[-1]
            return following.kind in ("end", "blank") or following.text in ("z", "+", "-")
        if len(self.days) == 3:
            return False
        self.days.append(number)
        self._skip("-")
        return True

    def _clock(self, number: int) -> bool:
        if self._skip(":"):
            if self.times:
                return False
            self.times += [number, 0]
            return True
        if len(self.times) == 4:
            return False
        self.times.append(number)
        self._skip(".")
        return True

    def _word(self, word: str) -> bool:
        if word in ("am", "pm") and self.times:
            self.afternoon = word == "pm"
        elif word[:3] in _MONTHS:
            self.month = _MONTHS.index(word[:3]) + 1
            self._skip("-")
        elif word in _ZONES and self.read_number:
            self.zone_hour, self.zone_minute = int(word not in _UTC), 0
        else:
            return not self.read_number and self.tokens[-1].kind != "number"
        return True

    def _zone_offset(self) -> bool:
        length, number = 0, 0
        if self.tokens[-1].kind == "number":
            token = self.tokens.pop()
            length, number = len(token.text), token.number
        self.read_number = True
        if self.tokens[-1].text == ":":
            self.zone_hour, self.zone_minute = number, None
        elif length in (1, 2):
            self.zone_hour, self.zone_minute = number, 0
        elif length in (3, 4):
            self.zone_hour, self.zone_minute = divmod(number, 100)
        else:
            return False
        return True

    def _skip(self, symbol: str) -> bool:
        found = self.tokens[-1].text == symbol
        if found:
            self.tokens.pop()
        return found

    def _is_utc(self) -> bool:
        return self.zone_hour == self.zone_minute == 0

    def _expects(self, number: int) -> bool:
        limits = {1: 60, 2: 60, 3: 1000}
        return number < limits.get(len(self.times), 0)

    def _is_day(self) -> bool:
        if not self.days:
            return False
        first, second, third = [*self.days, 1, 1][:3]
        if self.month is not None:
            year, day = (second, first) if 1 <= first <= 31 else (first, second)
            return 1 <= day <= 31 and year <= _LATEST_YEAR
        if not 1 <= first <= 31:
            first, second, third = second, third, first
        return 1 <= first <= 12 and 1 <= second <= 31 and third <= _LATEST_YEAR

    def _is_time(self) -> bool:
        hour, minute, second, millisecond = [*self.times, 0, 0, 0, 0][:4]
        if self.afternoon is not None:
            if hour > 12:
                return False
            hour = hour % 12 + 12 * self.afternoon
        if (hour, minute, second, millisecond) == (24, 0, 0, 0):
            return True
        return hour < 24 and minute < 60 and second < 60 and millisecond < 1000
