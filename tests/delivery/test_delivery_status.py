"""Deliveries have the names that Segment's own pages use."""

import pytest

from segment_insider_emulator.delivery.results import describe_delivery_status
from segment_insider_emulator.storage.records import DeliveryRecord, Verdict

pytestmark = pytest.mark.documented
FAILED = ("Not Delivered", "Failed delivery")
WAITS = ("Not Delivered", "Retry count", "RETRY", "Retried")


@pytest.mark.parametrize(
    ("verdict", "code", "expected"),
    [
        pytest.param(
            "accepted", None, ("Delivered", "Successful delivery", None, None, None, "documented"),
            id="taken",
        ),
        pytest.param(
            "dropped", None, ("Delivered", "Successful delivery", None, None, None, "documented"),
            id="a 200 that reports failures is delivered for Segment",
        ),
        pytest.param(
            "failed", "400",
            (*FAILED, "400", "Bad request", "errors.discarded.400", "documented"), id="400",
        ),
        pytest.param(
            "failed", "403", (*FAILED, "403", None, "errors.discarded.403", "documented"),
            id="403 has no label",
        ),
        pytest.param(
            "failed", "INTERNAL",
            (*FAILED, "INTERNAL", "Connection", "errors.discarded.INTERNAL", "assumed"),
            id="a fault without a status",
        ),
        pytest.param(
            "failed", "ECONNREFUSED",
            (*FAILED, "EREFUSED", "Connection", "errors.discarded.ECONNREFUSED", "assumed"),
            id="given up",
        ),
        pytest.param(
            "retrying", "429", (*WAITS, "errors.awaiting-retry.429", "documented"), id="429",
        ),
        pytest.param(
            "retrying", "502", (*WAITS, "errors.awaiting-retry.5xx", "documented"),
            id="all of 5xx under one name",
        ),
        pytest.param(
            "retrying", "ECONNRESET", (*WAITS, "errors.awaiting-retry.ECONNRESET", "documented"),
            id="the network",
        ),
        pytest.param(
            "retrying", "ETIMEDOUT", (*WAITS, "errors.awaiting-retry.ETIMEDOUT", "assumed"),
            id="a name that the list of codes has not",
        ),
    ],
)  # fmt: skip
def test_a_delivery_has_segment_s_status_names(
    verdict: Verdict, code: str | None, expected: tuple[str | None, ...]
) -> None:
    status = describe_delivery_status(
        DeliveryRecord("m1", "Order", "Orders", "trackEvent", verdict, "r", code=code)
    )
    names = ("eventDelivery", "step", "code", "reason", "error", "standing")
    assert status == dict(zip(names, expected, strict=True))
