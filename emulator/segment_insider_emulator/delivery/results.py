"""Results of deliveries: Insider One's responses as verdicts and Segment's delivery status."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, TypeAlias
from uuid import uuid4

import orjson

from segment_insider_emulator.delivery.planning import BatchMember, PlannedRequest
from segment_insider_emulator.delivery.senders import AttemptResult, RealAccount, redact_headers
from segment_insider_emulator.mapping import InsiderRequest, MappingFailure
from segment_insider_emulator.storage.records import (
    BatchPosition,
    DeliveryRecord,
    RecordedRequest,
    RecordedResponse,
    UpsertRecord,
    Verdict,
)
from segment_insider_emulator.types import JSON, EndpointReport, HttpResponse, JSONObject, record

DROPPED_REASON = "Insider One dropped this event"
VERDICTS_WORST_FIRST: tuple[Verdict, ...] = ("failed", "dropped", "retrying", "warning", "accepted")
MAX_BATCH_ERROR_BYTES = 2_000  # bytes of an error page that every delivery of a batch stores
FINDINGS_HEADER = "x-emulator-findings"
VERDICT_HEADER = "x-emulator-verdict"
CHANGES_HEADER = "x-emulator-changes"
USER_INDEX_PATTERN = re.compile(r"users\.(\d+)(?=\.|$)")
DELIVERED_TAB, NOT_DELIVERED_TAB = "Delivered", "Not Delivered"
SUCCESSFUL_STEP, FAILED_STEP, RETRY_STEP = "Successful delivery", "Failed delivery", "Retry count"
ERROR_CODE_LABELS = {
    "400": "Bad request",
    "401": "Unauthorised",
    "404": "Not found",
    "429": "Too many requests",
    "307": "Gateway and redirect",
    "502": "Gateway and redirect",
    "503": "Gateway and redirect",
    "ECONNRESET": "Connection",
    "ECONNREFUSED": "Connection",
    "ETIMEDOUT": "Connection",
    "ENOTFOUND": "Connection",
    "INTERNAL": "Connection",
}
# Delivery Overview has its own name for one fault of the network.
DELIVERY_OVERVIEW_CODES = {"ECONNREFUSED": "EREFUSED"}
INTERNAL_ERROR_CODE = "INTERNAL"  # Segment's name for what ended without a status


@record
class ResponseVerdict:
    """Verdict of a response of Insider One, its reason, and the emulated API's findings."""

    verdict: Verdict
    reason: str | None = None
    findings: tuple[JSONObject, ...] = ()


# Marks the findings that make no event a warning, see KnownCauses.mark_findings.
FindingMarker: TypeAlias = Callable[[tuple[JSONObject, ...]], tuple[JSONObject, ...]]
_MAX_LISTED_FINDINGS: Final = 20  # in the header; then it may leave others out


def classify_response(
    response: HttpResponse, mark_findings: FindingMarker = tuple
) -> ResponseVerdict:
    """Return the verdict of a response of Insider One.

    Source: Segment raises for a status outside 2xx only; a 200 with failed users in its body
    counts as delivered, and is not retried. (observed)
    """
    report = read_report(response)
    findings = tuple(report.findings)
    if not 200 <= response.status < 300:
        body_text = response.body[:300].decode(errors="replace").strip()
        reason = f"Insider One answered {response.status}" + (f": {body_text}" if body_text else "")
        if findings:
            reason += f". {findings[0]['remedy']}"
        return ResponseVerdict("failed", reason, findings)
    endpoint_verdict = report.verdict
    refusal = _explain_failed_users(response.body)
    if refusal is not None or endpoint_verdict == "dropped":
        why = refusal or _get_first_finding_text(findings)
        return ResponseVerdict(
            "dropped", f"{DROPPED_REASON}: {why}" if why else DROPPED_REASON, findings
        )
    if endpoint_verdict == "warning":
        findings = mark_findings(findings)
        warnings = tuple(finding for finding in findings if "quiet" not in finding)
        if warnings or not findings or len(findings) >= _MAX_LISTED_FINDINGS:
            return ResponseVerdict("warning", _get_first_finding_text(warnings), findings)
    return ResponseVerdict("accepted", None, findings)


def read_report(response: HttpResponse) -> EndpointReport:
    """Return the report of the emulated endpoint about a request, from the headers if need be."""
    if response.report:
        return response.report
    headers = response.headers
    findings = _parse_json_or_none(headers.get(FINDINGS_HEADER, ""))
    changes = _parse_json_or_none(headers.get(CHANGES_HEADER, ""))
    return EndpointReport(
        headers.get(VERDICT_HEADER),
        findings if isinstance(findings, list) else [],
        changes if isinstance(changes, list) else None,
    )


def get_worst_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of some delivery verdicts; `not_subscribed` when there are none."""
    return min(verdicts, key=VERDICTS_WORST_FIRST.index, default="not_subscribed")


def _explain_failed_users(body: bytes) -> str | None:
    """Return the reason why users in the response *body* failed; None when no user failed."""
    match _parse_json_or_none(body):
        case {"data": {"fail": {"count": int(count), **rest}}} if count > 0:
            return _join_error_texts(rest.get("errors")) or f"{count} failed"
    return None


def _join_error_texts(errors: JSON) -> str:
    """Join a response's error texts {"users.0.….required": ["text", …]} without duplicates."""
    text_lists = errors.values() if isinstance(errors, dict) else ()
    texts = [str(text) for entry in text_lists if isinstance(entry, list) for text in entry]
    return "; ".join(dict.fromkeys(texts))


def _get_first_finding_text(findings: tuple[JSONObject, ...]) -> str | None:
    return next((f"{finding['where']}: {finding['what']}" for finding in findings), None)


def build_request_body_for_user(body: JSONObject, user_index: int) -> str:
    """Return the upsert body of a batch with only the user at *user_index*."""
    user_body = {**body, "users": body["users"][user_index : user_index + 1]}
    return orjson.dumps(user_body).decode()


def build_response_for_user(response: HttpResponse, user_index: int) -> HttpResponse:
    """Return the part of a batch's response for the user at *user_index*.

    Errors of the whole request apply to all users.
    """
    if not 200 <= response.status < 300:
        return HttpResponse(response.status, response.body[:MAX_BATCH_ERROR_BYTES])
    report = read_report(response)
    findings = [
        _renumber_finding_for_user(finding)
        for finding in report.findings
        if _parse_user_index(finding["where"]) in (None, user_index)
    ]
    verdicts = {finding["verdict"] for finding in findings}
    worst = next((verdict for verdict in ("dropped", "warning") if verdict in verdicts), None)
    changes = None
    if report.changes is not None:
        changes = [
            {**change, "users": [0]} for change in report.changes if user_index in change["users"]
        ]
    return HttpResponse(
        response.status,
        _build_response_body_for_user(response.body, user_index),
        report=EndpointReport(worst, findings, changes),
    )


def _build_response_body_for_user(body: bytes, user_index: int) -> bytes:
    match _parse_json_or_none(body):
        case {"data": {"fail": {"errors": dict(errors)}}} if any(map(_has_user_index, errors)):
            user_errors = {
                USER_INDEX_PATTERN.sub("users.0", name): texts
                for name, texts in errors.items()
                if _parse_user_index(name) == user_index
            }
            return orjson.dumps({"data": _build_single_user_result(user_errors)})
        case {"data": {"fail": {} as fail, "successful": {}}} if not fail:
            return orjson.dumps({"data": _build_single_user_result({})})
    return body  # it does not say which user failed


def _build_single_user_result(errors: JSONObject) -> JSONObject:
    if errors:
        return {"successful": {}, "fail": {"count": 1, "errors": errors}}
    return {"successful": {"count": 1}, "fail": {}}


def _renumber_finding_for_user(finding: JSONObject) -> JSONObject:
    return {**finding, "where": USER_INDEX_PATTERN.sub("users.0", finding["where"])}


def _parse_user_index(path: str) -> int | None:
    match = USER_INDEX_PATTERN.match(path)
    return int(match[1]) if match else None


def _has_user_index(path: str) -> bool:
    return _parse_user_index(path) is not None


def _parse_json_or_none(text: str | bytes) -> JSON:
    """Parse *text* as JSON; return None for other texts, such as HTML."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


PUBLISHED_ERROR_CODES = frozenset(
    {f"errors.discarded.{code}" for code in ("400", "401", "403")}
    | {
        f"errors.awaiting-retry.{code}"
        for code in (
            "429", "5xx", "ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ECONNABORTED",
            "EHOSTUNREACH", "EAI_AGAIN",
        )
    }
)  # fmt: skip


def describe_delivery_status(delivery: DeliveryRecord) -> JSONObject:
    """Describe a delivery as Segment's Event Delivery does: tab, step, code, reason and error.

    `error` is the error code of Event Delivery, `code` and `reason` those of Delivery Overview.
    Codes that Segment has not published follow the pattern of the published ones and are "assumed".
    Source: Segment, "Event Delivery" and "Delivery Overview": steps, reasons, codes. (documented)
    """
    if delivery.verdict == "retrying":
        error = f"errors.awaiting-retry.{_group_5xx_codes(delivery.code)}"
        return _build_delivery_status(NOT_DELIVERED_TAB, RETRY_STEP, "RETRY", "Retried", error)
    if delivery.verdict != "failed":
        # For Segment, a 200 that rejects the user in its body is delivered. (observed, inferred)
        return _build_delivery_status(DELIVERED_TAB, SUCCESSFUL_STEP, None, None, None)
    code = delivery.code or "INTERNAL"
    error = f"errors.discarded.{code}"
    return _build_delivery_status(
        NOT_DELIVERED_TAB,
        FAILED_STEP,
        DELIVERY_OVERVIEW_CODES.get(code, code),
        ERROR_CODE_LABELS.get(code),
        error,
    )


def _build_delivery_status(
    tab: str, step: str, code: str | None, reason: str | None, error: str | None
) -> JSONObject:
    return {
        "eventDelivery": tab,
        "step": step,
        "code": code,
        "reason": reason,
        "error": error,
        "standing": "documented" if error is None or error in PUBLISHED_ERROR_CODES else "assumed",
    }


def _group_5xx_codes(code: str | None) -> str | None:
    return "5xx" if code and code.isdecimal() and code.startswith("5") else code


def build_pending_deliveries(
    planned: PlannedRequest, real_account: RealAccount | None = None
) -> list[DeliveryRecord]:
    """Build the delivery records of a planned request before its first attempt."""
    request = planned.request
    if request is None:
        return [_build_pending_delivery(planned, member) for member in planned.members]
    sent = redact_request(request, real_account)
    if not planned.is_batched:
        return [_build_pending_delivery(planned, member, sent) for member in planned.members]
    body, size = request.json, sum(member.failure is None for member in planned.members)
    return [
        _build_pending_delivery(planned, member)
        if member.failure
        else _build_pending_delivery(
            planned,
            member,
            replace(sent, body=build_request_body_for_user(body, member.user_index)),
            BatchPosition(size, member.user_index),
        )
        for member in planned.members
    ]


def apply_attempt_result(
    delivery: DeliveryRecord,
    attempt_result: AttemptResult,
    due_at: str | None,
    mark_findings: FindingMarker = tuple,
) -> DeliveryRecord:
    """Return the delivery record updated with the result of an attempt.

    Args:
        due_at: When the next one is made; None when this was the last.
        mark_findings: Marks the findings that make no event a warning.
    """
    response = attempt_result.response
    if response and delivery.batch:
        response = build_response_for_user(response, delivery.batch.position)
    attempts = (*delivery.attempts, attempt_result.attempt)
    judgement = (
        classify_response(response, mark_findings)
        if response
        else ResponseVerdict("failed", attempt_result.transport_error)
    )
    verdict, reason = judgement.verdict, judgement.reason
    changes = read_report(response).changes if response else None
    if due_at:
        verdict = "retrying"
        # The time comes first: lists cut the end of a long response.
        reason = f"attempt {len(attempts)} failed, the next is due at {due_at}: {reason}"
    elif attempt_result.error_code and len(attempts) > 1:
        reason = f"given up after {len(attempts)} attempts: {reason}"
    return replace(
        delivery,
        verdict=verdict,
        reason=reason,
        code=attempt_result.error_code,
        attempts=attempts,
        response=build_response_record(response) if response else None,
        findings=judgement.findings,
        changes=tuple(changes) if changes is not None else None,
    )


def build_upsert_record(
    planned: PlannedRequest,
    request: RecordedRequest,
    attempt_result: AttemptResult,
    due_at: str | None,
) -> UpsertRecord:
    """Build the upsert record of a planned request after its first attempt."""
    return UpsertRecord(
        uuid4().hex,
        request,
        build_response_record(attempt_result.response) if attempt_result.response else None,
        (attempt_result.attempt,),
        due_at,
        planned.is_batched,
        {member.message.message_id: member.message.detail for member in planned.members},
    )


def summarise_deliveries(
    deliveries: Sequence[DeliveryRecord], warning: str | None
) -> tuple[Verdict, str | None]:
    """Return the verdict and reason of a message from its deliveries.

    Args:
        warning: A warning to the sender of the message; the verdict is at least "warning".
    """
    verdict = get_worst_verdict(delivery.verdict for delivery in deliveries)
    reason = next(delivery.reason for delivery in deliveries if delivery.verdict == verdict)
    if warning and verdict == "accepted":
        verdict = "warning"
    texts = [text for text in (reason, warning) if text]
    # A reason of several sentences ends with a full stop, and a semicolon cannot follow that.
    return verdict, "; ".join([*(text.rstrip(".") for text in texts[:-1]), *texts[-1:]]) or None


def redact_request(
    request: InsiderRequest, real_account: RealAccount | None = None
) -> RecordedRequest:
    """Return the record of *request* to Insider One as it is sent, with redacted headers."""
    url, headers = request.url, request.headers
    if real_account:
        url, headers = (
            real_account.replace_url_host(url),
            real_account.add_credentials_to_headers(headers),
        )
    return RecordedRequest(request.method, url, redact_headers(headers), request.body.decode())


def build_response_record(response: HttpResponse) -> RecordedResponse:
    """Build the stored record of a response of Insider One."""
    return RecordedResponse(response.status, response.body.decode(errors="replace"))


def _build_pending_delivery(
    planned: PlannedRequest,
    member: BatchMember,
    request: RecordedRequest | None = None,
    batch: BatchPosition | None = None,
) -> DeliveryRecord:
    name = member.message.sent.get("event")  # a filter may have removed it from the event
    failure = member.failure
    return DeliveryRecord(
        message_id=member.message.message_id,
        event=name if isinstance(name, str) else None,
        subscription=planned.subscription.name,
        action_slug=planned.subscription.action_slug,
        verdict="failed" if failure else "retrying",
        reason=failure.message.strip() if failure else None,
        request=request,
        code=_get_mapping_failure_code(failure) if failure else None,
        batch=batch,
    )


def _get_mapping_failure_code(failure: MappingFailure) -> str:
    return INTERNAL_ERROR_CODE if failure.code is None else str(failure.code)
