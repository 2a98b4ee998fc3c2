"""Read the Host header of the current request, and build URLs with it.

Docker's names may have an underscore, which no name of the DNS has and Werkzeug therefore refuses.
"""

import re

from flask import request

from segment_insider_emulator.errors import EmulatorError

_HOST_HEADER_PATTERN = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{0,5})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_HOST_REMEDY = "Send a name or an address and perhaps a port, such as localhost:8282."


class InvalidHostHeader(EmulatorError):
    """The Host header is invalid, or missing where it is needed."""

    status = 400


def read_host_header() -> str | None:
    """Return the Host header without a default port; None if it is missing.

    Raises: BadHost, when it is neither a name nor an address.
    """
    header: str = request.environ.get("HTTP_HOST", "")
    if not header:
        return None
    if not _HOST_HEADER_PATTERN.fullmatch(header):
        raise InvalidHostHeader(
            "the Host header is no name with a port",
            f"Host: {ascii(header)[1:-1][:80]}",
            _HOST_REMEDY,
        )
    return header.removesuffix(":").removesuffix(_DEFAULT_PORTS.get(request.scheme, ":"))


def require_host_header() -> str:
    """Return the Host header for URLs of this emulator, e.g. "my_service:8282".

    Raises: BadHost, when there is none: HTTP/1.0 needs none, and then no address is known.
    """
    host = read_host_header()
    if host is None:
        what = "the request has no Host header, so that our own address is not known"
        raise InvalidHostHeader(what, "Host", _HOST_REMEDY)
    return host


def request_base_url() -> str:
    """Return scheme and host, e.g. "http://my_service:8282". Raises: InvalidHostHeader."""
    return f"{request.scheme}://{require_host_header()}"


def normalise_host_name(host: str) -> str:
    """Return the name in *host* in lower case, without port and final dot."""
    return re.sub(r":\d*$", "", host).removesuffix(".").lower()
