"""Masking of requests: reveals the pseudonyms that a caller sends, masks what the caller sees."""

import hmac
import re
from collections.abc import Container
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode
from weakref import WeakSet

import orjson
from flask import Flask, Request, Response, current_app, request

from segment_insider_emulator.errors import TemporarilyUnavailable
from segment_insider_emulator.json_text import current_masking
from segment_insider_emulator.storage.messages import MessageStore
from segment_insider_emulator.web.access import CALLER_KEY, Caller
from segment_insider_emulator.web.sandbox_creation import DEFAULT_SANDBOX_ID
from segment_insider_emulator.web.sandbox_routing import current_sandbox
from segment_insider_emulator.web.services import SandboxServices, current_services
from segment_insider_emulator.workspace import Workspace

if TYPE_CHECKING:
    from segment_insider_emulator.masking import Masking, Pseudonyms

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


def install_masking(
    app: Flask,
    pseudonyms: "Pseudonyms | None",
    *,
    masks_all: bool,
    masked_teams: Container[str | None],
) -> None:
    """Let a Flask *app* mask, with the hooks of this module that run for all views.

    Args:
        pseudonyms: None if nothing is masked.
        masks_all: Whether all callers see pseudonyms, and not only *masked_teams*.
    """
    app.extensions |= {MASKING_KEY: pseudonyms, MASKS_ALL_KEY: masks_all}
    app.extensions[MASKED_TEAMS_KEY] = masked_teams
    if pseudonyms:
        app.teardown_request(end_masking)


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
