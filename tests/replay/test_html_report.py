"""The HTML report needs no network and is harmless with any archive content."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from archives import make_track_event, write_archive
from click.testing import CliRunner

from segment_insider_emulator.cli import main

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)>"


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def make_page(tmp_path: Path, *events: object, preset: str = "guide") -> _Elements:
    archive = write_archive(tmp_path / "a.gz", events)  # type: ignore[arg-type]  # hostile on purpose
    file = tmp_path / "report.html"
    options = ("--workers", "1", "--html", str(file), "--against", "guide", "--preset", preset)
    CliRunner().invoke(main, ["replay", str(archive), *options])
    elements = _Elements()
    elements.feed(file.read_text())
    return elements


def test_the_page_shows_what_arrives_and_what_is_lost(tmp_path: Path) -> None:
    text = " ".join(
        "".join(
            make_page(tmp_path, make_track_event(1), make_track_event(2, userId=None)).text
        ).split()
    )

    assert "Of 2 events, 1 (50.0 %) would be lost, in whole or in part." in text
    assert "Read from 2 lines in 1 file." in text
    assert "29.50 EUR" in text
    assert "confirmation_page_view" in text


def test_the_page_shows_a_warning_once_with_its_events_and_subscriptions(tmp_path: Path) -> None:
    ids = {"userId": None, "anonymousId": "browser-7"}
    anonymous = make_track_event(1, "Product Added", **ids, properties={"product_id": "p"})

    text = " ".join("".join(make_page(tmp_path, anonymous, preset="segment-defaults").text).split())

    remark = (
        "segment_anonymous_id cannot identify a user, it is not in the account's "
        "identity resolution"
    )
    assert text.count(remark) == 1
    assert (
        "1 event, 2 subscriptions Product Added Product Added Event, 1 "
        f"Product Added Track Event, 1 identifiers.segment_anonymous_id: {remark}"
    ) in text


def test_losses_are_drawn_by_value_with_whole_labels(tmp_path: Path) -> None:
    name = "Order Completed in the shop of the very long name, version two"
    lost: dict[str, Any] = {"userId": None, "anonymousId": None}
    events = [
        make_track_event(1, **lost),
        *(make_track_event(number, name, **lost, properties={}) for number in (2, 3)),
    ]

    page = make_page(tmp_path, *events)

    titles = ["Lost orders in EUR", "Lost events without orders"]
    texts = [text.strip() for text in page.text]
    assert [text for text in texts if text.startswith("Lost ")] == titles
    labels = [text for text in texts if text.startswith((f"{name}:", "Order Completed:"))]
    assert [label.split(":")[0] for label in labels[:2]] == ["Order Completed", name]
    assert not [label for label in labels if "…" in label]
    bars = texts[texts.index(titles[0]) :]
    assert ("29.50" in bars, "2" in bars) == (True, True)


def test_the_page_runs_no_script_and_fetches_nothing(tmp_path: Path) -> None:
    hostile = make_track_event(1, HOSTILE, userId=None, properties={HOSTILE: HOSTILE})

    elements = make_page(tmp_path, hostile, make_track_event(2, HOSTILE))

    assert {tag for tag, _ in elements.elements}.isdisjoint({"script", "img", "link", "iframe"})
    attributes = [name for _, attrs in elements.elements for name in attrs]
    assert not [name for name in attributes if name.startswith("on") or name in ("src", "href")]
    assert not re.search(r"url\(|@import", "".join(elements.text))
    assert any(HOSTILE in text for text in elements.text)


def test_the_page_of_an_empty_archive_says_so(tmp_path: Path) -> None:
    text = "".join(make_page(tmp_path).text)

    assert "none would be lost" in text
    assert "Nothing: look at the reasons above and below." in text
