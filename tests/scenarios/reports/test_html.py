"""The page is one file, in which hostile text is text and nothing runs or is fetched."""

from html.parser import HTMLParser

import pytest

from reports.conftest import HOSTILE, Reported

TAGS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "small", "details"),
    *("summary", "span", "strong", "pre", "ol", "li", "table", "tr", "td"),
}
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "open"}


class Page(HTMLParser):
    """Every element and attribute of a page, and its texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def page(reported: Reported) -> Page:
    return Page(reported.read("report.html"))


def test_nothing_in_it_runs_or_is_fetched(reported: Reported, page: Page) -> None:
    assert page.tags <= TAGS
    assert page.attributes <= ATTRIBUTES
    assert "default-src 'none'" in reported.read("report.html")


def test_hostile_text_is_shown_as_it_was_sent(page: Page) -> None:
    visible = HOSTILE.replace("\u0007", "\\u0007")
    assert page.text.count(visible) == 2  # in the call, and in the request


@pytest.mark.parametrize(
    "told",
    [
        "2 passed, 4 failed, 1 skipped",
        "broken.feature",
        "It is not known",
        "There is no such step: When Ada wishes for a mug",
        "to Insider One by Track Event: accepted",
        "identify: accepted",
        "ends.feature:",
        " UTC.",
    ],
)
def test_the_page_tells_what_came(page: Page, told: str) -> None:
    assert told in page.text
