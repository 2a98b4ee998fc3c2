"""Reading a template left to right: blanks, names, numbers, quoted texts, and what an error says.

Positions are indexes of UTF-16 units. Source: liquidjs 10.30, `parser/tokenizer.ts`.
"""

import re
from typing import Final

from segment_insider_emulator.mapping.javascript import to_json_text
from segment_insider_emulator.mapping.liquid.errors import (
    LiquidError,
    create_located_error,
    join_surrogates,
)

BLANK_CHARACTERS: Final = (
    "\t\n\v\f\r \u00a0\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000"
)
# Hyphen and question mark belong to names, so `a-b` is one name and no subtraction.
_NAME_CHARACTER: Final = rf"[^\x00-,./:->@\[-^`{{-\x7f\u201c\u201d{BLANK_CHARACTERS}]"
_NAME_PATTERN: Final = re.compile(f"{_NAME_CHARACTER}*")
_NUMBER_PATTERN: Final = re.compile(
    rf"[-+]?[0-9]+(?:\.(?!\.)[0-9]*)?(?!\.(?!\.))(?!{_NAME_CHARACTER})"
)
_OPERATOR_PATTERN: Final = re.compile(
    rf"==|!=|>=|<=|>|<|(?:contains|not|and|or)(?!{_NAME_CHARACTER})"
)
_KEYWORD_PATTERN: Final = re.compile(rf"(?:true|false|nil|null|empty|blank)(?!{_NAME_CHARACTER})")
# The last unit is the closing quote, unless an escape has taken it.
_ESCAPE_PATTERN: Final = re.compile(
    r"\\(?:u([0-9a-fA-F]{0,4})|([0-7]{1,3})|([^u0-7]))|(.)\Z", re.DOTALL
)
_CONTROL_CHARACTERS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MAX_SNAPSHOT_UNITS: Final = 32


class TemplateScanner:
    """A place in a stretch of a template, and the readers that move it.

    Args:
        source: The whole template, as single UTF-16 units.
        at, end: The stretch to read.
    """

    def __init__(self, source: str, position: int, end: int) -> None:
        self.source = source
        self.position = position
        self.end = end

    def peek(self, offset: int = 0) -> str:
        """The unit *ahead* of this place; empty behind the end."""
        place = self.position + offset
        return self.source[place] if place < self.end else ""

    def is_at_end(self) -> bool:
        return self.position >= self.end

    def skip_blanks(self) -> None:
        while self.position < self.end and self.source[self.position] in BLANK_CHARACTERS:
            self.position += 1

    def take_expected(self, expected: str) -> bool:
        """Step over the next unit, whatever it is, and say whether it was *expected*."""
        self.position += 1
        return self.source[self.position - 1 : self.position] == expected

    def read_name(self) -> str:
        """The name that begins after blanks, perhaps empty."""
        self.skip_blanks()
        return self._read_pattern(_NAME_PATTERN) or ""

    def read_operator(self) -> str | None:
        self.skip_blanks()
        return self._read_pattern(_OPERATOR_PATTERN)

    def read_keyword(self) -> str | None:
        """One of the words true, false, nil, null, empty and blank."""
        return self._read_pattern(_KEYWORD_PATTERN)

    def read_number(self) -> float | None:
        text = self._read_pattern(_NUMBER_PATTERN)
        return None if text is None else float(text)

    def read_quoted_text(self) -> str | None:
        """A text in quotes with its escapes resolved; one that is not closed runs to the end."""
        text = self.read_raw_quotation()
        if text is None:
            return None
        return join_surrogates(_ESCAPE_PATTERN.sub(_resolve_escape, text[1:]))

    def read_raw_quotation(self) -> str | None:
        """A text in quotes as it stands."""
        self.skip_blanks()
        quote = self.peek()
        if quote not in ("'", '"'):
            return None
        begin = self.position
        self.position += 1
        while self.position < self.end and self.source[self.position] != quote:
            self.position += 2 if self.source[self.position] == "\\" else 1
        self.position = min(self.position + 1, self.end)
        return self.source[begin : self.position]

    def skip_past(self, character: str) -> bool:
        """Step behind the next *unit*, or to the end when there is none."""
        found = self.source.find(character, self.position, self.end)
        self.position = found + 1 if found >= 0 else max(self.position, self.end)
        return found >= 0

    def format_snapshot(self, begin: int | None = None) -> str:
        """What stands here, quoted and shortened for an error message."""
        text = self.source[self.position if begin is None else begin : self.end]
        if len(text) > _MAX_SNAPSHOT_UNITS:
            text = text[: _MAX_SNAPSHOT_UNITS - 3] + "..."
        return _LONE_SURROGATE.sub(_escape_surrogate, to_json_text(join_surrogates(text)))

    def create_error(self, message: str, index: int | None = None) -> LiquidError:
        place = self.position if index is None else index
        return create_located_error("TokenizationError", message, self.source, place)

    def _read_pattern(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.source, self.position, self.end)
        if found is None:
            return None
        self.position = found.end()
        return found.group()


def _resolve_escape(escape: re.Match[str]) -> str:
    hexadecimal, octal, other, closing = escape.groups()
    if closing is not None:
        return ""
    if hexadecimal is not None:
        return chr(int(hexadecimal or "0", 16))
    return chr(int(octal, 8)) if octal else _CONTROL_CHARACTERS.get(other, other)


def _escape_surrogate(surrogate: re.Match[str]) -> str:
    return f"\\u{ord(surrogate.group()):x}"
