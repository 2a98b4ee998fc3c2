"""The editors of pages: read and write their whole text."""

from playwright.sync_api import Locator, Page, expect


def find_editor(page: Page, label: str) -> Locator:
    """Return the editor with this label, when its script has made it."""
    editor = page.locator(".CodeMirror").filter(has=page.get_by_label(label, exact=True))
    expect(editor).to_be_visible()
    return editor


def read_editor(page: Page, label: str) -> str:
    text: str = find_editor(page, label).evaluate("editor => editor.CodeMirror.getValue()")
    return text


def write_editor(page: Page, label: str, text: str) -> None:
    find_editor(page, label).evaluate("(editor, text) => editor.CodeMirror.setValue(text)", text)
