"""The message list and one open message, side by side on wide pages."""

import re
from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page, expect

from inspector.running_emulator import PHONE, RunningEmulator
from segment_insider_emulator.types import JSONObject

VIEWED: JSONObject = {
    "type": "track",
    "userId": "ada",
    "event": "Product Viewed",
    "properties": {"product_id": "mug", "name": "Blue mug", "price": 8.5, "currency": "EUR"},
}
WISHED: JSONObject = {**VIEWED, "event": "Wish Listed", "userId": "grace"}


@pytest.fixture
def list_page(emulator: RunningEmulator, page: Page) -> Page:
    """The Live page with three messages."""
    emulator.send(VIEWED, WISHED, {**VIEWED, "event": "Song Played"})
    page.goto(f"{emulator.url}/?query=type:track")
    return page


def expect_open(page: Page, id: int, event: str) -> None:
    expect(page.locator("#pane h1")).to_have_text(event)
    expect(page.locator("tr[aria-current]")).to_have_attribute("id", f"m{id}")
    expect(page).to_have_url(re.compile(rf"\?query=type%3Atrack&message={id}$"))
    expect(page).to_have_title(re.compile(f"^{event}"))


def test_a_row_opens_next_to_the_list(list_page: Page) -> None:
    list_page.get_by_role("link", name="Wish Listed", exact=True).click()
    expect_open(list_page, 2, "Wish Listed")
    expect(list_page.locator("#rows tr")).to_have_count(3)
    list_page.reload()
    expect_open(list_page, 2, "Wish Listed")
    list_page.get_by_role("link", name="Whole page").click()
    expect(list_page).to_have_url(re.compile(r"/messages/2\?query=type(:|%3A)track$"))


def test_keys_move_through_the_messages_and_back_leads_to_the_list(list_page: Page) -> None:
    list_page.get_by_role("link", name="Song Played", exact=True).click()
    expect_open(list_page, 3, "Song Played")
    for key, id, event in (
        ("j", 2, "Wish Listed"),
        ("ArrowDown", 1, "Product Viewed"),
        ("k", 2, "Wish Listed"),
        ("ArrowUp", 3, "Song Played"),
    ):
        list_page.keyboard.press(key)
        expect_open(list_page, id, event)
    list_page.go_back()
    expect(list_page.locator("#pane")).to_be_hidden()
    expect(list_page).to_have_url(re.compile(r"\?query=type:track$"))
    expect(list_page).to_have_title(re.compile("^Live"))
    list_page.go_forward()
    expect_open(list_page, 3, "Song Played")


@pytest.mark.extended
def test_enter_reads_on_in_the_message_and_esc_returns_to_its_row(list_page: Page) -> None:
    row = list_page.get_by_role("link", name="Wish Listed", exact=True)
    row.focus()
    list_page.keyboard.press("Enter")
    expect(list_page.locator("#pane")).to_be_focused()
    list_page.keyboard.press("j")
    expect_open(list_page, 1, "Product Viewed")
    list_page.keyboard.press("Escape")
    expect(list_page.locator("#pane")).to_be_hidden()
    expect(list_page.get_by_role("link", name="Product Viewed", exact=True)).to_be_focused()


@pytest.mark.extended
def test_the_section_and_what_is_unfolded_stay_from_message_to_message(list_page: Page) -> None:
    pane = list_page.locator("#pane")
    list_page.get_by_role("link", name="Song Played", exact=True).click()
    expect_open(list_page, 3, "Song Played")
    list_page.locator("#passed summary").click()
    pane.get_by_role("link", name="Profile").click()
    place = "Math.round(document.querySelector('#profile').getBoundingClientRect().y)"
    list_page.wait_for_function(  # until it scrolls no more
        f"new Promise((is) => {{ const y = {place}; setTimeout(() => is(y === {place}), 200) }})"
    )
    before = list_page.evaluate(place)
    assert list_page.evaluate("location.hash") == ""
    list_page.keyboard.press("j")
    expect_open(list_page, 2, "Wish Listed")
    expect(list_page.locator("#passed")).to_have_attribute("open", "")
    list_page.wait_for_function(f"Math.abs({place} - {before}) <= 30")


def test_values_show_where_they_come_from_next_to_the_list_too(list_page: Page) -> None:
    list_page.get_by_role("link", name="Product Viewed", exact=True).click()
    expect_open(list_page, 1, "Product Viewed")
    list_page.locator("#pane button[data-reads]", has_text="Blue mug").first.hover()
    expect(list_page.locator("#origin")).to_contain_text("properties.name")
    expect(list_page.locator("#sent .lit")).to_have_text(re.compile("Blue mug"))


def test_a_filter_changes_the_list_and_leaves_the_message_open(list_page: Page) -> None:
    list_page.get_by_role("link", name="Wish Listed", exact=True).click()
    expect_open(list_page, 2, "Wish Listed")
    list_page.get_by_label("Search").fill("grace type:track")
    expect(list_page.locator("#rows tr")).to_have_count(1)
    assert list_page.evaluate("location.search") == "?query=grace+type%3Atrack&message=2"
    expect(list_page.locator("#pane h1")).to_have_text("Wish Listed")


@pytest.mark.extended
def test_new_messages_arrive_next_to_an_open_one(
    emulator: RunningEmulator, list_page: Page
) -> None:
    list_page.get_by_role("link", name="Wish Listed", exact=True).click()
    emulator.send(VIEWED)
    expect(list_page.locator("#rows tr")).to_have_count(4)
    expect_open(list_page, 2, "Wish Listed")


@pytest.mark.extended
def test_a_message_that_cannot_be_loaded_leaves_no_other_one_open(
    emulator: RunningEmulator, patient_page: Page
) -> None:
    page = patient_page
    emulator.send(VIEWED, WISHED)
    page.route("**/messages/1", lambda route: route.abort())
    page.goto(emulator.url)
    page.get_by_role("link", name="Wish Listed", exact=True).click()
    expect(page.locator("#pane h1")).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator("#pane")).to_contain_text("This message could not be loaded")
    expect(page.locator("#pane h1")).to_have_count(0)
    page.unroute("**/messages/1")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#pane h1")).to_have_text("Product Viewed")


@pytest.mark.extended
def test_an_open_message_follows_its_retries(emulator: RunningEmulator, page: Page) -> None:
    emulator.parts.clock.freeze()
    faults = {"status": 500, "times": 2}
    requests.post(f"{emulator.url}/emulator/v1/faults", json=faults, timeout=30)
    emulator.send(VIEWED)
    page.goto(f"{emulator.url}/?message=1")
    expect(page.locator("#pane .event-head .verdict")).to_have_text("Retrying")
    page.locator("#passed summary").click()
    expect(page.locator("#pane")).to_contain_text("Waiting for attempt 2")
    clock = f"{emulator.url}/emulator/v1/clock"
    requests.post(clock, json={"advance": "2 seconds"}, timeout=30)
    expect(page.locator("#pane")).to_contain_text("Waiting for attempt 3")
    requests.post(clock, json={"advance": "1 minute"}, timeout=30)
    expect(page.locator("#pane .event-head .verdict")).to_have_text("Accepted")
    expect(page.locator("#passed")).to_have_attribute("open", "")


@pytest.mark.extended
def test_the_column_names_stay_in_sight_next_to_a_message(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(*[VIEWED] * 60)
    page.goto(f"{emulator.url}/?message=1")
    expect(page.locator("#pane h1")).to_be_visible()
    page.mouse.move(200, 600)
    page.mouse.wheel(0, 900)
    names = page.locator("#list thead")
    page.wait_for_function("scrollY > 300")
    expect(names.get_by_text("Verdict")).to_be_in_viewport()
    (filters, first) = (
        page.locator(place).bounding_box() for place in ("#filters", "#list th.event")
    )
    assert filters
    assert first
    assert filters["y"] + filters["height"] <= first["y"] + 1


@pytest.mark.extended
def test_at_double_size_a_message_has_the_whole_page(
    list_page: Page, accessible: Callable[[Page], None]
) -> None:
    list_page.set_viewport_size({"width": 640, "height": 400})  # 1280 by 800 at 200 %
    accessible(list_page)
    assert list_page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    list_page.get_by_role("link", name="Song Played", exact=True).click()
    list_page.wait_for_url(re.compile(r"/messages/3\?query=type(:|%3A)track$"))


def test_on_a_phone_a_message_has_the_whole_page(list_page: Page) -> None:
    list_page.set_viewport_size(PHONE)
    list_page.goto(list_page.url + "&message=2")
    list_page.wait_for_url(re.compile(r"/messages/2\?query=type(:|%3A)track$"))
    list_page.get_by_role("link", name="All messages").click()
    list_page.get_by_role("link", name="Song Played", exact=True).click()
    list_page.wait_for_url(re.compile(r"/messages/3\?query=type(:|%3A)track$"))


@pytest.mark.extended
def test_list_and_message_are_accessible_together(
    list_page: Page, accessible: Callable[[Page], None]
) -> None:
    list_page.get_by_role("link", name="Wish Listed", exact=True).click()
    expect_open(list_page, 2, "Wish Listed")
    accessible(list_page)
    assert list_page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    expect(list_page.locator("#rows .verdict").first).to_be_visible()
    verdict = list_page.locator("#rows .verdict").first.bounding_box()
    pane = list_page.locator("#pane").bounding_box()
    assert verdict is not None
    assert pane is not None
    assert verdict["x"] + verdict["width"] <= pane["x"]
