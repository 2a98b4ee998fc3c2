"""Waiting for an emulator that cannot be used just now, as while its database is away."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Final

import requests
from requests import JSONDecodeError, Response
from urllib3.exceptions import NameResolutionError

from segment_insider_emulator.errors import ConflictError, EmulatorError, TemporarilyUnavailable

MAX_RETRY_WAIT_S: Final = 10  # seconds that one request is waited for, in all


class RetryBudget:
    """How long one request may still wait."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep, self._remaining_s = sleep, MAX_RETRY_WAIT_S

    def wait_if_retryable(self, response: Response) -> bool:
        """Whether to send the request of *answer* again: it was refused, and has waited since."""
        asked = response.headers.get("Retry-After", "")
        if (
            response.status_code != 503
            or not asked.isdecimal()
            or int(asked[:9]) > self._remaining_s
        ):
            return False
        self._remaining_s -= int(asked)
        self._sleep(int(asked))
        return True


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


URL_SCHEMES: Final = ("http://", "https://")
_HOST_AND_PORT: Final = re.compile(r"([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):\d+(/.*)?")
_URL_PORT: Final = re.compile(r":(\d{1,9})(?:/|$)")
_VALID_PORTS: Final = range(1, 65_536)


class EmulatorUnreachable(EmulatorError):
    """Nobody answers at the address of an emulator."""


class SandboxLimitReached(EmulatorError):
    """An emulator elsewhere has as many sandboxes as it may: no scenario can be run there."""


def connection_error(url: str, error: requests.RequestException) -> EmulatorError:
    """What to say of a request to the emulator at *url* that was not answered.

    Of the *error* nothing is kept: its traceback holds the request, and with it the token.
    """
    if isinstance(error, requests.exceptions.ReadTimeout):
        what = "nothing was answered in time"
        return EmulatorError(
            what, url, _plain_http_hint(url) or "See what the emulator is busy at."
        )
    what, remedy = _diagnose_address(url, error)
    return EmulatorUnreachable(what, url, remedy)


def run_ending_error(error: BaseException, url: str) -> EmulatorError | None:
    """Why a run at *url* ends with *error*, of whichever sandbox it tells; None when it goes on."""
    if isinstance(error, SandboxLimitReached):
        return error
    if isinstance(error, TemporarilyUnavailable):
        return EmulatorError(error.what, url, error.remedy)
    if isinstance(error, EmulatorUnreachable) and error.where.startswith(url.rstrip("/")):
        remedy = "Start it again with `emulator serve`, and run again."
        return EmulatorError("the emulator does not answer any more", url, remedy)
    return None


def missing_scheme_hint(address: str) -> str | None:
    """What to write in place of HOST:PORT; None of anything else, which may be a file."""
    return (
        f"Write http:// in front: http://{address}" if _HOST_AND_PORT.fullmatch(address) else None
    )


def _diagnose_address(url: str, error: requests.RequestException) -> tuple[str, str]:
    """What is wrong with an address, and what to do."""
    if not url.startswith(URL_SCHEMES):
        what = "the address of an emulator begins with http:// or https://"
        return what, missing_scheme_hint(url) or "Write it as http://HOST:PORT."
    if isinstance(error, requests.exceptions.InvalidURL):
        port = _URL_PORT.search(url.removeprefix("http://").removeprefix("https://"))
        if port and int(port[1]) not in _VALID_PORTS:
            return (
                f"there is no port {port[1]}",
                f"They go from {_VALID_PORTS[0]} to {_VALID_PORTS[-1]}.",
            )
        return "this is no address", "Write it as http://HOST:PORT."
    if isinstance(error, requests.exceptions.SSLError):
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            what = "the certificate there is of no authority that is known here"
            return what, "Have one that is, or give an address with http://."
        return "what answers there does not speak HTTPS", _plain_http_hint(
            url
        ) or "Correct the address."
    if isinstance(
        getattr(error.args[0], "reason", None) if error.args else None, NameResolutionError
    ):
        return "no machine has this name", "Correct the address."
    return "no emulator answers", "Start one with `emulator serve`, or correct the address."


def _plain_http_hint(url: str) -> str | None:
    """An address with https:// as it is without: some servers keep silent where TLS is spoken."""
    bare = url.removeprefix("https://")
    return None if bare == url else f"Perhaps it is http://{bare}"
