"""The Checks page: lint and drift of the current workspace."""

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
        drift = page.get_by_role("region", name="Drift")
        loss = drift.get_by_role("listitem").filter(has_text="traits.firstName was sent once").first
        expect(loss).to_contain_text("Loses data")
        expect(loss).to_contain_text('absent → "Ada"')
        loss.get_by_text("Change destination.subscriptions[0]").click()
        expect(loss.locator("pre")).to_contain_text("$.traits.firstName")
        accessible(page)
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_an_edit_is_linted(emulator: RunningEmulator, page: Page) -> None:
    emulator.parts.destination_overrides.edit_subscription(0, {"trigger": "type ="})
    page.goto(f"{emulator.url}/workspace/checks")
    lint = page.get_by_role("region", name="Lint")
    expect(lint.get_by_role("listitem").first).to_contain_text("Error")


def test_notes_are_shown_on_request(emulator: RunningEmulator, page: Page) -> None:
    page.goto(f"{emulator.url}/workspace/checks")
    lint = page.get_by_role("region", name="Lint")
    expect(lint).to_contain_text("No findings.")
    page.get_by_role("link", name="notes too").click()
    expect(lint.get_by_role("listitem").first).to_contain_text("Note")
