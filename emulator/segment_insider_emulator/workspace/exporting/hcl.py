"""JSON values as expressions of Terraform's configuration language.

Source: Terraform's language documentation, "Strings and templates" and "Types and values".
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from segment_insider_emulator.types import JSON

_HCL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# Words of the language, and what a `for` would begin.
_RESERVED_WORDS = ("null", "true", "false", "for", "if", "in", "else", "endif", "endfor")


@dataclass(frozen=True, slots=True)
class HclExpression:
    """Text that is written as it stands, e.g. "var.ucd_key"."""

    text: str


def format_hcl_value(value: JSON | HclExpression, indent_level: int = 0) -> str:
    """*value* as an expression; objects and lists take a line for each of their parts."""
    match value:
        case HclExpression():
            return value.text
        case dict() if len(value) == 1 and isinstance(only := next(iter(value.values())), str):
            # A directive such as {"@path" = "$.userId"} is easier to read on one line.
            return f"{{ {_format_key(next(iter(value)))} = {format_hcl_string(only)} }}"
        case dict() if value:
            parts = [
                f"{_format_key(key)} = {format_hcl_value(each, indent_level + 1)}"
                for key, each in value.items()
            ]
            return _format_lines("{", parts, "}", indent_level)
        case list() if value:
            return _format_lines(
                "[",
                [f"{format_hcl_value(each, indent_level + 1)}," for each in value],
                "]",
                indent_level,
            )
        case str():
            return format_hcl_string(value)
        case _:
            return json.dumps(value)


def format_hcl_string(value: str) -> str:
    """*value* in quotes, with nothing left in it that the language would interpret."""
    return '"' + "".join(_escape_characters(value)) + '"'


def _escape_characters(value: str) -> Iterator[str]:
    for character, after in zip_longest(value, value[1:], fillvalue=""):
        if character in "$%" and after and after in "$%{":
            # Not doubled, as the language has it: parsers differ about doubled signs.
            yield f"\\u{ord(character):04x}"
        elif character in _HCL_ESCAPES:
            yield _HCL_ESCAPES[character]
        elif ord(character) < 0x20 or character in "\x7f\x85\u2028\u2029":
            yield f"\\u{ord(character):04x}"
        else:
            yield character


_HCL_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _format_key(key: str) -> str:
    return (
        key if _HCL_NAME.fullmatch(key) and key not in _RESERVED_WORDS else format_hcl_string(key)
    )


def _format_lines(opening: str, items: list[str], closing: str, indent_level: int) -> str:
    indent = "  " * (indent_level + 1)
    lines = [f"{indent}{part}" for part in items]
    return "\n".join([opening, *lines, "  " * indent_level + closing])
