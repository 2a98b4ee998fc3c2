"""Retries on the pages: sent when due while a page is open, and announced before."""

from datetime import timedelta

import pytest
import requests
from playwright.sync_api import Page, expect

from inspector.running_emulator import RunningEmulator
from segment_insider_emulator.types import JSONObject

SUNG: JSONObject = {"type": "track", "userId": "ada", "event": "sung"}


def fail_next(emulator: RunningEmulator, times: int) -> None:
    body = {"status": 500, "times": times}
    requests.post(f"{emulator.url}/emulator/v1/faults", json=body, timeout=60).raise_for_status()


@pytest.mark.extended
def test_a_due_retry_appears_on_an_open_list(emulator: RunningEmulator, page: Page) -> None:
    page.goto(emulator.url)
    fail_next(emulator, 1)
    emulator.send(SUNG)
    row = page.locator("#rows tr")
    expect(row).to_contain_text("Accepted")


def test_a_request_of_a_page_sends_due_retries(emulator: RunningEmulator) -> None:
    fail_next(emulator, 1)
    emulator.send(SUNG)
    (waiting,) = emulator.parts.store.list_messages()[0]
    assert waiting.verdict == "retrying"
    emulator.parts.clock.advance(timedelta(seconds=2))
    requests.get(f"{emulator.url}/messages/1", timeout=60)
    (sent,) = emulator.parts.store.list_messages()[0]
    assert sent.verdict == "accepted"


def test_the_event_page_says_what_it_waits_for(emulator: RunningEmulator, page: Page) -> None:
    emulator.parts.clock.freeze()
    fail_next(emulator, 1)
    emulator.send(SUNG)
    page.goto(f"{emulator.url}/messages/1")
    expect(page.get_by_text("Waiting for attempt 2, due at")).to_contain_text(
        "The clock stands still: move it to send the attempt."
    )
    (waiting,) = emulator.parts.store.list_messages()[0]
    assert (waiting.reason or "").startswith("attempt 1 failed, the next is due at ")
    requests.post(f"{emulator.url}/emulator/v1/clock", json={"advance": "2 seconds"}, timeout=60)
    expect(page.get_by_text("The retries are over:")).to_contain_text("Accepted")
    page.get_by_role("link", name="Show the result").click()
    expect(page.locator(".stations")).to_contain_text("2 attempts")
