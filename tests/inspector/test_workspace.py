"""The Workspace page: the panels of Segment and Insider One, and the mappings."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from inspector.running_emulator import PHONE, RunningEmulator, run_emulator
from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.loading import (
    load_workspace_from_document,
    read_preset_document,
)

HOSTILE = "<script>alert(1)</script>\"'{{7*7}}"
ORDER: JSONObject = {
    "type": "track",
    "event": "Order Completed",
    "userId": "ada",
    "properties": {
        "order_id": "o-1",
        "currency": "EUR",
        "products": [{"product_id": "mug", "price": 8.5, "quantity": 2}],
    },
}


def list_verdicts(emulator: RunningEmulator) -> list[str]:
    messages, _ = emulator.parts.store.list_messages()
    return [message.verdict for message in messages]


def open_inone_panel(page: Page) -> Locator:
    return page.get_by_role("region", name="InOne: create the integration")


def open_segment_panel(page: Page) -> Locator:
    return page.get_by_role("region", name="Segment: enter the key, enable, save")


@pytest.mark.extended
def test_the_steps_of_the_guide_work_from_a_new_key_to_a_delivered_order(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    page.goto(f"{emulator.url}/workspace")
    page.once("dialog", lambda dialog: dialog.accept())
    open_inone_panel(page).get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Insider One will refuse the key.")).to_be_visible()
    emulator.send(ORDER)
    open_inone_panel(page).get_by_label("Integration Name").fill("Web shop")
    open_inone_panel(page).get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".notice")).to_have_text("Integration Web shop was saved")
    accessible(page)
    open_inone_panel(page).get_by_role("button", name="Enter both in Segment and enable").click()
    expect(page.get_by_text("Ready: the next event")).to_be_visible()
    expect(page.get_by_role("button", name="Enter both")).to_have_count(0)
    emulator.send(ORDER)
    assert list_verdicts(emulator) == ["failed", "accepted"]


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("role", "revoked"),
    [("Editor", False), ("Administrator", True), ("Editor with PII access", True)],
)
def test_only_roles_with_permission_can_revoke_a_key(
    role: str, revoked: bool, emulator: RunningEmulator, page: Page
) -> None:
    page.goto(f"{emulator.url}/workspace")
    open_inone_panel(page).get_by_label("Acting as").select_option(role)
    page.once("dialog", lambda dialog: dialog.accept())
    open_inone_panel(page).get_by_role("button", name="Revoke").click()
    message = "was revoked" if revoked else "cannot make changes to External Platform Integrations"
    expect(page.locator(".notice" if revoked else "#mistake-revoke")).to_contain_text(message)
    chosen = "Administrator" if revoked else role
    expect(open_inone_panel(page).get_by_label("Acting as")).to_have_value(chosen)
    (integration,) = emulator.parts.insider_panel.list_integrations()
    assert (integration.revoked_at is not None) is revoked


def test_a_role_without_permission_is_rejected_and_the_input_stays(
    emulator: RunningEmulator, page: Page
) -> None:
    page.goto(f"{emulator.url}/workspace")
    open_inone_panel(page).get_by_label("Integration Name").fill("Mine")
    open_inone_panel(page).get_by_label("Acting as").select_option("Editor")
    open_inone_panel(page).get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Use the role Administrator")
    expect(open_inone_panel(page).get_by_label("Integration Name")).to_have_value("Mine")
    assert len(emulator.parts.insider_panel.list_integrations()) == 1
    assert page.url == f"{emulator.url}/workspace"


def test_destination_settings_and_switch_are_saved(emulator: RunningEmulator, page: Page) -> None:
    page.goto(f"{emulator.url}/workspace")
    open_segment_panel(page).get_by_label("Account Name").fill("MyBrand")
    open_segment_panel(page).get_by_label("Off").check()
    open_segment_panel(page).get_by_role("button", name="Save Changes").click()
    expect(page.get_by_text("Enable Destination is off")).to_be_visible()
    saved = emulator.parts.destination_overrides.current_destination
    assert (saved["enabled"], saved["settings"]["ucd_key"]) == (False, "test-key")
    open_segment_panel(page).get_by_label("On").check()
    open_segment_panel(page).get_by_role("button", name="Save Changes").click()
    expect(page.get_by_text("Insider One will refuse the account name")).to_be_visible()
    open_segment_panel(page).get_by_label("API Key").fill(" ")
    open_segment_panel(page).get_by_role("button", name="Save Changes").click()
    expect(page.get_by_role("alert")).to_contain_text("Copy it from the InOne panel")


def test_a_mapping_can_be_disabled(emulator: RunningEmulator, page: Page) -> None:
    page.goto(f"{emulator.url}/workspace")
    switch = page.get_by_role("switch", name="Mapping Order Completed Event")
    switch.click()
    expect(switch).not_to_be_checked()
    emulator.send(ORDER)
    switch.click()
    expect(switch).to_be_checked()
    emulator.send(ORDER)
    assert list_verdicts(emulator) == ["not_subscribed", "accepted"]


def test_a_mapping_is_shown_in_plain_words(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    page.goto(f"{emulator.url}/workspace")
    page.get_by_role("link", name="Create or Update a User Profile").click()
    first_name = page.get_by_role("row", name="First Name")
    expect(first_name).to_contain_text("traits.firstName or else traits.first_name")
    page.get_by_text("The whole mapping as JSON").click()
    expect(page.locator("pre").last).to_contain_text('"email_as_identifier": true')
    accessible(page)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_hostile_names_are_shown_as_text(page: Page) -> None:
    document = read_preset_document("guide")
    source = {**document["source"], "name": HOSTILE}
    original = document["destination"]
    subscription = {
        **original["subscriptions"][0],
        "name": HOSTILE,
        "trigger": f'event = "{HOSTILE}"',
    }
    destination = {**original, "name": HOSTILE, "subscriptions": [subscription]}
    workspace = load_workspace_from_document(
        {**document, "source": source, "destination": destination}, "test"
    )
    with run_emulator(workspace) as emulator:
        page.goto(f"{emulator.url}/workspace")
        expect(page.get_by_role("link", name=HOSTILE)).to_be_visible()
        page.get_by_role("link", name=HOSTILE).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)


def test_revoking_a_key_asks_first(emulator: RunningEmulator, page: Page) -> None:
    page.goto(f"{emulator.url}/workspace")
    page.once("dialog", lambda dialog: dialog.dismiss())
    open_inone_panel(page).get_by_role("button", name="Revoke").click()
    emulator.send(ORDER)
    assert list_verdicts(emulator) == ["accepted"]


def test_the_keys_of_the_contact_api_are_named_and_not_shown() -> None:
    document = read_preset_document("guide")
    account = {"name": "mybrand", "key": "test-key", "unsubscribeKey": "a-key-of-its-own-2d4f"}
    own = {**document, "insider": {**document.get("insider", {}), "account": account}}
    app = create_app(Config(db=":memory:"), load_workspace_from_document(own, "shop.yaml"))
    html = app.test_client().get("/workspace").text
    table = html.partition('aria-label="Keys of the Contact API"')[2].partition("</table>")[0]
    assert " ".join(re.sub("<[^>]*>", " ", table).split()).removeprefix("> ") == (
        "Key of the Contact API Key Global Unsubscribe a-… of the workspace file "
        "Resubscribe the account's key and -resubscribe"
    )


def test_a_profile_shows_the_groups_that_a_person_left() -> None:
    client = create_app(
        Config(db=":memory:"), load_workspace_from_document(read_preset_document("guide"), "guide")
    ).test_client()
    body = {"emails": ["ada@x.io"], "group_name": "<b>News</b>"}
    keys = {"X-PARTNER-NAME": "mybrand", "X-REQUEST-TOKEN": "test-key-unsubscribe"}
    assert client.post("/email/v2/unsubscribe", json=body, headers=keys).status_code == 200
    (profile,) = client.get("/emulator/v1/profiles").json["profiles"]  # type: ignore[index]  # JSON
    (group,) = profile["unsubscribe_groups"]
    html = client.get(f"/profiles/{profile['id']}").text
    words = " ".join(re.sub("<[^>]*>", " ", html).split())
    assert f"Left the e-mail group &lt;b&gt;News&lt;/b&gt; (group_id {group['id']})" in words
    assert "POST /email/v2/unsubscribe" in words
