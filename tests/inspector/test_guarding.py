"""Access to pages: local requests or the password, and never another site."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from playwright.sync_api import Browser

from inspector.running_emulator import RunningEmulator, run_emulator
from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.web.long_requests import MAX_STREAMS
from segment_insider_emulator.workspace import load_preset_workspace

PAGES = ("/", "/messages/1", "/stream", "/emulator/v1/messages")


def make_client(**settings: Any) -> Iterator[FlaskClient]:
    app = create_app(Config(**{"db": ":memory:", **settings}), load_preset_workspace("guide"))
    yield app.test_client()
    app.extensions["emulator"].close()


@pytest.fixture(name="open_client")
def _open_client() -> Iterator[FlaskClient]:
    yield from make_client()


@pytest.fixture(name="closed_client")
def _closed_client() -> Iterator[FlaskClient]:
    yield from make_client(password="sesame", host="0.0.0.0")


@pytest.mark.extended_variants
@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": "https://shop.example"}, id="another origin"),
        pytest.param({"Origin": "null"}, id="a sandboxed frame"),
        pytest.param({"Host": "attacker.example"}, id="a name bound anew"),
        pytest.param({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, id="an image"),
        pytest.param(
            {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, id="another port's fetch"
        ),
        pytest.param(
            {
                "Sec-Fetch-Site": "cross-site",
                "Sec-Fetch-Mode": "navigate",
                "Sec-Fetch-Dest": "iframe",
            },
            id="a frame",
        ),
    ],
)
def test_cross_site_requests_for_pages_are_rejected(
    open_client: FlaskClient, path: str, headers: dict[str, str]
) -> None:
    assert open_client.get(path, headers=headers).status_code == 403


@pytest.mark.parametrize("path", ["/sample", "/clear", "/messages/1/edit"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://shop.example"},
        {"Origin": "null"},
        {
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
        },
    ],
)
def test_cross_site_forms_change_nothing(
    open_client: FlaskClient, path: str, headers: dict[str, str]
) -> None:
    open_client.post("/v1/track", json={"writeKey": "wk_demo", "userId": "ada", "event": "Sung"})
    assert open_client.post(path, headers=headers, data={"call": "{}"}).status_code == 403
    messages = open_client.get("/emulator/v1/messages").get_json()["messages"]
    assert [message["event"] for message in messages] == ["Sung"]


@pytest.mark.parametrize("path", ["/sample", "/clear"])
def test_a_get_request_changes_nothing(open_client: FlaskClient, path: str) -> None:
    assert open_client.get(path).status_code == 405


def test_a_link_from_another_site_opens(open_client: FlaskClient) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    response = open_client.get("/", headers={**followed, "Sec-Fetch-Dest": "document"})
    assert response.status_code == 200


def test_another_site_cannot_read_or_control_the_emulator(
    emulator: RunningEmulator, browser: Browser
) -> None:
    emulator.send({"type": "identify", "userId": "ada"})
    with run_emulator() as other, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{other.url}/emulator/v1/health")
        for path in ("/", "/stream", "/emulator/v1/messages"):
            text = page.evaluate(
                "url => fetch(url).then(r => r.text()).catch(e => 'refused')", emulator.url + path
            )
            assert text == "refused"
        page.evaluate(
            "url => fetch(url, {method: 'POST', mode: 'no-cors'}).catch(() => 0)",
            f"{emulator.url}/clear",
        )
    messages = requests.get(f"{emulator.url}/emulator/v1/messages", timeout=60).json()["messages"]
    assert len(messages) == 1


@pytest.mark.parametrize("path", PAGES)
def test_a_configured_password_is_required(closed_client: FlaskClient, path: str) -> None:
    response = closed_client.get(path)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Basic realm="emulator", charset="UTF-8"'
    assert closed_client.get(path, auth=("", "sesame2")).status_code == 401
    assert closed_client.get(path, auth=("any-name", "sesame")).status_code != 401


def test_sdks_and_health_need_no_password(closed_client: FlaskClient) -> None:
    assert closed_client.get("/emulator/v1/health").status_code == 200
    call = {"writeKey": "wk_demo", "userId": "ada", "event": "Sung"}
    assert closed_client.post("/v1/track", json=call).status_code == 200


def test_open_streams_leave_threads_for_other_requests(emulator: RunningEmulator) -> None:
    streams = [
        requests.get(f"{emulator.url}/stream", stream=True, timeout=60) for _ in range(MAX_STREAMS)
    ]
    first_chunks = [next(stream.iter_content(None)) for stream in streams]
    assert all(b"event: changed" in chunk for chunk in first_chunks)
    assert requests.get(f"{emulator.url}/stream", timeout=60).status_code == 204
    assert requests.get(f"{emulator.url}/emulator/v1/health", timeout=60).status_code == 200
    for stream in streams:
        stream.close()


def test_a_closed_stream_frees_its_thread(emulator: RunningEmulator) -> None:
    for _ in range(MAX_STREAMS + 2):
        response = requests.get(f"{emulator.url}/stream", stream=True, timeout=60)
        while response.status_code == 204:  # until the server sees that the one before is gone
            response = requests.get(f"{emulator.url}/stream", stream=True, timeout=60)
        next(response.iter_content(None))
        response.close()
