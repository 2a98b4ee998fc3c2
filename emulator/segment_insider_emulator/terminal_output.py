"""Terminal output of texts and JSON, with control characters in captured data replaced.

Captured names come from outside: they may contain control characters and characters that change
the writing direction.
"""

import re
import secrets
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import orjson

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import mask_document, mask_text

_DIRECTION_CONTROLS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# Random, so that captured data cannot contain it and only our own colours are printed.
_COLOUR_MARK = f"\x1b{secrets.token_hex(4)}"
_CONTROL_CHARACTERS = re.compile(
    f"(?!{_COLOUR_MARK})[\x00-\x1f\x7f-\x9f{_DIRECTION_CONTROLS}\ud800-\udfff]"
)
_CONTROL_CHARACTERS_IN_TEXT = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_DIRECTION_CONTROLS}]")


def style_terminal_text(text: str, **style: Any) -> str:
    """Return a text in a colour or bold for the terminal, for `print_lines`.

    Args:
        style: Arguments of click.style.
    """
    begin, end = click.style("\0", **style).split("\0")
    return f"{_mark_colour_codes(begin)}{text}{_mark_colour_codes(end)}"


def print_lines(lines: Iterable[str], *, err: bool = False) -> None:
    """Print lines of text to the terminal with control characters replaced."""
    click.echo(
        "\n".join(
            _CONTROL_CHARACTERS.sub("�", mask_text(line)).replace(_COLOUR_MARK, "\x1b")
            for line in lines
        ),
        err=err,
    )


def print_json(document: Any, *, indent: bool = False) -> None:
    """Print a JSON document to the terminal with control characters escaped."""
    raw = orjson.dumps(mask_document(document), option=orjson.OPT_INDENT_2 if indent else None)
    click.echo(escape_controls_in_json(raw))


def escape_controls_in_json(json_bytes: bytes) -> bytes:
    """Return JSON bytes with control characters escaped."""
    if json_bytes.isascii() and b"\x7f" not in json_bytes:
        return json_bytes
    return _CONTROL_CHARACTERS_IN_TEXT.sub(
        lambda match: f"\\u{ord(match[0]):04x}", json_bytes.decode()
    ).encode()


def is_single_safe_line(text: str) -> bool:
    """Return whether *text* has no line break and no control character."""
    return not ({"\n", "\t"} & set(text) or _CONTROL_CHARACTERS_IN_TEXT.search(text))


def replace_control_characters(text: str) -> str:
    """Return *text*, which may have several lines, with control characters replaced."""
    return _CONTROL_CHARACTERS_IN_TEXT.sub("�", text)


def write_output(text: str, file: Path | None) -> None:
    """Write the document that a command makes to a file; None prints it.

    Raises: EmulatorError, when the file cannot be written.
    """
    if file is None:
        click.echo(make_terminal_safe(text), nl=False)
        return
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise EmulatorError(what, str(file), "Name a file you may write to.") from None


def make_terminal_safe(text: str) -> str:
    """Return a text unchanged for a file, without control characters for a terminal."""
    return replace_control_characters(text) if sys.stdout.isatty() else text


def _mark_colour_codes(codes: str) -> str:
    return codes.replace("\x1b", _COLOUR_MARK)


def build_expand_settings_hint(
    workspace_name: str, subject: str = "this subscription leaves"
) -> str:
    """Build the CLI's hint how to write out a mapping that a subscription leaves to its default.

    Args:
        workspace_name: A file, a preset, or the address of a running emulator.
        subject: Start of the sentence.
    """
    return (
        f"{subject} out `settings`, and a single line of it would replace the action's whole "
        f"mapping: first run `emulator export {shlex.quote(workspace_name)} --format workspace "
        "--output whole.yaml`, then write the line there"
    )


def format_known_cause_count(count: int) -> str:
    """Return the end of a summary: how many known causes are left out; "" for none."""
    return f"; {count} known {'cause' if count == 1 else 'causes'} left out" if count else ""
