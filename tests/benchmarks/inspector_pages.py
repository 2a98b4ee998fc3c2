"""Benchmark of the inspector: lists by query, a message on the screen, a page under load."""

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
from database_filler import DatabaseFiller
from http_load import post_bodies
from measures import Goal, Measure
from pipeline import CONNECTION_COUNT, make_batches, make_calls
from playwright.sync_api import Page, sync_playwright
from server_processes import ServerProcess, start_emulator

from segment_insider_emulator.types import JSONObject

LIST_GOAL, SCREEN_GOAL = Goal("at most", 300), Goal("at most", 200)
ROUND_COUNT = 9
ORIGINAL_MESSAGE_COUNT = 1_000  # sent over HTTP; the other messages are copies of them
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
    "a negation": 'query=not+event:"Order+Completed"+properties.currency!%3DEUR',
    "a rare negation": "query=verdict!%3Daccepted",
    "no text": "query=not+shop.example",
    "entries of a list": "query=properties.products[].price>1000000",
    "a part of a text": "query=properties.name~nowhere",
    "all documents": "query=nowhere-at-all+or+properties.nowhere:1+or+insider.attributes.nowhere:1",
    "sorted by event": "sort=event",
    "sorted by verdict": "sort=-verdict",
    "sorted by requests": "sort=-requests",
    "oldest first": "sort=time",
    "sorted by a value": "sort=-properties.revenue",
    "sorted by what Insider One received": "sort=insider.events[].event_name",
    "columns": "column=properties.price&column=insider.events[].event_name&column=sent.userId",
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


LOAD_PER_SECOND, LOAD_SECONDS = 170, 20  # ten thousand messages a minute
LOAD_BATCH = 17


def measure_pages(scale: BenchmarkSize) -> Iterator[Measure]:
    """Measure the Live page: one message, a load, and queries of many messages."""
    yield from measure_live_update()
    yield from measure_filled_lists(scale.captured[-1])


def measure_filled_lists(message_count: int) -> Iterator[Measure]:
    """Measure lists of about *message_count* messages, filled with copies."""
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "lists.db"
        with start_emulator(db) as server:
            bodies = make_batches(make_calls(ORIGINAL_MESSAGE_COUNT))
            post_bodies(server.port, "/v1/batch", bodies, CONNECTION_COUNT)
        stored_count = DatabaseFiller(db).fill_to(message_count)
        with start_emulator(db) as server:
            yield from measure_message_lists(server, stored_count)


def measure_live_update() -> Iterator[Measure]:
    """Measure from the answer to an SDK until the browser shows the row, and a page under load."""
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
        call: JSONObject = {"writeKey": "wk_demo", "userId": "ada", "event": "Wish Listed"}
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
        yield from _measure_load(page, partial(_send_batch, session, server, call))
        browser.close()


def _send_batch(session: requests.Session, server: ServerProcess, call: JSONObject) -> None:
    body = {"writeKey": "wk_demo", "batch": [{"type": "track", **call}] * LOAD_BATCH}
    session.post(f"{server.url}/v1/batch", json=body, timeout=30).raise_for_status()


def _measure_load(page: Page, send_batch: Callable[[], None]) -> Iterator[Measure]:
    """Measure how smooth the page is while messages come at LOAD_PER_SECOND."""
    page.evaluate(
        """() => { window.isTheSamePage = true; window.longTasks = [];
        new PerformanceObserver(list => longTasks.push(...list.getEntries().map(e => e.duration)))
            .observe({entryTypes: ['longtask']}) }"""
    )
    started = time.monotonic()
    for number in range(LOAD_PER_SECOND * LOAD_SECONDS // LOAD_BATCH):
        page.wait_for_timeout(
            max(0.0, (started + number * LOAD_BATCH / LOAD_PER_SECOND - time.monotonic()) * 1000)
        )
        send_batch()
    rate = LOAD_PER_SECOND * LOAD_SECONDS / (time.monotonic() - started)
    page.wait_for_timeout(2_000)
    assert page.evaluate("window.isTheSamePage")
    at = f"at {rate:.0f} messages a second"
    tasks: list[float] = page.evaluate("window.longTasks")
    yield Measure(f"longest task of the page, {at}", max(tasks, default=0), "ms", goal=SCREEN_GOAL)
    yield Measure(f"share of time in long tasks, {at}", sum(tasks) / LOAD_SECONDS / 10, "%")
    rows = page.locator("#rows tr").count()
    yield Measure(f"rows of the page, {at}", rows, "rows", goal=Goal("at most", 500))
    page.request_gc()
    heap = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    yield Measure(f"memory of the page's script, {at}", heap, "MB", goal=Goal("at most", 50))


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
