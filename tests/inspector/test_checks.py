"""The Checks page: what is wrong with each mapping, in how many events, and the change for it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from inspector.running_emulator import PHONE, RunningEmulator, run_emulator
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace


@pytest.mark.extended
def test_segment_defaults_lose_the_first_name_that_apps_send(
    page: Page, accessible: Callable[[Page], None]
) -> None:
    with run_emulator(load_preset_workspace("segment-defaults")) as emulator:
        emulator.send({"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}})
        page.goto(f"{emulator.url}/workspace/checks")
        board = page.get_by_role("region", name="Create or Update a User Profile")
        expect(board).to_contain_text("1 captured event")
        loss = board.get_by_role("listitem").filter(has_text="traits.firstName was sent once").first
        expect(loss).to_contain_text("Loses data")
        expect(loss).to_contain_text('You sent "Ada".')
        expect(loss).to_contain_text('absent → "Ada"')
        loss.get_by_text("Change destination.subscriptions[0]").click()
        expect(loss.locator("pre")).to_contain_text("$.traits.firstName")
        accessible(page)
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_an_edit_is_linted(emulator: RunningEmulator, page: Page) -> None:
    emulator.parts.destination_overrides.edit_subscription(0, {"trigger": "type ="})
    page.goto(f"{emulator.url}/workspace/checks")
    board = page.get_by_role("region", name="Create or Update a User Profile")
    expect(board).to_contain_text("No value follows 'type ='")


def test_notes_are_shown_on_request(emulator: RunningEmulator, page: Page) -> None:
    page.goto(f"{emulator.url}/workspace/checks")
    expect(page.get_by_text("Note", exact=True)).to_have_count(0)
    page.get_by_role("link", name="notes too").click()
    expect(page.get_by_text("Note", exact=True).first).to_be_visible()


def test_a_board_counts_events_and_leads_to_them(emulator: RunningEmulator, page: Page) -> None:
    cart = {"cart_id": "c1", "products": [{"product_id": "mug", "price": 3, "colour": "blue"}]}
    emulator.send(
        {"type": "track", "userId": "ada", "event": "Cart Viewed", "properties": cart},
        {"type": "group", "userId": "ada", "groupId": "g1"},
    )
    page.goto(f"{emulator.url}/workspace/checks")
    board = page.get_by_role("region", name="Cart Viewed Event")
    expect(board).to_contain_text("Currency parameter is required on cart_page_view event.")
    expect(board).to_contain_text("Send currency in event_params.")
    row = board.get_by_role("listitem").filter(
        has_text="No mapping reads properties.products[].colour"
    )
    expect(row).to_contain_text('You sent "blue".')
    row.get_by_role("link", name="1 event").click()
    expect(page.locator("tr[data-id]")).to_have_count(1)
    expect(page.locator("tr[data-id]")).to_contain_text("Cart Viewed")
    page.goto(f"{emulator.url}/workspace/checks")
    whole = page.get_by_role("region", name="The whole workspace")
    group = whole.get_by_role("listitem").filter(has_text="'group', which was sent once")
    group.get_by_role("link", name="1 event").click()
    expect(page.locator("tr[data-id]")).to_contain_text("Group")


def test_a_row_can_be_marked_as_known(emulator: RunningEmulator, page: Page) -> None:
    page.goto(f"{emulator.url}/workspace/checks")
    board = page.get_by_role("region", name="Product Viewed Event")
    row = board.get_by_role("listitem").filter(has_text="values do not read all").first
    row.get_by_role("button", name="Mark all as known").click()
    expect(page.get_by_role("status").filter(has_text="2 causes are known now")).to_be_visible()
    expect(page.get_by_role("region", name="Product Viewed Event")).to_have_count(0)
    page.get_by_role("link", name="and 2 known causes").click()
    known = page.get_by_role("region", name="2 known causes")
    known.get_by_role("button", name="Treat as new").first.click()
    expect(page.get_by_role("region", name="1 known cause")).to_be_visible()


def test_one_fault_is_shown_once_and_solved_with_one_click(
    emulator: RunningEmulator, page: Page
) -> None:
    properties = {"product_id": "mug", "price": "9,99"}
    emulator.send(
        {"type": "track", "userId": "ada", "event": "Product Viewed", "properties": properties},
        {"type": "track", "userId": "ada", "event": "Cart Viewed"},
    )
    page.goto(f"{emulator.url}/workspace/checks")
    cart = page.get_by_role("region", name="Cart Viewed Event")
    expect(cart.get_by_role("listitem").filter(has_text="currency")).to_have_count(1)
    board = page.get_by_role("region", name="Product Viewed Event")
    expect(board.get_by_text("Unit Price must be a number")).to_have_count(1)
    failed = board.get_by_role("listitem").filter(has_text="Failed")
    failed.get_by_role("button", name="Apply").click()
    effect = page.get_by_role("region", name="Captured events")
    expect(effect.locator("pre")).to_contain_text('"unit_price": 9.99')


def test_findings_are_sentences_and_codes_come_last(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(
        {"type": "track", "userId": "ada", "event": "Cart Viewed", "properties": {"colour": 1}},
        {"type": "identify", "userId": "ada", "traits": {"plan": "gold"}},
    )
    page.goto(f"{emulator.url}/workspace/checks?notes=1")
    texts = page.locator(".history > .acting > div > bdi").all_inner_texts()
    assert texts
    assert [text for text in texts if text[0].islower()] == []
    code = page.locator(".history a[href^='#D']").first
    code.click()
    expect(page.locator(code.get_attribute("href") or "")).to_be_visible()


def test_a_mapping_that_is_off_is_switched_on(emulator: RunningEmulator, page: Page) -> None:
    overrides = emulator.parts.destination_overrides
    names = [each["name"] for each in overrides.current_destination["subscriptions"]]
    index = names.index("Product Added Event")
    overrides.set_subscription_enabled(index, False)
    emulator.send({"type": "track", "userId": "ada", "event": "Product Added"})
    page.goto(f"{emulator.url}/workspace/checks")
    whole = page.get_by_role("region", name="The whole workspace")
    row = whole.get_by_role("listitem").filter(has_text="'Product Added'")
    row.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Product Added Event: switched on")
    assert len(overrides.current_destination["subscriptions"]) == len(names)


def test_a_destination_that_is_off_is_switched_on_from_a_message(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.parts.destination_overrides.save_destination_settings(enabled=False)
    emulator.send({"type": "track", "userId": "ada", "event": "Product Added"})
    page.goto(f"{emulator.url}/messages/1")
    page.get_by_role("button", name="Switch the destination on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Destination switched on")
    expect(page.get_by_role("region", name="In the workspace file")).to_contain_text("enabled")
    page.get_by_role("button", name="Undo").click()
    assert not emulator.parts.destination_overrides.current_destination["enabled"]


@pytest.mark.parametrize(
    ("slug", "settings", "cause", "written"),
    [
        pytest.param(
            "updateUserProfile", {"custom": {"email": {"@path": "$.traits.email"}}},
            "Default attribute sent under custom", "settings.email", id="default under custom",
        ),
        pytest.param(
            "trackEvent", {"attributes": {"phone_number": {"@path": "$.properties.phone"}}},
            "so the default stays empty: phone_number", "settings.attributes.phone",
            id="other name",
        ),
        pytest.param(
            "trackEvent", {"custom_identifiers": {"crm": {"@path": "$.properties.crm"}}},
            "crm cannot identify a user", "insider.identifiers", id="identifier",
        ),
    ],
)  # fmt: skip
def test_a_name_in_the_wrong_section_is_moved(
    emulator: RunningEmulator,
    page: Page,
    slug: str,
    settings: JSONObject,
    cause: str,
    written: str,
) -> None:
    base: JSONObject = {"uuid": {"@path": "$.userId"}, "event_name": {"@path": "$.event"}}
    base["timestamp"] = {"@path": "$.timestamp"}
    mapping = {"name": "M", "actionSlug": slug, "enabled": True, "trigger": 'type != "page"'}
    emulator.parts.destination_overrides.replace_subscriptions(
        [{**mapping, "settings": {**base, **settings}}]
    )
    traits = {"email": "ada@shop.example"}
    properties = {"phone": "+6598765432", "crm": "c"}
    call = {"userId": "ada", "event": "E", "traits": traits, "properties": properties}
    emulator.send({"type": "identify" if "User" in slug else "track", **call})
    page.goto(f"{emulator.url}/causes")
    row = page.get_by_role("listitem").filter(has_text=cause)
    row.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("region", name="In the workspace file")).to_contain_text(written)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status").filter(has_text="Undone")).to_be_visible()
