"""What is captured without its secrets: pages are shared, and pictures of them."""

import re

from segment_insider_emulator.capture.records import redact_secret
from segment_insider_emulator.inspector.json_view import replace_scalars
from segment_insider_emulator.types import JSON

_SECRET_NAME = re.compile(
    r"(pass(word|wd|phrase)|secret|token|authorization|api_?key|ucd_key|private_?key|cvv|cvc|"
    r"card_?number)$",
    re.IGNORECASE,
)


def redact_secrets(value: JSON) -> JSON:
    """A copy of *value* in which texts and numbers under names like `password` are redacted."""
    return replace_scalars(value, _redact_if_secret)


def _redact_if_secret(name: str, value: JSON) -> JSON:
    is_value = isinstance(value, str | int | float) and not isinstance(value, bool)
    return redact_secret(str(value)) if is_value and _SECRET_NAME.search(name) else value
