"""The Profiles pages: the list of profiles, and one profile."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from inspector.running_emulator import PHONE, RunningEmulator

HOSTILE = "<img src=x onerror=alert(1)>{{7*7}}\"'"
MUG = {"product_id": "mug", "name": "Mug", "price": 8.5, "quantity": 2, "category": "Kitchen"}


def send_shopping_calls(emulator: RunningEmulator) -> None:
    """Send calls: Ada browses, identifies herself, buys one mug and leaves one in her cart."""
    anonymous, known = {"anonymousId": "a-1"}, {"anonymousId": "a-1", "userId": "ada"}
    traits = {"email": "ada@x.io", "email_optin": True, "firstName": "Ada", "lastName": "Lind"}
    added = {**MUG, "currency": "EUR"}
    order = {"order_id": "o-1", "currency": "EUR", "products": [MUG]}
    emulator.send(
        {"type": "track", "event": "Product Viewed", "properties": MUG, **anonymous},
        {"type": "identify", "traits": traits, **known},
        {"type": "track", "event": "Product Added", "properties": added, **known},
        {"type": "track", "event": "Order Completed", "properties": order, **known},
        {
            "type": "track",
            "event": "Product Added",
            "properties": {**added, "quantity": 1},
            **known,
        },
        {"type": "track", "event": "Rated", "properties": {"stars": 5}, **known},
    )


def test_an_empty_profile_list_says_what_to_do(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    page.goto(f"{emulator.url}/profiles")
    expect(page.get_by_role("heading", name="No profiles yet")).to_be_visible()
    accessible(page)


def test_a_profile_is_found_by_part_of_an_identifier(emulator: RunningEmulator, page: Page) -> None:
    send_shopping_calls(emulator)
    emulator.send({"type": "identify", "userId": "bo", "traits": {"firstName": "Bo"}})
    page.goto(f"{emulator.url}/profiles")
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_role("searchbox").fill("ADA@X")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="Ada Lind").click()
    expect(page.get_by_role("heading", name="Ada Lind", level=1)).to_be_visible()


def test_a_profile_shows_channels_products_and_journeys(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    send_shopping_calls(emulator)
    page.goto(f"{emulator.url}/profiles")
    page.get_by_role("link", name="Ada Lind").click()
    reach = page.get_by_role("region", name="Channels")
    expect(reach.get_by_role("listitem").first).to_contain_text("can be reached")
    expect(reach.get_by_role("listitem").nth(1)).to_contain_text("no phone_number")
    for title, count, first in (
        ("Viewed", 1, "Product Detail Page View"),
        ("In cart", 2, "Item Added to Cart"),
        ("Bought", 1, "Purchase (Confirmation Page View) 2 x Mug · 8.5 EUR · o-1"),
    ):
        group = page.get_by_role("region", name=title)
        expect(group.get_by_role("listitem")).to_have_count(count)
        expect(group.get_by_role("listitem").first).to_contain_text(first)
    personal = page.get_by_role("region", name="Personalisation")
    expect(personal).to_contain_text("1 x Mug")
    expect(personal).to_contain_text("1, 17.00 EUR")
    expect(page.get_by_role("region", name="Journeys")).to_contain_text("Cart abandonment")
    accessible(page)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_merge_is_shown(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(
        {"type": "track", "event": "Visited", "anonymousId": "phone"},
        {"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}},
        {"type": "identify", "userId": "ada", "anonymousId": "phone"},
    )
    page.goto(f"{emulator.url}/profiles")
    page.get_by_role("link", name="Ada").click()
    merges = page.get_by_role("region", name="Identity and merges")
    merges.get_by_text("The merge").click()
    expect(merges).to_contain_text("segment_anonymous_id:phone")


@pytest.mark.extended
def test_hostile_values_are_shown_as_text(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(
        {"type": "identify", "userId": HOSTILE, "traits": {"firstName": HOSTILE}},
        {
            "type": "track",
            "event": "Product Viewed",
            "userId": HOSTILE,
            "properties": {"product_id": HOSTILE, "name": HOSTILE * 50, "note": HOSTILE},
        },
    )
    page.goto(f"{emulator.url}/profiles")
    page.get_by_role("link", name="<img").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    assert page.locator("img").count() == 0


def test_a_missing_profile_is_404(emulator: RunningEmulator, page: Page) -> None:
    response = page.request.get(f"{emulator.url}/profiles/missing")
    assert (response.status, "This profile does not exist" in response.text()) == (404, True)


def test_a_purchase_without_products_is_shown_in_words(
    emulator: RunningEmulator, page: Page
) -> None:
    order = {"order_id": "o-17", "currency": "EUR", "total": 9}
    known = {"userId": "ada", "timestamp": "2026-11-30T10:00:00Z"}
    emulator.send({"type": "track", "event": "Order Completed", "properties": order, **known})
    page.goto(f"{emulator.url}/profiles")
    page.get_by_role("link", name="ada").click()
    last_purchase = page.locator("dt", has_text="Last purchase").locator(
        "xpath=following-sibling::dd[1]"
    )
    expect(last_purchase).to_have_text(re.compile("2026.*: no product$"))
