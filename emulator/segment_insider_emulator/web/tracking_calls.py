"""Ingestion of tracking calls, and a WSGI middleware that answers plain ones without Flask.

Flask takes longer for a request than Segment's side takes for an event. So a call that has nothing
unusual is answered from the WSGI environment; Flask answers all others, and reports all errors.
"""

import logging
import secrets
import time
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from flask import Flask

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.segment.ingest import (
    BATCH_KIND,
    assign_sources,
    decode_request_body,
    generate_message_id,
    parse_messages,
)
from segment_insider_emulator.segment.validation import MAX_BATCH_BYTES, MESSAGE_TYPES
from segment_insider_emulator.storage.postgres import IdleConnectionReaper
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.host_check import (
    HostCheck,
)
from segment_insider_emulator.web.services import SandboxServices

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

log = logging.getLogger(__name__)

# What follows /v1/, and the kind of call it takes. A browser uses the first letters.
CALL_KINDS: Final = {
    **{kind: kind for kind in MESSAGE_TYPES},
    **{kind[0]: kind for kind in MESSAGE_TYPES},
    **dict.fromkeys(("batch", "b", "import"), BATCH_KIND),
}
MAX_WIRE_BYTES: Final = 2 * MAX_BATCH_BYTES  # compressed or not, no batch is longer
SUCCESS_DOCUMENT: Final = {"success": True}
_SUCCESS_BODY: Final = b'{"success":true}'
_KINDS_BY_PATH: Final = {f"/v1/{name}": kind for name, kind in CALL_KINDS.items()}
PLAIN_CALL_PATHS: Final = frozenset(_KINDS_BY_PATH)
_CALL_ERROR_KEY: Final = "emulator.call_error"  # in a WSGI environment: the error of a plain call
_CORS_HEADERS: Final = (
    # Named one by one: the wildcard does not cover Authorization.
    ("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
    ("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Retry-Count"),
    ("Access-Control-Expose-Headers", "Retry-After"),
)
# Returns the services of the sandbox that a call is for, and whether it is a team's default
# sandbox that the call does not name; None if only Flask can find it.
FindServices = Callable[["WSGIEnvironment"], tuple[SandboxServices, bool] | None]


def check_authorization_of_source(services: SandboxServices, authorization: str | None) -> None:
    """Check the bearer token of a call if the source requires one. Raises: IngestError."""
    if services.workspace.oauth_application:
        services.token_issuer.check_authorization(authorization, time.time())


def ingest_call_of_sender(
    services: SandboxServices,
    call: JSONObject,
    kind: str,
    *,
    authorization: str | None = None,
    client_address: str | None = None,
    is_implicit: bool = False,
) -> None:
    """Ingest a parsed call or batch: assign its messages to their source and deliver them.

    Args:
        is_implicit: The sandbox is a team's default one, and the call does not name it.
    Raises: IngestError, when the whole call is rejected; TemporarilyUnavailable, when nothing was
        stored.
    """
    now = services.clock()
    messages = parse_messages(
        call,
        kind=kind,
        authorization=authorization,
        received_at=now,
        new_id=lambda: generate_message_id(now, secrets.token_bytes(16)),
        client_ip=client_address if services.workspace.segment_options.context_ip else None,
    )
    messages = assign_sources(messages, services.sources, strict=services.config.strict)
    if is_implicit:
        # A team's default sandbox must not show messages with an unknown write key.
        messages = [message for message in messages if message.source]
    services.message_sink.submit_messages(messages)
    if log.isEnabledFor(logging.INFO):
        rejected = sum(message.rejection is not None for message in messages)
        log.info("received kind=%s messages=%d rejected=%d", kind, len(messages), rejected)


def send_due_retries(services: SandboxServices) -> None:
    """Send the retries of a sandbox that are due by now."""
    retries = services.pipeline.retries
    if retries.next_due_at <= format_iso_utc(services.clock()):
        retries.retry_due_upserts()


def build_cors_headers(origin: str | None) -> list[tuple[str, str]]:
    """Build the CORS headers of a response: allow every origin and expose Retry-After."""
    headers = [("Access-Control-Allow-Origin", "*" if origin is None else origin), *_CORS_HEADERS]
    if origin is not None:
        headers += [("Access-Control-Allow-Credentials", "true"), ("Vary", "Origin")]
    return headers


class PlainCallMiddleware:
    """WSGI middleware that answers plain tracking calls, and passes on all other requests.

    It does what Flask's hooks and view do for them, in the same order.

    Args:
        application: Answers all other requests.
        check_host: Refuses foreign hosts.
        find_services: Finds the sandbox of a call.
        idle_connections: Closes idle database connections; None where there are none.
    """

    def __init__(
        self,
        application: Callable[..., Any],
        check_host: HostCheck,
        find_services: FindServices,
        idle_connections: IdleConnectionReaper | None,
    ) -> None:
        self._application, self._check_host = application, check_host
        self._find_services, self._idle_connections = find_services, idle_connections

    def __call__(self, environ: "WSGIEnvironment", start_response: Any) -> Iterable[bytes]:
        kind = _KINDS_BY_PATH.get(environ.get("PATH_INFO", ""))
        if kind and environ["REQUEST_METHOD"] == "POST":
            try:
                is_answered = self._ingest_if_plain(environ, kind)
            except Exception as error:  # noqa: BLE001  # Flask raises and reports it
                environ[_CALL_ERROR_KEY] = error
                is_answered = False
            if is_answered:
                headers = [
                    ("Content-Type", "application/json"),
                    ("Content-Length", str(len(_SUCCESS_BODY))),
                    *build_cors_headers(environ.get("HTTP_ORIGIN")),
                ]
                start_response("200 OK", headers)
                return [_SUCCESS_BODY]
        response: Iterable[bytes] = self._application(environ, start_response)
        return response

    def _ingest_if_plain(self, environ: "WSGIEnvironment", kind: str) -> bool:
        """Ingest a call; return False, and change nothing, if only Flask can answer it."""
        self._check_host(environ, is_call=True)
        if self._idle_connections:
            self._idle_connections.close_idle_connections()
        found = self._find_services(environ)
        if found is None or found[0].segment_faults.waiting:
            return False
        body = _read_whole_body(environ)
        if body is None:
            return False
        services, is_implicit = found
        services.journeys.advance_due_runs()
        send_due_retries(services)
        authorization = environ.get("HTTP_AUTHORIZATION")
        check_authorization_of_source(services, authorization)
        ingest_call_of_sender(
            services,
            decode_request_body(body, environ.get("HTTP_CONTENT_ENCODING"), kind),
            kind,
            authorization=authorization,
            client_address=environ.get("REMOTE_ADDR"),
            is_implicit=is_implicit,
        )
        return True


def raise_error_of_plain_call(environ: "WSGIEnvironment") -> None:
    """Raise the error of a call that `PlainCallMiddleware` could not ingest, so that Flask answers.

    It is raised once: the error handlers may look at the request.
    """
    if error := environ.pop(_CALL_ERROR_KEY, None):
        raise error


def install_plain_calls(
    app: Flask,
    check_host: HostCheck,
    find_services: FindServices,
    idle_connections: IdleConnectionReaper | None,
) -> None:
    """Let a Flask *app* answer plain tracking calls without Flask."""
    middleware = PlainCallMiddleware(app.wsgi_app, check_host, find_services, idle_connections)
    app.wsgi_app = middleware  # type: ignore[method-assign]  # as Flask documents it


def _read_whole_body(environ: "WSGIEnvironment") -> bytes | None:
    """Return the body of a call; None, with the body still there, if its length is unusual."""
    text = environ.get("CONTENT_LENGTH") or ""
    is_number = len(text) < 20 and text.isascii() and text.isdecimal()
    if not is_number or int(text) > MAX_WIRE_BYTES:
        return None
    body: bytes = environ["wsgi.input"].read(int(text))
    if len(body) == int(text):
        return body
    environ["wsgi.input"] = BytesIO(body)
    return None
