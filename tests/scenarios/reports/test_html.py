"""The HTML report is one file that shows hostile text as text and runs or fetches nothing."""

from html.parser import HTMLParser

import pytest
from playwright.sync_api import Browser, expect

from reports.conftest import HOSTILE, ReportedRun

TAGS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "small", "details"),
    *("summary", "span", "strong", "pre", "ol", "li", "table", "tr", "td"),
    *("bdi", "fieldset", "legend", "label", "input"),
}
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "open"}
ATTRIBUTES |= {"type", "id", "checked"}  # of the choice of a tag


class Page(HTMLParser):
    """Collects the elements, attributes and texts of a page."""

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
def page(reported: ReportedRun) -> Page:
    return Page(reported.read("report.html"))


def test_the_page_runs_and_fetches_nothing(reported: ReportedRun, page: Page) -> None:
    assert page.tags <= TAGS
    assert page.attributes <= ATTRIBUTES
    assert "default-src 'none'" in reported.read("report.html")


def test_hostile_text_is_shown_as_text(page: Page) -> None:
    visible = HOSTILE.replace("\u0007", "\\u0007")
    assert page.text.count(visible) == 2  # in the call, and in the request


@pytest.mark.parametrize(
    "text",
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
def test_the_page_shows_results_and_traffic(page: Page, text: str) -> None:
    assert text in page.text


def test_a_tag_is_chosen_without_a_script(reported: ReportedRun, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    browser_page = context.new_page()
    browser_page.goto((reported.folder / "report.html").as_uri())
    failed = browser_page.get_by_text("It is not known", exact=False).first
    expect(failed).to_be_visible()
    browser_page.get_by_label("@observed").check()
    expect(failed).to_be_hidden()
    expect(browser_page.locator("summary", has_text="It passes")).to_be_visible()
    context.close()
