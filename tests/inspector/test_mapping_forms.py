"""Forms of the Workspace page that add, rename and remove mappings and custom identifiers."""

from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page, expect

from inspector.running_emulator import PHONE, RunningEmulator

SONG = {"type": "track", "event": "Song Played", "userId": "ada", "properties": {"mood": "blue"}}


def list_names(emulator: RunningEmulator) -> list[str]:
    destination = emulator.parts.destination_overrides.current_destination
    return [subscription["name"] for subscription in destination["subscriptions"]]


def post(emulator: RunningEmulator, address: str, **form: str) -> requests.Response:
    return requests.post(f"{emulator.url}/workspace/{address}", form, timeout=60)


def test_a_mapping_is_added_renamed_and_removed_on_the_page(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    before = list_names(emulator)
    emulator.send(SONG)
    page.goto(f"{emulator.url}/workspace")
    page.get_by_role("link", name="New mapping").click()
    accessible(page)
    page.get_by_role("radio", name="Product Viewed Event").check()
    page.get_by_label("Name", exact=True).fill("Songs")
    page.get_by_label("Event name").fill("Song Played")
    page.get_by_role("button", name="Add the mapping").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mapping Songs added")
    expect(page.get_by_role("region", name="Captured events")).to_contain_text(
        "1 of the last 1 event"
    )
    page.goto(f"{emulator.url}/workspace")
    page.get_by_role("link", name="Songs", exact=True).click()
    expect(page.get_by_text('Matches if type is "track" and event is "Song')).to_be_visible()
    page.get_by_text("Rename", exact=True).click()
    page.get_by_label("Name").fill("Tunes")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Songs renamed to Tunes")
    page.goto(f"{emulator.url}/workspace/subscriptions/{len(before) + 1}")
    accessible(page)
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mapping Tunes removed")
    assert list_names(emulator) == before


@pytest.mark.extended
def test_a_custom_identifier_is_added_mapped_and_removed_on_the_page(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    page.goto(f"{emulator.url}/workspace")
    page.get_by_label("Custom identifier").fill("loyalty_id")
    page.get_by_label("Map it in all mappings from").fill("traits.loyaltyId")
    page.get_by_role("button", name="Add the identifier").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Identifier loyalty_id added")
    for user in ("ada", "bo"):
        emulator.send({"type": "identify", "userId": user, "traits": {"loyaltyId": "L-7"}})
    profiles, _ = emulator.parts.profiles.list_newest_profiles()
    assert len(profiles) == 2  # each user id has its own profile: uuid is stronger
    page.goto(f"{emulator.url}/workspace")
    accessible(page)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.get_by_role("button", name="Move loyalty_id up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Identifier loyalty_id is stronger")
    page.goto(f"{emulator.url}/workspace")
    page.get_by_role("button", name="Remove the identifier loyalty_id").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Identifier loyalty_id removed")
    assert "loyalty_id" not in emulator.parts.destination_overrides.current_identifiers


def test_a_person_is_found_by_a_custom_identifier_alone(emulator: RunningEmulator) -> None:
    assert post(emulator, "identifiers", name="crm", path="$.traits.crm").status_code == 200
    for _ in range(2):
        emulator.send({"type": "identify", "anonymousId": "x", "traits": {"crm": "7"}})
    profiles, _ = emulator.parts.profiles.list_newest_profiles("crm")
    assert len(profiles) == 1
    exported = requests.get(f"{emulator.url}/workspace/test/export/workspace", timeout=60).text
    assert "- crm" in exported


@pytest.mark.extended
@pytest.mark.parametrize(
    ("path", "form", "mistake"),
    [
        pytest.param("mappings", {}, "No action is chosen", id="no action"),
        pytest.param("mappings", {"action": "x"}, "No action is chosen", id="unknown action"),
        pytest.param(
            "mappings", {"action": "trackEvent", "event": 'a"b'}, "quotation mark", id="quote"
        ),
        pytest.param(
            "mappings", {"action": "trackEvent", "name": "x" * 201}, "longer than", id="long name"
        ),
        pytest.param("subscriptions/1/rename", {"name": " "}, "the name is empty", id="no name"),
        pytest.param("identifiers", {"name": ""}, "the name is empty", id="no identifier"),
        pytest.param("identifiers", {"name": "uuid"}, "same entry twice", id="known identifier"),
        pytest.param(
            "subscriptions/1/remove", {"seen": "old"}, "The workspace has changed", id="stale"
        ),
    ],
)
def test_a_mistake_is_shown_at_its_form(
    emulator: RunningEmulator, path: str, form: dict[str, str], mistake: str
) -> None:
    before = list_names(emulator)
    response = post(emulator, path, **form)
    assert (response.status_code, mistake.lower() in response.text.lower()) == (200, True)
    assert list_names(emulator) == before


@pytest.mark.parametrize(
    "path", ["subscriptions/0/remove", "subscriptions/99/rename", "identifiers/remove"]
)
def test_what_does_not_exist_is_not_found(emulator: RunningEmulator, path: str) -> None:
    assert post(emulator, path, name="nothing").status_code == 404


def test_the_last_identifier_stays(emulator: RunningEmulator) -> None:
    for name in emulator.parts.destination_overrides.current_identifiers:
        last = post(emulator, "identifiers/remove", name=name)
    assert "this list is empty" in last.text.lower()
    assert len(emulator.parts.destination_overrides.current_identifiers) == 1


def test_the_control_api_adds_and_removes_an_identifier(emulator: RunningEmulator) -> None:
    url = f"{emulator.url}/emulator/v1/panel/identifiers"
    added = requests.post(url, json={"name": "crm", "path": "traits.crm"}, timeout=60)
    assert (added.status_code, added.json()["identifiers"][-1]) == (201, "crm")
    assert requests.get(url, timeout=60).json() == added.json()
    removed = requests.delete(f"{url}/crm", timeout=60)
    assert "crm" not in removed.json()["identifiers"]
    assert requests.delete(f"{url}/crm", timeout=60).status_code == 404
