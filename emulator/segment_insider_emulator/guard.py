"""Who may call: no page on the web can rebind its own name to the emulator, read or drive it."""

from collections.abc import Callable

from flask import Response, request

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.callbacks import CALLBACK_HEADER as CALLBACK_MARK
from segment_insider_emulator.own_address import normalise_host_name, read_host_header
from segment_insider_emulator.teams import CALLER_KEY, CallerAuthenticator

CONTROL_API_PREFIX = "/emulator/"
HEALTH_PATH = "/emulator/v1/health"  # what a container is asked; it tells nothing
SANDBOX_ID_KEY = "emulator.sandbox"  # in a WSGI environment: the id in the address
INSPECTOR_BLUEPRINT = "inspector"  # the blueprint whose pages are for people
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
ALLOWED_FETCH_SITES = (
    "same-origin",
    "none",
)  # Sec-Fetch-Site: asked by our own page, or typed by a person


class AccessDenied(EmulatorError):
    """A request that its caller may not make."""

    status = 403


class UntrustedOrigin(AccessDenied):
    """A request addressed to a name that is not this machine's own, or made by another's page."""


class CallbackLoop(AccessDenied):
    """An error callback, which an emulator made."""


class AuthenticationRequired(AccessDenied):
    """A request without the password."""

    status = 401


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what is bound to *host*, a name or address."""
    return host in LOOPBACK_HOSTS or host.startswith("127.")


def create_access_check(bound_host: str, authenticator: CallerAuthenticator) -> Callable[[], None]:
    """A before-request check for an emulator bound to *bound*, a host name or address.

    One that is bound beyond the loopback is meant to be reached by names we cannot know.

    Args:
        callers: Who may ask for pages and the control API.
    Source: the browser lets a page on attacker.example read what that name resolves to.
    """
    guarded = is_loopback(bound_host)
    known = LOOPBACK_HOSTS | {bound_host.lower()}

    def check() -> None:
        if CALLBACK_MARK in request.headers:
            raise CallbackLoop(
                "no emulator takes error callbacks",
                f"{CALLBACK_MARK}: {request.headers[CALLBACK_MARK]}",
                "Name a program of yours as error_callback_endpoint.",
            )
        host = read_host_header()
        if guarded:
            _reject_unknown_host(host, known)
        if not _needs_authentication():
            return
        _reject_cross_origin(host)
        if request.path == HEALTH_PATH and SANDBOX_ID_KEY not in request.environ:
            return  # of the emulator, not of a sandbox, whose id is no stranger's to try
        said = _presented_secret()
        known_caller = authenticator.authenticate(said)
        if known_caller is None:
            raise _authentication_error(said)
        request.environ[CALLER_KEY] = known_caller

    return check


def add_password_challenge(response: Response) -> Response:
    """*answer*, so that a browser asks for the password."""
    response.headers["WWW-Authenticate"] = 'Basic realm="emulator", charset="UTF-8"'
    return response


def _needs_authentication() -> bool:
    """Whether this is asked of ourselves: the rest Segment and Insider One answer to anybody."""
    pages = request.blueprints
    return request.path.startswith(CONTROL_API_PREFIX) or bool(
        pages and pages[-1] == INSPECTOR_BLUEPRINT
    )


def _reject_unknown_host(host: str | None, known_hosts: frozenset[str]) -> None:
    remedy = "Use localhost or 127.0.0.1, or serve with --host 0.0.0.0."
    if host is None:
        raise UntrustedOrigin("the request has no Host header", "Host", remedy)
    if normalise_host_name(host) not in known_hosts:
        what = "this emulator answers only to this machine's own names"
        raise UntrustedOrigin(what, f"Host: {host}", remedy)


def _reject_cross_origin(host: str | None) -> None:
    origin = request.headers.get("Origin")
    own = host.lower() if host else None
    if origin and origin.partition("://")[2].lower() != own:
        raise UntrustedOrigin(
            "only this emulator's own pages may use its control API",
            f"Origin: {origin}",
            "Call it from a program; a browser sends Origin, other clients need not.",
        )
    site = request.headers.get("Sec-Fetch-Site", "none")
    if site not in ALLOWED_FETCH_SITES and not _is_link_navigation():
        raise UntrustedOrigin(
            "another site's page may link here, and no more",
            f"Sec-Fetch-Site: {site}",
            "Open the address in a tab of its own.",
        )


def _is_link_navigation() -> bool:
    """Whether a person came by a link: the page that has it sees nothing of the answer."""
    wanted = (request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest"))
    return request.method == "GET" and wanted == ("navigate", "document")


def _authentication_error(secret: str | None) -> AuthenticationRequired:
    if secret:
        what = "this token is nobody's"
        remedy = "Give that of a team, or the emulator's password; our own tools read "
        return AuthenticationRequired(what, request.path, f"{remedy}EMULATOR_TOKEN.")
    return AuthenticationRequired(
        "this emulator asks for a password, or the token of a team",
        request.path,
        "Give it with HTTP Basic authentication under any user name, or as a bearer token; "
        "our own tools read EMULATOR_TOKEN.",
    )


def _presented_secret() -> str | None:
    """The secret that came with the request."""
    try:
        given = request.authorization
    except ValueError:  # Werkzeug decodes it, and not everything is base64
        return None
    if given is None:
        return None
    return given.token if given.type == "bearer" else given.password
