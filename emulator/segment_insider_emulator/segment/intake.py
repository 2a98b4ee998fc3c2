"""A request's way in, whichever address it came by: read, given to its source, delivered."""

import logging
import secrets
import time
from collections.abc import Callable
from typing import Final

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from segment_insider_emulator.parts import UNASKED, parts
from segment_insider_emulator.segment.errors import too_large
from segment_insider_emulator.segment.ingest import BATCH, receive, unpacked
from segment_insider_emulator.segment.limits import BATCH_BYTES
from segment_insider_emulator.segment.message_id import message_id
from segment_insider_emulator.segment.rules import TYPES
from segment_insider_emulator.segment.sources import assign
from segment_insider_emulator.types import JSONObject

log = logging.getLogger(__name__)

# What follows /v1/, and the kind of call it takes. A browser uses the first letters.
KINDS: Final = {
    **{kind: kind for kind in TYPES},
    **{kind[0]: kind for kind in TYPES},
    **dict.fromkeys(("batch", "b", "import"), BATCH),
}
WIRE_BYTES: Final = 2 * BATCH_BYTES  # packed or not, nothing longer can hold a batch
_OPENED: Final = "emulator.call"


def posted(*, cache: bool = False) -> bytes:
    """The body of the current request, packed as it came.

    Args:
        cache: Keep it, so that it can be read again.
    Raises: IngestError, when it is too large.
    """
    request.max_content_length = WIRE_BYTES
    try:
        return request.get_data(cache=cache)
    except RequestEntityTooLarge as error:
        raise too_large(
            f"the request has more than {WIRE_BYTES:,} bytes", "body", "Send smaller batches."
        ) from error


def opened(body: Callable[[], bytes], kind: str) -> JSONObject:
    """The call in the *body* of the current request, unpacked once: it may be asked for before, to
    find its write key. Raises: IngestError."""
    call: JSONObject | None = request.environ.get(_OPENED)
    if call is None:
        call = unpacked(body(), request.headers.get("Content-Encoding"), kind)
        request.environ[_OPENED] = call
    return call


def take_in(body: Callable[[], bytes], kind: str) -> None:
    """Take *body* in, and return once its messages are delivered and kept.

    Args:
        kind: What the path asks for: a type of message, or "batch".
    Raises: IngestError, when the whole request is refused; Unavailable, when nothing was kept.
    """
    authorization = request.headers.get("Authorization")
    parts().tokens.check(authorization, time.time())
    accept(opened(body, kind), kind, authorization)


def accept(call: JSONObject, kind: str, authorization: str | None = None) -> None:
    """The same for a *call* that was unpacked, or made here."""
    own = parts()
    now = own.clock()
    messages = receive(
        call,
        kind=kind,
        authorization=authorization,
        now=now,
        new_id=lambda: message_id(now, secrets.token_bytes(16)),
        client_ip=request.remote_addr if own.workspace.segment.context_ip else None,
    )
    messages = assign(messages, own.workspace.sources, strict=own.config.strict)
    # Those with a write key of nobody's are not for the team that has the default sandbox to read.
    unasked = request.environ.get(UNASKED, False)
    own.carrier.carry([each for each in messages if each.source or not unasked])
    rejected = sum(message.rejection is not None for message in messages)
    log.info("received kind=%s messages=%d rejected=%d", kind, len(messages), rejected)
