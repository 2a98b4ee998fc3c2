"""The lexer of subscription triggers, which works exactly as Segment's published one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

TriggerTokenKind: TypeAlias = Literal[
    "ident", "dot", "operator", "conditional", "string", "number", "null", "(", ")", "other", "eos"
]

_WHITE_SPACE = " \t\n"
_DIGITS = "0123456789"
_SINGLE_CHARACTER_KINDS: dict[str, TriggerTokenKind] = {
    ".": "dot",
    "(": "(",
    ")": ")",
    "[": "other",
    "]": "other",
    ",": "other",
}
_KEYWORDS: dict[str, tuple[str, TriggerTokenKind]] = {
    "a": ("and", "conditional"),
    "o": ("or", "conditional"),
    "n": ("null", "null"),
}
_MAX_TOKEN_LENGTH = 100_000


@dataclass(frozen=True, slots=True)
class TriggerToken:
    """One token of a trigger; a string includes its quotes."""

    kind: TriggerTokenKind
    value: str


class TriggerLexerError(ValueError):
    """The trigger text has an invalid character or ends too early.

    Args:
        position: Number of the character, from 1.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


def tokenize_trigger(text: str) -> list[TriggerToken]:
    """Split *text* into tokens, the last one of kind "eos". Raises: TriggerLexerError."""
    tokens = [*_TriggerLexer(text).iter_tokens(), TriggerToken("eos", "eos")]
    joined_tokens: list[TriggerToken] = []
    index = 0
    while index < len(tokens):
        if joined_tokens and _is_dotted_name(joined_tokens[-1], tokens[index : index + 2]):
            joined_tokens[-1] = TriggerToken(
                "ident", f"{joined_tokens[-1].value}.{tokens[index + 1].value}"
            )
            index += 2
        else:
            joined_tokens.append(tokens[index])
            index += 1
    return joined_tokens


def _is_dotted_name(previous: TriggerToken, following: list[TriggerToken]) -> bool:
    return [previous.kind, *(token.kind for token in following)] == ["ident", "dot", "ident"]


class _TriggerLexer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def iter_tokens(self) -> Iterator[TriggerToken]:
        while self._position < len(self._text):
            char = self._take_character()
            if char not in _WHITE_SPACE:
                yield self._read_token(char)

    def _read_token(self, char: str) -> TriggerToken:
        if char in "!=<>":
            return self._read_operator(char)
        if _is_letter(char) or char in "\\_":
            return self._read_word(char)
        if char in _DIGITS or char in "+-":
            return self._read_number(char)
        if char in "\"'":
            return self._read_string(char)
        if char in _SINGLE_CHARACTER_KINDS:
            return TriggerToken(_SINGLE_CHARACTER_KINDS[char], char)
        raise TriggerLexerError(f"a trigger cannot contain {char!r}", self._position)

    def _read_operator(self, char: str) -> TriggerToken:
        if char == "=":
            return TriggerToken("operator", char)
        if char == "!" and (_is_letter(self._peek_character()) or self._peek_character() == "("):
            return TriggerToken("operator", "!")
        if self._take_word_if_next("="):
            return TriggerToken("operator", f"{char}=")
        if char == "!":
            raise TriggerLexerError("'!' must come before '=', a letter or '('", self._position)
        return TriggerToken("operator", char)

    def _read_word(self, char: str) -> TriggerToken:
        word, kind = _KEYWORDS.get(char, ("", "ident"))
        if word and self._take_word_if_next(word[1:]):
            return TriggerToken(kind, word)
        name = self._read_and_unescape_character(char)
        while _is_name_character(self._peek_character()):
            name += self._read_and_unescape_character(self._take_character())
        if not (_is_word_end(self._peek_character()) or self._peek_character() in ".(=!"):
            raise TriggerLexerError(
                f"{self._peek_character()!r} cannot follow {name!r}", self._position + 1
            )
        return TriggerToken("ident", self._check_token_length(name))

    def _read_and_unescape_character(self, char: str) -> str:
        if char == "\\" and not self._peek_character():
            raise TriggerLexerError("nothing follows the backslash", self._position)
        return self._take_character() if char == "\\" else char

    def _read_number(self, char: str) -> TriggerToken:
        number = char
        while self._peek_character() and self._peek_character() in _DIGITS + ".":
            number += self._take_character()
            if number[-1] == "." and (
                _is_word_end(self._peek_character()) or number.count(".") > 1
            ):
                raise TriggerLexerError(f"{number!r} is not a number", self._position)
        return TriggerToken("number", self._check_token_length(number))

    def _read_string(self, quote: str) -> TriggerToken:
        end = self._text.find(quote, self._position)
        if end < 0:
            raise TriggerLexerError("this quote is never closed", self._position)
        content = self._check_token_length(self._text[self._position : end])
        self._position = end
        # A closing quote that does not end a word is not consumed: it opens the next string.
        self._take_word_if_next(quote)
        return TriggerToken("string", f"{quote}{content}{quote}")

    def _take_word_if_next(self, expected: str) -> bool:
        """Move past the word *expected* if it comes next; not undone at the end of the trigger."""
        start = self._position
        for _ in expected:
            if self._position >= len(self._text):
                return False
            if _is_word_end(self._take_character()):
                break
        if self._text[start : self._position] == expected and _is_word_end(self._peek_character()):
            return True
        self._position = start
        return False

    def _take_character(self) -> str:
        self._position += 1
        return self._text[self._position - 1]

    def _peek_character(self) -> str:
        return self._text[self._position : self._position + 1]

    def _check_token_length(self, word: str) -> str:
        if len(word) >= _MAX_TOKEN_LENGTH:
            raise TriggerLexerError("this word is too long", self._position)
        return word


def _is_letter(char: str) -> bool:
    return char.isascii() and char.isalpha()


def _is_name_character(char: str) -> bool:
    return char != "" and (_is_letter(char) or char in _DIGITS or char in "_-\\")


def _is_word_end(char: str) -> bool:
    return char == "" or char in _WHITE_SPACE or char in ",])"
