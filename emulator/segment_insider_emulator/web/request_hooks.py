"""Flask hooks before and after every view: access, sandbox, due journeys, retries, CORS, masks."""

from collections.abc import Callable
from typing import Final, TypeAlias

from flask import Flask, Request, Response, current_app, request

from segment_insider_emulator.config import INSIDER_ONE_HOSTS
from segment_insider_emulator.storage.postgres import IdleConnectionReaper
from segment_insider_emulator.web.host_check import normalise_host_name
from segment_insider_emulator.web.insider_routes import answer_not_imitated
from segment_insider_emulator.web.request_masking import begin_masking, mask_response
from segment_insider_emulator.web.sandbox_routing import current_sandbox, select_sandbox_of_request
from segment_insider_emulator.web.segment_routes import add_cors_headers, answer_cors_preflight
from segment_insider_emulator.web.services import current_services
from segment_insider_emulator.web.tracking_calls import (
    raise_error_of_plain_call,
    send_due_retries,
)

BeforeView: TypeAlias = Callable[[Request], Response | None]  # a response ends the request
AfterView: TypeAlias = Callable[[Request, Response], Response]

HEALTH_ENDPOINT: Final = "harness.health"
# Not for Insider One's own addresses: a request there may be a retry itself.
PATHS_THAT_RUN_RETRIES: Final = ("/v1/", "/emulator/v1/")
INSPECTOR_BLUEPRINT: Final = "inspector"
# The stream notifies pages that something is due; their next request then sends it.
PAGE_ENDPOINTS_WITHOUT_RETRIES: Final = (
    "inspector.serve_static_file",
    "inspector.stream.stream_changes",
)
SEGMENT_BLUEPRINT: Final = "segment"
INSIDER_BLUEPRINT: Final = "insider"


def raise_error_of_call(request: Request) -> None:
    """Flask hook: raise the error of a tracking call that was received without Flask."""
    raise_error_of_plain_call(request.environ)


def answer_other_insider_address(request: Request) -> Response | None:
    """Flask hook: answer that an address of a host of Insider One is not imitated.

    Its paths may be Segment's as well, such as /v1/send of sms.useinsider.com.
    """
    host = normalise_host_name(request.environ.get("HTTP_HOST", ""))
    if host not in INSIDER_ONE_HOSTS or request.blueprint == INSIDER_BLUEPRINT:
        return None
    return answer_not_imitated(request.method, request.path, host)


def check_access(request: Request) -> None:
    """Flask hook: refuse foreign hosts and pages, and callers without password or token."""
    current_app.extensions["access_check"](request)


def close_idle_connections(request: Request) -> None:
    """Flask hook: close database connections that were not used for a while."""
    idle_connections: IdleConnectionReaper | None = current_app.extensions["idle_connections"]
    if idle_connections:
        idle_connections.close_idle_connections()


def run_due_journey_steps(request: Request) -> None:
    """Flask hook: run the journey steps of the current sandbox that are due by now.

    Not for health checks: their answer does not depend on it, and has to be fast.
    """
    if request.endpoint != HEALTH_ENDPOINT and (sandbox := current_sandbox()):
        sandbox.services.journeys.advance_due_runs()


def send_due_retries_of_sandbox(request: Request) -> None:
    """Flask hook: send due retries, so that readers see the effect of time and a moved clock."""
    if request.path.startswith(PATHS_THAT_RUN_RETRIES) or _is_page_request(request):
        send_due_retries(current_services())


def answer_segment_preflight(request: Request) -> Response | None:
    """Flask hook: answer the CORS preflight requests of browsers at Segment's endpoints."""
    return answer_cors_preflight(request) if _is_segment_request(request) else None


def add_segment_cors_headers(request: Request, response: Response) -> Response:
    """Flask hook: let browsers call Segment's endpoints from pages of any origin."""
    return add_cors_headers(request, response) if _is_segment_request(request) else response


# In this order. Blueprints may have hooks for their own views; these run for all.
BEFORE_VIEW: Final[tuple[BeforeView, ...]] = (
    raise_error_of_call,
    answer_other_insider_address,
    check_access,
    close_idle_connections,
    select_sandbox_of_request,
    run_due_journey_steps,
    send_due_retries_of_sandbox,
    answer_segment_preflight,
    begin_masking,
)
AFTER_VIEW: Final[tuple[AfterView, ...]] = (add_segment_cors_headers, mask_response)


def install_request_hooks(
    app: Flask,
    access_check: Callable[[Request], None],
    idle_connections: IdleConnectionReaper | None,
) -> None:
    """Register the hooks before and after all views of a Flask *app*.

    Args:
        idle_connections: None for databases that need no connections closed.
    """
    app.extensions |= {"access_check": access_check, "idle_connections": idle_connections}
    app.before_request(run_hooks_before_view)
    app.after_request(run_hooks_after_view)
    # No view or hook is asynchronous; Flask would look at each of them in every request.
    app.ensure_sync = lambda func: func  # type: ignore[method-assign]


def run_hooks_before_view() -> Response | None:
    """Flask hook: run BEFORE_VIEW in its order, up to the first hook with a response."""
    current = _get_request_object()
    for before_view in BEFORE_VIEW:
        if response := before_view(current):
            return response
    return None


def run_hooks_after_view(response: Response) -> Response:
    """Flask hook: run AFTER_VIEW in its order."""
    current = _get_request_object()
    for after_view in AFTER_VIEW:
        response = after_view(current, response)
    return response


def _get_request_object() -> Request:
    # Each use of Flask's `request` looks it up again, which takes longer than most hooks.
    return request._get_current_object()  # type: ignore[attr-defined,no-any-return]


def _is_page_request(request: Request) -> bool:
    return (
        INSPECTOR_BLUEPRINT in request.blueprints
        and request.endpoint not in PAGE_ENDPOINTS_WITHOUT_RETRIES
    )


def _is_segment_request(request: Request) -> bool:
    return request.blueprint == SEGMENT_BLUEPRINT
