"""What people read in a terminal, which obeys some of the characters that it is given.

Names in what is printed come from outside: no control character of theirs, and none that turns the
direction of writing, reaches a terminal.
"""

import re
import secrets
import sys
from collections.abc import Iterable
from typing import Any

import click
import orjson

_TURNING = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# Nobody outside can know it, so no colour but ours is let through.
_OWN = f"\x1b{secrets.token_hex(4)}"
_OBEYED = re.compile(f"(?!{_OWN})[\x00-\x1f\x7f-\x9f{_TURNING}\ud800-\udfff]")
_OBEYED_IN_TEXT = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_TURNING}]")


def styled(text: str, **style: Any) -> str:
    """Return *text* in a colour, or bold, for `tell`. Args: style: Of click.style."""
    begin, end = click.style("\0", **style).split("\0")
    return f"{_marked(begin)}{text}{_marked(end)}"


def tell(lines: Iterable[str], *, err: bool = False) -> None:
    """Print *lines*, with a sign in place of each character that a terminal would obey."""
    click.echo("\n".join(_OBEYED.sub("�", each).replace(_OWN, "\x1b") for each in lines), err=err)


def tell_json(document: Any, *, indent: bool = False) -> None:
    """Print a document as JSON; those characters are escaped, which is the same document."""
    raw = orjson.dumps(document, option=orjson.OPT_INDENT_2 if indent else None)
    click.echo(escaped(raw))


def escaped(raw: bytes) -> bytes:
    """Return JSON with those characters escaped."""
    if raw.isascii() and b"\x7f" not in raw:
        return raw
    return _OBEYED_IN_TEXT.sub(lambda found: f"\\u{ord(found[0]):04x}", raw.decode()).encode()


def is_one_line(text: str) -> bool:
    """Check whether *text* has neither line breaks nor any of those characters."""
    return not ({"\n", "\t"} & set(text) or _OBEYED_IN_TEXT.search(text))


def plain(text: str) -> str:
    """Return a text of several lines with a sign in place of each of those characters."""
    return _OBEYED_IN_TEXT.sub("�", text)


def for_terminal(text: str) -> str:
    """Return a document that is printed as it is, but for a terminal without those characters."""
    return plain(text) if sys.stdout.isatty() else text


def _marked(codes: str) -> str:
    return codes.replace("\x1b", _OWN)
