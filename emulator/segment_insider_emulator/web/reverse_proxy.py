"""A reverse proxy in front of the emulator: its headers, and the path that it serves us at.

The rest of the emulator reads addresses from the WSGI environment alone: SCRIPT_NAME, PATH_INFO,
HTTP_HOST and wsgi.url_scheme, which are set here.
"""

import logging
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from segment_insider_emulator.config import parse_url_prefix
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.web.host_check import (
    CONNECTION_HOST_KEY,
    HOST_HEADER_PATTERN,
)
from segment_insider_emulator.web.sandbox_routing import SANDBOX_PATH_PREFIX

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

logger = logging.getLogger(__name__)

MAX_HOST_LENGTH: Final = 255
_LOGGED_LENGTH: Final = 80
_LOOPBACK_ADDRESSES: Final = frozenset({"127.0.0.1", "::1"})  # a proxy may use either
# Of a proxy that is not trusted they could be anybody's.
_PROXY_HEADERS: Final = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_BY",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_PROTO",
)


class ReverseProxy:
    """Applies the address that a reverse proxy serves the emulator at to WSGI environments.

    Args:
        trusted_address: IP address of the proxy whose headers are used; None trusts no headers.
        url_prefix: Path at which the emulator is served, e.g. "/tools/emu"; "" is the root.
        own_segments: First segments of the emulator's own paths. A prefix from a header that starts
            with one is never stripped here: "/emulator/v1" would be ambiguous.
    """

    def __init__(
        self,
        trusted_address: str | None = None,
        url_prefix: str = "",
        own_segments: Collection[str] = (),
    ) -> None:
        self.url_prefix = url_prefix
        is_local = trusted_address in _LOOPBACK_ADDRESSES
        self._trusted_addresses = _LOOPBACK_ADDRESSES if is_local else {trusted_address}
        self._own_segments = own_segments

    def apply_to_environ(self, environ: "WSGIEnvironment") -> None:
        """Set client, scheme, host, prefix and path, and remove the proxy's headers."""
        headers = {name: environ.pop(name, "") for name in _PROXY_HEADERS}
        if environ["REMOTE_ADDR"] in self._trusted_addresses:
            _apply_proxy_headers(environ, headers)
        # Some proxies pass on a header that they do not know, so the option decides.
        prefix = environ["SCRIPT_NAME"] = self.url_prefix or environ["SCRIPT_NAME"]
        path = environ["PATH_INFO"]
        # Some proxies strip the prefix, some do not.
        if f"{path}/".startswith(f"{prefix}/") and not self._starts_like_own_path(prefix):
            environ["PATH_INFO"] = path.removeprefix(prefix)

    def _starts_like_own_path(self, prefix: str) -> bool:
        return prefix.lstrip("/").partition("/")[0] in self._own_segments


def create_reverse_proxy(app: Flask, trusted_address: str | None, url_prefix: str) -> ReverseProxy:
    """Create the ReverseProxy of a served *app*.

    Raises: EmulatorError, when *url_prefix* starts like one of the emulator's own paths.
    """
    paths = [SANDBOX_PATH_PREFIX, *(rule.rule for rule in app.url_map.iter_rules())]
    own_segments = {path.split("/")[1] for path in paths} - {""}
    segment = url_prefix.lstrip("/").partition("/")[0]
    if segment in own_segments:
        what = f"addresses of the emulator itself start with /{segment}"
        raise EmulatorError(what, f"--url-prefix {url_prefix}", "Give another, as /tools/emu.")
    return ReverseProxy(trusted_address, url_prefix, own_segments)


def _apply_proxy_headers(environ: "WSGIEnvironment", headers: dict[str, str]) -> None:
    """Set what valid *headers* say; of several values, the last one is that of our proxy."""
    if forwarded_for := headers["HTTP_X_FORWARDED_FOR"]:
        environ["REMOTE_ADDR"] = _parse_address(forwarded_for.rpartition(",")[2])
    host = environ.get("HTTP_HOST")
    for name, parse in _HEADER_PARSERS.items():
        value = headers[name].rpartition(",")[2].strip()
        if not value:
            continue
        try:
            environ[name] = parse(value)
        except ValueError:
            _log_ignored_header(name, ascii(value)[1:-1][:_LOGGED_LENGTH])
    if "HTTP_X_FORWARDED_HOST" in environ:
        environ[CONNECTION_HOST_KEY] = host
    _PROXY_FIX(environ, _ignore_start)
    for name in _HEADER_PARSERS:
        environ.pop(name, None)


def _parse_scheme(text: str) -> str:
    if text.lower() not in ("http", "https"):
        raise ValueError(text)
    return text.lower()


def _parse_host(text: str) -> str:
    if len(text) > MAX_HOST_LENGTH or not HOST_HEADER_PATTERN.fullmatch(text):
        raise ValueError(text)
    return text


_HEADER_PARSERS: Final[dict[str, Callable[[str], str]]] = {
    "HTTP_X_FORWARDED_PROTO": _parse_scheme,
    "HTTP_X_FORWARDED_HOST": _parse_host,
    "HTTP_X_FORWARDED_PREFIX": parse_url_prefix,
}


def _parse_address(text: str) -> str:
    """Return the address in *text* without quotes, brackets and port: "[::1]:80" is ::1."""
    address = text.strip(' "')
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address


@lru_cache(maxsize=64)  # once for each value: a proxy sends it with every request
def _log_ignored_header(name: str, value: str) -> None:
    header = name.removeprefix("HTTP_").replace("_", "-").title()
    logger.warning("ignored an invalid header of the trusted proxy: %s: %s", header, value)


def _ignore_start(*_: object) -> Callable[[bytes], object]:
    return lambda _: None


_PROXY_FIX: Final = ProxyFix(
    lambda _environ, _start: (), x_for=0, x_proto=1, x_host=1, x_port=0, x_prefix=1
)
