"""The Causes page: problems of captured messages by cause, and causes marked as known."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from inspector.running_emulator import PHONE, RunningEmulator

HOSTILE = "<script>alert(1)</script>\"'\u202e \\"


def identify(birthday: str) -> dict[str, object]:
    """Return an identify call with a birthday."""
    return {"type": "identify", "userId": "ada", "traits": {"birthday": birthday}}


def test_a_cause_leads_to_its_messages(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(identify("1990-01-02"), identify("1991-01-02"))
    emulator.send({"type": "track", "userId": "ada", "event": "Giraffe Fed"})
    page.goto(emulator.url)
    page.get_by_role("link", name="Causes").click()
    cause = page.get_by_role("region", name="1 new cause").get_by_role("listitem")
    expect(cause).to_contain_text("Warning Attribute birthday does not have the format")
    expect(cause).to_contain_text("mapping Create or Update a User Profile, since")
    expect(cause).to_contain_text("Send an RFC 3339 time")
    cause.get_by_role("link", name="2 messages").click()
    expect(page.locator("tr[data-id]")).to_have_count(2)
    expect(page.get_by_role("combobox", name="Search")).to_have_value(
        'subscription:"Create or Update a User Profile" cause:"wrong-format attributes.birthday"'
    )


def test_known_causes_are_apart_and_in_the_exported_file(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    emulator.send(identify("1990-01-02"), {"type": "group", "userId": "ada", "groupId": "g1"})
    page.goto(f"{emulator.url}/causes")
    page.get_by_role("button", name="Mark as known: birthday").click()
    expect(page.get_by_role("status").filter(has_text="1 cause is known now")).to_be_visible()
    expect(page.get_by_role("region", name="1 new cause")).to_contain_text("group calls")
    known = page.get_by_role("region", name="1 known cause")
    expect(known).to_contain_text("birthday does not have the format")
    accessible(page)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    with page.expect_download() as download:
        page.get_by_role("link", name="Export the workspace file").click()
    text = download.value.path().read_text("utf-8")
    assert "knownCauses:" in text
    assert "cause: wrong-format attributes.birthday" in text
    known.get_by_role("button", name="Treat as new: birthday").click()
    expect(page.get_by_role("region", name="2 new causes")).to_be_visible()


def test_all_causes_can_be_marked_at_once(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(identify("1990-01-02"), {"type": "group", "userId": "ada", "groupId": "g1"})
    page.goto(f"{emulator.url}/causes")
    page.get_by_role("button", name="Mark all as known").click()
    expect(page.get_by_text("All messages with a problem have a known cause.")).to_be_visible()
    expect(page.get_by_role("region", name="2 known causes")).to_be_visible()


def test_a_page_without_causes_says_what_to_do(emulator: RunningEmulator, page: Page) -> None:
    page.goto(f"{emulator.url}/causes")
    expect(page.get_by_text("No captured message has a problem.")).to_be_visible()
    page.get_by_role("link", name="check the mappings").click()
    expect(page.get_by_role("navigation", name="Workspace")).to_be_visible()


@pytest.mark.extended
def test_hostile_names_are_text(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(
        {"type": "track", "userId": "ada", "event": HOSTILE, "timestamp": HOSTILE},
        {"type": "screen", "userId": "ada", "name": HOSTILE},
        {**identify(HOSTILE), "traits": {"birthday": HOSTILE, "phone": HOSTILE}},
    )
    page.goto(f"{emulator.url}/causes")
    expect(page.get_by_role("listitem").filter(has_text="<script>").first).to_be_visible()
    page.get_by_role("button", name="Mark all as known").click()
    expect(page.get_by_text("All messages with a problem have a known cause.")).to_be_visible()
