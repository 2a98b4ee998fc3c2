"""Places in a JSON value, as matchers name them: request.json.users[0].attributes.email."""

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON

ANY: Final = "*"  # as an index: whichever entry of a list
LONGEST = 500  # characters
Step: TypeAlias = str | int  # a key or an index, or ANY in brackets, which is -1
EVERY: Final = -1
_STEP = re.compile(r'\.?([^.\[\]"]+)|\[(\d{1,9}|\*)\]|\["([^"]*)"\]')
_SHAPE = 'Write it as request.json.users[0].name, with [*] for any entry and ["a.b"] for odd keys.'


def parse(path: str, where: str) -> tuple[Step, ...]:
    """The steps of *path*, which stands at *where*. Raises: EmulatorError, when it is none."""
    steps: list[Step] = []
    at = 0
    while at < len(path) <= LONGEST:
        found = _STEP.match(path, at)
        if not found or path.startswith("."):
            break
        key, index, quoted = found.groups()
        if index is not None:
            steps.append(EVERY if index == ANY else int(index))
        else:
            steps.append(key if quoted is None else quoted)
        at = found.end()
    if not steps or at < len(path):
        raise EmulatorError(f"{path[:80]!r} is no path", where, _SHAPE)
    return tuple(steps)


def values(value: JSON, steps: tuple[Step, ...]) -> Iterator[JSON]:
    """What stands in *value* at *steps*: nothing, one value, or with [*] several."""
    if not steps:
        yield value
        return
    step, *more = steps
    rest = tuple(more)
    if isinstance(step, str):
        if isinstance(value, dict) and step in value:
            yield from values(value[step], rest)
    elif isinstance(value, list):
        chosen = value if step == EVERY else value[step : step + 1]
        for each in chosen:
            yield from values(each, rest)
