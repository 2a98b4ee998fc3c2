"""The Checks page: what is wrong with each mapping, in how many events, and the change for it."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from inspector.running_emulator import PHONE, RunningEmulator, run_emulator
from segment_insider_emulator.workspace import load_preset_workspace


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
    expect(board).to_contain_text("no value follows 'type ='")


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
    expect(board).to_contain_text("currency parameter is required on cart_page_view event.")
    expect(board).to_contain_text("Send currency in event_params.")
    row = board.get_by_role("listitem").filter(has_text="properties.products[].colour was sent")
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
