"""Segment's published SDKs behind one signature."""

import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import orjson
import segment.analytics as sdk  # type: ignore[import-untyped]  # ships no types
from flask import Flask
from playwright.sync_api import Browser, Page, Response

from sdks.guide_calls import SdkCall
from segment_insider_emulator.segment.assets import AnalyticsJsAssets
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.server import serve_app_in_thread

SDKS_FOLDER = Path(__file__).parent
SDK_TIMEOUT_S = 120.0  # seconds until an SDK must have come to an end


class SdkSender(Protocol):
    """Sends calls with an SDK and returns the failures that the SDK reports.

    Args:
        options: Of the SDK itself.
    """

    def __call__(self, url: str, calls: Iterable[SdkCall], **options: Any) -> list[str]: ...


def send_with_python_sdk(url: str, calls: Iterable[SdkCall], **options: Any) -> list[str]:
    """Send calls with segment-analytics-python."""
    failures: list[str] = []
    options = {"on_error": lambda error, _: failures.append(str(error)), **options}
    client = sdk.Client("wk_demo", host=url, **options)
    for kind, name, body in calls:
        match kind:
            case "identify":
                client.identify("ada", body)
            case "page":
                client.page("ada", None, name, body)
            case _:
                client.track("ada", name, body)
    if client.consumers:  # none in its sync_mode, and then shutdown() breaks
        client.shutdown()
    return failures


@dataclass(frozen=True, slots=True)
class NodeSdk:
    """@segment/analytics-node, installed in *folder*."""

    folder: Path

    def __call__(self, url: str, calls: Iterable[SdkCall], **options: Any) -> list[str]:
        plan = {
            "options": {"writeKey": "wk_demo", "host": url, **options},
            "calls": [
                (kind, _build_call_arguments(kind, name, body)) for kind, name, body in calls
            ],
        }
        ran = subprocess.run(
            ["node", str(SDKS_FOLDER / "send.cjs"), str(self.folder)],
            input=orjson.dumps(plan),
            capture_output=True,
            timeout=SDK_TIMEOUT_S,
            check=True,
        )
        failures: list[str] = orjson.loads(ran.stdout)
        return failures


@dataclass(slots=True)
class BrowserSdk:
    """@segment/analytics-next in a page of its own.

    Args:
        page: HTML of the page for an emulator's URL and the SDK's options.
        assets: What the page's own server has: the npm bundle.
        external_requests: Requests that would have left this machine.
    """

    browser: Browser
    page: Callable[[str, JSONObject], str]
    assets: AnalyticsJsAssets
    external_requests: list[str] = field(default_factory=list)

    def __call__(self, url: str, calls: Iterable[SdkCall], **options: Any) -> list[str]:
        call_list = list(calls)
        with self.open_page(url, options) as page:
            delivered = _count_delivered_calls(page)
            page.evaluate((SDKS_FOLDER / "shop.js").read_text("utf-8"), call_list)
            until = time.monotonic() + SDK_TIMEOUT_S
            while sum(delivered) + len(failures := page.evaluate("failures")) < len(call_list):
                assert time.monotonic() < until, f"{sum(delivered)} of {len(call_list)} delivered"
                page.wait_for_timeout(20)
            return list(failures)

    @contextmanager
    def open_page(self, url: str, options: JSONObject) -> Iterator[Page]:
        """Open the page with the SDK loaded; no request reaches another machine.

        A server of its own makes it local: Chromium lets no other page speak to this machine.
        """
        with (
            serve_app_in_thread(self._make_shop_app(url, options)) as shop,
            self.browser.new_context() as open_,
        ):
            open_.set_default_timeout(SDK_TIMEOUT_S * 1000)
            open_.on("request", lambda asked: self._record_external_request(asked.url, (url, shop)))
            page = open_.new_page()
            page.goto(shop)
            page.wait_for_function(
                "window.analytics && (analytics.initialized || analytics.instance)"
            )
            yield page

    def _make_shop_app(self, url: str, options: JSONObject) -> Flask:
        app = Flask(__name__)
        app.add_url_rule("/", "page", lambda: self.page(url, options))
        app.add_url_rule("/index.js", "bundle", lambda: self.assets.read_file("index.js") or b"")
        app.add_url_rule("/favicon.ico", "icon", lambda: b"")
        return app

    def _record_external_request(self, url: str, own_url: tuple[str, ...]) -> None:
        if not url.startswith(own_url):
            self.external_requests.append(url)


def _build_call_arguments(kind: str, name: str, body: JSONObject) -> JSONObject:
    if kind == "identify":
        return {"userId": "ada", "traits": body}
    key = "event" if kind == "track" else "name"
    return {"userId": "ada", key: name, "properties": body}


def _count_delivered_calls(page: Page) -> list[int]:
    """Return a list that fills with the number of calls of each answered request."""
    counts: list[int] = []

    def answered(response: Response) -> None:
        if response.request.method == "POST" and response.ok:
            body = orjson.loads(response.request.post_data or "")
            counts.append(len(body.get("batch", [body])))

    page.on("response", answered)
    return counts
