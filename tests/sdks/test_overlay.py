"""The overlay in an app's own page shows the verdict of each call of real analytics.js."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from flask import Flask, Response
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from sdks.sdk_emulator import SdkEmulator, run_emulator
from sdks.sdk_senders import BrowserSdk
from segment_insider_emulator.segment.assets import AnalyticsJsAssets
from segment_insider_emulator.web.server import serve_app_in_thread

LIMIT_MS = 60_000
PANEL = "segment-emulator-overlay"
FIND_GLOBALS = "Object.getOwnPropertyNames(window).filter((name) => /emulator/i.test(name))"
FIND_SHIFTS = """() => new Promise((resolve) => {
  const shifts = [];
  new PerformanceObserver((list) => shifts.push(...list.getEntries()))
    .observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(shifts.map((shift) =>
    shift.sources.map((source) => source.node?.nodeName ?? "none").join()))));
})"""


@pytest.fixture
def watched(cache: Path, assets: AnalyticsJsAssets) -> Iterator[SdkEmulator]:
    with run_emulator(cache, overlay=True) as emulator:
        yield emulator


@contextmanager
def open_shop(browser: Browser, html: str, policy: str = "") -> Iterator[tuple[Page, list[str]]]:
    """Open a page of a shop with a content security policy; yield it and its errors."""
    shop, errors = Flask(__name__), []

    def serve_page() -> Response:
        headers = {"Content-Security-Policy": policy} if policy else {}
        return Response(html, mimetype="text/html", headers=headers)

    def record_error(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    shop.add_url_rule("/", "page", serve_page)
    shop.add_url_rule("/favicon.ico", "icon", lambda: b"")
    with serve_app_in_thread(shop) as url, browser.new_context() as context:
        context.set_default_timeout(LIMIT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", record_error)
        page.goto(url)
        yield page, errors


@pytest.mark.observed
def test_the_overlay_shows_each_call_and_opens_its_event(
    watched: SdkEmulator, snippet_sdk: BrowserSdk
) -> None:
    with snippet_sdk.open_page(watched.url, {}) as page:
        page.evaluate("void analytics.track('Product Viewed', {product_id: 'mug', gift_wrap: 1})")
        panel = page.locator(PANEL)
        expect(panel).to_contain_text("Product Viewed", timeout=LIMIT_MS)
        page.evaluate("void analytics.track('Cart Viewed', {currency: 'EUR'})")
        expect(panel).to_contain_text("Dropped by Insider One", timeout=LIMIT_MS)
        expect(panel.get_by_role("link")).to_have_count(2)
        assert page.evaluate(FIND_GLOBALS) == ["segmentEmulatorOverlay"]
        assert page.evaluate(FIND_SHIFTS) == []
        assert page.locator(f"body {PANEL}").count() == 0
        with page.expect_popup() as opened:
            panel.get_by_role("link").last.click()
        expect(opened.value.get_by_role("heading", level=1)).to_have_text("Product Viewed")
        panel.get_by_role("button", name="Close").click()
        expect(panel).to_have_count(0)


def test_the_overlay_is_off_by_default(end: SdkEmulator, snippet_sdk: BrowserSdk) -> None:
    with snippet_sdk.open_page(end.url, {}) as page:
        assert page.evaluate(FIND_GLOBALS) == []
        expect(page.locator(PANEL)).to_have_count(0)


def test_one_script_tag_shows_the_overlay_under_a_strict_policy(
    end: SdkEmulator, browser: Browser
) -> None:
    html = (
        "<!doctype html><title>Shop</title>"
        f"<style nonce=n>{PANEL} {{ display: none }} * {{ font-size: 40px }}</style>"
        f'<script nonce=n src="{end.url}/overlay/wk_demo/overlay.js"></script>'
    )
    policy = (
        f"default-src 'none'; script-src 'nonce-n'; style-src 'nonce-n'; "
        f"connect-src {end.url}; require-trusted-types-for 'script'"
    )
    with open_shop(browser, html, policy) as (page, errors):
        panel = page.locator(PANEL)
        expect(panel).to_contain_text("No call yet")
        page.evaluate("localStorage.setItem('ajs_anonymous_id', '\"anon-of-page\"')")
        call = {"writeKey": "wk_demo", "anonymousId": "anon-of-page", "event": "<img src=x>"}
        page.evaluate(
            "([url, body]) => fetch(url, { method: 'POST', body }).then(() => 0)",
            [f"{end.url}/v1/track", json.dumps(call)],
        )
        expect(panel.get_by_role("link")).to_contain_text("<img src=x>", timeout=LIMIT_MS)
        assert panel.evaluate("(node) => getComputedStyle(node).position") == "fixed"
        assert panel.locator("b").evaluate("(node) => getComputedStyle(node).fontSize") == "12.5px"
        assert errors == []


def test_an_emulator_that_is_gone_causes_no_error(cache: Path, browser: Browser) -> None:
    with run_emulator(cache) as emulator:
        script = requests.get(f"{emulator.url}/overlay/wk_demo/overlay.js", timeout=60).text
    with open_shop(browser, "<!doctype html><title>Shop</title>") as (page, errors):
        page.evaluate("localStorage.setItem('ajs_anonymous_id', '\"a\"')")
        page.add_script_tag(content=script)
        expect(page.locator(PANEL)).to_be_visible()
        page.evaluate(f"fetch('{emulator.url}/v1/t').catch(() => 0)")
        expect(page.locator(PANEL)).to_contain_text("gives no verdicts", timeout=LIMIT_MS)
        assert [error for error in errors if "ERR_CONNECTION" not in error] == []


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:3000", 200),
        ("http://shop.localhost:5173", 200),
        ("https://shop.example", 403),
        ("null", 403),
        (None, 403),
    ],
)
def test_only_pages_of_this_machine_see_verdicts_by_default(
    end: SdkEmulator, origin: str | None, status: int
) -> None:
    headers = {"Origin": origin} if origin else {}
    url = f"{end.url}/overlay/wk_demo/calls?anonymousId=a"
    assert requests.get(url, headers=headers, timeout=60).status_code == status


def test_a_page_sees_the_calls_of_its_own_anonymous_id_only(watched: SdkEmulator) -> None:
    for event, ids in (
        ("Mine", {"anonymousId": "mine"}),
        ("Of another", {"anonymousId": "other"}),
        ("Of a user", {"userId": "mine"}),
    ):
        call = {"writeKey": "wk_demo", "event": event, **ids}
        requests.post(f"{watched.url}/v1/track", json=call, timeout=60).raise_for_status()
    url = f"{watched.url}/overlay/wk_demo/calls"
    answer = requests.get(url, {"anonymousId": "mine", "age": "3600"}, timeout=60)
    assert [call["name"] for call in answer.json()["calls"]] == ["Mine"]
    assert requests.get(url, {"anonymousId": "mine", "age": "x"}, timeout=60).status_code == 400


SEND_CALL = """([url, count]) => Promise.all(Array.from({ length: count }, (_, at) =>
  fetch(`${url}/v1/track`, { method: "POST", body: JSON.stringify(
    { writeKey: "wk_demo", anonymousId: "anon-of-page", event: `Call ${at}` }) })))
  .then(() => 0)"""


def write_overlay_page(url: str) -> str:
    return (
        "<!doctype html><title>Shop</title>"
        "<script>localStorage.setItem('ajs_anonymous_id', '\"anon-of-page\"')</script>"
        f'<script src="{url}/overlay/wk_demo/overlay.js"></script>'
    )


def test_many_calls_ask_the_emulator_a_few_times(end: SdkEmulator, browser: Browser) -> None:
    with open_shop(browser, write_overlay_page(end.url)) as (page, errors):
        asked: list[str] = []
        page.on(
            "request",
            lambda request: asked.append(request.url) if "/calls?" in request.url else None,
        )
        page.evaluate(SEND_CALL, [end.url, 120])
        expect(page.locator(PANEL).get_by_role("link").first).to_contain_text("Call")
        expect(page.locator(PANEL).get_by_role("link")).to_have_count(8)
        assert 0 < len(asked) < 60  # four for each call before
        assert errors == []


def test_a_page_that_writes_its_document_anew_keeps_the_panel(
    end: SdkEmulator, browser: Browser
) -> None:
    with open_shop(browser, write_overlay_page(end.url)) as (page, errors):
        expect(page.locator(PANEL)).to_be_visible()
        page.evaluate("document.querySelector('segment-emulator-overlay').remove()")
        page.evaluate(SEND_CALL, [end.url, 1])
        expect(page.locator(PANEL).get_by_role("link")).to_have_count(1)
        assert errors == []


def test_an_app_in_a_frame_and_one_around_it_have_a_panel_each(
    end: SdkEmulator, browser: Browser
) -> None:
    frame = write_overlay_page(end.url).replace('"', "&quot;")
    html = f'{write_overlay_page(end.url)}<iframe srcdoc="{frame}"></iframe>'
    with open_shop(browser, html) as (page, errors):
        expect(page.locator(PANEL)).to_be_visible()
        expect(page.frame_locator("iframe").locator(PANEL)).to_be_visible()
        assert errors == []


@pytest.mark.parametrize(
    ("query", "origin", "status"),
    [
        ("age=nan", "http://localhost", 400),
        ("age=inf", "http://localhost", 200),
        ("age=", "http://localhost", 400),
        ("age=1", "http://[", 403),
        ("age=1", "http://[::1]:3000", 200),
    ],
)
def test_a_strange_question_is_answered_in_one_line(
    end: SdkEmulator, query: str, origin: str, status: int
) -> None:
    url = f"{end.url}/overlay/wk_demo/calls?anonymousId=a&{query}"
    assert requests.get(url, headers={"Origin": origin}, timeout=60).status_code == status
