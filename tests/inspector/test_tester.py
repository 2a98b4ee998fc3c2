"""The Tester page: try an event and an edited mapping, apply the edit and export it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from inspector.editors import find_editor, read_editor, write_editor
from inspector.running_emulator import PHONE, RunningEmulator, run_emulator
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace, load_workspace_or_preset
from segment_insider_emulator.workspace.model import replace_write_key_and_account

CART: JSONObject = {
    "type": "track",
    "event": "Cart Viewed",
    "userId": "ada",
    "properties": {"currency": "EUR", "products": [{"product_id": "mug", "price": 8.5}], "mood": 1},
}
CART_MAPPING = 7  # of the preset


def submit_event(page: Page, event: object) -> None:
    write_editor(page, "Call as an SDK sends it", json.dumps(event))
    page.get_by_role("button", name="Test", exact=True).click()


def open_tester(emulator: RunningEmulator, page: Page) -> Page:
    page.goto(f"{emulator.url}/workspace/test")
    return page


def test_an_empty_tester_tests_a_sample_order(emulator: RunningEmulator, page: Page) -> None:
    page.goto(f"{emulator.url}/workspace/test")
    page.get_by_role("button", name="Test a sample order").click()
    expect(page.get_by_role("heading", name="1 of 12 mappings matches")).to_be_visible()


def test_a_pasted_event_shows_its_subscriptions_and_the_response_of_insider_one(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    submit_event(open_tester(emulator, page), CART)
    expect(page.get_by_role("heading", name="1 of 12 mappings matches")).to_be_visible()
    cart = page.get_by_role("listitem").filter(has_text="Cart Viewed Event")
    expect(cart).to_contain_text("Sent, dropped by Insider One")
    expect(cart).to_contain_text("event_group_id parameter is required on cart_page_view event")
    expect(cart.locator("pre")).to_contain_text('"event_name": "cart_page_view"')
    unread = page.locator("#unread")
    expect(unread).to_contain_text("No mapping uses 1 property of this event.")
    expect(unread.get_by_role("listitem")).to_have_text(
        "properties.mood was sent once, but no mapping reads it. Map it under parameters. "
        "Add at destination.subscriptions[6].settings.parameters.mood: "
        '{"@path":"$.properties.mood"} Copy Apply'
    )
    expect(unread.get_by_text("would erase")).to_have_count(0)
    page.get_by_text("11 mappings do not match").click()
    order = page.get_by_role("listitem").filter(has_text="Order Completed Event").last
    order.get_by_text("No match").click()
    expect(order).to_contain_text('event = "Order Completed" but the value is "Cart Viewed"')
    accessible(page)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert emulator.parts.store.list_messages() == ([], None)


def test_a_captured_event_can_be_chosen(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(CART)
    open_tester(emulator, page).get_by_role("button", name="Use it").click()
    expect(page.get_by_role("heading", name="1 of 12 mappings matches")).to_be_visible()


def test_the_captured_event_stays_chosen_while_its_mapping_is_edited(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(CART, {"type": "track", "event": "Rated", "userId": "ada"})
    page.goto(f"{emulator.url}/workspace/test?message=1&subscription={CART_MAPPING}")
    page.get_by_role("button", name="Test the edit").click()
    expect(page.locator("select[name=message]")).to_have_value("1")


def test_an_edit_shows_what_changes_and_is_applied(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    emulator.send(CART)
    submit_event(open_tester(emulator, page), CART)
    cart = page.get_by_role("listitem").filter(has_text="Cart Viewed Event")
    cart.get_by_role("button", name="Edit the mapping").click()
    edited = json.loads(read_editor(page, "Mapping"))
    edited["parameters"]["event_group_id"] = {"@path": "$.userId"}
    write_editor(page, "Mapping", json.dumps(edited))
    page.get_by_role("button", name="Test the edit").click()
    difference = page.get_by_role("region", name="What the edit changes")
    expect(difference.get_by_role("row").nth(1)).to_have_text(
        'users[0].events[0].event_params.event_group_id absent "ada"', use_inner_text=False
    )
    expect(difference).to_contain_text("This edit changes the last captured event.")
    expect(
        page.get_by_role("region", name="With the edit, 1 of 12 mappings matches").get_by_text(
            "Sends"
        )
    ).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Apply to this sandbox").click()
    expect(page.get_by_role("heading", name="Cart Viewed Event edited")).to_be_visible()
    emulator.send(CART)
    messages, _ = emulator.parts.store.list_messages()
    assert [message.verdict for message in messages] == ["dropped", "accepted"]


@pytest.mark.parametrize(
    ("button", "file", "beginning"),
    [
        pytest.param("Export for the Public API", "public-api.json", '{\n  "requests"', id="API"),
        pytest.param(
            "Export as Terraform",
            "insider.tf",
            "# Terraform",
            id="Terraform",
            marks=pytest.mark.extended,
        ),
        pytest.param(
            "Export the workspace file",
            "workspace.yaml",
            "source:\n",
            id="workspace file",
            marks=pytest.mark.extended,
        ),
    ],
)
def test_an_edit_is_exported_without_the_key(
    page: Page, button: str, file: str, beginning: str
) -> None:
    with run_emulator(
        replace_write_key_and_account(
            load_preset_workspace("guide"), "wk_demo", "mybrand", "own-key"
        )
    ) as emulator:
        page.goto(f"{emulator.url}/workspace/test?subscription={CART_MAPPING}")
        write_editor(page, "Call as an SDK sends it", json.dumps(CART))
        page.get_by_label("Trigger").fill('event = "Basket Seen"')
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
    exported = Path(download.value.path()).read_text("utf-8")
    assert download.value.suggested_filename == file
    assert exported.startswith(beginning)
    assert ("Basket Seen" in exported, "own-key" in exported) == (True, False)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        pytest.param("{", "event, line 1", id="no JSON"),
        pytest.param("[]", "not a JSON object", id="no object", marks=pytest.mark.extended),
        pytest.param(
            '{"type": "order"}',
            "the call type is missing or unknown",
            id="no type",
            marks=pytest.mark.extended,
        ),
        pytest.param(
            '{"type": "track", "properties": 1}',
            "event.properties",
            id="no properties",
            marks=pytest.mark.extended,
        ),
        pytest.param(
            '{"type":"track","x":' + "[" * 200 + "]" * 200 + "}",
            "nested",
            id="deep",
            marks=pytest.mark.extended,
        ),
    ],
)
def test_a_mistake_is_shown_at_the_form_and_the_input_stays(
    emulator: RunningEmulator, page: Page, event: str, message: str
) -> None:
    write_editor(open_tester(emulator, page), "Call as an SDK sends it", event)
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text(message)
    assert read_editor(page, "Call as an SDK sends it") == event


@pytest.mark.extended
def test_the_tester_works_without_scripts(emulator: RunningEmulator, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        open_tester(emulator, page)
        page.get_by_label("Call as an SDK sends it").fill(json.dumps(CART))
        page.get_by_role("button", name="Test", exact=True).click()
        page.get_by_text("Cart Viewed Event").click()
        page.get_by_text("Cart Viewed Event").click()
        page.get_by_role("button", name="Edit the mapping Cart Viewed Event").click()
        page.get_by_label("Trigger").fill('event = "Basket Seen"')
        page.get_by_role("button", name="Test the edit").click()
        expect(page.get_by_role("region", name="What the edit changes")).to_contain_text(
            "does not match"
        )


def test_a_hostile_event_is_shown_as_text(emulator: RunningEmulator, page: Page) -> None:
    hostile = "</textarea><img src=x onerror=alert(1)>"
    submit_event(
        open_tester(emulator, page), {"type": "track", "event": hostile, "properties": {hostile: 1}}
    )
    expect(page.get_by_role("heading", name="mappings match")).to_be_visible()
    assert page.locator("img").count() == 0


@pytest.mark.extended
def test_a_default_mapping_is_edited_in_full(page: Page) -> None:
    identify: JSONObject = {"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}}
    with run_emulator(load_preset_workspace("segment-defaults")) as emulator:
        emulator.send(identify)
        page.goto(f"{emulator.url}/messages/1")
        expect(page.locator("#unread")).to_contain_text("only this line")
        page.get_by_role("link", name="Test the mappings").click()
        unread = page.locator("#unread")
        expect(unread).to_contain_text("firstName reads traits.first_name, which was never sent")
        line = json.loads(unread.locator(".line-to-write").inner_text())
        page.get_by_role("button", name="Edit the mapping Create or Update").click()
        mapping = json.loads(read_editor(page, "Mapping")) | {"firstName": line}
        write_editor(page, "Mapping", json.dumps(mapping))
        page.get_by_role("button", name="Apply to this sandbox").click()
        expect(page.locator(".notice")).to_contain_text("until the next reset")
        page.goto(f"{emulator.url}/workspace")
        with page.expect_download() as download:
            page.get_by_role("link", name="Export the workspace file").click()
        emulator.send(identify)
        newest, _ = emulator.parts.store.list_messages(after_id=1)
    assert [message.verdict for message in newest] == ["accepted"]
    settings = load_workspace_or_preset(download.value.path()).destination["subscriptions"][0][
        "settings"
    ]
    assert (settings["firstName"], settings["uuid"]) == (line, {"@path": "$.userId"})


def open_editor(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(CART)
    page.goto(f"{emulator.url}/workspace/test?subscription={CART_MAPPING}")
    expect(page.get_by_label("Mapping", exact=True)).to_be_attached()


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("mapping", "line", "problem"),
    [
        pytest.param('{\n  "uuid" 1\n}', 2, "Write : here.", id="no colon"),
        pytest.param('{\n  "uuid": 1,\n}', 3, "a text in double quotes", id="comma at the end"),
        pytest.param('{"uuid": "x"\n', 2, "Write a comma or } here.", id="no end"),
        pytest.param('{\n "uuid": {\n "@paht": "$.x"}}', 3, "unknown directive", id="directive"),
        pytest.param(
            '{"products": {\n"@arrayPath": ["$.p", {"a":\n {"b":\n {"@paht": 1}}}]}}',
            *(4, "unknown directive"),
            id="directive in a shape",
        ),
        pytest.param(
            '{"parameters": {"@merge": {"direction": "left", "objects": [{}, {\n"@paht": 1}]}}}',
            *(2, "unknown directive"),
            id="directive in a merge",
        ),
        pytest.param('{"parameters": {\n"a/b":\n {"@path": 1}}}', 3, "should be", id="wrong type"),
        pytest.param('{\n "parameters": {\n  "giftWrap": 1}}', 3, "gift_wrap", id="lost key"),
    ],
)
def test_a_problem_of_a_mapping_is_shown_at_its_line(
    emulator: RunningEmulator, page: Page, mapping: str, line: int, problem: str
) -> None:
    open_editor(emulator, page)
    write_editor(page, "Mapping", mapping)
    found = page.locator(".problems li").filter(has_text=problem)
    expect(found).to_contain_text(f"Line {line}")
    expect(page.locator(".CodeMirror-lint-marker-error").first).to_be_visible()
    found.get_by_role("button").click()
    expect(page.get_by_label("Mapping", exact=True)).to_be_focused()


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("before", "typed", "choice", "after"),
    [
        pytest.param('{"', "curr", "", '{"curr"', id="no field of this name"),
        pytest.param('{"', "uu", "uuid", '{"uuid"', id="field"),
        pytest.param(
            '{"parameters": {"', "curr", "currency", '{"parameters": {"currency"', id="member"
        ),
        pytest.param('{"uuid": {"', "@pa", "@path", '{"uuid": {"@path"', id="directive"),
        pytest.param(
            '{"uuid": {"@if": {"', "ex", "exists", '{"uuid": {"@if": {"exists"', id="option"
        ),
        pytest.param(
            '{"uuid": {"@path": "',
            "mood",
            "$.properties.mood",
            '{"uuid": {"@path": "$.properties.mood"',
            id="captured path",
        ),
        pytest.param(
            '{"products": {"@arrayPath": ["$.properties.products", {"name": {"@path": "',
            "pri",
            "$.price",
            '{"products": {"@arrayPath": ["$.properties.products", {"name": {"@path": "$.price"',
            id="path of a product",
        ),
    ],
)
def test_the_editor_completes_fields_directives_and_captured_paths(
    emulator: RunningEmulator, page: Page, before: str, typed: str, choice: str, after: str
) -> None:
    open_editor(emulator, page)
    write_editor(page, "Mapping", before + '"')
    find_editor(page, "Mapping").evaluate(
        "(editor, at) => editor.CodeMirror.setCursor(0, at)", len(before)
    )
    page.get_by_label("Mapping", exact=True).focus()
    page.keyboard.type(typed)
    hints = page.locator(".CodeMirror-hint")
    if choice:
        expect(hints.first).to_have_text(choice)
        page.keyboard.press("Enter")
    else:
        expect(hints).to_have_count(0)
    expect(page.locator(".CodeMirror-hints")).to_have_count(0)
    assert read_editor(page, "Mapping") == after


@pytest.mark.extended
def test_the_keyboard_leaves_the_editor_with_escape_and_tab(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    open_editor(emulator, page)
    mapping = page.get_by_label("Mapping", exact=True)
    mapping.focus()
    page.keyboard.press("Tab")
    expect(mapping).to_be_focused()
    page.keyboard.press("Escape")
    expect(mapping).to_be_focused()
    page.keyboard.press("Tab")
    expect(mapping).not_to_be_focused()
    expect(page.get_by_role("button", name="Test the edit")).to_be_focused()
    accessible(page)


def test_without_a_script_the_editor_is_a_text_area(
    emulator: RunningEmulator, browser: Browser
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{emulator.url}/workspace/test?subscription={CART_MAPPING}")
        page.get_by_label("Call as an SDK sends it").fill(json.dumps(CART))
        page.locator("textarea[name=mapping]").fill("{}")
        page.get_by_role("button", name="Test the edit").click()
        expect(page.get_by_role("heading", name="What the edit changes")).to_be_visible()
