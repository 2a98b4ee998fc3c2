"""The Scenarios pages: the list of runs, and the steps of one run."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from inspector.running_emulator import PHONE, RunningEmulator
from segment_insider_scenarios.client import ControlClient

HOSTILE = "<script>alert(1)</script>"
PASSED = {"keyword": "When", "text": "Ada buys a mug", "line": 6, "verdict": "passed"}
FAILED: dict[str, Any] = {
    "keyword": "Then",
    "text": f"Insider One receives two events\n| {HOSTILE} |",
    "line": 7,
    "verdict": "failed",
    "failure": f"expected: 2 events\nreceived: 1 event {HOSTILE}",
}
SKIPPED = {"keyword": "And", "text": "she is reachable", "line": 8, "verdict": "skipped"}


def make_run() -> dict[str, Any]:
    good = {"name": "A view", "line": 3, "verdict": "passed", "seconds": 0.2, "steps": [PASSED]}
    bad = {
        "name": f"An order {HOSTILE}",
        "line": 5,
        "verdict": "failed",
        "seconds": 1.3,
        "messages": ["m-1", "gone"],
        "failure": FAILED["failure"],
        "steps": [PASSED, FAILED, SKIPPED],
    }
    viewing = {"name": "Viewing", "uri": "features/view.feature", "scenarios": [good]}
    buying = {"name": "Buying", "uri": "features/buy.feature", "scenarios": [good, bad]}
    return {"startedAt": "2026-11-23T10:00:00Z", "features": [viewing, buying]}


def report_run(emulator: RunningEmulator) -> None:
    response = requests.post(
        f"{emulator.url}/emulator/v1/scenario-runs", json=make_run(), timeout=60
    )
    response.raise_for_status()


def test_an_empty_run_list_says_how_to_report_a_run(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    page.goto(f"{emulator.url}/scenarios")
    expect(page.get_by_role("heading", name="No scenario runs yet")).to_be_visible()
    accessible(page)


def test_a_failed_scenario_is_open_with_its_failure_and_messages(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    emulator.send({"type": "track", "event": "Rated", "userId": "ada", "messageId": "m-1"})
    report_run(emulator)
    page.goto(f"{emulator.url}/scenarios")
    expect(page.get_by_role("row").nth(1)).to_contain_text("2 passed 1 failed")
    accessible(page)
    page.get_by_role("link", name="23 Nov 2026").click()
    expect(page.get_by_role("heading", level=2)).to_have_text(["Buying", "Viewing"])
    failed = page.get_by_role("region", name="Buying").locator("details[open]")
    expect(failed).to_have_count(1)
    expect(failed.locator("pre")).to_have_text(FAILED["failure"])
    accessible(page)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    expect(failed.get_by_role("link")).to_have_count(1)
    failed.get_by_role("link", name="m-1").click()
    expect(page).to_have_url(f"{emulator.url}/messages/1")


@pytest.mark.extended
def test_a_failed_scenario_links_to_its_sandbox_while_that_exists(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    with ControlClient(emulator.url) as client:
        sandbox = client.create_sandbox(id="red")
        call = {"type": "track", "event": "Rated", "userId": "ada", "messageId": "m-1"}
        batch = {"writeKey": sandbox["writeKey"], "batch": [call]}
        requests.post(f"{emulator.url}/v1/batch", json=batch, timeout=60).raise_for_status()
        run = make_run()
        bad = run["features"][1]["scenarios"][1]
        other = {**bad, "name": "Another order", "sandbox": "gone"}
        bad["sandbox"] = "red"
        run["features"][1]["scenarios"].append(other)
        client.report_scenario_run(run)
    page.goto(f"{emulator.url}/scenarios/1")
    existing, gone = (page.locator("details[open]").nth(at) for at in (0, 1))
    expect(existing.get_by_role("link")).to_have_text(["m-1", "red"])
    expect(gone.get_by_role("link")).to_have_count(0)
    expect(gone).to_contain_text(
        f"With --url {emulator.url}, sandboxes of failed scenarios are kept."
    )
    accessible(page)
    existing.get_by_role("link", name="m-1").click()
    expect(page).to_have_url(f"{emulator.url}/sandboxes/red/messages/1")
