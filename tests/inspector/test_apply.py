"""Apply: an edit of a mapping is written with one click, shown with its effect, and undone."""

import html
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from inspector.running_emulator import PHONE, RunningEmulator, run_emulator
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_emulator.workspace.loading import load_workspace_from_document

ADA: JSONObject = {"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}}
RATED: JSONObject = {"type": "track", "event": "Rated", "userId": "ada", "properties": {"stars": 3}}
COUNT_ACTIONS = """
  for (const [event, name] of [["click", "clicks"], ["keydown", "keys"]])
    addEventListener(event, () => (sessionStorage[name] = +(sessionStorage[name] ?? 0) + 1), true);
"""


@pytest.fixture
def defaults() -> Iterator[RunningEmulator]:
    """Run an emulator whose mappings are Segment's defaults, which lose `firstName`."""
    with run_emulator(load_preset_workspace("segment-defaults")) as started:
        yield started


def write_edit(*keys: str | int, value: object, removed_key: str | None = None) -> str:
    return json.dumps({"keys": keys, "value": value, "removedKey": removed_key})


SET_NAME = write_edit("subscriptions", 0, "settings", "firstName", value="Ada")


def apply(emulator: RunningEmulator, *edits: str, seen: str = "") -> requests.Response:
    """Send the form of an Apply button."""
    seen = seen or emulator.parts.destination_overrides.fingerprint
    form = {"edit": edits, "seen": seen}
    return requests.post(f"{emulator.url}/workspace/changes", form, timeout=60)


def export_workspace(emulator: RunningEmulator) -> str:
    return requests.get(f"{emulator.url}/workspace/test/export/workspace", timeout=60).text


def test_a_lost_first_name_is_mapped_replayed_and_exported_in_five_clicks_without_typing(
    defaults: RunningEmulator, page: Page
) -> None:
    defaults.send(RATED, ADA)
    page.add_init_script(COUNT_ACTIONS)
    page.goto(defaults.url)
    row = page.get_by_role("row").filter(has_text="identify")
    row.get_by_role("link", name="1 not mapped").click()
    expect(page.locator("#unread")).to_contain_text("traits.firstName was sent once")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Create or Update a User Profile: set firstName"
    )
    effect = page.get_by_role("region", name="Captured events")
    expect(effect).to_contain_text("1 of the last 2 events")
    expect(effect.get_by_role("row").nth(1)).to_have_text(
        'users[0].attributes.name absent "Ada"', use_inner_text=False
    )
    with page.expect_download() as download:
        page.get_by_role("link", name="Export the workspace file").click()
    assert "traits.firstName" in Path(download.value.path()).read_text("utf-8")
    actions = page.evaluate("[+sessionStorage.clicks, +(sessionStorage.keys ?? 0)]")
    assert (actions[0] <= 5, actions[1]) == (True, 0)


def test_a_change_is_shown_field_by_field_and_undone_exactly(
    defaults: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    defaults.send(ADA)
    before = export_workspace(defaults)
    page.goto(f"{defaults.url}/messages/1")
    page.get_by_role("button", name="Apply").click()
    written = page.get_by_role("region", name="In the workspace file")
    expect(written.get_by_role("row")).to_have_count(2)
    expect(written).to_contain_text("destination.subscriptions[0].settings.firstName")
    accessible(page)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    defaults.send(ADA)
    page.get_by_role("button", name="Undo").click()
    expect(page).to_have_url(re.compile("/messages/1$"))
    expect(page.get_by_role("status").filter(has_text="Undone")).to_be_visible()
    assert export_workspace(defaults) == before
    assert defaults.parts.destination_overrides.changes == ()
    profiles, _ = defaults.parts.profiles.list_newest_profiles()
    assert [profile.attributes["name"] for profile, _ in profiles] == ["Ada"]


def test_all_events_that_a_change_changes_are_sent_again(
    defaults: RunningEmulator, page: Page
) -> None:
    defaults.send(RATED, ADA, {**ADA, "userId": "bo", "traits": {"firstName": "Bo"}})
    page.goto(f"{defaults.url}/messages/2")
    page.get_by_role("button", name="Apply").click()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Resend all 2 events that changed").click()
    expect(page.get_by_role("status").filter(has_text="2 events were sent again")).to_be_visible()
    expect(page.get_by_role("button", name="Resend all 2 events")).to_be_visible()
    page.get_by_role("link", name="show what was sent again").click()
    expect(page.locator("tr[data-id] .user")).to_have_text(["bo", "ada"])
    profiles, _ = defaults.parts.profiles.list_newest_profiles()
    assert {profile.attributes.get("name") for profile, _ in profiles} == {"Ada", "Bo"}


def test_apply_and_undo_work_without_a_script(defaults: RunningEmulator) -> None:
    applied = apply(defaults, SET_NAME)
    assert (applied.status_code, "set firstName" in applied.text) == (200, True)
    undone = requests.post(f"{applied.url}/undo", timeout=60)
    assert (undone.status_code, undone.url) == (200, f"{defaults.url}/workspace")


def test_an_edit_of_another_workspace_than_the_page_saw_is_refused(
    defaults: RunningEmulator,
) -> None:
    seen = defaults.parts.destination_overrides.fingerprint
    defaults.parts.destination_overrides.set_subscription_enabled(1, False)
    refused = apply(defaults, SET_NAME, seen=seen)
    assert refused.status_code == 409
    assert "The workspace has changed since this page was loaded" in refused.text
    assert len(defaults.parts.destination_overrides.changes) == 1


def test_only_the_newest_change_is_undone_and_only_once(defaults: RunningEmulator) -> None:
    first = apply(defaults, SET_NAME).url
    second = apply(defaults, write_edit("subscriptions", 1, "enabled", value=False)).url
    refused = requests.post(f"{first}/undo", timeout=60)
    assert (refused.status_code, "A later change is in the way" in refused.text) == (409, True)
    for url in (second, first):
        assert requests.post(f"{url}/undo", timeout=60).status_code == 200
    gone = requests.post(f"{first}/undo", timeout=60)
    assert (gone.status_code, "does not exist any more" in gone.text) == (409, True)


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    "edit",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="no JSON"),
        pytest.param("[]", id="no edit"),
        pytest.param(write_edit(value=1), id="no keys"),
        pytest.param(write_edit("subscriptions", value=[]), id="no index"),
        pytest.param(write_edit("subscriptions", -1, "enabled", value=True), id="negative index"),
        pytest.param(write_edit("subscriptions", 999, "enabled", value=True), id="far index"),
        pytest.param(write_edit("subscriptions", "x", "enabled", value=True), id="index in words"),
        pytest.param(write_edit("subscriptions", 0, "enabled", value="yes"), id="wrong type"),
        pytest.param(write_edit("subscriptions", 0, "actionSlug", value="x"), id="unknown action"),
        pytest.param(write_edit("subscriptions", 10, value=None), id="no subscription"),
        pytest.param(write_edit("subscriptions", 10, value={"name": "x"}), id="half of one"),
        pytest.param(
            write_edit("subscriptions", 0, "settings", "uuid", "@path", 0, value=1), id="in a text"
        ),
        pytest.param(write_edit("settings", "ucd_key", value=7), id="wrong setting"),
        pytest.param(write_edit("name", "x", value=7), id="in the name"),
        pytest.param(write_edit("name", value="x"), id="only in the file"),
        pytest.param(write_edit("filters", value=[]), id="filters"),
        pytest.param(write_edit("insider", "account", value={}), id="account"),
        pytest.param(write_edit("insider", "identifiers", value=["a" * 500]), id="identifier"),
        pytest.param(
            write_edit("insider", "identifiers", value=[f"i{n}" for n in range(99)]),
            id="many identifiers",
        ),
        pytest.param(
            json.dumps({**json.loads(SET_NAME), "removedKeys": ["settings", "ucd_key"]}),
            id="removes the key",
        ),
        pytest.param(json.dumps({**json.loads(SET_NAME), "removedKeys": "x"}), id="removes a text"),
        pytest.param(write_edit(*["x"] * 500, value=1), id="many keys"),
        pytest.param(
            '{"keys": ["name"], "removedKey": null, "value": ' + "[" * 300 + "]" * 300 + "}",
            id="deep",
        ),
    ],
)
def test_an_edit_that_cannot_be_applied_is_refused_in_one_line(
    emulator: RunningEmulator, edit: str
) -> None:
    before = emulator.parts.destination_overrides.current_destination
    refused = apply(emulator, edit)
    assert (refused.status_code, "Traceback" in refused.text) == (400, False)
    assert emulator.parts.destination_overrides.current_destination == before


def test_a_change_survives_a_restart_until_the_workspace_file_changes(tmp_path: Path) -> None:
    workspace = load_preset_workspace("segment-defaults")
    db = str(tmp_path / "emulator.db")
    with run_emulator(workspace, db=db) as emulator:
        path = apply(emulator, SET_NAME).url.removeprefix(emulator.url)
    with run_emulator(workspace, db=db) as emulator:
        assert "set firstName" in requests.get(emulator.url + path, timeout=60).text
        assert len(emulator.parts.destination_overrides.changes) == 1
    destination = {**workspace.document["destination"], "name": "Other"}
    other = load_workspace_from_document({**workspace.document, "destination": destination}, "file")
    with run_emulator(other, db=db) as emulator:
        shown = requests.get(f"{emulator.url}/workspace", timeout=60).text
        assert "the earlier changes on these pages were reset" in shown
        gone = requests.get(emulator.url + path, timeout=60)
        assert (gone.status_code, "does not exist any more" in gone.text) == (409, True)


def test_two_sandboxes_do_not_share_a_change(emulator: RunningEmulator) -> None:
    created = requests.post(
        f"{emulator.url}/emulator/v1/sandboxes", json={"id": "other"}, timeout=60
    )
    apply(emulator, SET_NAME)
    other = requests.get(f"{created.json()['url']}/workspace", timeout=60).text
    assert ("Changes on these pages" in other, "earlier changes" in other) == (False, False)


def test_a_difference_on_the_checks_page_is_applied_to_all_its_mappings(
    defaults: RunningEmulator, page: Page
) -> None:
    defaults.send(ADA)
    page.goto(f"{defaults.url}/workspace/checks")
    page.get_by_role("button", name="Apply").first.click()
    expect(page.get_by_role("heading", name="In the workspace file")).to_be_visible()
    page.goto(f"{defaults.url}/workspace")
    changes = page.get_by_role("region", name="Changes on these pages")
    changes.get_by_role("button", name="Undo").click()
    expect(changes).to_have_count(0)


def test_a_refused_value_is_converted_in_the_mapping(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    properties = {"product_id": "mug", "price": "9,99"}
    viewed = {"type": "track", "event": "Product Viewed", "userId": "ada", "properties": properties}
    emulator.send(viewed)
    page.goto(f"{emulator.url}/messages/1")
    page.get_by_role("region", name="What to know").get_by_role("button", name="Apply").click()
    effect = page.get_by_role("region", name="Captured events")
    expect(effect).to_contain_text("fails: ")
    expect(effect.locator("pre")).to_contain_text('"unit_price": 9.99')
    accessible(page)
    emulator.send(viewed)
    messages, _ = emulator.parts.store.list_messages()
    verdicts = [message.verdict for message in messages]
    assert (verdicts[0], verdicts[1] != "failed") == ("failed", True)


@pytest.mark.parametrize(
    ("price", "mapped"),
    [
        pytest.param("9,99", 9.99, id="comma"),
        pytest.param("1.299,00", 1299, id="thousands with a dot"),
        pytest.param("$9.99", 9.99, id="currency before"),
        pytest.param("9,99 TL", 9.99, id="currency after"),
        pytest.param("cheap", None, id="no number"),
        pytest.param("1.299", 1.299, id="a number already"),
    ],
)
def test_only_a_conversion_that_works_is_suggested(
    emulator: RunningEmulator, price: str, mapped: float | None
) -> None:
    properties = {"product_id": "mug", "price": price}
    emulator.send(
        {"type": "track", "event": "Product Viewed", "userId": "ada", "properties": properties}
    )
    page = requests.get(f"{emulator.url}/messages/1", timeout=60).text
    edits = re.findall(r'name="edit" value="([^"]*@replace[^"]*)"', page)
    if mapped is None or price == "1.299":
        assert edits == []
        return
    shown = html.unescape(apply(emulator, *map(html.unescape, dict.fromkeys(edits))).text)
    assert f'"unit_price": {mapped}' in shown


def test_a_misspelled_event_name_and_a_mapping_that_is_off_are_taken_with_one_click(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.parts.destination_overrides.set_subscription_enabled(9, False)  # Track Event
    emulator.send({"type": "track", "event": "order completed", "userId": "ada"})
    page.goto(f"{emulator.url}/messages/1")
    passed = page.locator("#passed li")
    passed.filter(has_text="Track Event").get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Track Event: switched on")
    page.get_by_role("link", name="Back to the message").click()
    page.locator("#passed summary").click()
    page.locator("#passed").get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Order Completed Event: set trigger")
    expect(page.get_by_role("region", name="Captured events")).to_contain_text("1 of the last")
