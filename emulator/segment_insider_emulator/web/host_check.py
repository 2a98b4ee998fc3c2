"""Checks of the Host and Origin headers of requests, and the address that a request names.

A browser would let a page on attacker.example read whatever that name resolves to, also this
machine: so the Host header is checked. Docker's host names may have an underscore, which Werkzeug
refuses: so the Host header is parsed here.
"""

import re
from collections.abc import Set
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from flask import current_app, request

from segment_insider_emulator.config import INSIDER_ONE_HOSTS, SEGMENT_HOSTS, Config
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.error_callbacks import CALLBACK_HEADER

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# In a WSGI environment: the Host header of a proxy that sent X-Forwarded-Host.
CONNECTION_HOST_KEY: Final = "emulator.connection_host"
PUBLIC_URL_KEY: Final = "EMULATOR_PUBLIC_URL"  # in an app's configuration
SERVICE_HOSTS = frozenset((*SEGMENT_HOSTS, *INSIDER_ONE_HOSTS))
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
# Values of Sec-Fetch-Site: from our own page, or typed by a person.
ALLOWED_FETCH_SITES = ("same-origin", "none")
HOST_HEADER_PATTERN = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{0,5})?")
_PORT_PATTERN = re.compile(r":\d*$")
_CALLBACK_HEADER_KEY: Final = f"HTTP_{CALLBACK_HEADER.upper().replace('-', '_')}"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_HOST_REMEDY = "Send a name or an address, with or without a port, such as localhost:8282."


class AccessDenied(EmulatorError):
    """Error 403: the caller may not make the request."""

    status = 403


class UntrustedOrigin(AccessDenied):
    """Error 403: the request has a foreign Host header, or comes from another site's page."""


class CallbackLoop(AccessDenied):
    """Error 403: the request is an error callback that an emulator sent."""


class InvalidHostHeader(EmulatorError):
    """Error 400: the Host header is invalid, or missing where it is needed."""

    status = 400


class HostCheck(Protocol):
    """Callable that checks the host that a request names, and returns its Host header.

    Raises: UntrustedOrigin; CallbackLoop; InvalidHostHeader.
    """

    def __call__(self, environ: "WSGIEnvironment", *, is_call: bool) -> str | None:
        """Check the host of a request; *is_call*: to Segment or Insider One."""


def create_host_check(config: Config) -> HostCheck:
    """Create the function that checks the host of each request to an emulator with *config*.

    If it is not bound to the loopback interface, its host names are not known and not checked.
    Calls to Segment and Insider One may name the hosts that apps use in production: no foreign
    page has these names.
    """
    is_local = is_loopback_host(config.host)
    known_hosts = LOOPBACK_HOSTS | {config.host.lower(), *config.allowed_hosts}
    if config.public_url:
        known_hosts |= {urlsplit(config.public_url).hostname or ""}
    hosts_of_calls = known_hosts | SERVICE_HOSTS

    def check_host(environ: "WSGIEnvironment", *, is_call: bool) -> str | None:
        if _CALLBACK_HEADER_KEY in environ:
            raise CallbackLoop(
                "an emulator does not accept error callbacks",
                f"{CALLBACK_HEADER}: {environ[_CALLBACK_HEADER_KEY]}",
                "Set error_callback_endpoint to an address of your own program.",
            )
        host = read_host_header(environ)
        if is_local:
            # Not X-Forwarded-Host: a page that binds its own name to this machine can send that,
            # when the proxy is on the same machine.
            named_host = environ.get(CONNECTION_HOST_KEY, host)
            _reject_unknown_host(environ, named_host, hosts_of_calls if is_call else known_hosts)
        return host

    return check_host


def is_loopback_host(host: str) -> bool:
    """Return whether only this machine can reach a server bound to *host*."""
    return host in LOOPBACK_HOSTS or host.startswith("127.")


def read_host_header(environ: "WSGIEnvironment") -> str | None:
    """Return a request's Host header without a default port; None if it is missing.

    Raises: InvalidHostHeader, when it is neither a name nor an address.
    """
    header: str = environ.get("HTTP_HOST", "")
    if not header:
        return None
    if not HOST_HEADER_PATTERN.fullmatch(header):
        raise InvalidHostHeader(
            "the Host header is not a name with a port",
            f"Host: {ascii(header)[1:-1][:80]}",
            _HOST_REMEDY,
        )
    return header.removesuffix(":").removesuffix(
        _DEFAULT_PORTS.get(environ["wsgi.url_scheme"], ":")
    )


def require_host_header() -> str:
    """Return the request's Host header, for URLs of this emulator, e.g. "my_service:8282".

    Raises: InvalidHostHeader, when there is none: HTTP/1.0 needs none, so no address is known.
    """
    host = read_host_header(request.environ)
    if host is None:
        what = "the request has no Host header, so this emulator's address is not known"
        raise InvalidHostHeader(what, "Host", _HOST_REMEDY)
    return host


def get_request_base_url() -> str:
    """Return the scheme and host of the emulator's address, e.g. "http://shop:8282".

    They are those of the public address if one is set, else the request's. If the request names a
    host of Segment, the app finds the emulator under that name: then it is that host, and https if
    there is no port, because what leads such a call here may have changed its scheme.

    Raises: InvalidHostHeader.
    """
    public_url: str | None = current_app.config.get(PUBLIC_URL_KEY)
    host = request.environ.get("HTTP_HOST", "")
    if normalise_host_name(host) in SERVICE_HOSTS:
        return f"{request.scheme if ':' in host else 'https'}://{require_host_header()}"
    if public_url is None:
        return f"{request.scheme}://{require_host_header()}"
    parts = urlsplit(public_url)
    return f"{parts.scheme}://{parts.netloc}"


def normalise_host_name(host: str) -> str:
    """Return the host name of a Host header in lower case, without port and final dot."""
    return _PORT_PATTERN.sub("", host).removesuffix(".").lower()


def _reject_unknown_host(
    environ: "WSGIEnvironment", host: str | None, known_hosts: Set[str]
) -> None:
    if host is not None and normalise_host_name(host) in known_hosts:
        return
    remedy = "Use localhost or 127.0.0.1, or serve with --allowed-hosts NAME."
    if CONNECTION_HOST_KEY in environ:
        remedy = (
            "Let the proxy send Host: localhost, and the name in X-Forwarded-Host, or serve with "
            "--allowed-hosts NAME."
        )
    if host is None:
        raise UntrustedOrigin("the request has no Host header", "Host", remedy)
    what = "this emulator accepts only host names of this machine"
    raise UntrustedOrigin(what, f"Host: {host}", remedy)


def reject_cross_origin_request(host: str | None) -> None:
    """Refuse the current request if another site's page makes it, other than by a link.

    Raises: UntrustedOrigin.
    """
    origin = request.headers.get("Origin")
    own_host = host.lower() if host else None
    if origin and origin.partition("://")[2].lower() != own_host:
        raise UntrustedOrigin(
            "pages of other sites may not use the control API",
            f"Origin: {origin}",
            "Call it from a program that sends no Origin header.",
        )
    site = request.headers.get("Sec-Fetch-Site", "none")
    if site not in ALLOWED_FETCH_SITES and not _is_link_navigation():
        raise UntrustedOrigin(
            "pages of other sites may only link to this page",
            f"Sec-Fetch-Site: {site}",
            "Open the address in a new tab.",
        )


def _is_link_navigation() -> bool:
    """Return whether the browser made this request because a person followed a link elsewhere."""
    fetch_headers = (request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest"))
    return request.method == "GET" and fetch_headers == ("navigate", "document")
