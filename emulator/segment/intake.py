"""A request's way in, whichever address it came by: read, given to its source, delivered."""

import logging
import secrets
import time

from flask import request

from emulator.parts import parts
from emulator.segment.ingest import receive
from emulator.segment.message_id import message_id
from emulator.segment.sources import assign

log = logging.getLogger(__name__)


def take_in(body: bytes, kind: str) -> None:
    """Take *body* in, and return once its messages are delivered and kept.

    Args:
        kind: What the path asks for: a type of message, or "batch".
    Raises: IngestError, when the whole request is refused; Unavailable, when nothing was kept.
    """
    own = parts()
    now = own.clock()
    authorization = request.headers.get("Authorization")
    own.tokens.check(authorization, time.time())
    messages = receive(
        body,
        kind=kind,
        encoding=request.headers.get("Content-Encoding"),
        authorization=authorization,
        now=now,
        new_id=lambda: message_id(now, secrets.token_bytes(16)),
    )
    messages = assign(messages, own.workspace.sources, strict=own.config.strict)
    own.carrier.carry(messages)
    rejected = sum(message.rejection is not None for message in messages)
    log.info("received kind=%s messages=%d rejected=%d", kind, len(messages), rejected)
