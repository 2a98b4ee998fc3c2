"""Reading a template left to right: blanks, names, numbers, quoted texts, and what an error says.

Positions are indexes of UTF-16 units. Source: liquidjs 10.30, `parser/tokenizer.ts`.
"""

import re
from typing import Final

from segment_insider_emulator.mapping.javascript import json_text
from segment_insider_emulator.mapping.liquid.errors import LiquidError, error_at, joined_units

BLANKS: Final = (
    "\t\n\v\f\r \u00a0\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000"
)
# Hyphen and question mark belong to names, so `a-b` is one name and no subtraction.
_NAME_UNIT: Final = rf"[^\x00-,./:->@\[-^`{{-\x7f\u201c\u201d{BLANKS}]"
_NAME: Final = re.compile(f"{_NAME_UNIT}*")
_NUMBER: Final = re.compile(rf"[-+]?[0-9]+(?:\.(?!\.)[0-9]*)?(?!\.(?!\.))(?!{_NAME_UNIT})")
_OPERATOR: Final = re.compile(rf"==|!=|>=|<=|>|<|(?:contains|not|and|or)(?!{_NAME_UNIT})")
_WORD: Final = re.compile(rf"(?:true|false|nil|null|empty|blank)(?!{_NAME_UNIT})")
# The last unit is the closing quote, unless an escape has taken it.
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{0,4})|([0-7]{1,3})|([^u0-7]))|(.)\Z", re.DOTALL)
_CONTROLS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")
_SNAPSHOT_UNITS: Final = 32


class Scanner:
    """A place in a stretch of a template, and the readers that move it.

    Args:
        source: The whole template, as single UTF-16 units.
        at, end: The stretch to read.
    """

    def __init__(self, source: str, at: int, end: int) -> None:
        self.source = source
        self.at = at
        self.end = end

    def peek(self, ahead: int = 0) -> str:
        """The unit *ahead* of this place; empty behind the end."""
        place = self.at + ahead
        return self.source[place] if place < self.end else ""

    def at_end(self) -> bool:
        return self.at >= self.end

    def skip_blanks(self) -> None:
        while self.at < self.end and self.source[self.at] in BLANKS:
            self.at += 1

    def take(self, expected: str) -> bool:
        """Step over the next unit, whatever it is, and say whether it was *expected*."""
        self.at += 1
        return self.source[self.at - 1 : self.at] == expected

    def name(self) -> str:
        """The name that begins after blanks, perhaps empty."""
        self.skip_blanks()
        return self._match(_NAME) or ""

    def operator(self) -> str | None:
        self.skip_blanks()
        return self._match(_OPERATOR)

    def word(self) -> str | None:
        """One of the words true, false, nil, null, empty and blank."""
        return self._match(_WORD)

    def number(self) -> float | None:
        text = self._match(_NUMBER)
        return None if text is None else float(text)

    def quoted(self) -> str | None:
        """A text in quotes with its escapes resolved; one that is not closed runs to the end."""
        text = self.quotation()
        if text is None:
            return None
        return joined_units(_ESCAPE.sub(_unescaped, text[1:]))

    def quotation(self) -> str | None:
        """A text in quotes as it stands."""
        self.skip_blanks()
        quote = self.peek()
        if quote not in ("'", '"'):
            return None
        begin = self.at
        self.at += 1
        while self.at < self.end and self.source[self.at] != quote:
            self.at += 2 if self.source[self.at] == "\\" else 1
        self.at = min(self.at + 1, self.end)
        return self.source[begin : self.at]

    def step_behind(self, unit: str) -> bool:
        """Step behind the next *unit*, or to the end when there is none."""
        found = self.source.find(unit, self.at, self.end)
        self.at = found + 1 if found >= 0 else max(self.at, self.end)
        return found >= 0

    def snapshot(self, begin: int | None = None) -> str:
        """What stands here, quoted and shortened for an error message."""
        text = self.source[self.at if begin is None else begin : self.end]
        if len(text) > _SNAPSHOT_UNITS:
            text = text[: _SNAPSHOT_UNITS - 3] + "..."
        return _HALF_PAIR.sub(_escaped, json_text(joined_units(text)))

    def error(self, message: str, index: int | None = None) -> LiquidError:
        place = self.at if index is None else index
        return error_at("TokenizationError", message, self.source, place)

    def _match(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.source, self.at, self.end)
        if found is None:
            return None
        self.at = found.end()
        return found.group()


def _unescaped(escape: re.Match[str]) -> str:
    hexadecimal, octal, other, closing = escape.groups()
    if closing is not None:
        return ""
    if hexadecimal is not None:
        return chr(int(hexadecimal or "0", 16))
    return chr(int(octal, 8)) if octal else _CONTROLS.get(other, other)


def _escaped(half: re.Match[str]) -> str:
    return f"\\u{ord(half.group()):x}"
