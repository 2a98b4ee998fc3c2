"""What an answer means: to Segment the status alone decides, to a shopper the body does."""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from segment_insider_emulator.capture.records import Verdict
from segment_insider_emulator.http import HttpResponse
from segment_insider_emulator.types import JSON, JSONObject

DROPPED = "delivered for Segment, dropped by Insider One"
WORST_FIRST: tuple[Verdict, ...] = ("failed", "dropped", "retrying", "warning", "accepted")


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, why, and what the emulated endpoint noticed on the way."""

    verdict: Verdict
    reason: str | None = None
    findings: tuple[JSONObject, ...] = ()


def judge(answer: HttpResponse) -> Judgement:
    """Say what *answer* means.

    Source: Segment raises for a status outside 2xx only; a 200 whose body lists failed users
    counts as delivered, and is not retried. (observed)
    """
    findings = _findings(answer)
    if not 200 <= answer.status < 300:
        said = answer.body[:300].decode(errors="replace").strip()
        reason = f"Insider One answered {answer.status}" + (f": {said}" if said else "")
        if findings:
            reason += f". {findings[0]['remedy']}"
        return Judgement("failed", reason, findings)
    noticed = answer.headers.get("x-emulator-verdict")
    refusal = _refusal(answer.body)
    if refusal is not None or noticed == "dropped":
        why = refusal or _first(findings)
        return Judgement("dropped", f"{DROPPED}: {why}" if why else DROPPED, findings)
    if noticed == "warning":
        return Judgement("warning", _first(findings), findings)
    return Judgement("accepted", None, findings)


def changes(answer: HttpResponse) -> tuple[JSONObject, ...] | None:
    """What the emulated endpoint says to have changed in profiles; None when it says nothing."""
    listed = _json(answer.headers.get("x-emulator-changes", "").encode())
    return tuple(listed) if isinstance(listed, list) else None


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a message from those of its deliveries: `not_subscribed` without any."""
    return min(verdicts, key=WORST_FIRST.index, default="not_subscribed")


def _refusal(body: bytes) -> str | None:
    """The reason in a body that reports failed users, None when it reports none."""
    match _json(body):
        case {"data": {"fail": {"count": int(count), **rest}}} if count > 0:
            return _words(rest.get("errors")) or f"{count} failed"
    return None


def _words(errors: JSON) -> str:
    """The texts of {"users.0.….required": ["text", …]}, each once, as one line."""
    listed = errors.values() if isinstance(errors, dict) else ()
    texts = [str(text) for each in listed if isinstance(each, list) for text in each]
    return "; ".join(dict.fromkeys(texts))


def _findings(answer: HttpResponse) -> tuple[JSONObject, ...]:
    listed = _json(answer.headers.get("x-emulator-findings", "").encode())
    return tuple(listed) if isinstance(listed, list) else ()


def _first(findings: tuple[JSONObject, ...]) -> str | None:
    return next((f"{each['where']}: {each['what']}" for each in findings), None)


def _json(body: bytes) -> JSON:
    """The JSON value of *body*; None for anything else, as a real server may answer HTML."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
