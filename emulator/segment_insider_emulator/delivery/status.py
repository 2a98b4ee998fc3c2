"""What Segment would show of a delivery, in the words of its Event Delivery and Delivery Overview.

Source: Segment, "Event Delivery", "Delivery Overview": steps, reasons and error codes. (documented)
"""

from segment_insider_emulator.capture.records import DeliveryRecord
from segment_insider_emulator.types import JSONObject

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
    """{"eventDelivery", "step", "code", "reason", "error", "standing"}.

    `error` is Event Delivery's error code, `code` and `reason` are Delivery Overview's. Codes that
    Segment publishes nowhere follow the pattern of those that it does, and are "assumed".
    """
    if delivery.verdict == "retrying":
        error = f"errors.awaiting-retry.{_group_5xx_codes(delivery.code)}"
        return _status_json(NOT_DELIVERED_TAB, RETRY_STEP, "RETRY", "Retried", error)
    if delivery.verdict != "failed":
        # A 200 whose body refuses the user is delivered for Segment. (observed, inferred)
        return _status_json(DELIVERED_TAB, SUCCESSFUL_STEP, None, None, None)
    code = delivery.code or "INTERNAL"
    error = f"errors.discarded.{code}"
    return _status_json(
        NOT_DELIVERED_TAB,
        FAILED_STEP,
        DELIVERY_OVERVIEW_CODES.get(code, code),
        ERROR_CODE_LABELS.get(code),
        error,
    )


def _status_json(
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
