"""The Import page: preview presets and files, use them here or in a sandbox, save them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from inspector.running_emulator import PHONE, RunningEmulator
from segment_insider_emulator.workspace.loading import read_document

EXPORTS = Path(__file__).parents[2] / "fixtures" / "imports"
HOSTILE = """\
source: {name: "<img src=x onerror=alert(1)>", writeKey: wk_x}
destination:
  settings: {account_name: x, ucd_key: k}
  subscriptions: [{name: "</textarea><script>alert(1)</script>", actionSlug: trackEvent}]
"""


def make_upload(content: bytes, name: str = "shop.yaml") -> FilePayload:
    return {"name": name, "mimeType": "text/plain", "buffer": content}


def upload_files(emulator: RunningEmulator, page: Page, *files: FilePayload) -> None:
    page.goto(f"{emulator.url}/workspace/import")
    page.get_by_label("Files, 5 MB each at most").set_input_files(list(files))
    page.get_by_role("button", name="Preview").click()


def test_mappings_of_a_preset_are_used_until_a_reset(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    page.goto(f"{emulator.url}/workspace/import")
    page.get_by_role("link", name="segment-defaults").click()
    expect(page.get_by_text("10 mappings; this sandbox has 12")).to_be_visible()
    accessible(page)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Use its mappings here").click()
    expect(page.locator(".notice")).to_contain_text("The mappings were replaced: 10 are active")
    assert len(emulator.parts.destination_overrides.current_destination["subscriptions"]) == 10
    emulator.parts.reset_sandbox()
    assert len(emulator.parts.destination_overrides.current_destination["subscriptions"]) == 12


def test_public_api_responses_become_a_workspace_file(
    emulator: RunningEmulator, page: Page, tmp_path: Path
) -> None:
    exports = sorted((EXPORTS / "public-api").glob("*.json"))
    upload_files(
        emulator, page, *(make_upload(export.read_bytes(), export.name) for export in exports)
    )
    expect(page.get_by_role("heading", name="Imported workspace")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a file").click()
    workspace_file = tmp_path / "workspace.yaml"
    workspace_file.write_bytes(Path(download.value.path()).read_bytes())
    assert read_document(workspace_file)["destination"]["settings"]["ucd_key"] == "test-key"


def test_a_sandbox_is_created_from_a_workspace_file(emulator: RunningEmulator, page: Page) -> None:
    page.goto(f"{emulator.url}/workspace/import?preset=segment-defaults")
    page.get_by_role("button", name="Create a sandbox from it").click()
    expect(page.locator(".notice")).to_contain_text("was created")
    expect(page.get_by_text("The account key, shown only once")).to_be_visible()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"\xff\xfe", "the file is in UTF-16, not in UTF-8", id="no text"),
        pytest.param(b"[1, 2]", "the files contain no part of a workspace", id="something else"),
        pytest.param(b" " * 5_000_002, "too large", id="too large", marks=pytest.mark.extended),
    ],
)
def test_a_file_without_a_workspace_is_rejected(
    emulator: RunningEmulator, page: Page, content: bytes, message: str
) -> None:
    upload_files(emulator, page, make_upload(content))
    expect(page.get_by_role("alert")).to_contain_text(message)
    expect(page).to_have_url(f"{emulator.url}/workspace/import")


def test_a_missing_file_is_reported(emulator: RunningEmulator, page: Page) -> None:
    page.goto(f"{emulator.url}/workspace/import")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("alert")).to_contain_text("no file chosen")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"source: 1\ndestination: [1]", id="of other types"),
        pytest.param(
            b"source: {}\ndestination: {subscriptions: [3]}",
            id="of other parts",
            marks=pytest.mark.extended,
        ),
    ],
)
def test_errors_in_a_workspace_file_are_listed(
    emulator: RunningEmulator, page: Page, content: bytes
) -> None:
    upload_files(emulator, page, make_upload(content))
    expect(page.get_by_role("listitem").filter(has_text="Error").first).to_be_visible()


def test_an_invalid_workspace_text_is_reported_and_stays_in_the_form(
    emulator: RunningEmulator, page: Page
) -> None:
    page.goto(f"{emulator.url}/workspace/import?preset=guide")
    page.get_by_text("The workspace file").first.click()
    page.get_by_label("The workspace file").fill("source: {name: x}")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Use its mappings here").click()
    expect(page.get_by_role("alert")).to_contain_text("is missing")
    expect(page.get_by_label("The workspace file")).to_have_value("source: {name: x}")


def test_a_hostile_file_is_shown_as_text(emulator: RunningEmulator, page: Page) -> None:
    upload_files(emulator, page, make_upload(HOSTILE.encode()))
    expect(page.get_by_role("row").nth(1)).to_contain_text("</textarea><script>")
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Use its mappings here").click()
    expect(page.get_by_role("link", name="</textarea>")).to_be_visible()
    assert page.locator("img").count() == 0


def test_findings_come_before_the_preview_as_sentences_with_their_place(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    content = b"source: 1\ndestination: [1]"
    upload_files(emulator, page, make_upload(content))
    expect(page.locator(".columns > .stack").last.get_by_role("heading", level=2)).to_have_text(
        ["What to know first", "Imported workspace"]
    )
    finding = page.get_by_role("region", name="What to know first").get_by_role("listitem").first
    expect(finding).to_contain_text("Error")
    expect(finding.locator("code")).to_have_text("destination")
    assert finding.locator("b").inner_text()[0].isupper()
    accessible(page)
