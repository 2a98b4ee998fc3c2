"""What an emulator answers in its own name where it does not do what it is asked for."""

from collections.abc import Mapping
from typing import Final

from requests import JSONDecodeError, Response

from segment_insider_emulator.errors import Conflict, EmulatorError, Unavailable


class Missing(EmulatorError):
    """What is asked for is not there."""


REFUSALS: Final[Mapping[int, type[EmulatorError]]] = {
    404: Missing,
    409: Conflict,
    503: Unavailable,
}


def refusal(answer: Response) -> EmulatorError | None:
    """The error that *answer* tells of, by its status one of REFUSALS; None when it tells none."""
    try:
        fault = answer.json()["error"]
        told = REFUSALS.get(answer.status_code, EmulatorError)
        return told(fault["what"], fault["where"], fault["remedy"])
    except (JSONDecodeError, KeyError, TypeError):
        return None
