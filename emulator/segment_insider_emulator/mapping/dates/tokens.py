"""A text that may be a date, cut into numbers, words, spaces and signs.

Source: V8, `src/date/dateparser-inl.h`, DateStringTokenizer.
"""

import re
from typing import Final, NamedTuple

from segment_insider_emulator.mapping.javascript import WHITE_SPACE

_TOKEN_PATTERN: Final = re.compile(
    rf"(?P<number>[0-9]+)|(?P<word>[^\x00-@{WHITE_SPACE}]+)|(?P<space>[{WHITE_SPACE}]+)|(?P<sign>.)",
    re.DOTALL,
)
# Digits behind the ninth are read over.
_SIGNIFICANT_DIGITS: Final = 9


class UnreadableDateError(Exception):
    """The text is no date."""


class DateToken(NamedTuple):
    """A piece of the text; its kind is "number", "word", "space", "sign" or "end"."""

    kind: str
    text: str

    @property
    def number(self) -> int:
        return int(self.text.lstrip("0")[:_SIGNIFICANT_DIGITS] or 0)

    @property
    def fraction_ms(self) -> int:
        """The number as the digits behind a decimal point of seconds."""
        return self.number * 1_000 // int(10 ** min(len(self.text), _SIGNIFICANT_DIGITS))


END_TOKEN: Final = DateToken("end", "")


class DateTokenStream:
    """The tokens of a text and a place among them."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokenize_date(text)
        self._position = 0

    def peek(self) -> DateToken:
        return self._tokens[self._position] if self._position < len(self._tokens) else END_TOKEN

    def take(self) -> DateToken:
        token = self.peek()
        self._position += 1
        return token

    def take_text_if(self, *texts: str) -> str:
        """Step over the next token if it is one of *texts*, and give it; else give nothing."""
        return self.take().text if self.peek().text in texts else ""

    def take_digits(self, length: int, minimum: int, maximum: int) -> int | None:
        """Read a number of exactly *length* digits between *low* and *high*, if it is next."""
        token = self.peek()
        if (
            token.kind != "number"
            or len(token.text) != length
            or not minimum <= token.number <= maximum
        ):
            return None
        return self.take().number

    def take_two_digits(self, maximum: int) -> int:
        """Read two digits up to *high*.

        Raises: Unreadable, when something else is next.
        """
        number = self.take_digits(2, 0, maximum)
        if number is None:
            raise UnreadableDateError
        return number


def _tokenize_date(text: str) -> list[DateToken]:
    """The tokens of *text*; what stands in parentheses becomes one sign."""
    tokens: list[DateToken] = []
    depth = 0
    for found in _TOKEN_PATTERN.finditer(text):
        if depth == 0:
            tokens.append(DateToken(found.lastgroup or "sign", found.group()))
        depth += found.group() == "("
        depth -= depth > 0 and found.group() == ")"
    return tokens
