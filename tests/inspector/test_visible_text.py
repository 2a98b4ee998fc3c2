"""Captured text on the pages: quoted strings, visible control and direction characters."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from inspector.running_emulator import RunningEmulator
from segment_insider_emulator.inspector.json_tree import (
    compact_json,
    format_key,
    show_invisible_characters,
)
from segment_insider_emulator.types import JSONObject

TURNED = "a\u202eb"
HOSTILE: JSONObject = {
    "type": "track",
    "userId": TURNED,
    "event": "Rated \u202eupside down",
    "properties": {
        "text": "30",
        "number": 30,
        "blanks": "  a  b  ",
        "empty": "",
        "object": {},
        "turned": TURNED,
        "bell": "\x07\t",
        "blank key ": 1,
        "": 2,
    },
}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param("30", '"30"', id="text"),
        pytest.param(30, "30", id="number"),
        pytest.param(" a ", '" a "', id="blanks"),
        pytest.param("", '""', id="empty text"),
        pytest.param("a\tb\n\x07", '"a\\tb\\n\\u0007"', id="control characters"),
        pytest.param(TURNED, '"a\\u202eb"', id="direction override"),
        pytest.param("9\xa0€", '"9\\u00a0€"', id="blank that does not break"),
        pytest.param("a\u200bb\ufeff", '"a\\u200bb\\ufeff"', id="characters without width"),
        pytest.param("a\u200db", '"a\\u200db"', id="joiner in Latin text"),
        pytest.param("👩\u200d🚀", '"👩\u200d🚀"', id="joined emoji"),
        pytest.param("Şişli Straße", '"Şişli Straße"', id="letters with marks"),
    ],
)
def test_a_value_is_shown_as_json_with_visible_characters(value: Any, shown: str) -> None:
    assert compact_json(value) == shown


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("price", "price"),
        ("my key", "my key"),
        ("key ", '"key "'),
        ("", '""'),
        (TURNED, '"a\\u202eb"'),
        ('say "a"', '"say \\"a\\""'),
    ],
)
def test_a_key_is_quoted_if_it_would_be_misread(key: str, shown: str) -> None:
    assert format_key(key) == shown


def test_line_breaks_of_a_text_stay() -> None:
    assert show_invisible_characters("two\n\tlines\x1b[0m") == "two\n\tlines\\u001b[0m"


def test_the_event_page_quotes_strings_and_shows_invisible_characters(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    emulator.send(HOSTILE)
    page.goto(f"{emulator.url}/messages/1")
    properties = page.locator("#sent .in").first
    assert properties.locator(".line").all_inner_texts() == [
        'text "30"',
        "number 30",
        'blanks "  a  b  "',
        'empty ""',
        "object {}",
        'turned "a\\u202eb"',
        'bell "\\u0007\\t"',
        '"blank key " 1',
        '"" 2',
    ]
    received = page.locator('.upsert [data-path$=".custom.text"]')
    expect(received).to_have_text('"30"')
    expect(page.get_by_role("heading", level=1)).to_have_text("Rated \\u202eupside down")
    accessible(page)


@pytest.mark.extended
def test_no_page_shows_a_character_that_turns_its_words(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(HOSTILE)
    for path in ("/", "/messages/1", "/flow", "/profiles", "/workspace/test?message=1"):
        page.goto(emulator.url + path)
        expect(page.get_by_role("heading", level=1).first).to_be_attached()
        text = page.locator("main").inner_text()
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", text), path


def test_a_filter_with_an_invisible_character_stays_in_its_field(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(HOSTILE)
    page.goto(f"{emulator.url}/?user=a%E2%80%AEb")
    expect(page.locator("input[name=query]")).to_have_value(f"user:{TURNED}")
    expect(page.locator("#rows tr")).to_have_count(1)


def test_a_long_value_unfolds_on_both_sides(emulator: RunningEmulator, page: Page) -> None:
    note = "x" * 239 + '"' + "y" * 600
    emulator.send({"type": "track", "userId": "ada", "event": "Said", "properties": {"note": note}})
    page.goto(f"{emulator.url}/messages/1")
    for lane in ("#sent", ".upsert"):
        line = page.locator(f"{lane} .line").filter(has_text="note").last
        expect(line.get_by_text("yyy")).to_be_hidden()
        line.locator("summary").click()
        shown = re.sub(r"… [0-9]+ characters|\s", "", line.inner_text())
        assert shown == 'note"' + note.replace('"', '\\"') + '"'
