"""An emulator below a path, and behind a proxy that strips the path or does not."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import requests
from forwarding_proxy import run_proxy

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import load_preset_workspace

PATH = "/tools/emu"
SETTINGS = "/v1/projects/wk_demo/settings"
TIMEOUT_S = 30
PUBLIC = {
    "X-Forwarded-Host": "tools.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Prefix": PATH,
}


@contextmanager
def serve_emulator(host: str = "127.0.0.1", **serving: Any) -> Iterator[str]:
    app = create_app(Config(db=":memory:", host=host), load_preset_workspace("guide"))
    try:
        with serve_app_in_thread(app, **serving) as url:
            yield url
    finally:
        app.extensions["sandboxes"].close()


@pytest.fixture(scope="module")
def trusting() -> Iterator[str]:
    """An emulator that trusts the headers of this machine."""
    with serve_emulator(trusted_proxy="127.0.0.1") as url:
        yield url


def get(url: str, headers: dict[str, str] | None = None) -> requests.Response:
    return requests.get(url, headers=headers, timeout=TIMEOUT_S, allow_redirects=False)


def read_api_host(url: str, headers: dict[str, str]) -> tuple[str, str]:
    settings = get(url + SETTINGS, headers).json()["integrations"]["Segment.io"]
    return settings["protocol"], settings["apiHost"]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("header", True), id="header, stripped"),
        pytest.param(("header", False), id="header, not stripped"),
        pytest.param(("option", True), id="option, stripped"),
        pytest.param(("option", False), id="option, not stripped"),
    ],
)
def base(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an emulator that a proxy serves below a path."""
    source, strips_path = request.param
    prefix = PATH if source == "option" else ""
    with ExitStack() as stack:
        url = stack.enter_context(serve_emulator(trusted_proxy="127.0.0.1", url_prefix=prefix))
        yield stack.enter_context(
            run_proxy(url, PATH, strips_path=strips_path, sends_prefix=source == "header")
        )


def test_pages_link_below_the_path(base: str) -> None:
    page = get(f"{base}/").text
    assert f'href="{PATH}/settings"' in page
    assert f'data-stream="{PATH}/stream"' in page
    assert f"{base}/v1/track" in page
    assert 'href="/"' not in page
    style = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    assert style.startswith(f"{PATH}/static/")
    assert get(base.removesuffix(PATH) + style).headers["Content-Type"].startswith("text/css")


def test_the_path_itself_shows_the_first_page(base: str) -> None:
    assert f'href="{PATH}/settings"' in requests.get(base, timeout=TIMEOUT_S).text


def test_forms_redirect_below_the_path(base: str) -> None:
    origin = base.removesuffix(PATH)
    done = requests.post(
        f"{base}/clear", headers={"Origin": origin}, timeout=TIMEOUT_S, allow_redirects=False
    )
    assert (done.status_code, done.headers["Location"]) == (303, f"{PATH}/")
    foreign = requests.post(
        f"{base}/clear", headers={"Origin": "http://attacker.example"}, timeout=TIMEOUT_S
    )
    assert foreign.status_code == 403


def test_sdks_are_sent_below_the_path(base: str) -> None:
    assert read_api_host(base, {}) == ("http", f"{base.removeprefix('http://')}/v1")
    call = {"userId": "ada", "event": "Order Completed", "writeKey": "wk_demo"}
    assert requests.post(f"{base}/v1/track", json=call, timeout=TIMEOUT_S).status_code == 200


def test_sandboxes_are_below_the_path(base: str) -> None:
    made = requests.post(f"{base}/emulator/v1/sandboxes", json={}, timeout=TIMEOUT_S).json()
    own = f"{base}/sandboxes/{made['id']}"
    assert made["url"] == own
    assert f'href="{PATH}/sandboxes/{made["id"]}/profiles"' in get(f"{own}/").text
    assert read_api_host(own, {})[1] == f"{own.removeprefix('http://')}/v1"
    listed = get(f"{own}/emulator/v1/sandboxes").json()["sandboxes"]
    assert own in [each["url"] for each in listed]
    assert f'href="{PATH}/sandboxes/{made["id"]}/"' in get(f"{own}/settings").text
    requests.delete(f"{base}/emulator/v1/sandboxes/{made['id']}", timeout=TIMEOUT_S)


def test_the_openapi_document_names_the_path(base: str) -> None:
    servers = get(f"{base}/emulator/v1/openapi.json").json()["servers"]
    assert [each["url"] for each in servers] == [PATH, f"{PATH}/sandboxes/{{sandbox}}"]


def test_an_address_has_the_scheme_and_host_that_the_proxy_names(trusting: str) -> None:
    assert read_api_host(trusting, PUBLIC) == ("https", f"tools.example{PATH}/v1")
    assert f"https://tools.example{PATH}/v1/track" in get(f"{trusting}/", PUBLIC).text
    same = get(f"{trusting}/emulator/v1/messages", {**PUBLIC, "Origin": "https://tools.example"})
    assert same.status_code == 200


def test_of_several_values_the_last_one_is_used(trusting: str) -> None:
    several = {name: f"other, {value}" for name, value in PUBLIC.items()}
    assert read_api_host(trusting, several) == ("https", f"tools.example{PATH}/v1")


def test_a_header_that_the_proxy_passed_on_does_not_replace_the_option() -> None:
    with serve_emulator(trusted_proxy="127.0.0.1", url_prefix=PATH) as url:
        page = get(f"{url}/", {"X-Forwarded-Prefix": "/other"}).text
    assert f'href="{PATH}/settings"' in page
    assert "/other" not in page


def test_headers_of_an_untrusted_proxy_are_ignored() -> None:
    with serve_emulator(trusted_proxy="127.0.0.9") as url:
        assert read_api_host(url, PUBLIC) == ("http", f"{url.removeprefix('http://')}/v1")
        assert PATH not in get(f"{url}/", PUBLIC).text


HOSTILE_PREFIXES = [
    "//evil.example", "/\\evil.example", "javascript:alert(1)", "https://evil.example", "evil",
    "/a//b", "/../a", "/a/..", "/.", "/a b", "/a?b", "/a#b", "/a%0d%0ab", '/a"b', "/<b>", "/a;b",
    "/ä", "/" + "a" * 5000, "/tools, //other.example",
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("X-Forwarded-Prefix", value) for value in HOSTILE_PREFIXES],
        *[("X-Forwarded-Proto", value) for value in ("javascript", "ftp", "https:", "wss")],
        *[("X-Forwarded-Host", value) for value in ("a/b", "u@evil.example", "a b", "a" * 300)],
    ],
)
def test_a_hostile_value_is_ignored(
    trusting: str, name: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    headers: Any = {name: value.encode()}
    with caplog.at_level(logging.WARNING):
        form = requests.post(
            f"{trusting}/clear", headers=headers, timeout=TIMEOUT_S, allow_redirects=False
        )
        again = read_api_host(trusting, headers)
    assert form.headers["Location"] == "/"
    assert again == ("http", f"{trusting.removeprefix('http://')}/v1")
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"ignored an invalid header of the trusted proxy: {name}: ")
    assert len(line) < 200


def test_a_page_that_binds_its_name_to_this_machine_cannot_pass_as_a_proxy(trusting: str) -> None:
    headers = {"Host": "attacker.example:8282", "X-Forwarded-Host": "localhost:8282"}
    refused = get(f"{trusting}/emulator/v1/messages", headers)
    assert refused.status_code == 403
    assert "Let the proxy send Host: localhost" in refused.text


def test_a_shared_emulator_accepts_a_proxy_that_keeps_the_host() -> None:
    with serve_emulator("0.0.0.0", trusted_proxy="127.0.0.1") as url:
        assert read_api_host(url, {**PUBLIC, "Host": "tools.example"})[1] == (
            f"tools.example{PATH}/v1"
        )


@pytest.mark.parametrize("prefix", ["/emulator", "/v1", "/sandboxes/a", "/api/emu", "/static"])
def test_an_option_that_starts_like_own_addresses_is_refused(prefix: str) -> None:
    with pytest.raises(EmulatorError) as error, serve_emulator(url_prefix=prefix):
        pass
    assert error.value.what.startswith("addresses of the emulator itself start with /")


def test_a_header_that_starts_like_own_addresses_is_of_a_proxy_that_strips(trusting: str) -> None:
    health = get(f"{trusting}/emulator/v1/health", {"X-Forwarded-Prefix": "/emulator"})
    assert health.status_code == 200


def test_another_path_with_the_same_beginning_is_not_stripped() -> None:
    with serve_emulator(url_prefix="/tools/emu") as url:
        assert get(f"{url}lator").status_code == 404
        assert get(f"{url.removesuffix(PATH)}/emulator/v1/health").status_code == 200
