"""Who may call: no page on the web can rebind its own name to the emulator, read or drive it."""

from collections.abc import Callable

from flask import Response, request

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.callbacks import MARK as CALLBACK_MARK
from segment_insider_emulator.own_address import name_of, sent_host
from segment_insider_emulator.teams import CALLER, Callers

CONTROL = "/emulator/"
HEALTH = "/emulator/v1/health"  # what a container is asked; it tells nothing
NAMED_SANDBOX = "emulator.sandbox"  # in a WSGI environment: the id in the address
PAGES = "inspector"  # the blueprint whose pages are for people
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
OWN_SITE = ("same-origin", "none")  # Sec-Fetch-Site: asked by our own page, or typed by a person


class Refused(EmulatorError):
    """A request that its caller may not make."""

    status = 403


class ForeignHost(Refused):
    """A request addressed to a name that is not this machine's own, or made by another's page."""


class OwnCallback(Refused):
    """An error callback, which an emulator made."""


class Unauthorised(Refused):
    """A request without the password."""

    status = 401


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what is bound to *host*, a name or address."""
    return host in LOOPBACK or host.startswith("127.")


def guard(bound: str, callers: Callers) -> Callable[[], None]:
    """A before-request check for an emulator bound to *bound*, a host name or address.

    One that is bound beyond the loopback is meant to be reached by names we cannot know.

    Args:
        callers: Who may ask for pages and the control API.
    Source: the browser lets a page on attacker.example read what that name resolves to.
    """
    guarded = is_loopback(bound)
    known = LOOPBACK | {bound.lower()}

    def check() -> None:
        if CALLBACK_MARK in request.headers:
            raise OwnCallback(
                "no emulator takes error callbacks",
                f"{CALLBACK_MARK}: {request.headers[CALLBACK_MARK]}",
                "Name a program of yours as error_callback_endpoint.",
            )
        host = sent_host()
        if guarded:
            _refuse_other_names(host, known)
        if not _is_private():
            return
        _refuse_other_pages(host)
        if request.path == HEALTH and NAMED_SANDBOX not in request.environ:
            return  # of the emulator, not of a sandbox, whose id is no stranger's to try
        said = _said()
        known_caller = callers.who(said)
        if known_caller is None:
            raise _unauthorised(said)
        request.environ[CALLER] = known_caller

    return check


def challenge(answer: Response) -> Response:
    """*answer*, so that a browser asks for the password."""
    answer.headers["WWW-Authenticate"] = 'Basic realm="emulator", charset="UTF-8"'
    return answer


def _is_private() -> bool:
    """Whether this is asked of ourselves: the rest Segment and Insider One answer to anybody."""
    pages = request.blueprints
    return request.path.startswith(CONTROL) or bool(pages and pages[-1] == PAGES)


def _refuse_other_names(host: str | None, known: frozenset[str]) -> None:
    remedy = "Use localhost or 127.0.0.1, or serve with --host 0.0.0.0."
    if host is None:
        raise ForeignHost("the request has no Host header", "Host", remedy)
    if name_of(host) not in known:
        what = "this emulator answers only to this machine's own names"
        raise ForeignHost(what, f"Host: {host}", remedy)


def _refuse_other_pages(host: str | None) -> None:
    origin = request.headers.get("Origin")
    own = host.lower() if host else None
    if origin and origin.partition("://")[2].lower() != own:
        raise ForeignHost(
            "only this emulator's own pages may use its control API",
            f"Origin: {origin}",
            "Call it from a program; a browser sends Origin, other clients need not.",
        )
    site = request.headers.get("Sec-Fetch-Site", "none")
    if site not in OWN_SITE and not _is_followed_link():
        raise ForeignHost(
            "another site's page may link here, and no more",
            f"Sec-Fetch-Site: {site}",
            "Open the address in a tab of its own.",
        )


def _is_followed_link() -> bool:
    """Whether a person came by a link: the page that has it sees nothing of the answer."""
    wanted = (request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest"))
    return request.method == "GET" and wanted == ("navigate", "document")


def _unauthorised(said: str | None) -> Unauthorised:
    if said:
        what = "this token is nobody's"
        remedy = "Give that of a team, or the emulator's password; our own tools read "
        return Unauthorised(what, request.path, f"{remedy}EMULATOR_TOKEN.")
    return Unauthorised(
        "this emulator asks for a password, or the token of a team",
        request.path,
        "Give it with HTTP Basic authentication under any user name, or as a bearer token; "
        "our own tools read EMULATOR_TOKEN.",
    )


def _said() -> str | None:
    """The secret that came with the request."""
    try:
        given = request.authorization
    except ValueError:  # Werkzeug decodes it, and not everything is base64
        return None
    if given is None:
        return None
    return given.token if given.type == "bearer" else given.password
