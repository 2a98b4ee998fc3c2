"""What an answer means: to Segment the status alone decides, to a shopper the body does."""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from segment_insider_emulator.capture.records import Verdict
from segment_insider_emulator.http import HttpResponse
from segment_insider_emulator.types import JSON, JSONObject

DROPPED_REASON = "delivered for Segment, dropped by Insider One"
VERDICTS_WORST_FIRST: tuple[Verdict, ...] = ("failed", "dropped", "retrying", "warning", "accepted")


@dataclass(frozen=True, slots=True)
class ResponseVerdict:
    """A verdict, why, and what the emulated endpoint noticed on the way."""

    verdict: Verdict
    reason: str | None = None
    findings: tuple[JSONObject, ...] = ()


def classify_response(response: HttpResponse) -> ResponseVerdict:
    """Say what *answer* means.

    Source: Segment raises for a status outside 2xx only; a 200 whose body lists failed users
    counts as delivered, and is not retried. (observed)
    """
    findings = _read_findings(response)
    if not 200 <= response.status < 300:
        body_text = response.body[:300].decode(errors="replace").strip()
        reason = f"Insider One answered {response.status}" + (f": {body_text}" if body_text else "")
        if findings:
            reason += f". {findings[0]['remedy']}"
        return ResponseVerdict("failed", reason, findings)
    noticed = response.headers.get("x-emulator-verdict")
    refusal = _failed_users_reason(response.body)
    if refusal is not None or noticed == "dropped":
        why = refusal or _first_finding_text(findings)
        return ResponseVerdict(
            "dropped", f"{DROPPED_REASON}: {why}" if why else DROPPED_REASON, findings
        )
    if noticed == "warning":
        return ResponseVerdict("warning", _first_finding_text(findings), findings)
    return ResponseVerdict("accepted", None, findings)


def read_profile_changes(response: HttpResponse) -> tuple[JSONObject, ...] | None:
    """What the emulated endpoint says to have changed in profiles; None when it says nothing."""
    listed = _parse_header_or_body(response.headers.get("x-emulator-changes", "").encode())
    return tuple(listed) if isinstance(listed, list) else None


def worst_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a message from those of its deliveries: `not_subscribed` without any."""
    return min(verdicts, key=VERDICTS_WORST_FIRST.index, default="not_subscribed")


def _failed_users_reason(body: bytes) -> str | None:
    """The reason in a body that reports failed users, None when it reports none."""
    match _parse_header_or_body(body):
        case {"data": {"fail": {"count": int(count), **rest}}} if count > 0:
            return _join_error_texts(rest.get("errors")) or f"{count} failed"
    return None


def _join_error_texts(errors: JSON) -> str:
    """The texts of {"users.0.….required": ["text", …]}, each once, as one line."""
    listed = errors.values() if isinstance(errors, dict) else ()
    texts = [str(text) for each in listed if isinstance(each, list) for text in each]
    return "; ".join(dict.fromkeys(texts))


def _read_findings(response: HttpResponse) -> tuple[JSONObject, ...]:
    listed = _parse_header_or_body(response.headers.get("x-emulator-findings", "").encode())
    return tuple(listed) if isinstance(listed, list) else ()


def _first_finding_text(findings: tuple[JSONObject, ...]) -> str | None:
    return next((f"{each['where']}: {each['what']}" for each in findings), None)


def _parse_header_or_body(body: bytes) -> JSON:
    """The JSON value of *body*; None for anything else, as a real server may answer HTML."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
