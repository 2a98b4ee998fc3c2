"""Which write key a request names, told before it is taken in."""

from functools import partial

from flask import request

from segment_insider_emulator.segment import pixel
from segment_insider_emulator.segment.errors import IngestError
from segment_insider_emulator.segment.intake import KINDS, opened, posted
from segment_insider_emulator.segment.rules import TYPES
from segment_insider_emulator.segment.write_key import basic, write_key


def named_key() -> str | None:
    """The write key in the path, the headers or the call of the current request to this end.

    None where there is none, or the request will be refused: whoever takes it in says why.
    """
    given = request.view_args or {}
    if "write_key" in given:
        return str(given["write_key"])
    if key := basic(request.headers.get("Authorization")):
        return key
    try:
        if given.get("kind") in TYPES:
            return write_key(None, opened(pixel.queried, given["kind"]))
        kind = KINDS.get(given.get("path", "").rstrip("/"))
        return write_key(None, opened(partial(posted, cache=True), kind)) if kind else None
    except IngestError:
        return None
