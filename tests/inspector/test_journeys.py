"""The Journeys pages: who is where, what would be sent, and the clock."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from inspector.running import PHONE, Running, running
from segment_insider_emulator.workspace.loading import load_workspace_from_document

LONG_AGO = "2020-11-23T12:00:00Z"
ADDED = {"product_id": "mug", "price": 8.5, "quantity": 1, "currency": "EUR"}


def ada_leaves_a_cart(emulator: Running) -> None:
    emulator.send(
        {
            "type": "identify",
            "userId": "ada",
            "traits": {"email": "ada@x.io", "email_optin": True, "firstName": "Ada"},
        },
        {"type": "track", "event": "Product Added", "userId": "ada", "properties": ADDED},
    )


def said(page: Page) -> str:
    return page.locator(".notice").inner_text()


def test_after_45_minutes_the_page_says_what_would_be_sent(
    emulator: Running, page: Page, accessible: Callable[[Page], None]
) -> None:
    ada_leaves_a_cart(emulator)
    page.goto(f"{emulator.url}/journeys")
    expect(page.get_by_role("region", name="Next steps")).to_contain_text("in 45 minutes")
    page.get_by_role("button", name="+ 45 minutes").click()
    assert said(page) == "The clock was advanced by 45 minutes"
    sent = page.get_by_role("region", name="Messages that would be sent")
    expect(sent).to_contain_text("would send email to ada@x.io: You left something in your cart")
    accessible(page)
    page.reload()
    expect(page.locator(".notice")).to_have_count(0)


def test_a_journey_tells_how_many_are_where_and_who(
    emulator: Running, page: Page, accessible: Callable[[Page], None]
) -> None:
    ada_leaves_a_cart(emulator)
    page.goto(f"{emulator.url}/journeys")
    page.get_by_role("link", name="Cart abandonment").first.click()
    expect(page.get_by_role("region", name="Steps")).to_contain_text("1 waiting now")
    runs = page.get_by_role("region", name="Runs")
    expect(runs).to_contain_text("waits 45 minutes")
    runs.get_by_role("link", name="Dropped").click()
    expect(page.get_by_role("region", name="Runs")).to_contain_text("No run has this")
    accessible(page)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_clock_is_set_stopped_and_started(emulator: Running, page: Page) -> None:
    page.goto(f"{emulator.url}/journeys")
    page.get_by_role("button", name="Freeze").click()
    assert said(page) == "The clock is frozen"
    assert emulator.parts.clock.read_time_and_offset().frozen
    page.get_by_label("Set and freeze").fill("2999-01-01T00:00:00Z")
    page.get_by_role("button", name="Set", exact=True).click()
    assert said(page) == "The clock is frozen at 2999-01-01T00:00:00.000Z"
    page.get_by_role("button", name="Resume").click()
    assert not emulator.parts.clock.read_time_and_offset().frozen
    page.on("dialog", lambda asked: asked.accept())
    page.get_by_role("button", name="Erase everything").click()
    assert said(page) == "All data was deleted"
    assert emulator.parts.clock().year < 2999


@pytest.mark.parametrize(
    ("label", "button", "text", "told"),
    [
        pytest.param("Forward by", "Move", "a while", "is not a duration", id="no length"),
        pytest.param("Set and freeze", "Set", "noon", "invalid time", id="no time"),
        pytest.param("Set and freeze", "Set", LONG_AGO, "is earlier", id="going back"),
    ],
)
def test_a_mistake_is_told_beside_the_form_and_keeps_the_input(
    emulator: Running, page: Page, label: str, button: str, text: str, told: str
) -> None:
    page.goto(f"{emulator.url}/journeys")
    page.get_by_label(label).fill(text)
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text(told)
    expect(page.get_by_label(label)).to_have_value(text)


def test_without_journeys_the_page_says_where_to_write_them(page: Page) -> None:
    destination = {
        "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
        "subscriptions": [],
    }
    source = {"name": "Web shop", "writeKey": "wk_demo"}
    workspace = load_workspace_from_document({"source": source, "destination": destination}, "test")
    with running(workspace) as emulator:
        page.goto(f"{emulator.url}/journeys")
        expect(page.get_by_role("heading", name="This workspace has no journeys")).to_be_visible()
