"""Find the write key of a request before its body is ingested."""

from functools import partial

from flask import request

from segment_insider_emulator.segment.ingest import basic_auth_user, find_write_key
from segment_insider_emulator.segment.validation import MESSAGE_TYPES, IngestError
from segment_insider_emulator.web import segment_pixel
from segment_insider_emulator.web.segment_intake import CALL_KINDS, parse_body_once, read_raw_body


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
            return find_write_key(
                None, parse_body_once(segment_pixel.read_pixel_call, given["kind"])
            )
        kind = CALL_KINDS.get(given.get("path", "").rstrip("/"))
        return (
            find_write_key(None, parse_body_once(partial(read_raw_body, cache=True), kind))
            if kind
            else None
        )
    except IngestError:
        return None
