"""Source functions: a webhook comes in, the calls of the function take the whole path."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from function_app import build_document, get_sent_events, needs_node, open_app
from werkzeug.test import TestResponse

pytestmark = needs_node
ADDRESS = "/source-functions/wk_demo/Billing"
BILLING = """
async function onRequest (request, settings) {
  const body = request.json()
  console.log('event', body.kind, request.headers.get('X-Kind'), request.url.searchParams.get('q'))
  Segment.identify({ userId: body.user, traits: { email: body.user + '@x.io' } })
  Segment.track({ event: 'Invoice Paid', userId: body.user, properties: { tier: settings.tier } })
  Segment.set({ collection: 'invoices', id: '1', properties: {} })
}
"""


def call_webhook(client: FlaskClient, body: Any, path: str = ADDRESS, **rest: Any) -> TestResponse:
    return client.post(path, json=body, **rest)


@pytest.mark.documented
def test_the_calls_of_a_source_function_reach_insider_one() -> None:
    functions = [{"name": "Billing", "code": BILLING, "settings": {"tier": "gold"}}]
    with open_app(build_document(source=functions)) as client:
        answer = call_webhook(
            client, {"user": "ada", "kind": "paid"}, f"{ADDRESS}?q=1", headers={"X-Kind": "test"}
        )
        messages = client.get("/emulator/v1/messages").get_json()["messages"]
        sent = [event["event_name"] for event in get_sent_events(client)]
    assert (answer.status_code, answer.get_json()) == (
        200,
        {"success": True, "calls": 2, "logs": [{"level": "log", "text": "event paid test 1"}]},
    )
    assert [(one["type"], one["userId"], one["source"]) for one in messages] == [
        ("identify", "ada", "Shop"),
        ("track", "ada", "Shop"),
    ]
    assert sent == ["invoice_paid"]


@pytest.mark.parametrize(
    ("count", "text", "sent"),
    [pytest.param(1001, "", 1000, id="calls"), pytest.param(3, "x" * 400_000, 2, id="characters")],
)
def test_a_source_function_that_sends_too_much_says_so(count: int, text: str, sent: int) -> None:
    code = f"""function onRequest () {{
      for (let i = 0; i < {count}; i++) Segment.group({{ userId: 'u', groupId: '{text}' }})
    }}"""
    with open_app(build_document(source=[{"name": "Billing", "code": code}])) as client:
        answer = call_webhook(client, {})
    assert (answer.status_code, answer.get_json()["calls"]) == (400, sent)
    assert "sent more than 1,000 calls" in answer.get_json()["message"]


@pytest.mark.documented
def test_the_fields_of_a_webhook_are_sorted() -> None:
    code = "async function onRequest (request) { console.log(request.text()) }"
    with open_app(build_document(source=[{"name": "Billing", "code": code}])) as client:
        answer = call_webhook(client, {"b": {"d": 1, "c": 2}, "a": 0})
    assert answer.get_json()["logs"][0]["text"] == '{"a":0,"b":{"c":2,"d":1}}'


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        pytest.param(
            "function onRequest () { throw new Error('no user') }", 400,
            ("BAD_REQUEST", "Bad Request: source function 'Billing': onRequest threw Error at "
                            "line 1: no user"),
            id="an error",
        ),
        pytest.param(
            "function onRequest () { throw new RetryError('busy') }", 500,
            ("RETRY_ERROR", "Retry: source function 'Billing': onRequest threw RetryError at "
                            "line 1: busy"),
            id="a retry",
        ),
        pytest.param(
            "function onTrack () {}", 400,
            ("UNSUPPORTED_EVENT_TYPE", "Unsupported Event Type: source function 'Billing': "
                                       "it has no onRequest"),
            id="no handler",
        ),
    ],
)  # fmt: skip
def test_the_sender_learns_of_a_failure(code: str, status: int, reason: tuple[str, str]) -> None:
    with open_app(build_document(source=[{"name": "Billing", "code": code}])) as client:
        answer = call_webhook(client, {})
    found = answer.get_json()
    assert (answer.status_code, found["success"], (found["code"], found["message"])) == (
        status,
        False,
        reason,
    )


@pytest.mark.parametrize(
    ("request_values", "status", "words"),
    [
        pytest.param({"path": "/source-functions/wk_demo/Bills", "json": {}}, 404,
                     "no enabled source function of this name", id="unknown"),
        pytest.param({"data": "{", "content_type": "application/json"}, 400, "not JSON", id="JSON"),
        pytest.param({"data": "a", "content_type": "text/plain"}, 400,
                     "the content type is text/plain", id="content type"),
        pytest.param({"json": {"text": "x" * 600_000}}, 400, "has more than 524,288 bytes",
                     id="size"),
    ],
)  # fmt: skip
def test_a_bad_webhook_gets_one_clear_line(
    request_values: dict[str, Any], status: int, words: str
) -> None:
    with open_app(build_document(source=[{"name": "Billing", "code": BILLING}])) as client:
        answer = client.post(**{"path": ADDRESS, **request_values})
    assert answer.status_code == status
    assert words in answer.get_json()["detail"]
