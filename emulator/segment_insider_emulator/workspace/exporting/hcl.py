"""JSON values as expressions of Terraform's configuration language.

Source: Terraform's language documentation, "Strings and templates" and "Types and values".
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from segment_insider_emulator.types import JSON

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# Words of the language, and what a `for` would begin.
_RESERVED = ("null", "true", "false", "for", "if", "in", "else", "endif", "endfor")


@dataclass(frozen=True, slots=True)
class Expression:
    """Text that is written as it stands, e.g. "var.ucd_key"."""

    text: str


def expression(value: JSON | Expression, level: int = 0) -> str:
    """*value* as an expression; objects and lists take a line for each of their parts."""
    match value:
        case Expression():
            return value.text
        case dict() if len(value) == 1 and isinstance(only := next(iter(value.values())), str):
            # A directive such as {"@path" = "$.userId"} is easier to read on one line.
            return f"{{ {_key(next(iter(value)))} = {text(only)} }}"
        case dict() if value:
            parts = [f"{_key(key)} = {expression(each, level + 1)}" for key, each in value.items()]
            return _block("{", parts, "}", level)
        case list() if value:
            return _block("[", [f"{expression(each, level + 1)}," for each in value], "]", level)
        case str():
            return text(value)
        case _:
            return json.dumps(value)


def text(value: str) -> str:
    """*value* in quotes, with nothing left in it that the language would interpret."""
    return '"' + "".join(_escaped(value)) + '"'


def _escaped(value: str) -> Iterator[str]:
    for character, after in zip_longest(value, value[1:], fillvalue=""):
        if character in "$%" and after and after in "$%{":
            # Not doubled, as the language has it: parsers differ about doubled signs.
            yield f"\\u{ord(character):04x}"
        elif character in _ESCAPES:
            yield _ESCAPES[character]
        elif ord(character) < 0x20 or character in "\x7f\x85\u2028\u2029":
            yield f"\\u{ord(character):04x}"
        else:
            yield character


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _key(key: str) -> str:
    return key if _NAME.fullmatch(key) and key not in _RESERVED else text(key)


def _block(opening: str, parts: list[str], closing: str, level: int) -> str:
    indent = "  " * (level + 1)
    lines = [f"{indent}{part}" for part in parts]
    return "\n".join([opening, *lines, "  " * level + closing])
