"""The list of messages marks messages with properties that no mapping uses."""

import re
from html import unescape
from itertools import count

import pytest
import requests
from playwright.sync_api import Page, Route, expect

from inspector.running_emulator import RunningEmulator, run_emulator
from segment_insider_emulator.inspector.live_page import (
    UNMAPPED_TIME_BUDGET_S,
    find_unmapped_message_properties,
)
from segment_insider_emulator.storage.message_filters import MessageFilters
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace

ADA: JSONObject = {"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}}
EMAIL: JSONObject = {**ADA, "traits": {"email": "ada@shop.example"}}
HOSTILE = '"><img src=x onerror=alert(1)>'
ORDER: JSONObject = {
    "type": "track",
    "userId": "ada",
    "event": "Order Completed",
    "properties": {
        "order_id": "o-17",
        "gift": {"wrap": True, "note": "Enjoy"},
        "products": [{"product_id": product_id, "shelf": 7} for product_id in ("mug", "tray")],
    },
}


def list_unmapped_counts(emulator: RunningEmulator, query: str = "") -> list[tuple[str, str]]:
    """Return the unmapped counts in the list of messages, newest first: text and tooltip."""
    page = requests.get(f"{emulator.url}/?{query}", timeout=60).text
    matches = re.findall(
        r'<a class="unread" href="[^"]*" title="([^"]*)">.*?</svg>([^<]*)</a>', page
    )
    return [(words, unescape(title)) for title, words in matches]


def list_unmapped_properties(emulator: RunningEmulator, id: int) -> list[str]:
    """Return the properties that the page of a message names as unmapped."""
    page = requests.get(f"{emulator.url}/messages/{id}", timeout=60).text
    _, _, note = page.partition('id="unread"')
    return [unescape(match) for match in re.findall(r'<li><code class="path">([^<]*)', note)]


@pytest.mark.parametrize(
    ("message", "words", "properties"),
    [
        pytest.param(ADA, "1 not mapped", ["traits.firstName"], id="another spelling"),
        pytest.param(
            ORDER,
            "3 not mapped",
            ["properties.gift.wrap", "properties.gift.note", "properties.products[].shelf"],
            id="the products of an order as one",
        ),
        pytest.param(
            {**ADA, "traits": {HOSTILE: 1}}, "1 not mapped", [f"traits.{HOSTILE}"], id="hostile"
        ),
    ],
)
def test_the_list_counts_the_properties_that_the_event_page_names(
    message: JSONObject, words: str, properties: list[str]
) -> None:
    with run_emulator(load_preset_workspace("segment-defaults")) as emulator:
        emulator.send(message)
        title = f"No matching subscription reads {', '.join(properties)}"
        assert list_unmapped_counts(emulator) == [(words, title)]
        assert list_unmapped_properties(emulator, 1) == properties


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(EMAIL, id="all is read"),
        pytest.param({**ADA, "userId": None}, id="rejected"),
        pytest.param({**ADA, "integrations": {"All": False}}, id="filtered"),
        pytest.param({**ADA, "type": "group", "groupId": "g"}, id="no subscription took it"),
    ],
)
def test_a_fully_mapped_message_shows_no_count(message: JSONObject) -> None:
    with run_emulator(load_preset_workspace("segment-defaults")) as emulator:
        emulator.send(message)
        assert list_unmapped_counts(emulator) == []
        assert list_unmapped_properties(emulator, 1) == []


def test_the_count_uses_the_current_mappings() -> None:
    with run_emulator(load_preset_workspace("segment-defaults")) as emulator:
        emulator.send(ADA)
        mapping = {"uuid": {"@path": "$.userId"}, "firstName": {"@path": "$.traits.firstName"}}
        emulator.parts.destination_overrides.edit_subscription(0, {"settings": mapping})
        assert list_unmapped_counts(emulator) == []
        assert list_unmapped_properties(emulator, 1) == []


def test_a_message_with_a_deleted_mapping_is_counted() -> None:
    with run_emulator(load_preset_workspace("segment-defaults")) as emulator:
        emulator.send(EMAIL)
        emulator.parts.destination_overrides.edit_subscription(0, {"trigger": 'type = "group"'})
        assert list_unmapped_counts(emulator) == [
            ("1 not mapped", "No matching subscription reads traits.email")
        ]
        assert list_unmapped_properties(emulator, 1) == ["traits.email"]


def test_only_the_first_five_of_many_properties_are_named() -> None:
    with run_emulator(load_preset_workspace("segment-defaults")) as emulator:
        emulator.send({**ADA, "traits": {f"trait{number}": 1 for number in range(1, 8)}})
        named = ", ".join(f"traits.trait{number}" for number in range(1, 6))
        title = f"No matching subscription reads {named} and 2 more"
        assert list_unmapped_counts(emulator) == [("7 not mapped", title)]


def test_later_pages_and_filtered_lists_show_the_count() -> None:
    with run_emulator(load_preset_workspace("segment-defaults")) as emulator:
        emulator.send(ADA, EMAIL, ORDER)
        assert [words for words, _ in list_unmapped_counts(emulator, "type=identify")] == [
            "1 not mapped"
        ]
        assert [words for words, _ in list_unmapped_counts(emulator, "before=3")] == [
            "1 not mapped"
        ]


def test_a_new_message_shows_the_count_with_a_link_to_the_advice(page: Page) -> None:
    with run_emulator(load_preset_workspace("segment-defaults")) as emulator:
        emulator.send(EMAIL)
        page.goto(f"{emulator.url}/?type=identify")
        expect(page.locator("#rows tr")).to_have_count(1)
        emulator.send(ADA)
        page.get_by_role("link", name="1 not mapped").click()
        expect(page).to_have_url(f"{emulator.url}/?query=type%3Aidentify&message=2")
        expect(page.locator("#unread")).to_be_in_viewport()
        expect(page.locator("#unread")).to_contain_text("Read $.traits.firstName as well.")


def test_a_row_without_time_for_the_check_is_checked_afterwards(page: Page) -> None:
    with run_emulator(load_preset_workspace("segment-defaults")) as emulator:
        emulator.send(ADA)

        def answer_without_check(route: Route) -> None:
            html = route.fetch().text()
            html = re.sub(r'<a class="unread".*?</a>', '<span class="unread">?</span>', html)
            route.fulfill(
                body=html.replace('<tr id="m1"', '<tr id="m1" data-unchecked'),
                content_type="text/html",
            )

        page.route(f"{emulator.url}/", answer_without_check)
        page.goto(emulator.url)
        expect(page.get_by_role("link", name="1 not mapped")).to_be_visible()


def test_messages_not_checked_in_time_are_reported(emulator: RunningEmulator) -> None:
    emulator.send(*[{**ADA, "traits": {"x": 1}}] * 4)
    messages = emulator.parts.store.message_search.find_message_page(MessageFilters()).messages
    ticks = (number * UNMAPPED_TIME_BUDGET_S / 2 for number in count())
    unmapped = find_unmapped_message_properties(
        messages, emulator.parts.destination_overrides.current_destination, lambda: next(ticks)
    )
    assert unmapped == {4: ["traits.x"], 3: None, 2: None, 1: None}
