"""What is captured without its secrets: pages are shared, and pictures of them."""

import re

from segment_insider_emulator.capture.records import redacted
from segment_insider_emulator.inspector.json_view import walk
from segment_insider_emulator.types import JSON

_SECRET = re.compile(
    r"(pass(word|wd|phrase)|secret|token|authorization|api_?key|ucd_key|private_?key|cvv|cvc|"
    r"card_?number)$",
    re.IGNORECASE,
)


def without_secrets(value: JSON) -> JSON:
    """A copy of *value* in which texts and numbers under names like `password` are redacted."""
    return walk(value, _shown)


def _shown(name: str, value: JSON) -> JSON:
    is_value = isinstance(value, str | int | float) and not isinstance(value, bool)
    return redacted(str(value)) if is_value and _SECRET.search(name) else value
