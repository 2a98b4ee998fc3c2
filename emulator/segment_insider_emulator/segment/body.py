"""The bytes of a request, read as the JSON object they hold, whatever the content type says."""

import gzip
import io
import zlib

import orjson

from segment_insider_emulator.depth import MAX_DEPTH
from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.segment.errors import malformed_request_error, request_too_large_error
from segment_insider_emulator.types import JSONObject


def parse_body(body: bytes, content_encoding: str | None, max_bytes: int) -> JSONObject:
    """Unpack and parse *body*.

    Args:
        encoding: The Content-Encoding header.
        most: Bytes that the unpacked body may have.
    Raises: IngestError, when it is too large, not gzip, not JSON or not an object.
    """
    plain = _decompress(body, content_encoding, max_bytes)
    if len(plain) > max_bytes:
        raise request_too_large_error(
            f"the request has more than {max_bytes:,} bytes",
            "body",
            "Send smaller events, or fewer in one batch.",
        )
    try:
        call = parse_json(plain)
    except orjson.JSONDecodeError as error:
        raise malformed_request_error(
            f"not JSON ({error})", "body", _json_error_remedy(error)
        ) from error
    if not isinstance(call, dict):
        raise malformed_request_error(
            f"the JSON is {_json_type_name(call)}, not an object", "body", "Send one JSON object."
        )
    return call


def _json_error_remedy(error: orjson.JSONDecodeError) -> str:
    """What to send in place of the text that *error* is about."""
    if "depth limit" in error.msg:
        return f"Nest it no deeper than {MAX_DEPTH} levels."
    after = error.doc[max(0, error.pos - 1) : error.pos + 10].lstrip("-")
    if any(word in after for word in ("NaN", "Infinity", "nan")):
        return "NaN and Infinity are no JSON: send null or a number."
    return "Send one JSON object in UTF-8, without a byte mark."


def _decompress(body: bytes, content_encoding: str | None, max_bytes: int) -> bytes:
    """Give the plain bytes, at most one more than *most*: a gzip bomb is never unpacked."""
    match (content_encoding or "identity").strip().lower():
        case "identity" | "":
            return body
        case "gzip" | "x-gzip":
            try:
                return gzip.GzipFile(fileobj=io.BytesIO(body)).read(max_bytes + 1)
            except (OSError, EOFError, zlib.error) as error:
                raise malformed_request_error(
                    f"not gzip ({error})",
                    "body",
                    "Send gzip, or leave the Content-Encoding header out.",
                ) from error
        case other:
            raise malformed_request_error(
                f"unknown encoding {other!r}", "Content-Encoding", "Send gzip or plain JSON."
            )


def _json_type_name(value: object) -> str:
    names = {list: "an array", str: "a string", bool: "a Boolean", type(None): "null"}
    return names.get(type(value), "a number")
