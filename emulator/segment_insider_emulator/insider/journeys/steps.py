"""The steps of a journey in a workspace file, already of the right shape, to its elements."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from segment_insider_emulator.duration import duration
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.journeys.causes import only, read_check
from segment_insider_emulator.insider.journeys.definition import (
    Channel,
    Check,
    CheckReachability,
    Element,
    Wait,
)
from segment_insider_emulator.types import JSONObject

Steps: TypeAlias = Sequence[JSONObject]

# Kind of step -> the keys that may stand beside it.
KINDS: Mapping[str, tuple[str, ...]] = {
    "wait": (),
    "check": ("matching", "not_matching"),
    "check_reachability": ("reachable", "not_reachable"),
    "channel": ("message",),
}


def read_steps(steps: Steps, place: str, where: str) -> Iterator[Element]:
    """The elements of *steps* and of the paths below them.

    Args:
        place: Place of *steps* in the journey, e.g. "steps[1].matching".
        where: Place of the journey in the file, e.g. "insider.journeys[0]".
    Raises: EmulatorError, for a step that is none.
    """
    for index, step in enumerate(steps):
        here = f"{place}[{index}]"
        following = f"{place}[{index + 1}]" if index + 1 < len(steps) else None
        kind = _kind(step, f"{where}.{here}")
        if kind == "wait":
            yield Wait(here, duration(step["wait"], f"{where}.{here}.wait"), following)
        elif kind == "channel":
            message = _message(step, f"{where}.{here}")
            yield Channel(here, step["channel"], message, following)
        elif following:
            what = "nothing can follow a check in the same list: its paths lead on"
            raise EmulatorError(what, f"{where}.{following}", "Move the step into a path.")
        else:
            yield from _split(kind, step, here, where)


def first(steps: Steps, place: str) -> str | None:
    """Place of the first of *steps*; None is an empty path."""
    return f"{place}[0]" if steps else None


def _split(kind: str, step: JSONObject, here: str, where: str) -> Iterator[Element]:
    paths = {name: step.get(name, []) for name in KINDS[kind]}
    starts = {name: first(path, f"{here}.{name}") for name, path in paths.items()}
    if kind == "check":
        condition = read_check(step["check"], f"{where}.{here}.check")
        yield Check(here, condition, **starts)
    else:
        yield CheckReachability(here, step[kind], **starts)
    for name, path in paths.items():
        yield from read_steps(path, f"{here}.{name}", where)


def _kind(step: JSONObject, where: str) -> str:
    kind = only(tuple(KINDS), step, where)
    strange = [name for name in step if name != kind and name not in KINDS[kind]]
    if strange:
        allowed = f"Beside it may stand {' and '.join(KINDS[kind])}." if KINDS[kind] else ""
        what = f"{strange[0]!r} does not belong to a {kind}"
        raise EmulatorError(what, where, allowed or "Make it a step of its own.")
    return kind


def _message(step: JSONObject, where: str) -> str:
    if "message" not in step:
        raise EmulatorError("'message' is missing", where, "Give the message a name.")
    message: str = step["message"]
    return message
