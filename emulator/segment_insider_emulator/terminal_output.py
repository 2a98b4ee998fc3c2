"""What people read in a terminal, which obeys some of the characters that it is given.

Names in what is printed come from outside: no control character of theirs, and none that turns the
direction of writing, reaches a terminal.
"""

import re
import secrets
import shlex
import sys
from collections.abc import Iterable
from typing import Any

import click
import orjson

_DIRECTION_CONTROLS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# Nobody outside can know it, so no colour but ours is let through.
_COLOUR_MARK = f"\x1b{secrets.token_hex(4)}"
_CONTROL_CHARACTERS = re.compile(
    f"(?!{_COLOUR_MARK})[\x00-\x1f\x7f-\x9f{_DIRECTION_CONTROLS}\ud800-\udfff]"
)
_CONTROL_CHARACTERS_IN_TEXT = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_DIRECTION_CONTROLS}]")


def style_text(text: str, **style: Any) -> str:
    """Return *text* in a colour, or bold, for `tell`. Args: style: Of click.style."""
    begin, end = click.style("\0", **style).split("\0")
    return f"{_mark_colour_codes(begin)}{text}{_mark_colour_codes(end)}"


def print_lines(lines: Iterable[str], *, err: bool = False) -> None:
    """Print *lines*, with a sign in place of each character that a terminal would obey."""
    click.echo(
        "\n".join(
            _CONTROL_CHARACTERS.sub("�", each).replace(_COLOUR_MARK, "\x1b") for each in lines
        ),
        err=err,
    )


def print_json(document: Any, *, indent: bool = False) -> None:
    """Print a document as JSON; those characters are escaped, which is the same document."""
    raw = orjson.dumps(document, option=orjson.OPT_INDENT_2 if indent else None)
    click.echo(escape_json(raw))


def escape_json(json_bytes: bytes) -> bytes:
    """Return JSON with those characters escaped."""
    if json_bytes.isascii() and b"\x7f" not in json_bytes:
        return json_bytes
    return _CONTROL_CHARACTERS_IN_TEXT.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json_bytes.decode()
    ).encode()


def is_single_safe_line(text: str) -> bool:
    """Check whether *text* has neither line breaks nor any of those characters."""
    return not ({"\n", "\t"} & set(text) or _CONTROL_CHARACTERS_IN_TEXT.search(text))


def replace_control_characters(text: str) -> str:
    """Return a text of several lines with a sign in place of each of those characters."""
    return _CONTROL_CHARACTERS_IN_TEXT.sub("�", text)


def make_terminal_safe(text: str) -> str:
    """Return a document that is printed as it is, but for a terminal without those characters."""
    return replace_control_characters(text) if sys.stdout.isatty() else text


def _mark_colour_codes(codes: str) -> str:
    return codes.replace("\x1b", _COLOUR_MARK)


def expand_settings_hint(workspace_name: str, subject: str = "this subscription leaves") -> str:
    """The advice, with the command that writes a workspace out.

    Args:
        name: A file, a preset, or the address of a running emulator.
        leaving: Who leaves it out.
    """
    return (
        f"{subject} `settings` out, and a line of it alone would replace the "
        f"action's whole mapping: first `emulator export {shlex.quote(workspace_name)} --format workspace "
        "--output whole.yaml`, then write the line there"
    )
