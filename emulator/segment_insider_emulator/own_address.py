"""The address by which the current request reached this emulator, as its sender wrote it.

Docker's names may have an underscore, which no name of the DNS has and Werkzeug therefore refuses.
"""

import re

from flask import request

from segment_insider_emulator.errors import EmulatorError

_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{0,5})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_REMEDY = "Send a name or an address and perhaps a port, such as localhost:8282."


class BadHost(EmulatorError):
    """A request whose Host header cannot be used, or that has none where one is needed."""

    status = 400


def sent_host() -> str | None:
    """Return the Host header, without the port that its scheme implies; None where there is none.

    Raises: BadHost, when it is neither a name nor an address.
    """
    header: str = request.environ.get("HTTP_HOST", "")
    if not header:
        return None
    if not _HOST.fullmatch(header):
        raise BadHost(
            "the Host header is no name with a port", f"Host: {ascii(header)[1:-1][:80]}", _REMEDY
        )
    return header.removesuffix(":").removesuffix(_DEFAULT_PORTS.get(request.scheme, ":"))


def own_host() -> str:
    """Return the Host header, for addresses that we give out, e.g. "my_service:8282".

    Raises: BadHost, when there is none: HTTP/1.0 needs none, and then no address is known.
    """
    host = sent_host()
    if host is None:
        what = "the request has no Host header, so that our own address is not known"
        raise BadHost(what, "Host", _REMEDY)
    return host


def own_root() -> str:
    """Scheme and host, e.g. "http://my_service:8282". Raises: BadHost."""
    return f"{request.scheme}://{own_host()}"


def name_of(host: str) -> str:
    """Return the name in a *host*, without its port and the final dot, in lower case."""
    return re.sub(r":\d*$", "", host).removesuffix(".").lower()
