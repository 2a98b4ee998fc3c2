"""The Tracking API through Flask: the road behind it only keeps what it is handed."""

import gzip
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import segment.analytics as sdk  # type: ignore[import-untyped]  # ships no types
from flask import Flask
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
from segment_insider_emulator.workspace.model import SegmentSource
from segment_insider_emulator.workspace.segment_options import SegmentOptions

NOW = datetime(2026, 11, 23, 19, 53, 38, 900_000, UTC)
CALL = {"event": "x", "userId": "ada", "groupId": "acme", "writeKey": "wk_demo"}
SUCCESS = (200, {"success": True})


@dataclass
class Keeper:
    """A road that ends here."""

    messages: list[Message] = field(default_factory=list)

    def submit_messages(self, messages: list[Message]) -> None:
        self.messages += messages


@pytest.fixture
def road() -> Keeper:
    return Keeper()


def emulator(road: Keeper, *, strict: bool = False) -> Flask:
    app = Flask(__name__)
    app.extensions["emulator"] = SimpleNamespace(
        message_sink=road,
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
    app.before_request(answer_segment_preflight)
    app.after_request(add_segment_cors_headers)
    return app


@pytest.fixture
def client(road: Keeper) -> FlaskClient:
    return emulator(road).test_client()


def shown(answer: TestResponse) -> tuple[int, Any]:
    return answer.status_code, orjson.loads(answer.data)


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
def test_path_gives_the_type(
    client: FlaskClient, road: Keeper, path: str, kind: str, slash: str
) -> None:
    assert shown(client.post(f"/v1/{path}{slash}", json=CALL)) == SUCCESS
    assert [(message.type, message.rejection) for message in road.messages] == [(kind, None)]


@pytest.mark.documented
@pytest.mark.parametrize("path", ["batch", "b", "import", "import/"])
def test_batch_is_taken(client: FlaskClient, road: Keeper, path: str) -> None:
    calls = [{"type": "track", "userId": "ada", "event": str(number)} for number in range(3)]
    answer = client.post(f"/v1/{path}", json={"batch": calls, "writeKey": "wk_demo"})
    assert shown(answer) == SUCCESS
    assert [message.event["event"] for message in road.messages] == ["0", "1", "2"]


@pytest.mark.observed
@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""]
)
def test_body_is_json_whatever_its_type_says(
    client: FlaskClient, road: Keeper, content_type: str
) -> None:
    answer = client.post("/v1/t", data=orjson.dumps(CALL), content_type=content_type)
    assert shown(answer) == SUCCESS
    assert [message.rejection for message in road.messages] == [None]


def test_gzip_and_basic_arrive(client: FlaskClient, road: Keeper) -> None:
    answer = client.post(
        "/v1/batch",
        data=gzip.compress(orjson.dumps({"batch": [{**CALL, "type": "track"}]})),
        headers={"Content-Encoding": "gzip"},
        auth=("wk_basic", ""),
    )
    assert shown(answer) == SUCCESS
    assert [message.write_key for message in road.messages] == ["wk_basic"]


@pytest.mark.documented
def test_what_segment_swallows_is_answered_with_success(client: FlaskClient, road: Keeper) -> None:
    assert shown(client.post("/v1/track", json={"writeKey": "wk_demo", "event": "x"})) == SUCCESS
    assert [message.rejection for message in road.messages] == ["no_user_anon_id"]


@pytest.mark.parametrize(
    ("strict", "rejection"),
    [
        pytest.param(False, None, id="taken as this workspace's"),
        pytest.param(True, "unknown_source", id="dropped when strict"),
    ],
)
def test_unknown_write_key(road: Keeper, strict: bool, rejection: str | None) -> None:
    client = emulator(road, strict=strict).test_client()
    assert shown(client.post("/v1/track", json={**CALL, "writeKey": "wk_other"})) == SUCCESS
    assert [message.rejection for message in road.messages] == [rejection]


@pytest.mark.observed
def test_telemetry_is_answered_and_not_kept(client: FlaskClient, road: Keeper) -> None:
    answer = client.post("/v1/m", data=b'{"series":[]}', content_type="text/plain")
    assert shown(answer) == SUCCESS
    assert road.messages == []


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
def test_refusal_has_one_shape(
    client: FlaskClient, road: Keeper, method: str, path: str, status: int, message: str, code: str
) -> None:
    answered, body = shown(client.open(path, method=method))
    detail = body.pop("detail")
    assert (answered, body) == (status, {"success": False, "message": message, "code": code})
    assert detail.endswith(".")
    assert road.messages == []


@pytest.mark.parametrize("path", ["/v1/track/", "/v1//track", "/v1//track/"])
def test_slashes_are_taken_as_they_come(client: FlaskClient, road: Keeper, path: str) -> None:
    assert client.post(path, json=CALL).status_code == 200
    assert len(road.messages) == 1


@pytest.mark.parametrize("path", ["/t", "/b", "/batch", "/import/", "/m", "/track"])
def test_an_api_host_without_its_version_is_told_to_pages_too(
    client: FlaskClient, road: Keeper, path: str
) -> None:
    page = {"Origin": "https://shop.example"}
    answer = client.post(path, json=CALL, headers=page)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (
        404,
        "https://shop.example",
    )
    assert "The apiHost of this SDK has to end in /v1" in answer.json["detail"]  # type: ignore[index]  # JSON
    assert client.options(path, headers=page).status_code == 204
    assert road.messages == []


def test_body_that_no_batch_could_have_is_not_read(client: FlaskClient) -> None:
    status, body = shown(client.post("/v1/batch", data=b" " * 2_000_000))
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
def test_nothing_redirects(client: FlaskClient, path: str) -> None:
    assert client.post(path, json=CALL).status_code in (200, 404)


ALLOWED = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Retry-Count",
    "Access-Control-Expose-Headers": "Retry-After",
}
FROM_PAGE = {
    **ALLOWED,
    "Access-Control-Allow-Origin": "https://shop.example",
    "Access-Control-Allow-Credentials": "true",
}


@pytest.mark.parametrize(
    ("method", "path", "origin", "expected"),
    [
        pytest.param("OPTIONS", "/v1/t", "https://shop.example", FROM_PAGE, id="preflight"),
        pytest.param("POST", "/v1/t", "https://shop.example", FROM_PAGE, id="call"),
        pytest.param("POST", "/v1/none", "https://shop.example", FROM_PAGE, id="refusal"),
        pytest.param(
            "POST", "/v1/t", None, {**ALLOWED, "Access-Control-Allow-Origin": "*"}, id="no page"
        ),
    ],
)
def test_page_of_any_origin_may_call(
    client: FlaskClient, method: str, path: str, origin: str | None, expected: dict[str, str]
) -> None:
    headers = {"Origin": origin} if origin else {}
    answer = client.open(path, method=method, json=CALL, headers=headers)
    given = {key: value for key, value in answer.headers if key.startswith("Access-Control-")}
    assert given == expected


def test_preflight_has_no_body(client: FlaskClient, road: Keeper) -> None:
    answer = client.options("/v1/t", headers={"Origin": "https://shop.example"})
    assert (answer.status_code, answer.data, road.messages) == (204, b"", [])


@pytest.mark.observed
@pytest.mark.parametrize("packed", [False, True])
def test_python_sdk_delivers_every_kind_of_call(road: Keeper, packed: bool) -> None:
    failures: list[Any] = []
    with serve_app_in_thread(emulator(road)) as url:
        ada = sdk.Client(
            "wk_demo", host=url, gzip=packed, on_error=lambda *seen: failures.append(seen)
        )
        ada.identify("ada", {"vip": True})
        ada.track("ada", "Order Completed", {"order_id": "o-17"}, message_id="m1")
        ada.page("ada", None, "Home")
        ada.screen("ada", None, "Home")
        ada.group("ada", "acme", {"size": 3})
        ada.alias("a1", "ada")
        ada.shutdown()
    assert failures == []
    assert [(message.type, message.rejection, message.detail) for message in road.messages] == [
        (kind, None, None) for kind in ("identify", "track", "page", "screen", "group", "alias")
    ]
    assert {message.write_key for message in road.messages} == {"wk_demo"}


@pytest.mark.observed
def test_python_sdk_tells_what_it_was_refused(road: Keeper) -> None:
    failures: list[str] = []
    with serve_app_in_thread(emulator(road)) as url:
        ada = sdk.Client(
            "wk_demo", host=f"{url}/v1", on_error=lambda error, _: failures.append(str(error))
        )
        ada.track("ada", "Order Completed")
        ada.shutdown()
    assert failures == ["[Segment] not_found: not found (404)"]
