"""Lists that have not searched all messages say so and link to the rest."""

import re

import pytest
from flask import Flask, render_template

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.inspector import histogram
from segment_insider_emulator.inspector.list_query import MessageListQuery
from segment_insider_emulator.storage.message_filters import MessageFilters
from segment_insider_emulator.storage.message_search import OldestScannedMessage
from segment_insider_emulator.storage.query_language import Comparison
from segment_insider_emulator.workspace import load_preset_workspace

REACH = OldestScannedMessage(51, "2026-11-23T12:00:51.000Z")
SEARCH = MessageListQuery(
    MessageFilters(condition=Comparison("", "~", "mug")), parameter_values={"query": ("mug",)}
)


@pytest.fixture
def app() -> Flask:
    return create_app(Config(db=":memory:"), load_preset_workspace("guide"))


def render_part(app: Flask, part: str, **context: object) -> tuple[str, list[str]]:
    """Render a part of the page and return its text and its link addresses."""
    with app.test_request_context("/"):
        html = render_template(f"inspector/{part}.html", list_query=SEARCH, **context)
    return " ".join(re.sub("<[^>]*>", " ", html).split()), re.findall('href="([^"]*)"', html)


def test_an_unfinished_search_says_how_far_it_searched(app: Flask) -> None:
    words, links = render_part(app, "_list", rows=[], next_url="/?query=mug&before=51", reach=REACH)
    assert words == (
        "Clear filters No matching message found so far"
        " Continue search Searched back to 23 Nov 2026 12:00:51.000 so far. All messages"
    )
    assert links == ["/", "/?query=mug&amp;before=51", "/"]


def test_incomplete_totals_say_how_far_they_were_counted(app: Flask) -> None:
    words, _ = render_part(
        app, "_totals", stages=histogram.count_messages_by_stage({}), bars=[], counted=REACH
    )
    assert words.endswith("Counted back to 23 Nov 2026 12:00:51.000 , newest messages only.")


def test_an_unfinished_profile_search_links_to_older_profiles(app: Flask) -> None:
    words, links = render_part(app, "_people", people=[], search="ada", following=51)
    assert words == (
        "No profile with “ada” found so far Only the newest profiles were searched, in "
        "identifiers and "
        "attributes."
        " Older profiles"
    )
    assert links == ["/profiles?q=ada&amp;before=51"]
