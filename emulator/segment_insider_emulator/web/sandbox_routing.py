"""Select the sandbox of a request: by URL prefix, write key or Insider One account."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, cast

from flask import Flask, abort, current_app, redirect, request, url_for

from segment_insider_emulator.errors import ConflictError
from segment_insider_emulator.storage.database import DatabaseClosed, check_database_file
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.access import (
    CALLER_KEY,
    SANDBOX_ID_KEY,
    AccessDenied,
    Caller,
    current_caller,
)
from segment_insider_emulator.web.sandbox_creation import (
    DEFAULT_SANDBOX_ID,
    load_requested_workspace,
)
from segment_insider_emulator.web.sandbox_registry import Sandbox, SandboxExpiry, SandboxRegistry
from segment_insider_emulator.web.segment_intake import request_write_key
from segment_insider_emulator.web.services import (
    IMPLICIT_DEFAULT_KEY,
    SERVICES_KEY,
    SandboxServices,
    current_services,
)

SANDBOX_PATH_PREFIX: Final = "/sandboxes/"
_SANDBOX_KEY: Final = "emulator.found"  # there, too: the Sandbox that is addressed
# Endpoints that ask of no sandbox: they show a caller what is theirs, or what is no secret.
_ENDPOINTS_WITHOUT_SANDBOX: Final = (
    "sandboxes.", "openapi.", "insider.described", "inspector.team.",
)  # fmt: skip
_ASSET_ENDPOINT: Final = (
    "inspector.serve_static_file"  # a part of the program, the same whoever asks, and where
)
_HOME_PAGE_ENDPOINT: Final = "inspector.live.show_messages"
_TEAM_PAGE_ENDPOINT: Final = "inspector.team.show_team_sandboxes"


class SandboxNotFound(AccessDenied):
    """The sandbox does not exist, or the caller may not access it."""

    status = 404


class SandboxPrefixMiddleware:
    """WSGI middleware that serves a sandbox's whole emulator below /sandboxes/<id>/.

    The prefix becomes a part of the application's root, so that every address made keeps it.
    """

    def __init__(self, application: Callable[..., Any]) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path: str = environ.get("PATH_INFO", "")
        if path.startswith(SANDBOX_PATH_PREFIX):
            id, slash, rest = path.removeprefix(SANDBOX_PATH_PREFIX).partition("/")
            environ[SANDBOX_ID_KEY] = id
            environ["SCRIPT_NAME"] = f"{environ.get('SCRIPT_NAME', '')}{SANDBOX_PATH_PREFIX}{id}"
            environ["PATH_INFO"] = slash + rest
        return self._application(environ, start_response)


def install_sandbox_routing(
    app: Flask, registry: SandboxRegistry, expiry: SandboxExpiry | None
) -> None:
    """Make *app* serve all sandboxes of *registry*.

    Args:
        expiry: Ends those that nobody asks for; None keeps them.
    """
    app.extensions |= {"sandboxes": registry, "expiry": expiry}
    app.wsgi_app = SandboxPrefixMiddleware(app.wsgi_app)  # type: ignore[method-assign]  # as Flask documents it


def current_registry() -> SandboxRegistry:
    """Return the sandbox registry of the app that answers the current request."""
    return cast(SandboxRegistry, current_app.extensions["sandboxes"])


def current_sandbox() -> Sandbox | None:
    """Return the sandbox of the current request; None if it has none."""
    return request.environ.get(_SANDBOX_KEY)


def visible_sandboxes() -> list[Sandbox]:
    """Return the sandboxes that the caller can access, the default one first."""
    served = current_registry()
    theirs = [each for each in served.list() if current_caller().can_access(each.record.team)]
    found = []
    for each in theirs:
        with suppress(ConflictError, DatabaseClosed):  # which was ended meanwhile
            found.append(served.rebuild_if_stale(each))
    return found


def find_sandbox(id: str) -> Sandbox:
    """Return the sandbox *id*. Raises: SandboxNotFound, also when the caller cannot access it."""
    served, found = current_registry(), current_registry().get(id)
    if found is None or not current_caller().can_access(found.record.team):
        raise _sandbox_not_found(id)
    return served.rebuild_if_stale(found)


def create_sandbox(**options: Any) -> Sandbox:
    """Create a sandbox for the caller's team; see SandboxRegistry.create."""
    return current_registry().create(**options, team=current_caller().team)


def delete_sandbox(id: str) -> None:
    """Delete a sandbox of the caller with everything in it.

    Raises: NoSandbox, where there is none; Conflict, for the default one.
    """
    if not current_registry().delete(find_sandbox(id).record.id):
        raise _sandbox_not_found(id)


@contextmanager
def replace_current_workspace(requested: JSONObject | str, where: str) -> Iterator[SandboxServices]:
    """Replace the workspace of the current sandbox; see SandboxRegistry.replace_workspace.

    Raises: EmulatorError, naming the first mistake of the workspace that is *asked* for.
    """
    with current_registry().replace_workspace(
        current_services(), load_requested_workspace(requested, where), requested
    ) as new:
        yield new
    request.environ[SERVICES_KEY] = new


def _sandbox_not_found(id: str) -> SandboxNotFound:
    remedy = "List them with GET /emulator/v1/sandboxes, or create it with POST."
    if id == DEFAULT_SANDBOX_ID:  # it is there, but for others
        remedy = "Name one of yours in the address, …/sandboxes/<id>; the page /team lists them."
    return SandboxNotFound(f"there is no sandbox {id!r}", request.root_path + request.path, remedy)


def select_sandbox() -> None:
    """Select the sandbox of the current request, for `current_services`.

    Named by the address; else by the write key at Segment's end, or the account at Insider One's;
    else it is the default one. Files of the pages are of none: they come without a database, too.
    """
    served, id = current_registry(), request.environ.get(SANDBOX_ID_KEY)
    is_nothing = id is not None and request.url_rule is None
    if request.endpoint == _ASSET_ENDPOINT or is_nothing:
        return
    served.refresh()
    if id is not None:
        found = served.get(id)
        if found is None:
            raise _sandbox_not_found(id)
    else:
        named = _find_by_request_credentials(served)
        found = named or served.default
        request.environ[IMPLICIT_DEFAULT_KEY] = named is None and found.record.team is not None
    asking: Caller | None = request.environ.get(CALLER_KEY)
    if asking and not asking.can_access(found.record.team):
        _deny_access(found.record.id, id)
        return
    found = served.rebuild_if_stale(found)
    expiry: SandboxExpiry | None = current_app.extensions["expiry"]
    if expiry:
        expiry.record_use(found.record.id)
    check_database_file(found.services.engine)
    request.environ |= {_SANDBOX_KEY: found, SERVICES_KEY: found.services}


def _deny_access(id: str, requested_id: str | None) -> None:
    """Answer as if the sandbox *id* did not exist, unless the endpoint needs no sandbox.

    Args:
        named: What the address names.
    """
    endpoint = request.endpoint or ""
    if requested_id is None and endpoint == _HOME_PAGE_ENDPOINT:
        abort(redirect(url_for(_TEAM_PAGE_ENDPOINT)))
    if requested_id is not None or not endpoint.startswith(_ENDPOINTS_WITHOUT_SANDBOX):
        raise _sandbox_not_found(id)


def _find_by_request_credentials(registry: SandboxRegistry) -> Sandbox | None:
    if registry.has_only_default:
        return None
    side = (request.blueprint or "").partition(".")[0]
    if side == "segment":
        return registry.find_by_write_key(request_write_key() or "")
    if side == "insider":
        return registry.find_by_account(request.headers.get("X-PARTNER-NAME", ""))
    return None
