"""Which sandbox a request is for: by its address, its write key or its account."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, cast

from flask import Flask, abort, current_app, redirect, request, url_for

from segment_insider_emulator.capture.database import Gone, check_file
from segment_insider_emulator.errors import Conflict
from segment_insider_emulator.guard import NAMED_SANDBOX, Refused
from segment_insider_emulator.parts import ADDRESSED, UNASKED, Parts, parts
from segment_insider_emulator.sandboxes.admission import DEFAULT
from segment_insider_emulator.sandboxes.expiry import Expiry
from segment_insider_emulator.sandboxes.order import workspace_of
from segment_insider_emulator.sandboxes.registry import Sandbox, Sandboxes
from segment_insider_emulator.segment.addressee import named_key
from segment_insider_emulator.teams import CALLER, Caller, caller
from segment_insider_emulator.types import JSONObject

PREFIX: Final = "/sandboxes/"
_FOUND: Final = "emulator.found"  # there, too: the Sandbox that is addressed
# Endpoints that ask of no sandbox: they show a caller what is theirs, or what is no secret.
_OF_NONE: Final = (
    "sandboxes.", "openapi.", "insider.described", "inspector.team.",
)  # fmt: skip
_FILE: Final = "inspector.asset"  # a part of the program, the same whoever asks, and where
_FRONT: Final = "inspector.live.page"
_TEAM: Final = "inspector.team.page"


class NoSandbox(Refused):
    """A name that no sandbox has, for the caller at least."""

    status = 404


class Prefixed:
    """Below /sandboxes/<id>/ is the whole emulator of that sandbox: WSGI middleware.

    The prefix becomes a part of the application's root, so that every address made keeps it.
    """

    def __init__(self, application: Callable[..., Any]) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path: str = environ.get("PATH_INFO", "")
        if path.startswith(PREFIX):
            id, slash, rest = path.removeprefix(PREFIX).partition("/")
            environ[NAMED_SANDBOX] = id
            environ["SCRIPT_NAME"] = f"{environ.get('SCRIPT_NAME', '')}{PREFIX}{id}"
            environ["PATH_INFO"] = slash + rest
        return self._application(environ, start_response)


def serve_sandboxes(app: Flask, served: Sandboxes, expiry: Expiry | None) -> None:
    """Have *app* answer for all that are *served*.

    Args:
        expiry: Ends those that nobody asks for; None keeps them.
    """
    app.extensions |= {"sandboxes": served, "expiry": expiry}
    app.wsgi_app = Prefixed(app.wsgi_app)  # type: ignore[method-assign]  # as Flask documents it
    app.before_request(_enter)


def sandboxes() -> Sandboxes:
    """The sandboxes of the process that answers the current request."""
    return cast(Sandboxes, current_app.extensions["sandboxes"])


def addressed() -> Sandbox | None:
    """The sandbox that the current request is for, None where the caller has none there."""
    return request.environ.get(_FOUND)


def seen() -> list[Sandbox]:
    """The sandboxes that are there for the caller, as Sandboxes.list has them."""
    served = sandboxes()
    theirs = [each for each in served.list() if caller().sees(each.described.team)]
    found = []
    for each in theirs:
        with suppress(Conflict, Gone):  # which was ended meanwhile
            found.append(served.entered(each))
    return found


def find(id: str) -> Sandbox:
    """The sandbox *id*. Raises: NoSandbox, where there is none for the caller."""
    served, found = sandboxes(), sandboxes().get(id)
    if found is None or not caller().sees(found.described.team):
        raise _unknown(id)
    return served.entered(found)


def create(**asked: Any) -> Sandbox:
    """One more sandbox, the caller's, see Sandboxes.create."""
    return sandboxes().create(**asked, team=caller().team)


def delete(id: str) -> None:
    """End a sandbox of the caller's with all that it holds.

    Raises: NoSandbox, where there is none; Conflict, for the default one.
    """
    if not sandboxes().delete(find(id).described.id):
        raise _unknown(id)


@contextmanager
def replacing(asked: JSONObject | str, where: str) -> Iterator[Parts]:
    """Give the sandbox that the current request is for another workspace, see Sandboxes.replacing.

    Raises: EmulatorError, naming the first mistake of the workspace that is *asked* for.
    """
    with sandboxes().replacing(parts(), workspace_of(asked, where), asked) as new:
        yield new
    request.environ[ADDRESSED] = new


def _unknown(id: str) -> NoSandbox:
    remedy = "List them with GET /emulator/v1/sandboxes, or create it with POST."
    if id == DEFAULT:  # it is there, but for others
        remedy = "Name one of yours in the address, …/sandboxes/<id>; the page /team lists them."
    return NoSandbox(f"there is no sandbox {id!r}", request.root_path + request.path, remedy)


def _enter() -> None:
    """Find the sandbox that the current request is for, so that `parts` gives its parts.

    Named by the address; else by the write key at Segment's end, or the account at Insider One's;
    else it is the default one. Files of the pages are of none: they come without a database, too.
    """
    served, id = sandboxes(), request.environ.get(NAMED_SANDBOX)
    is_nothing = id is not None and request.url_rule is None
    if request.endpoint == _FILE or is_nothing:
        return
    served.refresh()
    if id is not None:
        found = served.get(id)
        if found is None:
            raise _unknown(id)
    else:
        named = _named(served)
        found = named or served.default
        request.environ[UNASKED] = named is None and found.described.team is not None
    asking: Caller | None = request.environ.get(CALLER)
    if asking and not asking.sees(found.described.team):
        _turn_away(found.described.id, id)
        return
    found = served.entered(found)
    expiry: Expiry | None = current_app.extensions["expiry"]
    if expiry:
        expiry.asked(found.described.id)
    check_file(found.parts.engine)
    request.environ |= {_FOUND: found, ADDRESSED: found.parts}


def _turn_away(id: str, named: str | None) -> None:
    """Answer as though the sandbox *id* were not there, where it is asked for at all.

    Args:
        named: What the address names.
    """
    endpoint = request.endpoint or ""
    if named is None and endpoint == _FRONT:
        abort(redirect(url_for(_TEAM)))
    if named is not None or not endpoint.startswith(_OF_NONE):
        raise _unknown(id)


def _named(served: Sandboxes) -> Sandbox | None:
    if served.is_alone:
        return None
    side = (request.blueprint or "").partition(".")[0]
    if side == "segment":
        return served.of_write_key(named_key() or "")
    if side == "insider":
        return served.of_account(request.headers.get("X-PARTNER-NAME", ""))
    return None
