"""Events as examples: short, and without what is secret."""

import re

import orjson

from segment_insider_emulator.types import JSON, JSONObject

REDACTED = "[redacted]"
_SECRET = re.compile(
    r"passw|secret|token|api_?key|write_?key|authorization|cookie|card_?n|cvv|cvc|iban|ssn", re.I
)
_LONGEST_TEXT = 200
_MEMBERS = 30
_LEVELS = 6
_LONGEST = 4_000  # bytes of one example


def sample(event: JSONObject, **bodies: bytes | None) -> str:
    """An event and, by name, the users of requests made of it, as JSON text."""
    shown: JSONObject = {"event": shortened(event)}
    for name, body in bodies.items():
        if body is not None:
            shown[name] = shortened(_users(body))
    text = orjson.dumps(shown)
    if len(text) <= _LONGEST:
        return text.decode()
    return orjson.dumps({"event": text[:_LONGEST].decode(errors="replace") + "…"}).decode()


def _users(body: bytes) -> JSON:
    try:
        return orjson.loads(body).get("users")
    except orjson.JSONDecodeError:
        return "(half of a character, which is no JSON)"


def shortened(value: JSON, levels: int = _LEVELS) -> JSON:
    """*value* without secrets, with ellipses for what is too long or too deep."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else f"{value[:_LONGEST_TEXT]}…"
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return "…"
    if isinstance(value, list):
        more = ["…"] if len(value) > _MEMBERS else []
        return [shortened(each, levels - 1) for each in value[:_MEMBERS]] + more
    kept = list(value.items())[:_MEMBERS]
    short = {
        name[:_LONGEST_TEXT]: REDACTED if _SECRET.search(name) else shortened(each, levels - 1)
        for name, each in kept
    }
    return short | ({"…": f"{len(value) - len(kept)} more"} if len(kept) < len(value) else {})
