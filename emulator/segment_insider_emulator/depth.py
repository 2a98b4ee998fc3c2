"""How deep JSON may be nested: deeper input is refused where it enters."""

from segment_insider_emulator.types import JSON

# Nobody documents a limit; no event of a shop comes near this one.
MAX_DEPTH = 100


def nesting_depth(value: JSON) -> int:
    """How many objects and lists stand inside one another: 0 for a number, 1 for {}."""
    levels = 0
    layer = [value]
    while layer := [one for one in layer if isinstance(one, dict | list)]:
        levels += 1
        layer = [
            child for one in layer for child in (one.values() if isinstance(one, dict) else one)
        ]
    return levels
