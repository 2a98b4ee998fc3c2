"""The timeline of a profile: each change with its message, and the profile at any moment."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, expect

from inspector.running_emulator import PHONE, RunningEmulator, run_emulator
from segment_insider_emulator.storage.records import Profile, ProfileChanges, ProfileEvent

ADA: dict[str, Any] = {"userId": "ada", "anonymousId": "phone"}
MUG = {"product_id": "mug", "name": "Mug", "price": 8.5, "quantity": 1, "currency": "EUR"}
HOSTILE = "<img src=x onerror=alert(1)>{{7*7}}\"'"


def send_changes(emulator: RunningEmulator) -> str:
    """Send calls that change Ada's profile four times; return its address."""
    for call in (
        {"type": "identify", "traits": {"firstName": "Ada", "email": "ada@x.io"}, **ADA},
        {"type": "identify", "traits": {"age": 35}, **ADA},
        {"type": "identify", "traits": {"age": 36, "firstName": "Ada B."}, **ADA},
        {"type": "track", "event": "Product Added", "properties": MUG, **ADA},
    ):
        emulator.send(call)
    return find_profile(emulator, "uuid:ada")


def find_profile(emulator: RunningEmulator, identifier: str) -> str:
    (profile,) = emulator.parts.profiles.list_profiles_with_events(identifier)[0]
    return f"{emulator.url}/profiles/{profile.id}"


def find_timeline(page: Page) -> Locator:
    return page.get_by_role("region", name="Timeline")


def find_attributes(page: Page) -> Locator:
    return page.get_by_role("region", name="Attributes and opt-ins")


def test_the_timeline_shows_each_message_with_what_it_changed(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    page.goto(send_changes(emulator))
    changes = find_timeline(page).locator("[id^=change-]")
    expect(changes).to_have_count(4)
    expect(changes.nth(0)).to_contain_text("Product Added")
    expect(changes.nth(0)).to_contain_text("Item Added to Cart")
    expect(changes.nth(1)).to_contain_text("age from 35 to 36")
    expect(changes.nth(1)).to_contain_text('name from "Ada" to "Ada B."')
    expect(changes.nth(3)).to_contain_text("new profile")
    expect(find_timeline(page)).to_contain_text("Cart abandonment entered because of")
    accessible(page)
    page.set_viewport_size(PHONE)
    expect(changes.first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_on_a_phone_the_timeline_is_between_the_channels_and_the_identifiers(
    emulator: RunningEmulator, page: Page
) -> None:
    page.set_viewport_size(PHONE)
    page.goto(send_changes(emulator))
    tops = []
    for name in ("Channels", "Timeline", "Identifiers"):
        card = page.get_by_role("region", name=name, exact=True)
        expect(card).to_be_visible()
        tops.append(card.evaluate("card => card.getBoundingClientRect().top"))
    assert tops == sorted(tops)


@pytest.mark.extended
def test_the_slider_moves_through_the_moments_of_a_profile(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    address = send_changes(emulator)
    page.goto(address)
    scrubber = page.get_by_role("slider", name="Moment")
    scrubber.press("ArrowLeft")
    scrubber.press("ArrowLeft")
    expect(page.get_by_role("status").filter(has_text="after change 2")).to_be_visible()
    expect(find_attributes(page)).to_contain_text("35 set by this change")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("#change-2")).to_have_attribute("aria-current", "true")
    expect(page).to_have_url(f"{address}?at=2")
    accessible(page)
    page.reload()
    expect(scrubber).to_have_value("2")
    expect(find_attributes(page)).to_contain_text("35")
    scrubber.press("End")
    expect(page).to_have_url(address)
    expect(find_attributes(page)).to_contain_text("36")


def test_the_times_of_the_timeline_lead_to_moments_and_back(
    emulator: RunningEmulator, page: Page
) -> None:
    address = send_changes(emulator)
    page.goto(address)
    page.locator("#change-1 a.when").click()
    expect(page).to_have_url(f"{address}?at=1")
    expect(find_attributes(page)).not_to_contain_text("age")
    expect(page.get_by_role("slider", name="Moment")).to_have_value("1")
    page.go_back()
    expect(find_attributes(page)).to_contain_text("age")
    page.locator("#change-3 a.when").click()
    expect(find_attributes(page)).to_contain_text("36 was 35")
    page.get_by_role("link", name="Show it now").click()
    expect(page).to_have_url(address)


def test_the_moments_need_no_script(emulator: RunningEmulator, browser: Browser) -> None:
    address = send_changes(emulator)
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address)
        page.locator("#change-2 a.when").click()
        expect(find_attributes(page)).to_contain_text("35")
        page.get_by_role("slider", name="Moment").press("ArrowLeft")
        page.get_by_role("button", name="Show").click()
        expect(page).to_have_url(re.compile(r"\?at=1$"))
        expect(find_attributes(page)).not_to_contain_text("age")


def test_message_profile_and_journey_link_to_each_other(
    emulator: RunningEmulator, page: Page
) -> None:
    page.goto(send_changes(emulator))
    page.locator("#change-3").get_by_role("link", name="identify").click()
    changed = page.locator("#profile")
    changed.get_by_title("The profile as it was after this message").click()
    expect(page.get_by_role("slider", name="Moment")).to_have_value("3")
    find_timeline(page).get_by_role("link", name="Cart abandonment").first.click()
    runs = page.get_by_role("region", name="Runs")
    expect(runs).to_contain_text("Ada B.")
    runs.get_by_title("The profile as it was then").first.click()
    expect(page.get_by_role("heading", name="Ada B.", level=1)).to_be_visible()


def test_a_merge_names_the_profile_and_the_identifier_that_both_have(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send({"type": "track", "event": "Visited", "anonymousId": "phone"})
    absorbed = find_profile(emulator, "segment_anonymous_id:phone")
    emulator.send({"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}})
    emulator.send({"type": "identify", "traits": {"age": 36}, **ADA})
    page.goto(find_profile(emulator, "uuid:ada"))
    merge = page.locator("#change-2")
    expect(merge).to_contain_text("joined this one: both have segment_anonymous_id:phone")
    merge.locator("a", has=page.locator("code")).click()
    expect(page).to_have_url(absorbed)
    expect(page.get_by_text("This profile no longer exists: it was merged")).to_be_visible()
    expect(page.get_by_role("region", name="Identifiers")).to_contain_text("phone")
    find_timeline(page).get_by_text("which has its data since then").get_by_role("link").click()
    expect(page.get_by_role("heading", name="Ada", level=1)).to_be_visible()


@pytest.mark.extended
def test_a_long_timeline_and_long_lists_have_pages(emulator: RunningEmulator, page: Page) -> None:
    views = [
        {"type": "track", "event": "Product Viewed", "properties": MUG | {"price": n}, **ADA}
        for n in range(60)
    ]
    emulator.send(*views)
    for age in range(30):
        emulator.send({"type": "identify", "traits": {"age": age}, **ADA})
    page.goto(find_profile(emulator, "uuid:ada"))
    changes = find_timeline(page).locator("[id^=change-]")
    expect(changes).to_have_count(20)
    newest = changes.first.get_attribute("id")
    page.get_by_role("link", name="Older changes").click()
    expect(page.locator(f"#{newest}")).to_have_count(0)
    page.get_by_role("link", name="Newer changes").click()
    expect(page.locator(f"#{newest}")).to_be_visible()
    viewed = page.get_by_role("region", name="Viewed")
    expect(viewed.get_by_role("listitem")).to_have_count(5)
    viewed.get_by_role("link", name="All 60").click()
    expect(viewed.get_by_role("listitem")).to_have_count(50)
    viewed.get_by_role("link", name="Older").click()
    expect(viewed.get_by_role("listitem")).to_have_count(10)
    expect(viewed).to_contain_text("60 of 60")


@pytest.mark.extended
def test_a_page_reads_a_limited_number_of_events(emulator: RunningEmulator, page: Page) -> None:
    at = "2026-11-30T10:00:00.000Z"
    profile = Profile("p-many", at, at, identifiers={"uuid": ["many"]})
    views = [
        ProfileEvent("homepage_view", "homepage_view", at, at, {"custom": {"n": n}}, at)
        for n in range(2001)
    ]
    added = {"uuid:many": "p-many"}
    emulator.parts.profiles.save_changes(
        ProfileChanges([profile], added_identifiers=added, new_events={"p-many": views})
    )
    page.goto(f"{emulator.url}/profiles/p-many")
    expect(page.get_by_text("use the latest 2000 of 2001 events")).to_be_visible()
    expect(find_timeline(page)).to_contain_text("Older changes were deleted")


@pytest.mark.parametrize(
    ("at", "status", "text"),
    [
        pytest.param("0", 200, "after change 1", id="before the first change"),
        pytest.param("9" * 30, 400, "no change of this profile", id="too many digits"),
        pytest.param("99", 200, "Change 4 of 4", id="after the last change"),
        pytest.param("2000-01-01T00:00:00Z", 200, "after change 1", id="an early time"),
        pytest.param("2999-01-01T00:00:00+02:00", 200, "Change 4 of 4", id="a late time"),
        pytest.param("0001-01-01T00:00:00+14:00", 400, "no time", id="a time before all times"),
        pytest.param("banana", 400, "no change of this profile and no time", id="no time"),
        pytest.param(HOSTILE, 400, "&lt;img", id="hostile text"),
    ],
)
def test_any_moment_is_answered(emulator: RunningEmulator, at: str, status: int, text: str) -> None:
    response = requests.get(send_changes(emulator), params={"at": at}, timeout=60)
    assert (response.status_code, text in response.text) == (status, True)
    assert "<img src=x" not in response.text


def test_hostile_values_of_a_change_are_shown_as_text(
    emulator: RunningEmulator, page: Page
) -> None:
    for name in (HOSTILE, HOSTILE * 20):
        emulator.send(
            {"type": "identify", "userId": HOSTILE, "traits": {"firstName": name}},
            {"type": "track", "event": HOSTILE, "userId": HOSTILE, "properties": {HOSTILE: 1}},
        )
    page.goto(find_profile(emulator, f"uuid:{HOSTILE}"))
    expect(find_timeline(page).locator("[id^=change-]").first).to_contain_text(HOSTILE[:-2])
    assert page.locator("img").count() == 0


def test_a_profile_that_is_older_than_the_history_says_so(tmp_path: Path) -> None:
    file = tmp_path / "emulator.db"
    hint = "Earlier changes are not known"
    with run_emulator(db=str(file)) as emulator:
        path = send_changes(emulator).removeprefix(emulator.url)
        assert hint not in requests.get(emulator.url + path, timeout=60).text
    with closing(sqlite3.connect(file)) as connection, connection:  # as an older version left it
        connection.execute("DELETE FROM profile_history")
        connection.execute("UPDATE profiles SET change_count = 0")
    with run_emulator(db=str(file)) as emulator:
        assert hint in requests.get(emulator.url + path, timeout=60).text
        emulator.send({"type": "identify", "traits": {"age": 40}, **ADA})
        page = requests.get(emulator.url + path, timeout=60).text
        assert (hint in page, 'id="change-1"' in page) == (True, True)
