"""The Host header as clients send it: our addresses use it, or the request is refused."""

import socket
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import load_preset_workspace

SETTINGS = "/v1/projects/wk_demo/settings"


@pytest.fixture(scope="module")
def shared() -> Iterator[FlaskClient]:
    """An emulator that others reach, under names that it cannot know."""
    app = create_app(Config(db=":memory:", host="0.0.0.0"), load_preset_workspace("guide"))
    yield app.test_client()
    app.extensions["sandboxes"].close()


@pytest.fixture(scope="module")
def own() -> Iterator[FlaskClient]:
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    yield app.test_client()
    app.extensions["sandboxes"].close()


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("my_service:8282", "my_service:8282"),
        ("my_service", "my_service"),
        ("my_service:80", "my_service"),
        ("EMULATOR.test:8282", "EMULATOR.test:8282"),
        ("emulator.test.:8282", "emulator.test.:8282"),
        ("emulator:", "emulator"),
        ("[::1]:8282", "[::1]:8282"),
        ("[2001:db8::1]", "[2001:db8::1]"),
        ("10.0.0.5:8282", "10.0.0.5:8282"),
        ("_", "_"),
    ],
)
def test_every_url_in_an_answer_has_the_host_of_the_request(
    shared: FlaskClient, header: str, host: str
) -> None:
    headers = {"Host": header}
    settings = shared.get(SETTINGS, headers=headers).get_json()["integrations"]["Segment.io"]
    assert settings["apiHost"] == f"{host}/v1"
    made = shared.post("/emulator/v1/sandboxes", json={}, headers=headers).get_json()
    assert made["url"] == f"http://{host}/sandboxes/{made['id']}"
    shared.delete(f"/emulator/v1/sandboxes/{made['id']}", headers=headers)
    page = shared.get("/scenarios", headers=headers)
    assert (page.status_code, f"http://{host}" in page.text) == (200, True)
    form = shared.post("/clear", headers={**headers, "Origin": f"http://{host.lower()}"})
    assert form.status_code == 303
    other = shared.post("/clear", headers={**headers, "Origin": "http://attacker.example"})
    assert other.status_code == 403


HOSTILE = [
    "a b", "user@emulator.test", 'a"b', "a<b>", "a/b", "a?b", "a#b", "emulator.test:80:80",
    "emulator.test:abc", "[::1", "::1", "[gggg]", "a,b", "a\\b", "münchen.test", "a%20b", "'",
    ":80", "emulator.test:123456",
]  # fmt: skip


@pytest.mark.parametrize("header", HOSTILE)
@pytest.mark.parametrize("path", [SETTINGS, "/", "/emulator/v1/messages", "/v1/pixel/track"])
def test_an_invalid_host_is_refused_with_a_reason(
    shared: FlaskClient, header: str, path: str
) -> None:
    raw = header.encode().decode("latin-1")  # as a server hands it over
    response = shared.get(path, environ_overrides={"HTTP_HOST": raw})
    assert response.status_code == 400
    assert "Host header is not a name with a port" in response.text
    assert path != "/" or "<b>" not in response.text


@pytest.mark.parametrize("header", ["LOCALHOST:8282", "localhost.:8282", "127.0.0.1", "[::1]:1"])
def test_our_own_host_names_are_accepted_in_any_spelling(own: FlaskClient, header: str) -> None:
    assert own.get(SETTINGS, headers={"Host": header}).status_code == 200


def test_a_docker_host_name_is_refused_with_a_reason_by_a_local_emulator(
    own: FlaskClient,
) -> None:
    response = own.get(SETTINGS, headers={"Host": "my_service:8282"})
    assert response.status_code == 403
    assert "Host: my_service:8282" in response.text
    assert "--allowed-hosts" in response.text


@pytest.mark.parametrize("bound", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("path", [SETTINGS, "/analytics.js/v1/wk_demo/analytics.min.js"])
def test_an_http_1_0_request_without_a_host_is_refused_with_a_reason(bound: str, path: str) -> None:
    app = create_app(Config(db=":memory:", host=bound), load_preset_workspace("guide"))
    with serve_app_in_thread(app) as url:
        port = int(url.rpartition(":")[2])
        response = send_raw_request(port, f"GET {path} HTTP/1.0\r\n\r\n")
        health = send_raw_request(port, "GET /emulator/v1/health HTTP/1.0\r\n\r\n")
    app.extensions["sandboxes"].close()
    assert "the request has no Host header" in response
    assert response.split()[1] == ("403" if bound == "127.0.0.1" else "400")
    assert health.split()[1] == ("403" if bound == "127.0.0.1" else "200")


def send_raw_request(port: int, request: str) -> str:
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(request.encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts).decode()
