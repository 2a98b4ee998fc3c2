"""Events as examples: short, and without what is secret."""

import re

import orjson

from segment_insider_emulator.types import JSON, JSONObject

REDACTED_VALUE = "[redacted]"
_SECRET_NAME = re.compile(
    r"passw|secret|token|api_?key|write_?key|authorization|cookie|card_?n|cvv|cvc|iban|ssn", re.I
)
_MAX_TEXT_LENGTH = 200
_MAX_MEMBERS = 30
_MAX_LEVELS = 6
_MAX_SAMPLE_BYTES = 4_000  # bytes of one example


def format_sample(event: JSONObject, **bodies: bytes | None) -> str:
    """An event and, by name, the users of requests made of it, as JSON text."""
    sample_json: JSONObject = {"event": shorten_and_redact(event)}
    for name, body in bodies.items():
        if body is not None:
            sample_json[name] = shorten_and_redact(_users_in_body(body))
    text = orjson.dumps(sample_json)
    if len(text) <= _MAX_SAMPLE_BYTES:
        return text.decode()
    return orjson.dumps({"event": text[:_MAX_SAMPLE_BYTES].decode(errors="replace") + "…"}).decode()


def _users_in_body(body: bytes) -> JSON:
    try:
        return orjson.loads(body).get("users")
    except orjson.JSONDecodeError:
        return "(half of a character, which is no JSON)"


def shorten_and_redact(value: JSON, max_levels: int = _MAX_LEVELS) -> JSON:
    """*value* without secrets, with ellipses for what is too long or too deep."""
    if isinstance(value, str):
        return value if len(value) <= _MAX_TEXT_LENGTH else f"{value[:_MAX_TEXT_LENGTH]}…"
    if not isinstance(value, dict | list):
        return value
    if max_levels == 0:
        return "…"
    if isinstance(value, list):
        more = ["…"] if len(value) > _MAX_MEMBERS else []
        return [shorten_and_redact(each, max_levels - 1) for each in value[:_MAX_MEMBERS]] + more
    first_members = list(value.items())[:_MAX_MEMBERS]
    short = {
        name[:_MAX_TEXT_LENGTH]: REDACTED_VALUE
        if _SECRET_NAME.search(name)
        else shorten_and_redact(each, max_levels - 1)
        for name, each in first_members
    }
    return short | (
        {"…": f"{len(value) - len(first_members)} more"} if len(first_members) < len(value) else {}
    )
