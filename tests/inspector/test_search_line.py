"""The search line of the Live page: one query, completed from what was captured."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from inspector.running_emulator import RunningEmulator
from segment_insider_emulator.types import JSONObject

VIEWED: JSONObject = {
    "type": "track",
    "userId": "ada",
    "event": "Product Viewed",
    "properties": {"product_id": "mug", "price": 8.5, "sizes": [{"code": "L"}]},
}
CART: JSONObject = {
    "type": "track",
    "userId": "grace",
    "event": "Cart Viewed",
    "properties": {"currency": "EUR", "price": 21},
}


@pytest.fixture
def live(emulator: RunningEmulator, page: Page) -> Page:
    """Open the Live page with two messages."""
    emulator.send(VIEWED, CART)
    page.goto(emulator.url)
    return page


def expect_suggestions(page: Page, *suggestions: str) -> None:
    expect(page.get_by_role("option")).to_have_text(suggestions)


def test_fields_values_and_captured_paths_are_completed_by_keyboard(live: Page) -> None:
    search = live.get_by_label("Search")
    search.press_sequentially("ev")
    expect_suggestions(live, "event:", 'event:"Cart Viewed"', 'event:"Product Viewed"')
    search.press("ArrowDown")
    expect(search).to_have_attribute("aria-activedescendant", "completion-0")
    search.press("Enter")
    expect(search).to_have_value("event:")
    search.press_sequentially("cart")
    expect_suggestions(live, 'event:"Cart Viewed"')
    search.press("ArrowDown")
    search.press("Enter")
    expect(search).to_have_value('event:"Cart Viewed" ')
    expect(live.locator("#rows .event")).to_have_text(["Cart Viewed"])
    search.press_sequentially("properties.s")
    expect_suggestions(live, "properties.sizes[].code")
    search.press("Escape")
    expect(live.get_by_role("option")).to_have_count(0)
    expect(search).to_be_focused()


def test_a_suggestion_can_be_clicked(live: Page) -> None:
    live.get_by_label("Search").press_sequentially("user:ada not verdict:dro")
    live.get_by_role("option", name="verdict:dropped").click()
    expect(live.get_by_label("Search")).to_have_value("user:ada not verdict:dropped ")
    expect(live.get_by_label("Search")).to_be_focused()


def test_arrow_down_in_an_empty_line_shows_the_fields(live: Page) -> None:
    live.get_by_label("Search").press("ArrowDown")
    for at, field in enumerate(("event:", "type:", "user:")):
        expect(live.get_by_role("option").nth(at)).to_have_text(field)


def test_a_stage_and_a_user_are_added_to_the_query(live: Page, emulator: RunningEmulator) -> None:
    live.goto(f"{emulator.url}/?query=properties.price > 8")
    live.locator("#rows .user a").last.click()
    live.get_by_role("menuitem", name="Filter by").click()
    expect(live.get_by_label("Search")).to_have_value("properties.price > 8 user:ada")
    expect(live.locator("#rows .user a")).to_have_count(1)
    live.get_by_role("link", name=re.compile(r"^\d+ Warning$")).click()
    expect(live.get_by_label("Search")).to_have_value(
        "properties.price > 8 user:ada verdict:warning"
    )
    expect(live.get_by_role("link", name=re.compile(r"^\d+ Warning$"))).to_have_attribute(
        "aria-current", "true"
    )


def test_an_address_with_one_parameter_per_field_becomes_a_query(
    live: Page, emulator: RunningEmulator
) -> None:
    live.goto(
        f"{emulator.url}/?event=Product+Viewed&user=ada&verdict=accepted&verdict=warning"
        "&q=blue+mug&path=$.properties.price%3D8.5&path=$.properties.gift&since=1+hour"
    )
    expect(live.get_by_label("Search")).to_have_value(
        '"blue mug" event:"Product Viewed" user:ada since:"1 hour" verdict:accepted,warning '
        "$.properties.price = 8.5 has:$.properties.gift"
    )


def test_the_search_line_needs_no_script(live: Page, emulator: RunningEmulator) -> None:
    context = live.context.browser.new_context(java_script_enabled=False)  # type: ignore[union-attr]  # launched
    page = context.new_page()
    page.goto(emulator.url, timeout=30_000)
    page.get_by_label("Search").fill("properties.price > 20")
    page.get_by_label("Search").press("Enter")
    expect(page.locator("#rows .event")).to_have_text(["Cart Viewed"])
    assert sorted(parse_qs(urlsplit(page.url).query, keep_blank_values=True)) == ["query"]
    page.get_by_label("Search").fill("")
    page.get_by_label("Search").press("Enter")
    expect(page).to_have_url(f"{emulator.url}/")
    context.close()
