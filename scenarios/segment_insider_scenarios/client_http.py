"""HTTP details of the control API client: bearer token, retries of 503, errors."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Final

import requests
from requests import JSONDecodeError, PreparedRequest, Response
from requests.auth import AuthBase
from urllib3.exceptions import NameResolutionError

from segment_insider_emulator.errors import ConflictError, EmulatorError, TemporarilyUnavailable
from segment_insider_emulator.types import JSON

MAX_RETRY_WAIT_S: Final = 10  # total for one request


class RetryBudget:
    """Remaining time in which one control API request may wait for 503 responses."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep, self._remaining_s = sleep, MAX_RETRY_WAIT_S

    def wait_if_retryable(self, response: Response) -> bool:
        """Wait as a 503 response asks, and return whether to send the request again."""
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
    """Error: the resource requested from the control API does not exist."""


ERROR_TYPE_BY_STATUS: Final[Mapping[int, type[EmulatorError]]] = {
    404: ResourceNotFound,
    409: ConflictError,
    503: TemporarilyUnavailable,
}


def parse_error_response(response: Response) -> EmulatorError | None:
    """Return the control API's error in a response, with the class for its status, or None."""
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
    """Error: no emulator answers at the address."""


class EmulatorTimeout(EmulatorError):
    """Error: the emulator at the address does not answer in time."""


# Errors that pass, for example when the emulator has restarted.
CONNECTION_ERRORS: Final = (EmulatorUnreachable, EmulatorTimeout, TemporarilyUnavailable)


class SandboxLimitReached(EmulatorError):
    """Error: the emulator has reached its limit of sandboxes."""


def build_connection_error(url: str, error: requests.RequestException) -> EmulatorError:
    """Return the error for a control API request that got no response, without its content.

    The original *error* is dropped because its traceback contains the request with the token.
    """
    if isinstance(error, requests.exceptions.ReadTimeout):
        what = "the emulator did not answer in time"
        return EmulatorTimeout(
            what, url, _suggest_plain_http(url) or "Check what the emulator is doing."
        )
    what, remedy = _diagnose_address(url, error)
    return EmulatorUnreachable(what, url, remedy)


def build_run_ending_error(error: BaseException, url: str) -> EmulatorError | None:
    """Return the error that ends a run of scenarios against *url*; None if it can continue."""
    if isinstance(error, SandboxLimitReached):
        return error
    if isinstance(error, TemporarilyUnavailable):
        return EmulatorError(error.what, url, error.remedy)
    if isinstance(error, EmulatorUnreachable) and error.where.startswith(url.rstrip("/")):
        remedy = "Start it again with `emulator serve`, and run again."
        return EmulatorError("the emulator does not answer any more", url, remedy)
    return None


def suggest_http_scheme(address: str) -> str | None:
    """Return a hint to add http:// if an emulator address is only HOST:PORT; else None."""
    return (
        f"Write http:// in front: http://{address}" if _HOST_AND_PORT.fullmatch(address) else None
    )


def _diagnose_address(url: str, error: requests.RequestException) -> tuple[str, str]:
    """Return what is wrong with an emulator's address, and what to do."""
    if not url.startswith(URL_SCHEMES):
        what = "the address of an emulator must begin with http:// or https://"
        return what, suggest_http_scheme(url) or "Write it as http://HOST:PORT."
    if isinstance(error, requests.exceptions.InvalidURL):
        port = _URL_PORT.search(url.removeprefix("http://").removeprefix("https://"))
        if port and int(port[1]) not in _VALID_PORTS:
            return (
                f"there is no port {port[1]}",
                f"Ports go from {_VALID_PORTS[0]} to {_VALID_PORTS[-1]}.",
            )
        return "this is not an address", "Write it as http://HOST:PORT."
    if isinstance(error, requests.exceptions.SSLError):
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            what = "the certificate is not signed by a known authority"
            return what, (
                "Set REQUESTS_CA_BUNDLE to the file of its authority, which `emulator certificate` "
                "names, or use an address with http://."
            )
        return "the server at this address does not use HTTPS", _suggest_plain_http(
            url
        ) or "Correct the address."
    if isinstance(
        getattr(error.args[0], "reason", None) if error.args else None, NameResolutionError
    ):
        return "this host name is unknown", "Correct the address."
    return "no emulator answers", "Start one with `emulator serve`, or correct the address."


def _suggest_plain_http(url: str) -> str | None:
    """Suggest http:// for an emulator address with https://; None for other addresses."""
    bare = url.removeprefix("https://")
    return None if bare == url else f"Perhaps it is http://{bare}"


class BearerAuth(AuthBase):
    """Authentication of `requests` that sends a bearer token and never prints it.

    pytest prints the local variables of a traceback, and `requests` passes headers from function
    to function: the token must not appear in either.
    """

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = _SecretStr(f"Bearer {self._token}")
        return request


class _SecretStr(str):
    """String whose repr is redacted."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'(redacted)'"


def read_json_response(response: requests.Response) -> JSON:
    """Return the JSON of a response; None if it has none."""
    try:
        document: JSON = response.json()
    except requests.JSONDecodeError:
        return None
    return document
