"""A text that may be a date, cut into numbers, words, spaces and signs.

Source: V8, `src/date/dateparser-inl.h`, DateStringTokenizer.
"""

import re
from typing import Final, NamedTuple

from segment_insider_emulator.mapping.javascript import WHITE_SPACE

_TOKEN: Final = re.compile(
    rf"(?P<number>[0-9]+)|(?P<word>[^\x00-@{WHITE_SPACE}]+)|(?P<space>[{WHITE_SPACE}]+)|(?P<sign>.)",
    re.DOTALL,
)
# Digits behind the ninth are read over.
_SIGNIFICANT: Final = 9


class Unreadable(Exception):
    """The text is no date."""


class Token(NamedTuple):
    """A piece of the text; its kind is "number", "word", "space", "sign" or "end"."""

    kind: str
    text: str

    @property
    def number(self) -> int:
        return int(self.text.lstrip("0")[:_SIGNIFICANT] or 0)

    @property
    def milliseconds(self) -> int:
        """The number as the digits behind a decimal point of seconds."""
        return self.number * 1_000 // int(10 ** min(len(self.text), _SIGNIFICANT))


END: Final = Token("end", "")


class Tokens:
    """The tokens of a text and a place among them."""

    def __init__(self, text: str) -> None:
        self._tokens = _cut(text)
        self._at = 0

    def peek(self) -> Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else END

    def next(self) -> Token:
        token = self.peek()
        self._at += 1
        return token

    def skip(self, *texts: str) -> str:
        """Step over the next token if it is one of *texts*, and give it; else give nothing."""
        return self.next().text if self.peek().text in texts else ""

    def digits(self, length: int, low: int, high: int) -> int | None:
        """Read a number of exactly *length* digits between *low* and *high*, if it is next."""
        token = self.peek()
        if token.kind != "number" or len(token.text) != length or not low <= token.number <= high:
            return None
        return self.next().number

    def required(self, high: int) -> int:
        """Read two digits up to *high*.

        Raises: Unreadable, when something else is next.
        """
        number = self.digits(2, 0, high)
        if number is None:
            raise Unreadable
        return number


def _cut(text: str) -> list[Token]:
    """The tokens of *text*; what stands in parentheses becomes one sign."""
    tokens: list[Token] = []
    depth = 0
    for found in _TOKEN.finditer(text):
        if depth == 0:
            tokens.append(Token(found.lastgroup or "sign", found.group()))
        depth += found.group() == "("
        depth -= depth > 0 and found.group() == ")"
    return tokens
