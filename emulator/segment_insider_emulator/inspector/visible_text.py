"""Visible forms of captured text: control and direction characters are shown as JSON escapes.

A message may contain characters that are invisible or that turn the text after them round, so that
a page would show a wrong value, or its own words backwards.
"""

import re
from typing import Final

import orjson
from markupsafe import Markup, escape

# Control, format and direction characters; not tab and line breaks. Their whole general categories
# (Cc, Cf, Zl, Zp) but for the joiners: emoji and Persian words need them.
_INVISIBLE: Final = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb"
)
_INVISIBLE_PATTERN: Final = re.compile(f"[{_INVISIBLE}]")
# In values, blanks that look like a space or like nothing are different from it, too.
_INVISIBLE_IN_VALUE_PATTERN: Final = re.compile(
    f"[{_INVISIBLE}\xa0\u115f\u1160\u1680\u2000-\u200a\u202f\u205f\u2800\u3000\u3164\uffa0]"
    "|(?<![^\x00-\u024f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\u024f])"
)


def show_invisible_characters(text: str) -> str:
    r"""Replace control and direction characters of *text* by escapes such as `\u202e`."""
    return text if text.isprintable() else _INVISIBLE_PATTERN.sub(_escape_character, text)


def compact_json(value: object) -> str:
    """Format *value* as JSON in one line, with invisible characters escaped."""
    return _escape_value(orjson.dumps(value, default=str).decode())


def pretty_json(value: object) -> str:
    """Format *value* as indented JSON, with invisible characters escaped."""
    text = orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode()
    return _escape_value(text)


def format_key(key: str) -> str:
    """Format an object's key: plain, or as JSON where one would see too little of it."""
    text = compact_json(key)
    return key if key and key == key.strip() == text[1:-1] else text


def exact(text: object) -> Markup:
    """Mark *text* as one that a template prints exactly, such as the value of a form's field."""
    return escape(text)


def finalize_expression(value: object) -> object:
    """Show the invisible characters of a text that a template prints, unless it is markup."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return show_invisible_characters(value)
    return value


def _escape_value(json_text: str) -> str:
    if json_text.isascii() and json_text.isprintable():
        return json_text
    return _INVISIBLE_IN_VALUE_PATTERN.sub(_escape_character, json_text)


def _escape_character(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
