"""What this end noticed in a request: for people, beside what Insider One answers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import orjson

from segment_insider_emulator.types import JSON

MOST = 20
_LONGEST_TEXT = 240  # characters; a value quoted in a finding may be megabytes long
_LONGEST_HEADER = 16_000  # bytes; clients stop reading at 64 KiB


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark.

    Args:
        verdict: "dropped" explains an error; "warning" is accepted and yet not as meant.
        where: Dotted place in the body, e.g. "users.0.attributes.phone"; "" is the whole request.
        what: One sentence.
        remedy: One sentence: what to send instead.
    """

    verdict: Literal["warning", "dropped"]
    where: str
    what: str
    remedy: str


_NAMES = [each.name for each in fields(Finding)]


def warning(where: str, what: str, remedy: str) -> Finding:
    """Something accepted that will not do what its sender thinks."""
    return Finding("warning", where, what, remedy)


def dropped(where: str, what: str, remedy: str) -> Finding:
    """Something refused."""
    return Finding("dropped", where, what, remedy)


def headers(findings: Sequence[Finding]) -> dict[str, str]:
    """The response headers that carry *findings*, dropped ones first, at most MOST of them."""
    unique = sorted(dict.fromkeys(findings), key=lambda finding: finding.verdict)
    told = {
        "x-emulator-verdict": unique[0].verdict if unique else "accepted",
        "x-emulator-findings": "[]",
    }
    shown = [_clipped(finding) for finding in unique[:MOST]]
    while shown:
        text = ascii_json(shown)
        if len(text) <= _LONGEST_HEADER:
            return {**told, "x-emulator-findings": text}
        shown.pop()
    return told


def ascii_json(value: JSON) -> str:
    """*value* as a header can carry it."""
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # half of a surrogate pair, or a number beyond 64 bits
        text = ""
    return text if text and text.isascii() else json.dumps(value, separators=(",", ":"))


def quoted(value: JSON) -> str:
    """A refused value as Insider One prints it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _clipped(finding: Finding) -> dict[str, str]:
    return {name: _clip(getattr(finding, name)) for name in _NAMES}


def _clip(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
