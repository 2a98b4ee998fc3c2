"""Tokens of trigger text, cut exactly where Segment's published lexer cuts them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "ident", "dot", "operator", "conditional", "string", "number", "null", "(", ")", "other", "eos"
]

_WHITE_SPACE = " \t\n"
_DIGITS = "0123456789"
_SINGLE: dict[str, Kind] = {
    ".": "dot",
    "(": "(",
    ")": ")",
    "[": "other",
    "]": "other",
    ",": "other",
}
_WORDS: dict[str, tuple[str, Kind]] = {
    "a": ("and", "conditional"),
    "o": ("or", "conditional"),
    "n": ("null", "null"),
}
_MAXIMUM_LENGTH = 100_000


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a trigger; a string keeps its quotes."""

    kind: Kind
    value: str


class LexerError(ValueError):
    """The text has a character, or an end, where none may be.

    Args:
        at: Which character of the text that is, from 1.
    """

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


def tokens(text: str) -> list[Token]:
    """Cut *text* into tokens, the last one of kind "eos". Raises: LexerError."""
    found = [*_Lexer(text).read(), Token("eos", "eos")]
    joined: list[Token] = []
    at = 0
    while at < len(found):
        if joined and _continues(joined[-1], found[at : at + 2]):
            joined[-1] = Token("ident", f"{joined[-1].value}.{found[at + 1].value}")
            at += 2
        else:
            joined.append(found[at])
            at += 1
    return joined


def _continues(last: Token, following: list[Token]) -> bool:
    return [last.kind, *(token.kind for token in following)] == ["ident", "dot", "ident"]


class _Lexer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def read(self) -> Iterator[Token]:
        while self._at < len(self._text):
            char = self._next()
            if char not in _WHITE_SPACE:
                yield self._token(char)

    def _token(self, char: str) -> Token:
        if char in "!=<>":
            return self._operator(char)
        if _is_letter(char) or char in "\\_":
            return self._word(char)
        if char in _DIGITS or char in "+-":
            return self._number(char)
        if char in "\"'":
            return self._string(char)
        if char in _SINGLE:
            return Token(_SINGLE[char], char)
        raise LexerError(f"a trigger cannot have {char!r}", self._at)

    def _operator(self, char: str) -> Token:
        if char == "=":
            return Token("operator", char)
        if char == "!" and (_is_letter(self._peek()) or self._peek() == "("):
            return Token("operator", "!")
        if self._accept("="):
            return Token("operator", f"{char}=")
        if char == "!":
            raise LexerError("'!' stands alone", self._at)
        return Token("operator", char)

    def _word(self, char: str) -> Token:
        word, kind = _WORDS.get(char, ("", "ident"))
        if word and self._accept(word[1:]):
            return Token(kind, word)
        name = self._unescaped(char)
        while _is_name_part(self._peek()):
            name += self._unescaped(self._next())
        if not (_ends_word(self._peek()) or self._peek() in ".(=!"):
            raise LexerError(f"{self._peek()!r} cannot follow {name!r}", self._at + 1)
        return Token("ident", self._bounded(name))

    def _unescaped(self, char: str) -> str:
        if char == "\\" and not self._peek():
            raise LexerError("nothing follows the backslash", self._at)
        return self._next() if char == "\\" else char

    def _number(self, char: str) -> Token:
        number = char
        while self._peek() and self._peek() in _DIGITS + ".":
            number += self._next()
            if number[-1] == "." and (_ends_word(self._peek()) or number.count(".") > 1):
                raise LexerError(f"{number!r} is no number", self._at)
        return Token("number", self._bounded(number))

    def _string(self, quote: str) -> Token:
        end = self._text.find(quote, self._at)
        if end < 0:
            raise LexerError("this quote is never closed", self._at)
        content = self._bounded(self._text[self._at : end])
        self._at = end
        # A closing quote that does not end a word is not eaten: it opens the next string.
        self._accept(quote)
        return Token("string", f"{quote}{content}{quote}")

    def _accept(self, expected: str) -> bool:
        """Eat *expected* when a word ends behind it; what is eaten at the end stays eaten."""
        start = self._at
        for _ in expected:
            if self._at >= len(self._text):
                return False
            if _ends_word(self._next()):
                break
        if self._text[start : self._at] == expected and _ends_word(self._peek()):
            return True
        self._at = start
        return False

    def _next(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _bounded(self, word: str) -> str:
        if len(word) >= _MAXIMUM_LENGTH:
            raise LexerError("this word is too long", self._at)
        return word


def _is_letter(char: str) -> bool:
    return char.isascii() and char.isalpha()


def _is_name_part(char: str) -> bool:
    return char != "" and (_is_letter(char) or char in _DIGITS or char in "_-\\")


def _ends_word(char: str) -> bool:
    return char == "" or char in _WHITE_SPACE or char in ",])"
