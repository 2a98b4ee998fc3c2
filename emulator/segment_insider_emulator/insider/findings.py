"""What this end noticed in a request: for people, beside what Insider One answers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import orjson

from segment_insider_emulator.types import JSON

MAX_FINDINGS = 20
_MAX_TEXT_CHARS = 240  # characters; a value quoted in a finding may be megabytes long
_MAX_HEADER_BYTES = 16_000  # bytes; clients stop reading at 64 KiB


@dataclass(frozen=True, slots=True)
class RequestFinding:
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


_FINDING_FIELDS = [each.name for each in fields(RequestFinding)]


def build_warning(where: str, what: str, remedy: str) -> RequestFinding:
    """Something accepted that will not do what its sender thinks."""
    return RequestFinding("warning", where, what, remedy)


def build_drop_finding(where: str, what: str, remedy: str) -> RequestFinding:
    """Something refused."""
    return RequestFinding("dropped", where, what, remedy)


def build_finding_headers(findings: Sequence[RequestFinding]) -> dict[str, str]:
    """The response headers that carry *findings*, dropped ones first, at most MOST of them."""
    unique_findings = sorted(dict.fromkeys(findings), key=lambda finding: finding.verdict)
    response_headers = {
        "x-emulator-verdict": unique_findings[0].verdict if unique_findings else "accepted",
        "x-emulator-findings": "[]",
    }
    listed_findings = [_truncate_finding(finding) for finding in unique_findings[:MAX_FINDINGS]]
    while listed_findings:
        text = encode_ascii_json(listed_findings)
        if len(text) <= _MAX_HEADER_BYTES:
            return {**response_headers, "x-emulator-findings": text}
        listed_findings.pop()
    return response_headers


def encode_ascii_json(value: JSON) -> str:
    """*value* as a header can carry it."""
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # half of a surrogate pair, or a number beyond 64 bits
        text = ""
    return text if text and text.isascii() else json.dumps(value, separators=(",", ":"))


def quote_value(value: JSON) -> str:
    """A refused value as Insider One prints it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _truncate_finding(finding: RequestFinding) -> dict[str, str]:
    return {name: _truncate_text(getattr(finding, name)) for name in _FINDING_FIELDS}


def _truncate_text(text: str) -> str:
    return text if len(text) <= _MAX_TEXT_CHARS else text[: _MAX_TEXT_CHARS - 1] + "…"
