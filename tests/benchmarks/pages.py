"""How fast the pages are: a list of many messages, and a message on its way to the screen.

    python tests/benchmarks/pages.py [--messages 100000]

Prints milliseconds; exits 1 when a median is over its limit: 300 for a page of the list, 200 from
the SDK's answer to the screen.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import requests
from playwright.sync_api import sync_playwright

from emulator.app import create_app
from emulator.capture.records import Answer, Captured, Delivery, SentRequest, Verdict
from emulator.capture.store import Store
from emulator.config import Config
from emulator.parts import Parts
from emulator.server import serve_in_thread
from emulator.types import JSONObject
from emulator.workspace import preset

PAGE, SCREEN = 300.0, 200.0  # milliseconds
AT_ONCE = 2_000
ROUNDS = 15
NAMES = ("Product Viewed", "Product Added", "Cart Viewed", "Order Completed", "Wish Listed")
QUERIES = {
    "the list": "",
    "event": "event=Order+Completed",
    "user": "user=user-4711",
    "a rare verdict": "verdict=dropped",
    "subscription": "subscription=Order+Completed+Event",
    "type and verdict": "type=track&verdict=accepted",
    "text that is nowhere": "q=nowhere-at-all",
    "text that is in all": "q=shop.example",
    "a path that is nowhere": "path=$.properties.nowhere",
    "a path and its value": "path=$.properties.order_id%3Do-77777",
    "an hour": "since=2026-11-23T10:00&until=2026-11-23T11:00",
    "an older page": "before=20000",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    count = parser.parse_args().messages
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Config(db=str(Path(folder) / "many.db")), preset("guide"))
        own: Parts = app.extensions["emulator"]
        fill(own.store, count)
        with serve_in_thread(app) as url:
            slow = [*lists(url), *screen(url)]
        own.close()
    sys.exit(1 if slow else 0)


def fill(store: Store, count: int) -> None:
    """Keep *count* messages of a day, as they would be kept."""
    for start in range(0, count, AT_ONCE):
        store.record([captured(number) for number in range(start, min(start + AT_ONCE, count))])


def captured(number: int) -> Captured:
    name, second = NAMES[number % len(NAMES)], number * 86_400 // 100_000
    at = f"2026-11-23T{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}.000Z"
    call: JSONObject = {
        "messageId": f"m-{number}",
        "type": "track",
        "event": name,
        "userId": f"user-{number % 5000}",
        "timestamp": at,
        "context": {
            "library": {"name": "analytics.js", "version": "npm:next-1.84.3"},
            "page": {"url": "https://shop.example/kitchen/mugs?page=2", "title": "Mugs"},
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0",
        },
        "properties": {
            "order_id": f"o-{number}",
            "currency": "EUR",
            "products": [{"product_id": f"p-{each}", "price": 8.5} for each in range(3)],
        },
    }
    verdict: Verdict = "dropped" if number % 997 == 0 else "accepted"
    headers = {"content-type": "application/json"}
    body = '{"users":[{"identifiers":{"uuid":"ada"},"events":[]}],"platform":"segment"}'
    delivery = Delivery(
        f"m-{number}", name, f"{name} Event", "trackEvent", verdict, None,
        request=SentRequest("POST", "https://unification.useinsider.com", headers, body),
        response=Answer(200, "{}"),
    )  # fmt: skip
    return Captured(
        f"m-{number}", "track", name, f"user-{number % 5000}", None, at, verdict, None, call,
        {**call, "receivedAt": at}, (delivery,), source="Web shop",
    )  # fmt: skip


def lists(url: str) -> Iterator[str]:
    with requests.Session() as session:
        for title, query in QUERIES.items():
            yield from told(title, PAGE, partial(page, session, f"{url}/?{query}"))


def page(session: requests.Session, address: str) -> float:
    started = time.perf_counter()
    session.get(address, timeout=30).raise_for_status()
    return (time.perf_counter() - started) * 1000


def screen(url: str) -> Iterator[str]:
    """From the answer that an SDK gets to the row in a browser."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return
    with sync_playwright() as playwright, requests.Session() as session:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        shown = browser.new_page()
        shown.goto(url)
        shown.wait_for_selector("#rows tr")

        def arrival() -> float:
            before = shown.locator("#rows tr").first.get_attribute("id")
            # The page notes when its first row is another: asking it costs time of its own.
            shown.evaluate(
                """before => { window.seen = new Promise(done => new MutationObserver(() => {
                    const first = document.querySelector('#rows tr');
                    if (first && first.id !== before) done(Date.now());
                }).observe(document.getElementById('list'), {childList: true, subtree: true})) }""",
                before,
            )
            call = {"writeKey": "wk_demo", "userId": "ada", "event": "Wish Listed"}
            session.post(f"{url}/v1/track", json=call, timeout=5).raise_for_status()
            answered = time.time() * 1000
            seen: float = shown.evaluate("window.seen")
            time.sleep(0.3)  # a push alone, not one that waits for the last
            return seen - answered

        yield from told("a message on the screen", SCREEN, arrival)
        browser.close()


def told(title: str, limit: float, measure: Callable[[], float]) -> Iterator[str]:
    """Print what *measure* says; gives *title* when its median is over *limit*."""
    measure()
    times = sorted(measure() for _ in range(ROUNDS))
    median = statistics.median(times)
    print(f"{title:26} median {median:7.1f} ms, longest {times[-1]:7.1f} ms")  # noqa: T201
    if median > limit:
        yield title


if __name__ == "__main__":
    main()
