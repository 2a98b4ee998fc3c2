"""Routing of requests to sandboxes: by URL prefix, write key or Insider One account."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, cast

from flask import Flask, Request, abort, current_app, redirect, request, url_for

from segment_insider_emulator.errors import ConflictError
from segment_insider_emulator.segment.ingest import get_basic_auth_user
from segment_insider_emulator.storage.database import DatabaseClosed, check_sqlite_file_is_same
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.access import (
    CALLER_KEY,
    SANDBOX_ID_KEY,
    Caller,
    current_caller,
)
from segment_insider_emulator.web.host_check import (
    AccessDenied,
)
from segment_insider_emulator.web.sandbox_creation import (
    DEFAULT_SANDBOX_ID,
    load_requested_workspace,
)
from segment_insider_emulator.web.sandbox_registry import Sandbox, SandboxExpiry, SandboxRegistry
from segment_insider_emulator.web.segment_routes import get_request_write_key
from segment_insider_emulator.web.services import (
    IMPLICIT_DEFAULT_KEY,
    SERVICES_KEY,
    SandboxServices,
    current_services,
)
from segment_insider_emulator.web.tracking_calls import FindServices

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

SANDBOX_PATH_PREFIX: Final = "/sandboxes/"
_ROOT_PATH_KEY: Final = "emulator.root_path"  # in a WSGI environment: the default sandbox's path
_SANDBOX_KEY: Final = "emulator.found"  # in a WSGI environment: the selected Sandbox
# Endpoints that need no sandbox: they show the caller's own sandboxes, or public documents.
_ENDPOINTS_WITHOUT_SANDBOX: Final = (
    "sandboxes.", "openapi.", "insider.described", "inspector.team.",
)  # fmt: skip
_ASSET_ENDPOINT: Final = "inspector.serve_static_file"  # the same for all sandboxes
_HOME_PAGE_ENDPOINT: Final = "inspector.live.show_messages"
_TEAM_PAGE_ENDPOINT: Final = "inspector.team.show_team_sandboxes"


class SandboxNotFound(AccessDenied):
    """Error 404: the sandbox does not exist, or the caller may not access it."""

    status = 404


class SandboxPrefixMiddleware:
    """WSGI middleware that serves a sandbox's whole emulator below /sandboxes/<id>/.

    The prefix becomes part of SCRIPT_NAME, so that all generated URLs contain it.
    """

    def __init__(self, application: Callable[..., Any]) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path: str = environ.get("PATH_INFO", "")
        if path.startswith(SANDBOX_PATH_PREFIX):
            id, slash, rest = path.removeprefix(SANDBOX_PATH_PREFIX).partition("/")
            environ[SANDBOX_ID_KEY] = id
            root = environ[_ROOT_PATH_KEY] = environ.get("SCRIPT_NAME", "")
            environ["SCRIPT_NAME"] = f"{root}{SANDBOX_PATH_PREFIX}{id}"
            environ["PATH_INFO"] = slash + rest
        return self._application(environ, start_response)


def install_sandbox_prefixes(app: Flask) -> None:
    """Make a Flask *app* serve each sandbox below its prefix."""
    app.wsgi_app = SandboxPrefixMiddleware(app.wsgi_app)  # type: ignore[method-assign]  # as Flask documents it


def current_registry() -> SandboxRegistry:
    """Return the sandbox registry of the app that answers the current request."""
    return cast(SandboxRegistry, current_app.extensions["sandboxes"])


def get_root_path() -> str:
    """Return the path of the emulator, which is that of its default sandbox; "" is the root."""
    root: str = request.environ.get(_ROOT_PATH_KEY, request.script_root)
    return root


def get_sandbox_path() -> str:
    """Return the path of the sandbox that the current request names; "" if it names none.

    It is the path in this server, without the prefix of a proxy.
    """
    id = request.environ.get(SANDBOX_ID_KEY)
    return f"{SANDBOX_PATH_PREFIX}{id}" if id is not None else ""


def current_sandbox() -> Sandbox | None:
    """Return the sandbox of the current request; None if it has none."""
    return request.environ.get(_SANDBOX_KEY)


def list_accessible_sandboxes() -> list[Sandbox]:
    """Return the sandboxes that the caller may access, the default one first."""
    registry = current_registry()
    accessible = [
        sandbox
        for sandbox in registry.list_sandboxes()
        if current_caller().can_access(sandbox.record.team)
    ]
    sandboxes = []
    for sandbox in accessible:
        with suppress(ConflictError, DatabaseClosed):  # deleted by another process
            sandboxes.append(registry.rebuild_sandbox_if_stale(sandbox))
    return sandboxes


def find_accessible_sandbox(id: str) -> Sandbox:
    """Return a sandbox of the caller by id. Raises: SandboxNotFound, also for another team's."""
    registry, sandbox = current_registry(), current_registry().get_sandbox(id)
    if sandbox is None or not current_caller().can_access(sandbox.record.team):
        raise _build_sandbox_not_found_error(id)
    return registry.rebuild_sandbox_if_stale(sandbox)


def create_sandbox_for_caller(**options: Any) -> Sandbox:
    """Create a sandbox for the caller's team; see SandboxRegistry.create_sandbox."""
    return current_registry().create_sandbox(**options, team=current_caller().team)


def delete_accessible_sandbox(id: str) -> None:
    """Delete a sandbox of the caller with everything in it.

    Raises: SandboxNotFound; ConflictError, for the default sandbox.
    """
    if not current_registry().delete_sandbox(find_accessible_sandbox(id).record.id):
        raise _build_sandbox_not_found_error(id)


@contextmanager
def replace_current_workspace(requested: JSONObject | str, where: str) -> Iterator[SandboxServices]:
    """Replace the workspace of the current sandbox; see SandboxRegistry.replace_workspace.

    Raises: EmulatorError, naming the first mistake of the requested workspace.
    """
    with current_registry().replace_workspace(
        current_services(), load_requested_workspace(requested, where), requested
    ) as services:
        yield services
    request.environ[SERVICES_KEY] = services


def _build_sandbox_not_found_error(id: str) -> SandboxNotFound:
    remedy = "List them with GET /emulator/v1/sandboxes, or create it with POST."
    if id == DEFAULT_SANDBOX_ID:  # it exists, but for another team
        remedy = (
            "Use the address of a sandbox of your team, …/sandboxes/<id>; the page "
            f"{get_root_path()}/team lists them."
        )
    return SandboxNotFound(f"there is no sandbox {id!r}", request.root_path + request.path, remedy)


def select_sandbox_of_request(request: Request) -> None:
    """Flask hook: select the sandbox of the current request, for `current_services`.

    It is selected by the URL prefix; otherwise by the write key (Segment) or the account (Insider
    One); otherwise it is the default one. Static files need no sandbox and no database.
    """
    registry, id = current_registry(), request.environ.get(SANDBOX_ID_KEY)
    is_unknown_url = id is not None and request.url_rule is None
    if request.endpoint == _ASSET_ENDPOINT or is_unknown_url:
        return
    if registry.is_multi_process:
        registry.load_changes_of_other_processes()
    if id is not None:
        sandbox = registry.get_sandbox(id)
        if sandbox is None:
            raise _build_sandbox_not_found_error(id)
    else:
        by_credentials = _find_sandbox_by_credentials(request, registry)
        sandbox = by_credentials or registry.default
        request.environ[IMPLICIT_DEFAULT_KEY] = (
            by_credentials is None and sandbox.record.team is not None
        )
    caller: Caller | None = request.environ.get(CALLER_KEY)
    if caller and not caller.can_access(sandbox.record.team):
        _hide_inaccessible_sandbox(sandbox.record.id, id)
        return
    sandbox = _prepare_sandbox_for_use(sandbox, registry, current_app.extensions["expiry"])
    request.environ |= {_SANDBOX_KEY: sandbox, SERVICES_KEY: sandbox.services}


def create_services_finder(registry: SandboxRegistry, expiry: SandboxExpiry | None) -> FindServices:
    """Create the function that finds the sandbox of a tracking call.

    It selects as `select_sandbox_of_request` does. It returns None if the call names no known
    sandbox in its path and, where there are several, no write key in its Authorization header.
    """

    def find_services(environ: "WSGIEnvironment") -> tuple[SandboxServices, bool] | None:
        if registry.is_multi_process:
            registry.load_changes_of_other_processes()
        by_id = by_key = None
        if SANDBOX_ID_KEY in environ:
            if (by_id := registry.get_sandbox(environ[SANDBOX_ID_KEY])) is None:
                return None
        elif registry.created_by_id:
            write_key = get_basic_auth_user(environ.get("HTTP_AUTHORIZATION"))
            if not write_key:
                return None
            by_key = registry.find_by_write_key(write_key)
        sandbox = by_id or by_key or registry.default
        is_implicit = by_id is None and by_key is None and sandbox.record.team is not None
        return _prepare_sandbox_for_use(sandbox, registry, expiry).services, is_implicit

    return find_services


def _prepare_sandbox_for_use(
    sandbox: Sandbox, registry: SandboxRegistry, expiry: SandboxExpiry | None
) -> Sandbox:
    """Return the selected sandbox as it is now, and record that it is used."""
    if registry.is_multi_process:
        sandbox = registry.rebuild_sandbox_if_stale(sandbox)
    if expiry:
        expiry.record_sandbox_use(sandbox.record.id)
    check_sqlite_file_is_same(sandbox.services.engine)
    return sandbox


def _hide_inaccessible_sandbox(id: str, requested_id: str | None) -> None:
    """Answer that the sandbox does not exist, since the caller may not access it.

    Args:
        requested_id: The id in the URL.
    """
    endpoint = request.endpoint or ""
    if requested_id is None and endpoint == _HOME_PAGE_ENDPOINT:
        abort(redirect(url_for(_TEAM_PAGE_ENDPOINT)))
    if requested_id is not None or not endpoint.startswith(_ENDPOINTS_WITHOUT_SANDBOX):
        raise _build_sandbox_not_found_error(id)


def _find_sandbox_by_credentials(request: Request, registry: SandboxRegistry) -> Sandbox | None:
    if not registry.created_by_id:
        return None
    blueprint = (request.blueprint or "").partition(".")[0]
    if blueprint in ("segment", "overlay"):
        return registry.find_by_write_key(get_request_write_key() or "")
    if blueprint == "insider":
        return registry.find_by_account(request.headers.get("X-PARTNER-NAME", ""))
    return None
