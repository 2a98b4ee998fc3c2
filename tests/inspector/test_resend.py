"""Edit and resend: an editor of the captured call, and what an edit changes before it is sent."""

import json
import re
from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Browser, Page, Route, expect

from inspector.editors import find_editor, read_editor, write_editor
from inspector.running_emulator import PHONE, RunningEmulator
from segment_insider_emulator.types import JSONObject

LABEL = "Call as an SDK sends it"
ADDED: JSONObject = {
    "type": "track",
    "userId": "ada",
    "event": "Product Added",
    "timestamp": "2026-11-23T10:00:00Z",
    "properties": {"product_id": "mug", "price": "9,99"},
}


@pytest.fixture
def editor(emulator: RunningEmulator, page: Page) -> Page:
    emulator.send(ADDED)
    page.goto(f"{emulator.url}/messages/1/edit")
    find_editor(page, LABEL)
    return page


def replace_text(page: Page, old: str, new: str) -> None:
    write_editor(page, LABEL, read_editor(page, LABEL).replace(old, new))


def wait_until(is_true: Callable[[], bool], page: Page) -> None:
    """Let *page* handle events until *is_true*; the time-out of the test run ends it."""
    while not is_true():
        page.wait_for_timeout(20)


def test_the_editor_shows_the_refused_value_at_its_line(editor: Page) -> None:
    expect(editor.locator(".CodeMirror-linenumber").first).to_have_text("1")
    expect(editor.locator(".CodeMirror-lint-marker-error")).to_have_count(1)
    problem = editor.locator(".problems li")
    expect(problem).to_contain_text('properties.price is the text "9,99"')
    expect(problem).to_contain_text("Send the number 9.99.")
    problem.get_by_role("button", name="Line 8").click()
    expect(editor.get_by_label(LABEL)).to_be_focused()


def test_an_edit_shows_its_verdict_and_changes_before_it_is_sent(
    emulator: RunningEmulator, editor: Page
) -> None:
    preview = editor.get_by_role("region", name="What changes")
    expect(preview).to_contain_text("Unchanged")
    replace_text(editor, '"9,99"', "9.99")
    expect(preview.locator(".outcome")).to_have_text("Captured Failed Edited Accepted")
    call = preview.get_by_role("region", name="The call")
    expect(call.locator("tbody tr")).to_have_text('properties.price "9,99" 9.99')
    request = preview.get_by_role("region", name="Request of Product Added Event")
    expect(request).to_contain_text("not made before")
    expect(request).not_to_contain_text("timestamp")
    assert emulator.parts.store.get_message(2) is None  # nothing was sent
    editor.get_by_role("button", name="Send").click()
    expect(editor).to_have_url(f"{emulator.url}/messages/2")
    expect(editor.locator(".event-head")).to_contain_text("Accepted")


def test_a_mistake_is_shown_at_its_line_and_hides_the_old_preview(editor: Page) -> None:
    replace_text(editor, '"9,99"', "9.99,")
    expect(editor.locator(".problems li")).to_have_text(
        "Line 9 Error: Write a text in double quotes here."
    )
    expect(editor.get_by_role("region", name="What changes")).to_have_text(
        "Correct the text to see what changes."
    )


def test_a_late_answer_does_not_replace_the_preview_of_a_newer_text(editor: Page) -> None:
    preview = editor.get_by_role("region", name="What changes")
    waiting: list[Route] = []
    editor.route(
        "**/edit/check",
        lambda route: route.continue_() if waiting else waiting.append(route),
    )
    replace_text(editor, '"9,99"', "9.99")
    wait_until(lambda: len(waiting) == 1, editor)
    replace_text(editor, "9.99", "8.5")
    expect(preview).to_contain_text("8.5")
    with editor.expect_response("**/edit/check"):
        waiting[0].continue_()
    editor.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    expect(preview).not_to_contain_text("9.99")


def test_the_keys_of_completion_do_nothing_without_completions(editor: Page) -> None:
    editor.get_by_label(LABEL).press("Control+ ")  # an error in the console fails the test
    expect(editor.get_by_label(LABEL)).to_be_focused()


def test_undo_restores_the_captured_call(editor: Page) -> None:
    replace_text(editor, '"9,99"', "9.99")
    editor.get_by_role("link", name="Undo all edits").click()
    expect(editor.locator(".CodeMirror")).to_contain_text('"9,99"')


def test_the_changes_are_shown_without_scripts(emulator: RunningEmulator, browser: Browser) -> None:
    emulator.send(ADDED)
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{emulator.url}/messages/1/edit")
        call = page.get_by_label(LABEL)
        call.fill(call.input_value().replace('"9,99"', "9.99"))
        page.get_by_role("button", name="Show what changes").click()
        expect(page.locator(".outcome")).to_have_text("Captured Failed Edited Accepted")
        expect(call).to_have_value(re.compile('"price": 9.99'))
        page.get_by_role("button", name="Send").click()
        expect(page).to_have_url(f"{emulator.url}/messages/2")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param("{", "Invalid JSON in line 1", id="half an object"),
        pytest.param("", "The call is empty", id="nothing"),
        pytest.param("[1]", "Not a Segment call", id="a list"),
        pytest.param('{"a":' * 600 + "1" + "}" * 600, "levels", id="too deep"),
        pytest.param("\ud800", "Invalid JSON", id="half a character"),
    ],
)
def test_a_call_that_cannot_be_sent_is_refused_with_its_reason(
    emulator: RunningEmulator, text: str, error: str
) -> None:
    emulator.send(ADDED)
    form = {"call": text.encode("utf-8", "surrogatepass")}
    url = f"{emulator.url}/messages/1/edit"
    refused = requests.post(url, data=form, timeout=60)
    checked = requests.post(f"{url}/check", data=form, timeout=60).json()
    assert (refused.status_code, error in refused.text) == (200, True)
    assert (checked["preview"], error in checked["findings"][0]["message"]) == (None, True)
    assert emulator.parts.store.get_message(2) is None


def test_a_call_that_segment_rejects_is_named_before_it_is_sent(
    emulator: RunningEmulator,
) -> None:
    emulator.send(ADDED)
    call = json.dumps({"type": "track", "event": "Product Added"})
    url = f"{emulator.url}/messages/1/edit/check"
    answer = requests.post(url, data={"call": call}, timeout=60).json()
    assert [finding["severity"] for finding in answer["findings"]] == ["error"]
    assert "Segment would reject it: no_user_anon_id" in answer["findings"][0]["message"]
    assert "Rejected by Segment" in answer["preview"]


def test_a_secret_of_a_request_is_not_shown_in_the_preview(emulator: RunningEmulator) -> None:
    emulator.send({"type": "track", "userId": "ada", "event": "Sung", "properties": {"a": 1}})
    call = json.dumps(
        {"type": "track", "userId": "ada", "event": "Sung", "properties": {"password": "hunter22"}}
    )
    url = f"{emulator.url}/messages/1/edit/check"
    preview = requests.post(url, data={"call": call}, timeout=60).json()["preview"]
    request = preview.partition("In the request")[2]
    assert ("password" in request, "hunter22" in request) == (True, False)


def test_the_page_fits_a_phone_and_is_accessible(
    editor: Page, accessible: Callable[[Page], None]
) -> None:
    replace_text(editor, '"9,99"', "9.99")
    expect(editor.locator(".outcome")).to_contain_text("Accepted")
    accessible(editor)
    editor.set_viewport_size(PHONE)
    assert editor.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
