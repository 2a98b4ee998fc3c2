"""With a company's proxy in the environment, calls to this machine do not take it.

The proxy is one that refuses every connection, so a call that takes it fails.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import aiohttp
import httpx
import pytest
import requests
import urllib3
from click.testing import CliRunner

from segment_insider_emulator.cli import main
from segment_insider_emulator.cli.agent_tools import EmulatorTools
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_scenarios import in_process, intercepting
from segment_insider_scenarios.client import ControlClient
from segment_insider_scenarios.running_emulator import RunningEmulator, serve_emulator
from segment_insider_scenarios.shopper import make_shopper, track_call

DEAD_PROXY = "http://127.0.0.1:1"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
WISH = {"writeKey": "wk_demo", "type": "track", "userId": "ada", "event": "Wish Listed"}
SEGMENT_URL = "https://api.segment.io/v1/track"
FEATURE = """\
Feature: Wishes

  Scenario: A wish
    When Ada does "Wish Listed"
    Then Insider One receives exactly these events for Ada:
      | event_name  |
      | wish_listed |
"""


@pytest.fixture(autouse=True)
def _company_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, DEAD_PROXY)
        monkeypatch.setenv(name.lower(), DEAD_PROXY)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    with serve_emulator(load_preset_workspace("guide")) as running:
        running.shop.send(make_shopper("Ada"), track_call("Wish Listed"))
        yield running


def test_the_proxy_is_taken_by_a_program_that_asks_for_it(emulator: RunningEmulator) -> None:
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get(f"{emulator.url}/emulator/v1/health", timeout=30)


COMMANDS = {
    "health": ["health", "--url", "URL"],
    "send": ["send", "Wish Listed", "--url", "URL"],
    "tail": ["tail", "--no-follow", "--url", "URL"],
    "coverage": ["coverage", "--url", "URL"],
    "drift": ["drift", "--preset", "guide", "--traffic", "URL"],
    "contract record": ["contract", "record", "--from", "URL", "cases.ndjson"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_reaches_a_running_emulator(
    name: str, emulator: RunningEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [argument.replace("URL", emulator.url) for argument in COMMANDS[name]]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in (0, 1), result.output
    assert "no emulator answers" not in result.output


def test_a_program_with_exceptions_for_this_machine_reaches_it(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1,::1")
    answer = requests.post(f"{emulator.url}/v1/track", json=WISH, timeout=30)
    assert answer.status_code == 200


def test_the_tools_of_agents_reach_a_running_emulator(emulator: RunningEmulator) -> None:
    tools = EmulatorTools(partial(ControlClient.connect, emulator.url))
    assert tools.dry_run_event({"type": "page", "userId": "ada"})


def test_scenarios_reach_a_running_emulator_and_report_to_it(
    emulator: RunningEmulator, tmp_path: Path
) -> None:
    feature = tmp_path / "wishes.feature"
    feature.write_text(FEATURE)
    options = ["--url", emulator.url, "--report-to", emulator.url]
    result = CliRunner().invoke(main, ["verify", *options, str(feature)])
    assert result.exit_code == 0, result.output


def test_an_emulator_in_the_process_and_at_a_port_are_reached() -> None:
    with in_process() as emulator:
        emulator.shop.send(make_shopper("Ada"), track_call("Wish Listed"))
        assert emulator.client.find_profile("uuid:ada")
    with serve_emulator(load_preset_workspace("guide")) as emulator:
        emulator.shop.send(make_shopper("Ada"), track_call("Wish Listed"))
        assert emulator.client.find_profile("uuid:ada")


def send_with_requests() -> int:
    return requests.post(SEGMENT_URL, json=WISH, timeout=30).status_code


def send_with_urllib3() -> int:
    with urllib3.PoolManager() as pools:
        return pools.request("POST", SEGMENT_URL, body=json.dumps(WISH)).status


def send_with_httpx() -> int:
    return httpx.post(SEGMENT_URL, json=WISH, timeout=30).status_code


def run_in_thread(coroutine: Coroutine[None, None, int]) -> int:
    """Run *coroutine* where no browser of another test has its event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def send_with_httpx_async() -> int:
    async def send() -> int:
        async with httpx.AsyncClient(timeout=30) as client:
            return (await client.post(SEGMENT_URL, json=WISH)).status_code

    return run_in_thread(send())


def send_with_aiohttp() -> int:
    async def send() -> int:
        async with (
            aiohttp.ClientSession(trust_env=True) as session,
            session.post(SEGMENT_URL, json=WISH) as response,
        ):
            return response.status

    return run_in_thread(send())


@pytest.mark.parametrize(
    "send",
    [
        send_with_requests,
        send_with_urllib3,
        send_with_httpx,
        send_with_httpx_async,
        send_with_aiohttp,
    ],
)
def test_intercepted_calls_reach_the_emulator(send: Callable[[], int]) -> None:
    with in_process() as emulator, intercepting(emulator):
        assert send() == 200
        assert emulator.client.find_profile("uuid:ada")
