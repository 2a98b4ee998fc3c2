"""Where in a list a page begins: a number in the address."""

from flask import request

LARGEST = 2**63 - 1


def number(name: str, default: int = LARGEST) -> int:
    """The whole number that the parameter *name* has; *default* for anything else."""
    text = request.args.get(name, "")
    # A long run of digits is refused before Python spends time on it.
    given = int(text) if text.isdecimal() and len(text) < 20 else default
    return min(given, LARGEST)
