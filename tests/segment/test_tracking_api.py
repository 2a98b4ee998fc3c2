"""The Tracking API through Flask, with a message sink that only records messages."""

import gzip
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import segment.analytics as sdk  # type: ignore[import-untyped]  # ships no types
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from segment_insider_emulator.segment.faults import SegmentFaultQueue
from segment_insider_emulator.segment.ingest import Message
from segment_insider_emulator.segment.oauth import TokenIssuer
from segment_insider_emulator.web.request_hooks import (
    add_segment_cors_headers,
    answer_segment_preflight,
)
from segment_insider_emulator.web.segment_routes import bp
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace.model import SegmentOptions, SegmentSource

NOW = datetime(2026, 11, 23, 19, 53, 38, 900_000, UTC)
CALL = {"event": "x", "userId": "ada", "groupId": "acme", "writeKey": "wk_demo"}
SUCCESS = (200, {"success": True})


@dataclass
class RecordingSink:
    """A message sink that records all messages."""

    messages: list[Message] = field(default_factory=list)

    def submit_messages(self, messages: list[Message]) -> None:
        self.messages += messages


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


def create_tracking_app(sink: RecordingSink, *, strict: bool = False) -> Flask:
    app = Flask(__name__)
    app.extensions["emulator"] = SimpleNamespace(
        message_sink=sink,
        clock=lambda: NOW,
        config=SimpleNamespace(strict=strict),
        sources=(SegmentSource("Web shop", "wk_demo"),),
        workspace=SimpleNamespace(
            segment_options=SegmentOptions(),
            oauth_application=None,
        ),
        token_issuer=TokenIssuer("secret", None),
        segment_faults=SegmentFaultQueue(),
    )
    app.register_blueprint(bp)
    app.before_request(lambda: answer_segment_preflight(request))
    app.after_request(lambda response: add_segment_cors_headers(request, response))
    return app


@pytest.fixture
def client(sink: RecordingSink) -> FlaskClient:
    return create_tracking_app(sink).test_client()


def parse_response(response: TestResponse) -> tuple[int, Any]:
    return response.status_code, orjson.loads(response.data)


@pytest.mark.documented
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        *((kind, kind) for kind in ("track", "identify", "page", "screen", "group", "alias")),
        ("t", "track"),
        ("i", "identify"),
        ("p", "page"),
        ("s", "screen"),
        ("g", "group"),
        ("a", "alias"),
    ],
)
def test_the_path_decides_the_type(
    client: FlaskClient, sink: RecordingSink, path: str, kind: str, slash: str
) -> None:
    assert parse_response(client.post(f"/v1/{path}{slash}", json=CALL)) == SUCCESS
    assert [(message.type, message.rejection) for message in sink.messages] == [(kind, None)]


@pytest.mark.documented
@pytest.mark.parametrize("path", ["batch", "b", "import", "import/"])
def test_the_calls_of_a_batch_are_accepted(
    client: FlaskClient, sink: RecordingSink, path: str
) -> None:
    calls = [{"type": "track", "userId": "ada", "event": str(number)} for number in range(3)]
    response = client.post(f"/v1/{path}", json={"batch": calls, "writeKey": "wk_demo"})
    assert parse_response(response) == SUCCESS
    assert [message.event["event"] for message in sink.messages] == ["0", "1", "2"]


@pytest.mark.observed
@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""]
)
def test_the_body_is_read_as_json_with_any_content_type(
    client: FlaskClient, sink: RecordingSink, content_type: str
) -> None:
    response = client.post("/v1/t", data=orjson.dumps(CALL), content_type=content_type)
    assert parse_response(response) == SUCCESS
    assert [message.rejection for message in sink.messages] == [None]


def test_gzip_and_basic_authentication_are_read(client: FlaskClient, sink: RecordingSink) -> None:
    response = client.post(
        "/v1/batch",
        data=gzip.compress(orjson.dumps({"batch": [{**CALL, "type": "track"}]})),
        headers={"Content-Encoding": "gzip"},
        auth=("wk_basic", ""),
    )
    assert parse_response(response) == SUCCESS
    assert [message.write_key for message in sink.messages] == ["wk_basic"]


@pytest.mark.documented
def test_a_call_that_segment_discards_silently_gets_a_success_response(
    client: FlaskClient, sink: RecordingSink
) -> None:
    assert (
        parse_response(client.post("/v1/track", json={"writeKey": "wk_demo", "event": "x"}))
        == SUCCESS
    )
    assert [message.rejection for message in sink.messages] == ["no_user_anon_id"]


@pytest.mark.parametrize(
    ("strict", "rejection"),
    [
        pytest.param(False, None, id="accepted for this workspace"),
        pytest.param(True, "unknown_source", id="rejected when strict"),
    ],
)
def test_an_unknown_write_key_is_accepted_unless_strict(
    sink: RecordingSink, strict: bool, rejection: str | None
) -> None:
    client = create_tracking_app(sink, strict=strict).test_client()
    assert (
        parse_response(client.post("/v1/track", json={**CALL, "writeKey": "wk_other"})) == SUCCESS
    )
    assert [message.rejection for message in sink.messages] == [rejection]


@pytest.mark.observed
def test_telemetry_gets_a_success_response_and_is_not_stored(
    client: FlaskClient, sink: RecordingSink
) -> None:
    response = client.post("/v1/m", data=b'{"series":[]}', content_type="text/plain")
    assert parse_response(response) == SUCCESS
    assert sink.messages == []


@pytest.mark.parametrize(
    ("method", "path", "status", "message", "code"),
    [
        pytest.param("GET", "/v1/track", 400, "malformed JSON", "invalid_request", id="GET"),
        pytest.param("POST", "/v1/track", 400, "malformed JSON", "invalid_request", id="no body"),
        pytest.param("POST", "/v1/trakc", 404, "not found", "not_found", id="unknown path"),
        pytest.param("POST", "/v1/v1/batch", 404, "not found", "not_found", id="/v1 twice"),
        pytest.param("PUT", "/v1/track", 404, "not found", "not_found", id="unknown method"),
    ],
)
def test_all_error_responses_have_the_same_shape(
    client: FlaskClient,
    sink: RecordingSink,
    method: str,
    path: str,
    status: int,
    message: str,
    code: str,
) -> None:
    actual_status, body = parse_response(client.open(path, method=method))
    detail = body.pop("detail")
    assert (actual_status, body) == (status, {"success": False, "message": message, "code": code})
    assert detail.endswith(".")
    assert sink.messages == []


@pytest.mark.parametrize("path", ["/v1/track/", "/v1//track", "/v1//track/"])
def test_additional_slashes_are_accepted(
    client: FlaskClient, sink: RecordingSink, path: str
) -> None:
    assert client.post(path, json=CALL).status_code == 200
    assert len(sink.messages) == 1


@pytest.mark.parametrize("path", ["/t", "/b", "/batch", "/import/", "/m", "/track"])
def test_an_api_host_without_its_version_is_refused_with_a_hint(
    client: FlaskClient, sink: RecordingSink, path: str
) -> None:
    headers = {"Origin": "https://shop.example"}
    response = client.post(path, json=CALL, headers=headers)
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (
        404,
        "https://shop.example",
    )
    assert "The apiHost of this SDK has to end in /v1" in response.json["detail"]  # type: ignore[index]  # JSON
    assert client.options(path, headers=headers).status_code == 204
    assert sink.messages == []


def test_a_body_larger_than_any_batch_is_not_read(client: FlaskClient) -> None:
    status, body = parse_response(client.post("/v1/batch", data=b" " * 2_000_000))
    assert (status, body) == (
        400,
        {
            "success": False,
            "message": "Exceed payload limit",
            "code": "invalid_request",
            "detail": "body: the request has more than 1,024,000 bytes. Send smaller batches.",
        },
    )


@pytest.mark.observed
@pytest.mark.parametrize("path", ["/v1//track", "//v1/track", "/v1/track/", "/v1/track//"])
def test_no_path_is_redirected(client: FlaskClient, path: str) -> None:
    assert client.post(path, json=CALL).status_code in (200, 404)


ALLOWED = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Retry-Count",
    "Access-Control-Expose-Headers": "Retry-After",
}
ALLOWED_FOR_PAGE = {
    **ALLOWED,
    "Access-Control-Allow-Origin": "https://shop.example",
    "Access-Control-Allow-Credentials": "true",
}


@pytest.mark.parametrize(
    ("method", "path", "origin", "expected"),
    [
        pytest.param("OPTIONS", "/v1/t", "https://shop.example", ALLOWED_FOR_PAGE, id="preflight"),
        pytest.param("POST", "/v1/t", "https://shop.example", ALLOWED_FOR_PAGE, id="call"),
        pytest.param("POST", "/v1/none", "https://shop.example", ALLOWED_FOR_PAGE, id="refusal"),
        pytest.param(
            "POST", "/v1/t", None, {**ALLOWED, "Access-Control-Allow-Origin": "*"}, id="no page"
        ),
    ],
)
def test_a_page_of_any_origin_may_call(
    client: FlaskClient, method: str, path: str, origin: str | None, expected: dict[str, str]
) -> None:
    headers = {"Origin": origin} if origin else {}
    response = client.open(path, method=method, json=CALL, headers=headers)
    cors_headers = {
        key: value for key, value in response.headers if key.startswith("Access-Control-")
    }
    assert cors_headers == expected


def test_a_preflight_response_has_no_body(client: FlaskClient, sink: RecordingSink) -> None:
    response = client.options("/v1/t", headers={"Origin": "https://shop.example"})
    assert (response.status_code, response.data, sink.messages) == (204, b"", [])


@pytest.mark.extended_variants
@pytest.mark.observed
@pytest.mark.parametrize("compressed", [False, True])
def test_the_python_sdk_delivers_every_type_of_call(sink: RecordingSink, compressed: bool) -> None:
    failures: list[Any] = []
    with serve_app_in_thread(create_tracking_app(sink)) as url:
        sdk_client = sdk.Client(
            "wk_demo", host=url, gzip=compressed, on_error=lambda *seen: failures.append(seen)
        )
        sdk_client.identify("ada", {"vip": True})
        sdk_client.track("ada", "Order Completed", {"order_id": "o-17"}, message_id="m1")
        sdk_client.page("ada", None, "Home")
        sdk_client.screen("ada", None, "Home")
        sdk_client.group("ada", "acme", {"size": 3})
        sdk_client.alias("a1", "ada")
        sdk_client.shutdown()
    assert failures == []
    assert [(message.type, message.rejection, message.detail) for message in sink.messages] == [
        (kind, None, None) for kind in ("identify", "track", "page", "screen", "group", "alias")
    ]
    assert {message.write_key for message in sink.messages} == {"wk_demo"}


@pytest.mark.observed
def test_the_python_sdk_reports_the_reason_of_a_refusal(sink: RecordingSink) -> None:
    failures: list[str] = []
    with serve_app_in_thread(create_tracking_app(sink)) as url:
        sdk_client = sdk.Client(
            "wk_demo", host=f"{url}/v1", on_error=lambda error, _: failures.append(str(error))
        )
        sdk_client.track("ada", "Order Completed")
        sdk_client.shutdown()
    assert failures == ["[Segment] not_found: not found (404)"]
