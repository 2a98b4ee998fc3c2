"""Tracking calls get the same response whether Flask answers them or not."""

import gzip
from itertools import product

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.workspace import load_preset_workspace

BASIC = {"Authorization": "Basic d2tfZGVtbzo="}  # wk_demo
CALL = {"event": "Order Completed", "userId": "u1"}
ORIGIN = {"Origin": "http://shop.example"}


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(Config(db=":memory:"), load_preset_workspace("guide"))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param(BASIC, orjson.dumps(CALL), 200, id="plain"),
        pytest.param({}, orjson.dumps({**CALL, "writeKey": "wk_demo"}), 200, id="key in the body"),
        pytest.param({**BASIC, **ORIGIN}, orjson.dumps(CALL), 200, id="page of another origin"),
        pytest.param({**BASIC, "Origin": ""}, orjson.dumps(CALL), 200, id="empty origin"),
        pytest.param(BASIC, b"{}", 200, id="call that is rejected"),
        pytest.param({**BASIC, **ORIGIN}, b"{", 400, id="not JSON"),
        pytest.param({}, orjson.dumps(CALL), 400, id="no write key"),
        pytest.param(BASIC, b'"' + b"x" * 40_000 + b'"', 400, id="too large"),
        pytest.param(BASIC, b"", 400, id="no body"),
        pytest.param({**BASIC, "Content-Encoding": "br"}, b"{}", 400, id="unknown encoding"),
        pytest.param({**BASIC, "Host": "evil.example"}, orjson.dumps(CALL), 403, id="foreign host"),
        pytest.param({**BASIC, "Host": "a b"}, orjson.dumps(CALL), 400, id="no host name"),
        pytest.param(
            {**BASIC, "X-Emulator-Callback": "1"}, orjson.dumps(CALL), 403, id="error callback"
        ),
    ],
)
def test_response_is_that_of_the_path_with_a_slash_which_flask_answers(
    client: FlaskClient, headers: dict[str, str], body: bytes, status: int
) -> None:
    plain, by_flask = (
        client.post(path, data=body, headers=headers) for path in ("/v1/track", "/v1/track/")
    )
    assert (plain.status_code, plain.status_code) == (status, by_flask.status_code)
    assert list(plain.headers) == list(by_flask.headers)
    assert plain.data == by_flask.data


def test_call_without_flask_is_stored(client: FlaskClient) -> None:
    call = {**CALL, "messageId": "m-1", "userId": "u-stored"}
    assert client.post("/v1/track", json=call, headers=BASIC).json == {"success": True}
    messages = client.get("/emulator/v1/messages?user=u-stored").json["messages"]  # type: ignore[index]
    assert [(message["messageId"], message["verdict"]) for message in messages] == [
        ("m-1", "warning")
    ]


def test_call_meets_an_injected_fault(client: FlaskClient) -> None:
    client.post("/emulator/v1/faults/segment", json={"status": 503})
    answers = [client.post("/v1/track", json=CALL, headers=BASIC).status_code for _ in range(2)]
    assert answers == [503, 200]


def test_call_that_cannot_be_stored_is_a_503_with_a_log(caplog: pytest.LogCaptureFixture) -> None:
    closed = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    closed.extensions["emulator"].store.close()
    response = closed.test_client().post("/v1/track", json=CALL, headers=BASIC)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "refused reason=" in caplog.text


BODIES = (
    *(b"", b"[]", b"null", b"{", b"\xef\xbb\xbf{}", b'{"event": "\xff"}', orjson.dumps(CALL)),
    *(gzip.compress(orjson.dumps(CALL)), orjson.dumps({**CALL, "writeKey": "other"})),
    *(orjson.dumps({**CALL, "properties": {"x": "y" * size}}) for size in (40_000, 600_000)),
    b'{"event": "a", "userId": "u", "properties": ' + b'{"a": ' * 200 + b"1" + b"}" * 201,
)
HEADERS: tuple[dict[str, str], ...] = (
    *({}, BASIC, {"Authorization": "Basic !!"}, {"Authorization": "Bearer x"}, ORIGIN),
    *({"Origin": "null"}, {"Host": "cdn.segment.com"}, {"Host": "evil.example"}, {"Host": "a b"}),
    *({"Content-Encoding": "gzip"}, {"Content-Encoding": "br"}, {"Content-Type": "text/plain"}),
    *({"Content-Length": "5"}, {"Content-Length": "x"}, {"Content-Length": "9" * 30}),
    {"X-HTTP-Method-Override": "DELETE"},
)


@pytest.mark.extended
def test_no_call_shows_whether_flask_answers_it(client: FlaskClient) -> None:
    for body, headers in product(BODIES, HEADERS):
        plain, by_flask = (
            client.post(path, data=body, headers=headers) for path in ("/v1/track", "/v1/track/")
        )
        assert (plain.status_code, list(plain.headers), plain.data) == (
            by_flask.status_code,
            list(by_flask.headers),
            by_flask.data,
        ), (body[:80], headers)
