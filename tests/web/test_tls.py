"""`emulator serve --tls`: apps, SDKs and browsers that speak https only."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import trustme
from click.testing import CliRunner
from conftest import CHROMIUM_FLAGS, CHROMIUM_PROGRAMS
from playwright.sync_api import Browser
from urllib3 import HTTPSConnectionPool

from segment_insider_emulator.cli import main
from segment_insider_emulator.config import Config
from segment_insider_emulator.web.tls import list_certificate_names

TIMEOUT_S = 60
ANDROID_HOST = "10.0.2.2"  # of this machine in an Android emulator
MOBILE_CALLS = ("kotlin-sends-chunked", "swift-authenticates", "react-native-authenticates")
SONG = {"writeKey": "wk_demo", "type": "track", "userId": "ada", "event": "Song Played"}
PYTHON_SDK = """
import sys, segment.analytics as analytics
analytics.write_key, analytics.host, analytics.debug = "wk_demo", sys.argv[1], True
analytics.track("ada", "Song Played")
analytics.shutdown()
"""
FEATURE = """\
Feature: Songs

  Scenario: A song
    When Ada does "Song Played"
    Then Insider One receives exactly these events for Ada:
      | event_name  |
      | song_played |
"""
SNIPPET_PAGE = """<!doctype html><title>Shop</title>
<script>SNIPPET</script><script>analytics.track("Song Played")</script>"""


@dataclass(frozen=True, slots=True)
class TlsEmulator:
    """An `emulator serve --tls`.

    Args:
        url, https_url: Where it listens.
        authority: Path of the certificate that its clients have to trust.
        log: File of its stderr.
    """

    url: str
    https_url: str
    authority: str
    log: Path

    def get(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        url = self.https_url + path
        return requests.get(url, headers=headers, verify=self.authority, timeout=TIMEOUT_S)

    def list_events(self) -> list[str]:
        messages = self.get("/emulator/v1/messages").json()["messages"]
        return [message["event"] for message in messages]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def running(cache: Path) -> Iterator[TlsEmulator]:
    command = [sys.executable, "-m", "segment_insider_emulator", "serve", "--db", ":memory:"]
    # `localhost`, so that the name in the address is one that a certificate may have.
    command += ["--port", "0", "--tls", "--tls-port", "0", "--cache", str(cache)]
    command += ["--allowed-hosts", ANDROID_HOST]
    log = cache / "log.txt"
    with (
        log.open("w") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
    ):
        assert process.stdout is not None
        url, https_url = process.stdout.readline().split()
        yield TlsEmulator(url, https_url, str(cache / "tls" / "ca.pem"), log)
        process.terminate()


@pytest.fixture
def emulator(running: TlsEmulator) -> TlsEmulator:
    requests.post(f"{running.url}/emulator/v1/reset", timeout=TIMEOUT_S)
    return running


def test_http_and_https_reach_the_same_emulator(emulator: TlsEmulator) -> None:
    requests.post(f"{emulator.url}/v1/track", json=SONG, timeout=TIMEOUT_S)
    assert emulator.list_events() == ["Song Played"]


def test_settings_keep_the_sdk_at_https(emulator: TlsEmulator) -> None:
    settings = emulator.get("/v1/projects/wk_demo/settings").json()["integrations"]["Segment.io"]
    host = emulator.https_url.removeprefix("https://")
    assert (settings["protocol"], settings["apiHost"]) == ("https", f"{host}/v1")


def test_apps_in_an_android_emulator_get_settings_and_send(emulator: TlsEmulator) -> None:
    _, _, port = emulator.https_url.rpartition(":")
    host = f"{ANDROID_HOST}:{port}"
    with HTTPSConnectionPool(
        "127.0.0.1", int(port), ca_certs=emulator.authority, assert_hostname=ANDROID_HOST
    ) as phone:
        answer = phone.request("GET", "/v1/projects/wk_demo/settings", headers={"Host": host})
        assert answer.json()["integrations"]["Segment.io"]["apiHost"] == f"{host}/v1"
        for name in MOBILE_CALLS:
            (file,) = Path("fixtures/sdks").glob(f"{name}*.json")
            call = json.loads(file.read_bytes())["request"]
            body, headers = json.dumps(call["json"]).encode(), {**call["headers"], "Host": host}
            if call["gzip"]:
                body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
            chunked = call["chunked"]
            phone.request("POST", call["path"], body=body, headers=headers, chunked=chunked)
    assert len(emulator.list_events()) == len(MOBILE_CALLS)


def test_our_own_commands_trust_the_authority_that_is_named(
    emulator: TlsEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    feature = tmp_path / "songs.feature"
    feature.write_text(FEATURE)
    command = ["health", "--url", emulator.https_url]
    refused = CliRunner().invoke(main, command)
    assert refused.exit_code in (1, 2)
    assert "Set REQUESTS_CA_BUNDLE to the file of its authority" in refused.output
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", emulator.authority)
    for trusted in (command, ["verify", "--url", emulator.https_url, str(feature)]):
        result = CliRunner().invoke(main, trusted)
        assert result.exit_code == 0, result.output


def test_a_client_without_trust_sends_nothing(emulator: TlsEmulator) -> None:
    with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        requests.get(emulator.https_url, timeout=TIMEOUT_S)


def test_https_at_the_http_port_is_explained_in_the_log(emulator: TlsEmulator) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(emulator.url.replace("http:", "https:"), timeout=TIMEOUT_S)
    assert "a client asked for https at the port for http: use http://" in emulator.log.read_text()


def test_the_host_names_of_production_reach_segment_but_no_page(emulator: TlsEmulator) -> None:
    headers = {"Host": "cdn.segment.com"}
    settings = emulator.get("/v1/projects/wk_demo/settings", headers=headers).json()
    assert settings["integrations"]["Segment.io"]["apiHost"] == "cdn.segment.com/v1"
    assert emulator.get("/emulator/v1/messages", headers=headers).status_code == 403
    assert emulator.get("/", headers=headers).status_code == 403


def test_the_python_sdk_sends_over_https(emulator: TlsEmulator) -> None:
    subprocess.run(
        [sys.executable, "-c", PYTHON_SDK, emulator.https_url],
        env={**os.environ, "REQUESTS_CA_BUNDLE": emulator.authority},
        timeout=TIMEOUT_S,
        check=True,
    )
    assert emulator.list_events() == ["Song Played"]


@pytest.mark.extended
def test_the_node_sdk_sends_over_https(
    emulator: TlsEmulator, npm_folder: Callable[..., Path]
) -> None:
    folder = npm_folder("sdk-over-https", "@segment/analytics-node@3.1.0")
    plan = {
        "options": {"writeKey": "wk_demo", "host": emulator.https_url},
        "calls": [["track", {"userId": "ada", "event": "Song Played"}]],
    }
    ran = subprocess.run(
        ["node", str(Path(__file__).parents[1] / "sdks" / "send.cjs"), str(folder)],
        input=json.dumps(plan),
        env={**os.environ, "NODE_EXTRA_CA_CERTS": emulator.authority},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    assert ran.stdout == "[]\n"
    assert emulator.list_events() == ["Song Played"]


@pytest.mark.extended
@pytest.mark.skipif(not shutil.which("keytool"), reason="Java is not installed")
def test_java_imports_the_authority_as_documented(emulator: TlsEmulator, tmp_path: Path) -> None:
    steps = json.loads(run_certificate(Path(emulator.authority).parents[1], "--json"))["trust"]
    subprocess.run(steps["Java"].splitlines()[0], shell=True, cwd=tmp_path, check=True)
    assert (tmp_path / "emulator.p12").stat().st_size > 0


@pytest.mark.extended
def test_an_unchanged_page_is_led_here_by_the_names_of_production(
    emulator: TlsEmulator, browser: Browser, npm_folder: Callable[..., Path]
) -> None:
    emulator_port = emulator.https_url.rpartition(":")[2]
    names = ("cdn.segment.com", "api.segment.io")
    rules = ",".join(f"MAP {name}:443 127.0.0.1:{emulator_port}" for name in names)
    folder = npm_folder("snippet-over-https", "@segment/snippet@5.2.1")
    script = "require('@segment/snippet').min({apiKey: 'wk_production', page: false})"
    snippet = subprocess.run(
        ["node", "-p", script], cwd=folder, capture_output=True, text=True, check=True
    ).stdout
    program = next(filter(None, map(shutil.which, CHROMIUM_PROGRAMS)))
    # Chromium asks before a page from elsewhere may speak to this machine.
    flags = [*CHROMIUM_FLAGS, f"--host-resolver-rules={rules}"]
    flags += ["--disable-features=LocalNetworkAccessChecks"]
    led = browser.browser_type.launch(executable_path=program, args=flags)
    try:
        page = led.new_page(ignore_https_errors=True)
        html = SNIPPET_PAGE.replace("SNIPPET", snippet)
        page.route("https://shop.example/", lambda route: route.fulfill(body=html))
        with page.expect_response(re.compile("/v1/t$"), timeout=TIMEOUT_S * 1000) as sent:
            page.goto("https://shop.example/")
        assert sent.value.url == "https://cdn.segment.com/v1/t"
        assert sent.value.ok
    finally:
        led.close()
    assert emulator.list_events() == ["Song Played"]


def run_certificate(cache: Path, *options: str) -> str:
    ran = CliRunner().invoke(main, ["certificate", "--cache", str(cache), *options])
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def test_the_authority_is_made_once_and_only_its_user_reads_the_key(tmp_path: Path) -> None:
    printed = run_certificate(tmp_path)
    key = tmp_path / "tls" / "ca-key.pem"
    content = key.read_bytes()
    assert str(tmp_path / "tls" / "ca.pem") in printed
    assert run_certificate(tmp_path) == printed
    assert (key.read_bytes(), key.stat().st_mode & 0o077) == (content, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--tls-cert", "own.pem"], "--tls-cert needs --tls-key", id="no key"),
        pytest.param(["--tls-key", "own.key"], "--tls-key needs --tls-cert", id="no certificate"),
        pytest.param(
            ["--tls-cert", "none.pem", "--tls-key", "own.key"],
            "none.pem: this file cannot be read",
            id="no file",
        ),
        pytest.param(
            ["--tls-cert", "own.pem", "--tls-key", "other.key"],
            "own.pem, other.key: this certificate and its key cannot be used",
            id="another key",
        ),
        pytest.param(
            ["--tls-cert", "text.pem", "--tls-key", "own.key"],
            "text.pem, own.key: this certificate and its key cannot be used",
            id="no PEM",
        ),
        pytest.param(["--tls", "--cache", "broken"], "local certificate authority", id="authority"),
        pytest.param(["--tls-port", "99999"], "--tls-port: '99999' cannot be used", id="port"),
        pytest.param(["--public-url", "qa.example"], "--public-url: 'qa.example'", id="address"),
        pytest.param(["--allowed-hosts", "a b"], "--allowed-hosts: 'a b'", id="host name"),
    ],
)
def test_what_cannot_be_used_ends_the_command_with_one_line(
    options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("own", "other"):
        leaf = trustme.CA().issue_cert("localhost")
        leaf.cert_chain_pems[0].write_to_path(f"{name}.pem")
        leaf.private_key_pem.write_to_path(f"{name}.key")
    Path("text.pem").write_text("no certificate")
    Path("broken", "tls").mkdir(parents=True)
    Path("broken", "tls", "ca.pem").write_text("no certificate")
    result = CliRunner().invoke(main, ["serve", "--port", "0", "--db", ":memory:", *options])
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert message in result.stderr


def test_the_certificate_names_all_that_apps_call_this_machine() -> None:
    config = Config(
        host="0.0.0.0",
        allowed_hosts=("emulator", "my_service"),
        public_url="https://qa.example:9443/tools",
    )
    names = list_certificate_names(config)
    expected = {"localhost", "127.0.0.1", "::1", "10.0.2.2", "emulator", "qa.example"}
    assert expected | {"cdn.segment.com", "api.segment.io"} <= set(names)
    assert not {"0.0.0.0", "my_service"} & set(names)
