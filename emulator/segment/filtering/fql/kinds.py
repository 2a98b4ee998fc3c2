"""The types of filter FQL, which compare strictly: true is not 1, and "1" is not 1."""

from emulator.types import JSON

_KINDS = {
    type(None): "null",
    bool: "bool",
    int: "number",
    float: "number",
    str: "string",
    list: "list",
    dict: "object",  # typeof() documents no word for it (assumed)
}


class EvaluationError(ValueError):
    """A statement met a value that it cannot work with; the text says which."""


def kind(value: JSON) -> str:
    """The word that typeof() gives *value*."""
    return _KINDS[type(value)]


def same(left: JSON, right: JSON) -> bool:
    """Whether two values are of one type and equal."""
    if kind(left) != kind(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)
