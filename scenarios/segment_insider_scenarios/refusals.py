"""What an emulator answers in its own name where it does not do what it is asked for."""

from collections.abc import Mapping
from typing import Final

from requests import JSONDecodeError, Response

from segment_insider_emulator.errors import ConflictError, EmulatorError, TemporarilyUnavailable


class ResourceNotFound(EmulatorError):
    """What is asked for is not there."""


ERROR_TYPE_BY_STATUS: Final[Mapping[int, type[EmulatorError]]] = {
    404: ResourceNotFound,
    409: ConflictError,
    503: TemporarilyUnavailable,
}


def parse_error_response(response: Response) -> EmulatorError | None:
    """The error that *answer* tells of, by its status one of REFUSALS; None when it tells none."""
    try:
        fault = response.json()["error"]
        error_type = ERROR_TYPE_BY_STATUS.get(response.status_code, EmulatorError)
        return error_type(fault["what"], fault["where"], fault["remedy"])
    except (JSONDecodeError, KeyError, TypeError):
        return None
