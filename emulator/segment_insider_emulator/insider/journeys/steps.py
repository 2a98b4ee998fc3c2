"""The steps of a journey in a workspace file, already of the right shape, to its elements."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from segment_insider_emulator.duration import parse_duration
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.journeys.causes import (
    parse_check_condition,
    require_single_key,
)
from segment_insider_emulator.insider.journeys.definition import (
    ChannelElement,
    CheckElement,
    JourneyElement,
    ReachabilityElement,
    WaitElement,
)
from segment_insider_emulator.types import JSONObject

StepDocuments: TypeAlias = Sequence[JSONObject]

# Kind of step -> the keys that may stand beside it.
STEP_KEYS_BY_KIND: Mapping[str, tuple[str, ...]] = {
    "wait": (),
    "check": ("matching", "not_matching"),
    "check_reachability": ("reachable", "not_reachable"),
    "channel": ("message",),
}


def parse_steps(
    steps: StepDocuments, parent_path: str, journey_location: str
) -> Iterator[JourneyElement]:
    """The elements of *steps* and of the paths below them.

    Args:
        place: Place of *steps* in the journey, e.g. "steps[1].matching".
        where: Place of the journey in the file, e.g. "insider.journeys[0]".
    Raises: EmulatorError, for a step that is none.
    """
    for index, step in enumerate(steps):
        step_path = f"{parent_path}[{index}]"
        next_step_path = f"{parent_path}[{index + 1}]" if index + 1 < len(steps) else None
        kind = _get_step_kind(step, f"{journey_location}.{step_path}")
        if kind == "wait":
            yield WaitElement(
                step_path,
                parse_duration(step["wait"], f"{journey_location}.{step_path}.wait"),
                next_step_path,
            )
        elif kind == "channel":
            message = _require_message_name(step, f"{journey_location}.{step_path}")
            yield ChannelElement(step_path, step["channel"], message, next_step_path)
        elif next_step_path:
            what = "nothing can follow a check in the same list: its paths lead on"
            raise EmulatorError(
                what, f"{journey_location}.{next_step_path}", "Move the step into a path."
            )
        else:
            yield from _parse_check_step(kind, step, step_path, journey_location)


def get_first_step_path(steps: StepDocuments, parent_path: str) -> str | None:
    """Place of the first of *steps*; None is an empty path."""
    return f"{parent_path}[0]" if steps else None


def _parse_check_step(
    kind: str, step: JSONObject, step_path: str, journey_location: str
) -> Iterator[JourneyElement]:
    paths = {name: step.get(name, []) for name in STEP_KEYS_BY_KIND[kind]}
    first_paths = {
        name: get_first_step_path(path, f"{step_path}.{name}") for name, path in paths.items()
    }
    if kind == "check":
        condition = parse_check_condition(step["check"], f"{journey_location}.{step_path}.check")
        yield CheckElement(step_path, condition, **first_paths)
    else:
        yield ReachabilityElement(step_path, step[kind], **first_paths)
    for name, path in paths.items():
        yield from parse_steps(path, f"{step_path}.{name}", journey_location)


def _get_step_kind(step: JSONObject, where: str) -> str:
    kind = require_single_key(tuple(STEP_KEYS_BY_KIND), step, where)
    unexpected_keys = [
        name for name in step if name != kind and name not in STEP_KEYS_BY_KIND[kind]
    ]
    if unexpected_keys:
        allowed = (
            f"Beside it may stand {' and '.join(STEP_KEYS_BY_KIND[kind])}."
            if STEP_KEYS_BY_KIND[kind]
            else ""
        )
        what = f"{unexpected_keys[0]!r} does not belong to a {kind}"
        raise EmulatorError(what, where, allowed or "Make it a step of its own.")
    return kind


def _require_message_name(step: JSONObject, where: str) -> str:
    if "message" not in step:
        raise EmulatorError("'message' is missing", where, "Give the message a name.")
    message: str = step["message"]
    return message
