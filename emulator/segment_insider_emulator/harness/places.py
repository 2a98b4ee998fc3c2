"""Places in a JSON value, as matchers name them: request.json.users[0].attributes.email."""

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON

ANY_INDEX: Final = "*"  # as an index: whichever entry of a list
MAX_PATH_LENGTH = 500  # characters
PathStep: TypeAlias = str | int  # a key or an index, or ANY in brackets, which is -1
EVERY_ENTRY: Final = -1
_STEP_PATTERN = re.compile(r'\.?([^.\[\]"]+)|\[(\d{1,9}|\*)\]|\["([^"]*)"\]')
_PATH_REMEDY = (
    'Write it as request.json.users[0].name, with [*] for any entry and ["a.b"] for odd keys.'
)


def parse_json_path(path: str, where: str) -> tuple[PathStep, ...]:
    """The steps of *path*, which stands at *where*. Raises: EmulatorError, when it is none."""
    steps: list[PathStep] = []
    at = 0
    while at < len(path) <= MAX_PATH_LENGTH:
        match = _STEP_PATTERN.match(path, at)
        if not match or path.startswith("."):
            break
        key, index, quoted = match.groups()
        if index is not None:
            steps.append(EVERY_ENTRY if index == ANY_INDEX else int(index))
        else:
            steps.append(key if quoted is None else quoted)
        at = match.end()
    if not steps or at < len(path):
        raise EmulatorError(f"{path[:80]!r} is no path", where, _PATH_REMEDY)
    return tuple(steps)


def select_values(value: JSON, steps: tuple[PathStep, ...]) -> Iterator[JSON]:
    """What stands in *value* at *steps*: nothing, one value, or with [*] several."""
    if not steps:
        yield value
        return
    step, *more = steps
    rest = tuple(more)
    if isinstance(step, str):
        if isinstance(value, dict) and step in value:
            yield from select_values(value[step], rest)
    elif isinstance(value, list):
        chosen = value if step == EVERY_ENTRY else value[step : step + 1]
        for entry in chosen:
            yield from select_values(entry, rest)
