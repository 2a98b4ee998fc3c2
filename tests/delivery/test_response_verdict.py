"""The verdict of each response of Insider One."""

import json

import pytest

from segment_insider_emulator.delivery.results import (
    ResponseVerdict,
    classify_response,
    get_worst_verdict,
    summarise_deliveries,
)
from segment_insider_emulator.storage.records import DeliveryRecord, Verdict
from segment_insider_emulator.types import HttpResponse

FINE = b'{"data":{"successful":{"count":1},"fail":{}}}'
REFUSED = (
    b'{"data":{"successful":{},"fail":{"count":1,"errors":{"users.0.events.0.event_params.*'
    b'.required":["event_group_id parameter is required on purchase event",'
    b'"unit_sale_price parameter is required on purchase event"]}}}}'
)
FINDING = {"verdict": "warning", "where": "users.0", "what": "unknown key", "remedy": "Drop it."}


def create_response_with_verdict(verdict: str) -> dict[str, str]:
    return {"x-emulator-verdict": verdict, "x-emulator-findings": json.dumps([FINDING])}


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        pytest.param(
            HttpResponse(200, FINE), ResponseVerdict("accepted"), id="no failure is accepted"
        ),
        pytest.param(
            HttpResponse(200, REFUSED),
            ResponseVerdict(
                "dropped",
                "Insider One dropped this event: event_group_id parameter is "
                "required on purchase event; unit_sale_price parameter is required on purchase "
                "event",
            ),
            marks=pytest.mark.observed,
            id="a 200 that reports failures is dropped",
        ),
        pytest.param(
            HttpResponse(200, b'{"data":{"fail":{"count":2}}}'),
            ResponseVerdict("dropped", "Insider One dropped this event: 2 failed"),
            id="failures without texts are counted",
        ),
        pytest.param(
            HttpResponse(200, FINE, create_response_with_verdict("warning")),
            ResponseVerdict("warning", "users.0: unknown key", (FINDING,)),
            id="what the emulated endpoint noticed is a warning",
        ),
        pytest.param(
            HttpResponse(200, REFUSED.replace(b"_", b""), create_response_with_verdict("warning")),
            ResponseVerdict(
                "dropped",
                "Insider One dropped this event: eventgroupid parameter is "
                "required on purchase event; unitsaleprice parameter is required on purchase "
                "event",
                (FINDING,),
            ),
            id="a refusal outweighs a warning",
        ),
        pytest.param(
            HttpResponse(403, b"Access Denied\n"),
            ResponseVerdict("failed", "Insider One answered 403: Access Denied"),
            id="any other status has failed",
        ),
        pytest.param(
            HttpResponse(302),
            ResponseVerdict("failed", "Insider One answered 302"),
            id="a redirect too",
        ),
        pytest.param(HttpResponse(204), ResponseVerdict("accepted"), id="no body is accepted"),
        pytest.param(
            HttpResponse(200, b"<html>", {"x-emulator-findings": "{"}),
            ResponseVerdict("accepted"),
            id="what is not JSON says nothing",
        ),
    ],
)
def test_a_response_has_a_verdict(response: HttpResponse, expected: ResponseVerdict) -> None:
    assert classify_response(response) == expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "not_subscribed"),
        (["accepted"], "accepted"),
        (["accepted", "warning"], "warning"),
        (["warning", "dropped", "accepted"], "dropped"),
        (["dropped", "failed"], "failed"),
    ],
)
def test_a_message_has_the_verdict_of_its_worst_delivery(
    verdicts: list[Verdict], expected: Verdict
) -> None:
    assert get_worst_verdict(verdicts) == expected


@pytest.mark.parametrize(
    ("reason", "note", "expected"),
    [
        (
            "Price must be a number.",
            "the name is near.",
            "Price must be a number; the name is near.",
        ),
        ("Price must be a number.", None, "Price must be a number."),
        (None, "the name is near.", "the name is near."),
        (None, None, None),
    ],
)
def test_a_reason_and_a_note_are_one_sentence(
    reason: str | None, note: str | None, expected: str | None
) -> None:
    delivery = DeliveryRecord(
        "m-1", "Order Completed", "Orders", "orderCompletedEvent", "failed", reason
    )
    assert summarise_deliveries([delivery], note) == ("failed", expected)
