"""An emulator inside a test process: its fixtures, and interception of unchanged applications."""

import asyncio
import json
import socket
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import httpx
import pytest
import requests
import segment.analytics as analytics  # type: ignore[import-untyped]  # ships no types
import urllib3
from flask import Flask
from playwright.sync_api import Browser

from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_scenarios import in_process, intercepting, intercepting_browser
from segment_insider_scenarios.running_emulator import ClockControl, InsiderOneView, RunningEmulator
from segment_insider_scenarios.shopper import Shopper, track_call
from segment_insider_scenarios.transport import SegmentShop

WISH = {"writeKey": "wk_real", "type": "track", "userId": "ada", "event": "Wish Listed"}


def test_the_fixtures_share_one_emulator(
    segment: SegmentShop,
    insider_one: InsiderOneView,
    shopper: Callable[..., Shopper],
    clock: ClockControl,
) -> None:
    clock.start("2026-11-23T12:00:00Z")
    clock.advance("45 minutes")
    segment.send(shopper("Ada"), track_call("Wish Listed"))
    names = [event["event_name"] for event in insider_one.events("uuid:ada")]
    received = [
        event["event_name"] for event in insider_one.requests()[0]["json"]["users"][0]["events"]
    ]
    assert (names, received) == (["wish_listed"], ["wish_listed"])
    assert len(insider_one.profiles()) == 1


def test_no_socket_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket.socket, "bind", refused)
    with in_process() as emulator:
        emulator.shop.send(Shopper("ada", None, "Ada", "L", "", ""), track_call("Wish Listed"))
        assert emulator.client.find_profile("uuid:ada")


def test_two_emulators_share_no_state_in_one_process() -> None:
    with in_process() as one, in_process("segment-defaults") as other:
        one.shop.send(Shopper("ada", None, "Ada", "L", "", ""), track_call("Wish Listed"))
        assert (len(one.client.list_profiles()), other.client.list_profiles()) == (1, [])


def test_the_sdk_of_an_application_is_intercepted(intercepted: RunningEmulator) -> None:
    """The SDK has no host of ours; the code under test stays as it is in production."""
    client = analytics.Client("the-real-write-key", sync_mode=True)
    client.track("ada", "Wish Listed", {"product_id": "mug"})
    profile = intercepted.client.find_profile("uuid:ada")
    assert profile
    assert [event["event_name"] for event in profile["events"]] == ["wish_listed"]


@pytest.mark.parametrize(
    ("url", "status"),
    [
        pytest.param("https://events.eu1.segmentapis.com/v1/track", 200, id="Segment in the EU"),
        pytest.param("https://api.segment.io:443/v1/track", 200, id="with its port"),
        pytest.param(
            "https://unification.useinsider.com/api/user/v1/upsert", 400, id="Insider One"
        ),
        pytest.param("https://contact.useinsider.com/sms/v1/subscribe", 401, id="Contact API"),
        pytest.param("https://sms.useinsider.com/v1/send", 501, id="not imitated"),
    ],
)
def test_requests_to_hosts_of_segment_and_insider_one_are_answered(
    intercepted: RunningEmulator, url: str, status: int
) -> None:
    call = {"event": "Wish Listed", "userId": "ada", "writeKey": "wk_demo"}
    assert requests.post(url, json=call).status_code == status


def test_source_settings_are_served_for_the_cdn_host(intercepted: RunningEmulator) -> None:
    url = "https://cdn.segment.com/v1/projects/wk_demo/settings"
    assert "integrations" in requests.get(url).json()


def send_with_urllib3(url: str) -> tuple[int, bytes]:
    with urllib3.PoolManager() as pools:
        answer = pools.request("POST", url, json=WISH)
        return answer.status, answer.data


def send_with_httpx(url: str) -> tuple[int, bytes]:
    answer = httpx.post(url, json=WISH)
    return answer.status_code, answer.content


async def send_with_async_httpx(url: str) -> tuple[int, bytes]:
    async with httpx.AsyncClient() as client:
        answer = await client.post(url, json=WISH)
        return answer.status_code, answer.content


async def send_with_aiohttp(url: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.post(url, json=WISH) as answer:
        return answer.status, await answer.read()


def run_in_thread(coroutine: Coroutine[None, None, tuple[int, bytes]]) -> tuple[int, bytes]:
    """Run *coroutine* where no browser of another test has its event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


@pytest.mark.parametrize(
    "send",
    [
        pytest.param(send_with_urllib3, id="urllib3"),
        pytest.param(send_with_httpx, id="httpx"),
        pytest.param(lambda url: run_in_thread(send_with_async_httpx(url)), id="httpx, async"),
        pytest.param(lambda url: run_in_thread(send_with_aiohttp(url)), id="aiohttp"),
    ],
)
def test_other_http_libraries_are_intercepted(
    emulator: RunningEmulator, send: Callable[[str], tuple[int, bytes]]
) -> None:
    with intercepting(emulator):
        assert send("https://api.segment.io/v1/track") == (200, b'{"success":true}')
        with serve_app_in_thread(Flask("another")) as url:
            assert send(f"{url}/v1/track")[0] == 404
    [message] = emulator.client.list_messages()
    assert (message["event"], message["userId"]) == ("Wish Listed", "ada")


def test_an_unchanged_page_reaches_the_emulator(
    emulator: RunningEmulator, browser: Browser
) -> None:
    send = "fetch('https://api.segment.io/v1/t', {method: 'POST', body: JSON.stringify(%s)})"
    html = f"<!doctype html><script>{send % json.dumps(WISH)}</script>"
    with browser.new_context() as context, intercepting_browser(emulator, context):
        page = context.new_page()
        page.route("https://shop.example/", lambda route: route.fulfill(body=html))
        with page.expect_response("https://api.segment.io/v1/t", timeout=30_000) as sent:
            page.goto("https://shop.example/")
        assert sent.value.json() == {"success": True}
        settings = page.evaluate(
            "fetch('https://cdn.segment.com/v1/projects/wk_real/settings')"
            ".then((answer) => answer.json())"
        )
        api_host = settings["integrations"]["Segment.io"]["apiHost"]
        assert page.evaluate(
            f"fetch('https://{api_host}/projects/wk_real/settings').then(a => a.ok)"
        )
    assert settings["integrations"]["Segment.io"]["protocol"] == "https"
    [message] = emulator.client.list_messages()
    assert message["event"] == "Wish Listed"


def test_a_page_may_close_while_its_calls_are_on_their_way(
    emulator: RunningEmulator, browser: Browser
) -> None:
    send = "fetch('https://api.segment.io/v1/t', {method: 'POST', body: '{}'})"
    html = f"<!doctype html><script>for (let at = 0; at < 20; at++) {send}</script>"
    for _ in range(2):
        page = browser.new_page()
        with intercepting_browser(emulator, page):
            page.route("https://shop.example/", lambda route: route.fulfill(body=html))
            page.goto("https://shop.example/", wait_until="commit")
            page.close()


def test_requests_to_other_hosts_are_not_intercepted(emulator: RunningEmulator) -> None:
    with serve_app_in_thread(Flask("another")) as url, intercepting(emulator):
        assert requests.get(url).status_code == 404


def test_nothing_is_intercepted_after_the_fixture_ends() -> None:
    before = requests.adapters.HTTPAdapter.send
    with in_process() as emulator, intercepting(emulator):
        assert requests.adapters.HTTPAdapter.send is not before
    assert requests.adapters.HTTPAdapter.send is before
