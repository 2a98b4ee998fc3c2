"""Presets and import: looked at, used here, in a sandbox, or kept as a file."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from inspector.running import PHONE, Running
from segment_insider_emulator.workspace.loading import read_document

EXPORTS = Path(__file__).parents[2] / "fixtures" / "imports"
HOSTILE = """\
source: {name: "<img src=x onerror=alert(1)>", writeKey: wk_x}
destination:
  settings: {account_name: x, ucd_key: k}
  subscriptions: [{name: "</textarea><script>alert(1)</script>", actionSlug: trackEvent}]
"""


def file(content: bytes, name: str = "shop.yaml") -> FilePayload:
    return {"name": name, "mimeType": "text/plain", "buffer": content}


def upload(emulator: Running, page: Page, *files: FilePayload) -> None:
    page.goto(f"{emulator.url}/workspace/import")
    page.get_by_label("Files, 5 MB each at most").set_input_files(list(files))
    page.get_by_role("button", name="Preview").click()


def test_a_presets_mappings_are_used_until_a_reset(
    emulator: Running, page: Page, accessible: Callable[[Page], None]
) -> None:
    page.goto(f"{emulator.url}/workspace/import")
    page.get_by_role("link", name="segment-defaults").click()
    expect(page.get_by_text("10 mappings; this sandbox has 12")).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Use its mappings here").click()
    expect(page.locator(".notice")).to_contain_text("The mappings were replaced: 10 are active")
    assert len(emulator.parts.destination_overrides.current_destination["subscriptions"]) == 10
    emulator.parts.reset_sandbox()
    assert len(emulator.parts.destination_overrides.current_destination["subscriptions"]) == 12


def test_answers_of_the_public_api_become_a_workspace_file(
    emulator: Running, page: Page, tmp_path: Path
) -> None:
    answers = sorted((EXPORTS / "public-api").glob("*.json"))
    upload(emulator, page, *(file(answer.read_bytes(), answer.name) for answer in answers))
    expect(page.get_by_role("heading", name="Imported workspace")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a file").click()
    kept = tmp_path / "workspace.yaml"
    kept.write_bytes(Path(download.value.path()).read_bytes())
    assert read_document(kept)["destination"]["settings"]["ucd_key"] == "test-key"


def test_a_sandbox_is_created_of_a_workspace_file(emulator: Running, page: Page) -> None:
    page.goto(f"{emulator.url}/workspace/import?preset=segment-defaults")
    page.get_by_role("button", name="Create a sandbox from it").click()
    expect(page.locator(".notice")).to_contain_text("was created")
    expect(page.get_by_text("The account key, shown only once")).to_be_visible()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(b"\xff\xfe", "the file is in UTF-16, not in UTF-8", id="no text"),
        pytest.param(b"[1, 2]", "the files contain no part of a workspace", id="something else"),
        pytest.param(b" " * 5_000_002, "too large", id="too large"),
    ],
)
def test_a_file_that_is_no_workspace_is_refused(
    emulator: Running, page: Page, content: bytes, told: str
) -> None:
    upload(emulator, page, file(content))
    expect(page.get_by_role("alert")).to_contain_text(told)
    expect(page).to_have_url(f"{emulator.url}/workspace/import")


def test_no_file_is_told(emulator: Running, page: Page) -> None:
    page.goto(f"{emulator.url}/workspace/import")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("alert")).to_contain_text("no file chosen")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"source: 1\ndestination: [1]", id="of other types"),
        pytest.param(b"source: {}\ndestination: {subscriptions: [3]}", id="of other parts"),
    ],
)
def test_what_is_wrong_in_a_workspace_file_is_listed(
    emulator: Running, page: Page, content: bytes
) -> None:
    upload(emulator, page, file(content))
    expect(page.get_by_role("listitem").filter(has_text="Error").first).to_be_visible()


def test_what_is_wrong_can_be_corrected_in_place(emulator: Running, page: Page) -> None:
    page.goto(f"{emulator.url}/workspace/import?preset=guide")
    page.get_by_text("The workspace file").first.click()
    page.get_by_label("The workspace file").fill("source: {name: x}")
    page.get_by_role("button", name="Use its mappings here").click()
    expect(page.get_by_role("alert")).to_contain_text("is missing")
    expect(page.get_by_label("The workspace file")).to_have_value("source: {name: x}")


def test_a_hostile_file_stays_text(emulator: Running, page: Page) -> None:
    upload(emulator, page, file(HOSTILE.encode()))
    expect(page.get_by_role("row").nth(1)).to_contain_text("</textarea><script>")
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.get_by_role("button", name="Use its mappings here").click()
    expect(page.get_by_role("link", name="</textarea>")).to_be_visible()
    assert page.locator("img").count() == 0
