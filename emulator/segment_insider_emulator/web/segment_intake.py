"""Ingest a request, whichever endpoint received it: parse, assign to its source, deliver."""

import logging
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from segment_insider_emulator.segment.ingest import (
    BATCH_KIND,
    basic_auth_user,
    decode_body,
    decode_pixel_query,
    find_write_key,
    generate_message_id,
    parse_messages,
)
from segment_insider_emulator.segment.sources import assign_sources
from segment_insider_emulator.segment.validation import (
    MAX_BATCH_BYTES,
    MESSAGE_TYPES,
    IngestError,
    request_too_large_error,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.services import IMPLICIT_DEFAULT_KEY, current_services

log = logging.getLogger(__name__)

# What follows /v1/, and the kind of call it takes. A browser uses the first letters.
CALL_KINDS: Final = {
    **{kind: kind for kind in MESSAGE_TYPES},
    **{kind[0]: kind for kind in MESSAGE_TYPES},
    **dict.fromkeys(("batch", "b", "import"), BATCH_KIND),
}
MAX_WIRE_BYTES: Final = 2 * MAX_BATCH_BYTES  # packed or not, nothing longer can hold a batch
_PARSED_BODY_KEY: Final = "emulator.call"


def read_raw_body(*, cache: bool = False) -> bytes:
    """Return the body of the current request, still compressed.

    Args:
        cache: Keep it, so that it can be read again.
    Raises: IngestError, when it is too large.
    """
    request.max_content_length = MAX_WIRE_BYTES
    try:
        return request.get_data(cache=cache)
    except RequestEntityTooLarge as error:
        raise request_too_large_error(
            f"the request has more than {MAX_WIRE_BYTES:,} bytes", "body", "Send smaller batches."
        ) from error


def parse_body_once(read_body: Callable[[], bytes], kind: str) -> JSONObject:
    """The call in the *body* of the current request, unpacked once: it may be asked for before, to
    find its write key. Raises: IngestError."""
    call: JSONObject | None = request.environ.get(_PARSED_BODY_KEY)
    if call is None:
        call = decode_body(read_body(), request.headers.get("Content-Encoding"), kind)
        request.environ[_PARSED_BODY_KEY] = call
    return call


def ingest_request(read_body: Callable[[], bytes], kind: str) -> None:
    """Ingest the body of the current request; return when its messages are delivered.

    Args:
        kind: What the path asks for: a type of message, or "batch".
    Raises: IngestError, when the whole request is refused; Unavailable, when nothing was kept.
    """
    authorization = request.headers.get("Authorization")
    services = current_services()
    if services.workspace.oauth_application:
        services.token_issuer.check_authorization(authorization, time.time())
    ingest_call(parse_body_once(read_body, kind), kind, authorization)


def ingest_call(call: JSONObject, kind: str, authorization: str | None = None) -> None:
    """Ingest a parsed *call*: assign its messages to their source and deliver them."""
    own = current_services()
    now = own.clock()
    messages = parse_messages(
        call,
        kind=kind,
        authorization=authorization,
        received_at=now,
        new_id=lambda: generate_message_id(now, secrets.token_bytes(16)),
        client_ip=request.remote_addr if own.workspace.segment_options.context_ip else None,
    )
    messages = assign_sources(messages, own.workspace.sources, strict=own.config.strict)
    # Those with a write key of nobody's are not for the team that has the default sandbox to read.
    unasked = request.environ.get(IMPLICIT_DEFAULT_KEY, False)
    own.message_sink.submit([each for each in messages if each.source or not unasked])
    rejected = sum(message.rejection is not None for message in messages)
    log.info("received kind=%s messages=%d rejected=%d", kind, len(messages), rejected)


def request_write_key() -> str | None:
    """Return the write key in the path, headers or body of the current request.

    None where there is none, or the request will be refused: whoever takes it in says why.
    """
    given = request.view_args or {}
    if "write_key" in given:
        return str(given["write_key"])
    if key := basic_auth_user(request.headers.get("Authorization")):
        return key
    try:
        if given.get("kind") in MESSAGE_TYPES:
            return find_write_key(None, parse_body_once(read_pixel_call, given["kind"]))
        kind = CALL_KINDS.get(given.get("path", "").rstrip("/"))
        return (
            find_write_key(None, parse_body_once(partial(read_raw_body, cache=True), kind))
            if kind
            else None
        )
    except IngestError:
        return None


def read_pixel_call() -> bytes:
    """Return the JSON of the call in the current request's query. Raises: IngestError."""
    return decode_pixel_query(request.args.items(multi=True))
