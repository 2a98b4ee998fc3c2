"""Daily tasks on the pages, with no more clicks than a user would accept."""

import re

import pytest
import requests
from playwright.sync_api import Locator, Page, expect

from inspector.running_emulator import RunningEmulator
from segment_insider_emulator.types import JSONObject


class Clicks:
    """Counts the clicks of a task."""

    def __init__(self) -> None:
        self.count = 0

    def click(self, target: Locator) -> None:
        self.count += 1
        target.click()


@pytest.fixture
def clicks() -> Clicks:
    return Clicks()


def view(user: str, price: float, **more: object) -> JSONObject:
    properties = {"product_id": "mug", "price": price, **more}
    return {"type": "track", "userId": user, "event": "Product Viewed", "properties": properties}


def test_events_of_a_user_of_the_last_ten_minutes_above_a_price_are_one_line(
    emulator: RunningEmulator, page: Page, clicks: Clicks
) -> None:
    emulator.send(view("ada", 21), view("ada", 8.5), view("grace", 90))
    page.goto(emulator.url)
    page.keyboard.press("/")
    page.keyboard.type("user:ada since:10m properties.price > 20")
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator("#rows .user")).to_have_text("ada")
    assert clicks.count == 0


def test_the_same_by_clicks_alone(emulator: RunningEmulator, page: Page, clicks: Clicks) -> None:
    emulator.send(view("ada", 21), view("ada", 8.5), view("grace", 90))
    page.goto(emulator.url)
    clicks.click(page.locator("#m1 .user a"))
    clicks.click(page.get_by_role("menuitem", name="Filter by"))
    expect(page.locator("#rows tr")).to_have_count(2)
    clicks.click(page.locator("#m1 .event a"))
    clicks.click(page.locator("#pane #sent [data-path='properties.price']"))
    clicks.click(page.get_by_role("menuitem", name="Show as column"))
    clicks.click(page.get_by_role("button", name="Close"))
    clicks.click(page.get_by_role("link", name="properties.price", exact=True))
    expect(page.locator("#rows .pinned")).to_have_text(["8.5", "21"])
    assert clicks.count <= 7


@pytest.mark.extended
def test_three_failures_and_their_retries_pass_by_without_a_click(
    emulator: RunningEmulator, page: Page, clicks: Clicks
) -> None:
    emulator.send(view("ada", 8.5))
    page.goto(f"{emulator.url}/?message=1")
    fault = {"status": 500, "times": 3}
    requests.post(f"{emulator.url}/emulator/v1/faults", json=fault, timeout=30).raise_for_status()
    emulator.send(view("grace", 9))
    row = page.locator("#m2 .outcome")
    expect(row).to_contain_text("Retrying")
    expect(row).to_contain_text(re.compile("Accepted|Warning"))  # three retries later
    assert clicks.count == 0
    clicks.click(page.locator("#m2 .event a"))
    attempts = page.locator("#pane .attempts li")
    expect(attempts).to_have_count(4)
    expect(attempts).to_contain_text(["500", "500", "500", "200"])


def test_two_events_are_compared_with_only_their_differences(
    emulator: RunningEmulator, page: Page, clicks: Clicks
) -> None:
    emulator.send(view("ada", 21, colour="red"), view("ada", 8.5))
    page.goto(f"{emulator.url}/messages/2")
    clicks.click(page.get_by_text("Compare", exact=True).first)
    clicks.click(page.locator("#compare a").nth(1))
    event = page.locator(".compared").first.locator("tbody tr")
    expect(event.filter(has_text="properties.")).to_have_count(2)
    expect(event.filter(has_text="properties.price")).to_contain_text("21")
    expect(event.filter(has_text="userId")).to_have_count(0)
    assert clicks.count == 2
    page.get_by_role("link", name="Show all values").click()
    expect(event.filter(has_text="userId")).to_have_count(1)


def test_any_two_messages_can_be_compared_by_number(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(view("ada", 21), {"type": "identify", "userId": "ada", "traits": {"age": 30}})
    page.goto(f"{emulator.url}/messages/2")
    page.get_by_text("Compare", exact=True).first.click()
    page.get_by_label("With message number").fill("1")
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_role("heading", name="Message 2 and message 1")).to_be_visible()
