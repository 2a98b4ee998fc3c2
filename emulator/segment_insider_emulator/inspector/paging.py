"""Where in a list a page begins: a number in the address."""

from flask import request

MAX_PAGE_NUMBER = 2**63 - 1


def get_int_parameter(parameter_name: str, default: int = MAX_PAGE_NUMBER) -> int:
    """The whole number that the parameter *name* has; *default* for anything else."""
    text = request.args.get(parameter_name, "")
    # A long run of digits is refused before Python spends time on it.
    value = int(text) if text.isdecimal() and len(text) < 20 else default
    return min(value, MAX_PAGE_NUMBER)
