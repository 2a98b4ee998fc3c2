"""Flask hooks before and after every view: access, sandbox, due journeys and retries, CORS."""

import hmac
import re
from collections.abc import Callable, Container
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import parse_qsl, urlencode
from weakref import WeakSet

import orjson
from flask import Flask, Request, Response, current_app, request

from segment_insider_emulator.config import INSIDER_ONE_HOSTS
from segment_insider_emulator.errors import TemporarilyUnavailable
from segment_insider_emulator.json_text import current_masking
from segment_insider_emulator.storage.messages import MessageStore
from segment_insider_emulator.storage.postgres import IdleConnectionReaper
from segment_insider_emulator.web.access import CALLER_KEY, Caller
from segment_insider_emulator.web.host_check import normalise_host_name
from segment_insider_emulator.web.insider_routes import answer_not_imitated
from segment_insider_emulator.web.sandbox_creation import DEFAULT_SANDBOX_ID
from segment_insider_emulator.web.sandbox_routing import current_sandbox, select_sandbox_of_request
from segment_insider_emulator.web.segment_routes import add_cors_headers, answer_cors_preflight
from segment_insider_emulator.web.services import SandboxServices, current_services
from segment_insider_emulator.web.tracking_calls import (
    raise_error_of_plain_call,
    send_due_retries,
)
from segment_insider_emulator.workspace import Workspace

if TYPE_CHECKING:
    from segment_insider_emulator.masking import Masking, Pseudonyms

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
OVERLAY_BLUEPRINT: Final = "overlay"
MASKING_KEY: Final = "masking"  # in app.extensions: the Pseudonyms; None if nothing is masked
MASKS_ALL_KEY: Final = "masks_all"  # in app.extensions: whether all callers see pseudonyms
MASKED_TEAMS_KEY: Final = "masked_teams"  # in app.extensions: names of teams
_MASKING_TOKEN_KEY: Final = "emulator.masking"  # in a WSGI environment: while it is masked
# Header with the key of a sandbox's account, whose values are then shown.
ACCOUNT_KEY_HEADER: Final = "X-Emulator-Account-Key"
FORM_MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
TEXT_MEDIA_TYPES: Final = ("text/plain", "text/yaml", "text/csv", "application/x-ndjson")
_VOCABULARY_KEY: Final = "masking_vocabulary"  # in app.extensions: that of the last workspace
_RECENT_KEY: Final = "masking_recent"  # in app.extensions: the stores whose names were read
MAX_RECENT_MESSAGES: Final = 1000
_HAS_PSEUDONYM: Final = re.compile(rb"(?i)person-|masked\.example|999\d{10}")
MAX_REVEALED_BYTES: Final = 1024 * 1024  # of a body


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


def begin_masking(request: Request) -> None:
    """Flask hook: mask what the caller of a page or the control API sees, if that is set.

    Pseudonyms that a link or form sends back are replaced by their values first.
    """
    pseudonyms: Pseudonyms | None = current_app.extensions[MASKING_KEY]
    if pseudonyms is None or not _is_masked(request):
        return
    # Imported here because few emulators mask.
    from segment_insider_emulator.masking import Masking

    masking = Masking(pseudonyms, _find_vocabulary(current_services().workspace))
    request.environ[_MASKING_TOKEN_KEY] = current_masking.set(masking)
    _read_recent_names(current_services())
    query = _reveal_fields(masking, request.query_string)
    request.query_string = query
    request.environ["QUERY_STRING"] = query.decode("latin-1")
    if request.method != "GET" and (request.content_length or 0) <= MAX_REVEALED_BYTES:
        raw = request.environ["wsgi.input"].read(request.content_length or 0)
        # `curl -d` sends JSON under the media type of a form.
        is_json = raw.lstrip()[:1] in (b"{", b"[")
        is_form = request.mimetype == FORM_MEDIA_TYPE and not is_json
        body = _reveal_fields(masking, raw) if is_form else _reveal_json(masking, raw)
        request.environ["wsgi.input"] = BytesIO(body)
        request.environ["CONTENT_LENGTH"] = str(len(body))
        _learn_from_body(masking, body, is_form=is_form)


def _reveal_fields(masking: "Masking", raw: bytes) -> bytes:
    """Reveal the pseudonyms in the parameters of an address, or in the fields of a form."""
    if not _HAS_PSEUDONYM.search(raw):
        return raw
    pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True)
    return urlencode([(name, _reveal_field(masking, name, text)) for name, text in pairs]).encode()


def _reveal_field(masking: "Masking", name: str, text: str) -> str:
    if name == "query":
        return masking.reveal_query(text)
    is_json = text.lstrip()[:1] in ("{", "[")
    return masking.reveal(text, _escape_value if is_json else str)


def _reveal_json(masking: "Masking", raw: bytes) -> bytes:
    text = masking.reveal(raw.decode("utf-8", "surrogateescape"), _escape_value)
    return text.encode("utf-8", "surrogateescape")


def _find_vocabulary(workspace: Workspace) -> frozenset[str]:
    """Return the words in the names and triggers of a workspace's mappings, in lower case."""
    cached: tuple[Workspace, frozenset[str]] | None = current_app.extensions.get(_VOCABULARY_KEY)
    if cached is None or cached[0] is not workspace:
        texts = [
            str(subscription.get(name, ""))
            for subscription in workspace.destination["subscriptions"]
            for name in ("name", "trigger")
        ]
        words = frozenset(re.findall(r"[^\W_]+", " ".join(texts).lower()))
        cached = current_app.extensions[_VOCABULARY_KEY] = workspace, words
    return cached[1]


def _read_recent_names(services: SandboxServices) -> None:
    """Read the newest messages of a sandbox once, to know the names in them."""
    known: WeakSet[MessageStore] = current_app.extensions.setdefault(_RECENT_KEY, WeakSet())
    if services.store not in known:
        known.add(services.store)
        with suppress(TemporarilyUnavailable):
            services.store.list_latest_messages(MAX_RECENT_MESSAGES)


def _learn_from_body(masking: "Masking", body: bytes, *, is_form: bool) -> None:
    """Read the names in a body, and leave the request's own stream to its handler."""
    texts = [text for _, text in parse_qsl(body.decode("latin-1"))] if is_form else [body]
    for text in texts:
        with suppress(orjson.JSONDecodeError):
            masking.learn(orjson.loads(text))


def _is_masked(request: Request) -> bool:
    caller: Caller | None = request.environ.get(CALLER_KEY)
    sandbox = current_sandbox()
    masked_teams: Container[str | None] = current_app.extensions[MASKED_TEAMS_KEY]
    if caller is None:  # the overlay needs no token, so the owner of the sandbox decides
        owner = sandbox.record.team if sandbox else None
        is_masked = current_app.extensions[MASKS_ALL_KEY] or owner in masked_teams
        return is_masked and request.blueprint == OVERLAY_BLUEPRINT
    team = caller.team.name if caller.team else None
    if not (current_app.extensions[MASKS_ALL_KEY] or team in masked_teams):
        return False
    # Who has the key of a sandbox's account may read its profiles from Insider One anyway.
    key = request.headers.get(ACCOUNT_KEY_HEADER, "")
    if not key or sandbox is None or sandbox.record.id == DEFAULT_SANDBOX_ID:
        return True
    return not hmac.compare_digest(key.encode(), sandbox.record.key.encode())


def mask_response(request: Request, response: Response) -> Response:
    """Flask hook: mask the response of a request for which masking has begun."""
    masking = current_masking.get()
    if masking is None or _MASKING_TOKEN_KEY not in request.environ:
        return response
    if location := response.headers.get("Location"):
        response.headers["Location"] = masking.mask_text(location)
    if response.direct_passthrough or response.is_streamed:
        return response
    if response.mimetype == "application/json":
        with suppress(orjson.JSONDecodeError):
            response.data = orjson.dumps(masking.mask_document(orjson.loads(response.data)))
    elif response.mimetype == "text/html" and "Content-Disposition" not in response.headers:
        # The templates have masked names; a word of a page itself may be somebody's name.
        response.data = masking.mask_shapes(response.get_data(as_text=True))
    elif response.mimetype in (*TEXT_MEDIA_TYPES, "text/html"):
        response.data = masking.mask_text(response.get_data(as_text=True))
    return response


def end_masking(_error: BaseException | None = None) -> None:
    """Flask hook: the thread may serve another request."""
    if token := request.environ.pop(_MASKING_TOKEN_KEY, None):
        current_masking.reset(token)


def _escape_value(value: str) -> str:
    return orjson.dumps(value)[1:-1].decode()


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
    pseudonyms: "Pseudonyms | None",
    *,
    masks_all: bool,
    masked_teams: Container[str | None],
) -> None:
    """Register the hooks before and after all views of a Flask *app*.

    Args:
        pseudonyms: None if nothing is masked.
        masks_all: Whether all callers see pseudonyms, and not only *masked_teams*.
        idle_connections: None for databases that need no connections closed.
    """
    app.extensions |= {"access_check": access_check, "idle_connections": idle_connections}
    app.extensions |= {MASKING_KEY: pseudonyms, MASKS_ALL_KEY: masks_all}
    app.extensions[MASKED_TEAMS_KEY] = masked_teams
    if pseudonyms:
        app.teardown_request(end_masking)
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
