"""The Journeys pages: runs at each step, messages that would be sent, and the clock."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from inspector.running_emulator import PHONE, RunningEmulator, run_emulator
from segment_insider_emulator.workspace.loading import load_workspace_from_document

LONG_AGO = "2020-11-23T12:00:00Z"
ADDED = {"product_id": "mug", "price": 8.5, "quantity": 1, "currency": "EUR"}


def leave_a_cart(emulator: RunningEmulator) -> None:
    emulator.send(
        {
            "type": "identify",
            "userId": "ada",
            "traits": {"email": "ada@x.io", "email_optin": True, "firstName": "Ada"},
        },
        {"type": "track", "event": "Product Added", "userId": "ada", "properties": ADDED},
    )


def expect_notice(page: Page, text: str) -> None:
    expect(page.locator(".notice")).to_have_text(text)


def test_the_abandoned_cart_email_is_shown_after_45_minutes(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    emulator.parts.clock.freeze()
    leave_a_cart(emulator)
    page.goto(f"{emulator.url}/journeys")
    expect(page.get_by_role("region", name="Next steps")).to_contain_text("in 45 minutes")
    page.get_by_role("button", name="+ 45 minutes").click()
    expect_notice(page, "The clock was advanced by 45 minutes")
    emails = page.get_by_role("region", name="Messages that would be sent")
    expect(emails).to_contain_text("Would send email to ada@x.io: You left something in your cart")
    accessible(page)
    page.reload()
    expect(page.locator(".notice")).to_have_count(0)


def test_people_dropped_by_a_check_of_reachability_are_listed(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.parts.clock.freeze()
    emulator.send(
        {"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}},
        {"type": "track", "event": "Product Added", "userId": "ada", "properties": ADDED},
    )
    page.goto(f"{emulator.url}/journeys")
    page.get_by_role("button", name="+ 45 minutes").click()
    listed = page.get_by_role("region", name="Messages that would be sent").get_by_role("listitem")
    expect(listed).to_have_count(1)
    expect(listed).to_contain_text("sms cannot reach this person")
    expect(listed).to_contain_text("Ada in Cart abandonment")


def test_a_journey_shows_its_runs_at_each_step(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    leave_a_cart(emulator)
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


def test_the_clock_can_be_frozen_set_and_resumed(emulator: RunningEmulator, page: Page) -> None:
    page.goto(f"{emulator.url}/journeys")
    page.get_by_role("button", name="Freeze").click()
    expect_notice(page, "The clock is frozen")
    assert emulator.parts.clock.read_time_and_offset().frozen
    page.get_by_label("Set and freeze").fill("2999-01-01T00:00:00Z")
    page.get_by_role("button", name="Set", exact=True).click()
    expect_notice(page, "The clock is frozen at 2999-01-01T00:00:00.000Z")
    page.get_by_role("button", name="Resume").click()
    assert not emulator.parts.clock.read_time_and_offset().frozen
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Erase everything").click()
    expect_notice(page, "All data was deleted")
    assert emulator.parts.clock().year < 2999


@pytest.mark.parametrize(
    ("label", "button", "text", "message"),
    [
        pytest.param("Forward by", "Move", "a while", "is not a duration", id="no length"),
        pytest.param(
            "Set and freeze",
            "Set",
            "noon",
            "invalid time",
            id="no time",
            marks=pytest.mark.extended,
        ),
        pytest.param(
            "Set and freeze",
            "Set",
            LONG_AGO,
            "is earlier",
            id="going back",
            marks=pytest.mark.extended,
        ),
    ],
)
def test_a_mistake_is_shown_at_the_form_and_the_input_stays(
    emulator: RunningEmulator, page: Page, label: str, button: str, text: str, message: str
) -> None:
    page.goto(f"{emulator.url}/journeys")
    page.get_by_label(label).fill(text)
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text(message)
    expect(page.get_by_label(label)).to_have_value(text)


def test_a_workspace_without_journeys_shows_where_to_define_them(page: Page) -> None:
    destination = {
        "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
        "subscriptions": [],
    }
    source = {"name": "Web shop", "writeKey": "wk_demo"}
    workspace = load_workspace_from_document({"source": source, "destination": destination}, "test")
    with run_emulator(workspace) as emulator:
        page.goto(f"{emulator.url}/journeys")
        expect(page.get_by_role("heading", name="This workspace has no journeys")).to_be_visible()
