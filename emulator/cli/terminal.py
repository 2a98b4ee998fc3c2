"""What people read in a terminal, which obeys some of the characters that it is given."""

import re
from collections.abc import Iterable

import click

# All control characters, but for the colours that click.style makes.
_OBEYED = re.compile("\x1b(?!\\[(?:[01]|3[0-7])m)|[\x00-\x1a\x1c-\x1f\x7f-\x9f]")


def tell(lines: Iterable[str]) -> None:
    """Print *lines*; names in them come from outside, and may hold what moves the cursor."""
    click.echo("\n".join(_OBEYED.sub("�", each) for each in lines))
