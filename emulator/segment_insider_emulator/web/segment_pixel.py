"""The pixel tracking endpoint: calls made by an image in a page or an e-mail."""

import base64
import logging
from collections.abc import Iterable
from typing import Final

import orjson
from flask import Blueprint, Response, request

from segment_insider_emulator.json_text import MAX_DEPTH
from segment_insider_emulator.segment.validation import (
    MESSAGE_TYPES,
    IngestError,
    malformed_request_error,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.segment_intake import ingest_request

bp = Blueprint("pixel", __name__)
log = logging.getLogger(__name__)

PIXEL_GIF: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
BASE64_TRANSLATION: Final = str.maketrans(
    "-_ ", "+/+"
)  # URL-safe, and a plus that was read as a blank


@bp.get("/v1/pixel/<kind>")
def pixel(kind: str) -> Response:
    """Ingest the call in the query and answer with a one-pixel image, even after an error.

    Source: Segment, Pixel Tracking API. What was wrong stands in a header that Segment has not.
    """
    answer = Response(PIXEL_GIF, mimetype="image/gif")
    answer.headers["Cache-Control"] = "no-store"
    try:
        _ingest_pixel(kind)
    except IngestError as error:
        log.warning("refused pixel=%r reason=%r", kind, error.what)
        answer.headers["X-Emulator-Detail"] = ascii(str(error))[1:-1]
    return answer


def decode_pixel_query(query: Iterable[tuple[str, str]]) -> bytes:
    """Return the JSON of the call in *query*: base64 in `data`, or dotted names.

    Args:
        query: Names and values, e.g. ("properties.subject", "Spring"); all values are text.
    Raises: IngestError, when it cannot be read.
    """
    given = dict(reversed(list(query)))  # of names that stand twice the first counts
    if "data" not in given:
        return orjson.dumps(_nest_dotted_names(reversed(given.items())))
    packed = given["data"].translate(BASE64_TRANSLATION).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except ValueError as error:
        raise malformed_request_error(
            "it is not base64", "data", "Encode the call's JSON as base64."
        ) from error


def read_pixel_call() -> bytes:
    """Return the JSON of the call in the current request's query. Raises: IngestError."""
    return decode_pixel_query(request.args.items(multi=True))


def _ingest_pixel(kind: str) -> None:
    if kind not in MESSAGE_TYPES:
        remedy = f"Ask for /v1/pixel/{{{','.join(MESSAGE_TYPES)}}}."
        raise malformed_request_error(f"there is no pixel {kind!r}", request.path, remedy)
    ingest_request(read_pixel_call, kind)


def _nest_dotted_names(dotted_names: Iterable[tuple[str, str]]) -> JSONObject:
    nested: JSONObject = {}
    for name, value in dotted_names:
        *outer, last = name.split(".")
        if len(outer) >= MAX_DEPTH:
            raise malformed_request_error(
                "the name has too many dots", name[:40], "Send a flatter call."
            )
        inside = nested
        for part in outer:
            inside = inside.setdefault(part, {})
            if not isinstance(inside, dict):
                raise malformed_request_error(
                    f"{part!r} is a value and an object", name, "Give it once."
                )
        if last in inside:
            raise malformed_request_error(
                f"{last!r} is a value and an object", name, "Give it once."
            )
        inside[last] = value
    return nested
