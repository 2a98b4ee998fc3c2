"""How deep JSON may be nested: deeper input is refused where it enters."""

from emulator.types import JSON

MAX_DEPTH = 100


def is_too_deep(value: JSON, limit: int = MAX_DEPTH) -> bool:
    """Whether *value* has more than *limit* objects and lists inside one another."""
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
