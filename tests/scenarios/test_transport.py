"""A request to an in-process emulator gets the same response as one through a socket."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
import requests
from flask import Flask, request

from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_scenarios.running_emulator import serve_emulator
from segment_insider_scenarios.shopper import make_shopper, track_call
from segment_insider_scenarios.transport import InProcessAdapter


@pytest.fixture(scope="module")
def app() -> Flask:
    """Return an app that echoes each request."""
    mirror = Flask("mirror")

    @mirror.route("/", defaults={"path": ""}, methods=["GET", "POST", "PATCH"])
    @mirror.route("/<path:path>", methods=["GET", "POST", "PATCH"])
    def echo(path: str) -> tuple[dict[str, Any], int, dict[str, str]]:
        request_echo = {
            "method": request.method,
            "path": path,
            "args": request.args.to_dict(flat=False),
            "query": request.query_string.decode(),
            "body": request.get_data().decode(),
            "auth": request.authorization and request.authorization.to_header(),
            "type": request.content_type,
            "encoding": request.headers.get("Content-Encoding"),
            "scheme": request.scheme,
        }
        return request_echo, 418, {"X-Answer": "yes", "Set-Cookie": "a=b; Path=/"}

    return mirror


@pytest.fixture(scope="module")
def served(app: Flask) -> Iterator[str]:
    with serve_app_in_thread(app) as url:
        yield url


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        pytest.param("GET", "/", {}, id="nothing but the root"),
        pytest.param("GET", "/a%20b/%C3%A9?x=1&x=2&y=%2B", {}, id="what is escaped"),
        pytest.param("GET", "/list", {"params": {"identifier": "uuid:ü"}}, id="a query"),
        pytest.param("POST", "/v1/track", {"json": {"event": "Ünï"}}, id="JSON"),
        pytest.param("POST", "/v1/track", {"data": "text"}, id="text"),
        pytest.param("POST", "/v1/track", {"data": BytesIO(b"file")}, id="a file"),
        pytest.param("POST", "/v1/track", {"auth": ("wk_demo", "")}, id="a write key"),
        pytest.param(
            "PATCH", "/v1/x", {"data": b"\x1f", "headers": {"Content-Encoding": "br"}}, id="headers"
        ),
    ],
)
def test_the_response_equals_that_of_a_server(
    app: Flask, served: str, method: str, path: str, options: dict[str, Any]
) -> None:
    with requests.Session() as session:
        session.trust_env = False
        expected = session.request(method, served + path, **options)
        if "data" in options and hasattr(options["data"], "seek"):
            options["data"].seek(0)
        session.cookies.clear()
        session.mount(served, InProcessAdapter(app))
        received = session.request(method, served + path, **options)
    assert received.json() == expected.json()
    for attribute in ("status_code", "reason", "url", "encoding"):
        assert getattr(received, attribute) == getattr(expected, attribute)
    assert received.headers["X-Answer"] == expected.headers["X-Answer"]


def test_chunks_are_joined_to_one_body(app: Flask) -> None:
    with requests.Session() as session:
        session.mount("http://", InProcessAdapter(app))
        response = session.post("http://shop.example/", data=iter([b"a", b"b"]))
    assert response.json()["body"] == "ab"


def test_the_application_can_have_its_own_host_name(app: Flask) -> None:
    hosts: list[str] = []
    app.before_request_funcs.setdefault(None, []).append(lambda: hosts.append(request.host))
    with requests.Session() as session:
        session.mount("https://", InProcessAdapter(app, "localhost"))
        assert session.get("https://api.segment.io/x").json()["scheme"] == "https"
    assert hosts == ["localhost"]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_proxies_of_the_environment_are_not_used_for_an_emulator(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:1")  # where nothing listens
    monkeypatch.setenv(variable.replace("http", "https"), "http://127.0.0.1:1")
    with serve_emulator(load_preset_workspace("guide")) as emulator:
        emulator.shop.send(make_shopper("Ada"), track_call("Wish Listed"))
        assert [message["event"] for message in emulator.client.list_messages()] == ["Wish Listed"]
