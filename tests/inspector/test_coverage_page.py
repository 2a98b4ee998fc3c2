"""The Coverage page and its route of the control API."""

from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page, expect

from inspector.running_emulator import PHONE, RunningEmulator


def test_the_board_shows_what_is_right_lost_and_missing(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    page.goto(f"{emulator.url}/workspace")
    page.get_by_role("link", name="Coverage").click()
    expect(page.get_by_text("No event to check yet.")).to_be_visible()
    emulator.send(
        {"type": "identify", "userId": "ada", "traits": {"age": 34}},
        {"type": "track", "event": "Product Viewed", "userId": "ada", "properties": {}},
    )
    page.reload()
    attributes = page.get_by_role("region", name="Attributes")
    age = attributes.get_by_role("listitem").filter(has=page.get_by_text("age", exact=True))
    expect(age).to_contain_text("Seen and right")
    events = page.get_by_role("region", name="Events")
    viewed = events.get_by_role("listitem").filter(has_text="Product Viewed Event")
    expect(viewed).to_contain_text("Seen and right")
    expect(viewed).to_contain_text("Never filled: parameters.product_id")
    orders = events.get_by_role("listitem").filter(has_text="Order Completed Event")
    expect(orders).to_contain_text("Never seen")
    orders.get_by_text("A call to send").click()
    expect(orders.locator("pre")).to_contain_text('"event": "Order Completed"')
    accessible(page)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    viewed.get_by_role("link", name="Example of Product Viewed Event").click()
    expect(page).to_have_url(f"{emulator.url}/messages/2")


def test_the_control_api_has_the_same_rows(emulator: RunningEmulator) -> None:
    url = f"{emulator.url}/emulator/v1/coverage"
    assert requests.get(url, timeout=60).json()["events"] == 0
    emulator.send({"type": "identify", "userId": "ada", "traits": {"age": 34}})
    coverage = requests.get(url, timeout=60).json()
    (age,) = [row for row in coverage["rows"] if row["name"] == "age"]
    assert (age["group"], age["state"], age["events"]) == ("Attributes", "seen and right", 1)
    assert age["example"]["id"] == 1
    assert coverage["counts"]["seen and right"] == 3
    assert requests.get(f"{url}?limit=1", timeout=60).status_code == 400


@pytest.mark.extended
def test_the_report_can_be_downloaded(emulator: RunningEmulator, page: Page) -> None:
    emulator.send({"type": "identify", "userId": "ada", "traits": {"age": "<b>old</b>"}})
    page.goto(f"{emulator.url}/coverage")
    for format, start in (("HTML", b"<!doctype html>"), ("JSON", b"{")):
        with page.expect_download() as started:
            page.get_by_role("link", name=f"Download {format}").click()
        assert started.value.suggested_filename == f"coverage.{format.lower()}"
        assert started.value.path().read_bytes().startswith(start)
