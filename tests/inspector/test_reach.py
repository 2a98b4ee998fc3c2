"""A list that has not looked at all messages says so, and leads on."""

import re

import pytest
from flask import Flask, render_template

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.inspector import histogram
from segment_insider_emulator.inspector.list_query import MessageListQuery
from segment_insider_emulator.storage.message_filters import MessageFilters
from segment_insider_emulator.storage.message_search import OldestScannedMessage
from segment_insider_emulator.workspace import load_preset_workspace

REACH = OldestScannedMessage(51, "2026-11-23T12:00:51.000Z")
SEARCH = MessageListQuery(MessageFilters(text="mug"), parameter_values={"q": ("mug",)})


@pytest.fixture
def app() -> Flask:
    return create_app(Config(db=":memory:"), load_preset_workspace("guide"))


def shown(app: Flask, part: str, **context: object) -> tuple[str, list[str]]:
    """The words of a part of the page, and where its links lead."""
    with app.test_request_context("/"):
        html = render_template(f"inspector/{part}.html", list_query=SEARCH, **context)
    return " ".join(re.sub("<[^>]*>", " ", html).split()), re.findall('href="([^"]*)"', html)


def test_a_search_that_has_found_nothing_so_far_says_how_far_it_came(app: Flask) -> None:
    words, links = shown(app, "_list", rows=[], older=51, reach=REACH)
    assert words == (
        "Clear filters No matching message found so far"
        " Continue search Searched back to 23 Nov 2026 12:00:51.000 so far. All messages"
    )
    assert links == ["/", "/?q=mug&amp;before=51", "/"]


def test_totals_say_how_far_back_they_were_counted(app: Flask) -> None:
    words, _ = shown(
        app, "_totals", stages=histogram.count_messages_by_stage({}), bars=[], counted=REACH
    )
    assert words.endswith("Counted back to 23 Nov 2026 12:00:51.000 , newest messages only.")


def test_people_who_were_not_all_searched_are_led_on_to(app: Flask) -> None:
    words, links = shown(app, "_people", people=[], search="ada", following=51)
    assert words == (
        "No profile with “ada” found so far Only the newest profiles were searched, in "
        "identifiers and "
        "attributes."
        " Older profiles"
    )
    assert links == ["/profiles?q=ada&amp;before=51"]
