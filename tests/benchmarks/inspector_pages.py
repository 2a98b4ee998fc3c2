"""Benchmark of the inspector: message lists, and a new message on the screen."""

import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import requests
from benchmark_size import BenchmarkSize
from measures import Goal, Measure
from playwright.sync_api import sync_playwright
from server_processes import ServerProcess, start_emulator

LIST_GOAL, SCREEN_GOAL = Goal("at most", 300), Goal("at most", 200)
ROUND_COUNT = 9
LIST_QUERIES = {
    "all": "",
    "an event": 'query=event:"Order+Completed"',
    "a user": "query=user:user7-4711",
    "a rare verdict": "query=verdict:rejected",
    "a subscription": 'query=subscription:"Order+Completed+Event"',
    "a type and a verdict": "query=type:track+verdict:accepted",
    "a type that never came": "query=type:alias",
    "text that is nowhere": "query=nowhere-at-all",
    "text that is in all": "query=shop.example",
    "a path that is nowhere": "query=has:properties.nowhere",
    "a path and its value": "query=properties.order_id%3Dorder-none",
    "a range of a path": "query=properties.total:1000000..2000000",
    "a path that Insider One never received": "query=insider.attributes.nowhere:1",
    "an hour": "query=since:60m",
    "an older page": "before=800",
}
SEARCHES_TO_THE_END = ("text that is nowhere", "a path that is nowhere")
NEXT_PAGE_LINK = re.compile(r'rel="next" href="([^"]*)"')
QUERIES_WITH_TOTALS = (
    "all",
    "an event",
    "text that is nowhere",
    "a path that is nowhere",
    "an hour",
)


def measure_live_update(scale: BenchmarkSize) -> Iterator[Measure]:
    """Measure from the answer to an SDK until the browser shows the row."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        start_emulator(Path(folder) / "pages.db") as server,
        sync_playwright() as playwright,
        requests.Session() as session,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        call = {"writeKey": "wk_demo", "userId": "ada", "event": "Wish Listed"}
        session.post(f"{server.url}/v1/track", json=call, timeout=5).raise_for_status()
        page.goto(server.url)
        page.wait_for_selector("#rows tr")

        def arrival() -> float:
            before = page.locator("#rows tr").first.get_attribute("id")
            # The page notes when its first row is another: asking it costs time of its own.
            page.evaluate(
                """before => { window.seen = new Promise(done => new MutationObserver(() => {
                    const first = document.querySelector('#rows tr');
                    if (first && first.id !== before) done(Date.now());
                }).observe(document.getElementById('list'), {childList: true, subtree: true})) }""",
                before,
            )
            session.post(f"{server.url}/v1/track", json=call, timeout=5).raise_for_status()
            answered = time.time() * 1000
            seen_at: float = page.evaluate("window.seen")
            time.sleep(0.3)  # a push alone, not one that waits for the last
            return seen_at - answered

        yield Measure("a message on the screen", _median_ms(arrival), "ms", goal=SCREEN_GOAL)
        browser.close()


def measure_message_lists(server: ServerProcess, message_count: int) -> Iterator[Measure]:
    """Measure lists and totals of *message_count* messages for each query."""
    with requests.Session() as session:
        for title, query in LIST_QUERIES.items():
            took = _median_ms(partial(_time_page, session, f"{server.url}/?{query}"))
            yield Measure(f"list of {message_count:,}: {title}", took, "ms", goal=LIST_GOAL)
        for title in SEARCHES_TO_THE_END:
            took = _time_all_pages(session, f"{server.url}/?{LIST_QUERIES[title]}")
            yield Measure(f"list of {message_count:,}: {title}, searched to the end", took, "ms")
        for title in QUERIES_WITH_TOTALS:
            address = f"{server.url}/?{LIST_QUERIES[title]}&part=totals"
            took = _median_ms(partial(_time_page, session, address))
            yield Measure(f"totals of {message_count:,}: {title}", took, "ms", goal=LIST_GOAL)


def _time_all_pages(session: requests.Session, address: str) -> float:
    """Return the milliseconds of a page and all its next pages."""
    began = time.perf_counter()
    while address:
        next_link = NEXT_PAGE_LINK.search(session.get(address, timeout=120).text)
        address = urljoin(address, unescape(next_link[1])) if next_link else ""
    return (time.perf_counter() - began) * 1000


def _time_page(session: requests.Session, address: str) -> float:
    started = time.perf_counter()
    session.get(address, timeout=120).raise_for_status()
    return (time.perf_counter() - started) * 1000


def _median_ms(measure: Callable[[], float]) -> float:
    """Return the median in milliseconds, without a first call that compiles things."""
    measure()
    return statistics.median(measure() for _ in range(ROUND_COUNT))
