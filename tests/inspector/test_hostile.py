"""Hostile captured values: pages show them as text, shorten long ones and hide secrets."""

from dataclasses import replace
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from inspector.running_emulator import RunningEmulator, run_emulator
from segment_insider_emulator.inspector.json_tree import redact_secrets
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import load_preset_workspace

ATTACKS = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    '"><svg onload="document.title=\'owned\'">',
    "' onmouseover='document.title=1' x='",
    "javascript:document.title='owned'",
    "{{ 7*7 }}{% raw %}",
    "]]></textarea><script>document.title='owned'</script>",
    "\u202egnp.exe\x00\x07\ud7ff",
)
EXTENDED_ATTACKS = [pytest.param(attack, marks=pytest.mark.extended) for attack in ATTACKS[1:]]


def make_hostile_call(attack: str) -> JSONObject:
    """Return a call with *attack* in every value that a sender can choose."""
    return {
        "type": "track",
        "userId": attack,
        "anonymousId": attack,
        "messageId": f"m {attack}",
        "event": attack,
        "name": attack,
        "timestamp": "2026-11-23T10:00:00Z",
        "properties": {attack: attack, "list": [attack, {attack: attack}], "product_id": attack},
        "context": {"library": {"name": attack}, attack: attack},
        "integrations": {attack: True},
    }


@pytest.mark.extended_variants
@pytest.mark.parametrize("attack", [ATTACKS[0], *EXTENDED_ATTACKS])
def test_captured_text_is_shown_as_text(emulator: RunningEmulator, page: Page, attack: str) -> None:
    emulator.send(make_hostile_call(attack), {"type": attack, "userId": "ada"})
    for path in ("/?column=$.properties", "/messages/1", "/messages/2", "/messages/1/edit",
                 "/messages/1/compare?with=2", "/messages/1/compare?with=batch"):  # fmt: skip
        page.goto(emulator.url + path)
        for value in page.locator("[data-path]:visible").all()[:6]:
            value.hover()
        assert page.title() != "owned"
        assert page.locator("main script, main img, main [onload], main [onmouseover]").count() == 0
        links = page.locator("main a[href]").evaluate_all(
            "all => all.map(each => new URL(each.getAttribute('href'), location).protocol)"
        )
        assert set(links) <= {"http:"}
    # Rows that a script adds, too.
    page.goto(emulator.url)
    emulator.send({**make_hostile_call(attack), "messageId": "another"})
    expect(page.locator("#rows tr")).to_have_count(3)
    page.locator("[data-open]").first.click()
    assert page.title() != "owned"


@pytest.mark.extended
@pytest.mark.parametrize("attack", [ATTACKS[0], *EXTENDED_ATTACKS])
def test_a_captured_url_is_shown_as_text(
    emulator: RunningEmulator, page: Page, attack: str
) -> None:
    emulator.send({"type": "identify", "userId": "ada"})
    for name in ("q", "event", "user", "source", "subscription", "type"):
        page.goto(
            f"{emulator.url}/?{requests.compat.urlencode({name: attack.replace(chr(0), '')})}"
        )
        assert page.title() == "Live · Web shop"
        assert page.locator("main script, main img, main [onload]").count() == 0


def test_a_huge_value_is_shortened_and_can_be_shown_in_full(
    emulator: RunningEmulator, page: Page
) -> None:
    text = "start" + "x" * 20_000 + "end"
    call: JSONObject = {"type": "track", "userId": "ada", "event": "Sung"}
    emulator.send({**call, "properties": {"text": text, "many": list(range(500))}})
    page.goto(f"{emulator.url}/messages/1")
    line = page.locator("#sent .line", has_text="text").last
    expect(line.get_by_text("20,008 characters")).to_be_visible()
    expect(line.get_by_text("xend")).to_be_hidden()
    line.locator("summary").click()
    expect(line.get_by_text("xend")).to_be_visible()
    page.locator("#sent").get_by_text("440 more").click()
    expect(page.locator('#sent [data-path="properties.many[499]"]')).to_be_visible()
    whole = requests.get(f"{emulator.url}/messages/1/sent.json", timeout=60)
    assert whole.json()["properties"]["text"] == text


def nest(levels: int) -> JSON:
    value: JSON = "bottom"
    for _ in range(levels):
        value = {"a": [value]}
    return value


def test_a_deeply_nested_value_is_shown(emulator: RunningEmulator, page: Page) -> None:
    emulator.send({"type": "track", "userId": "ada", "event": "Sung", "properties": nest(45)})
    page.goto(f"{emulator.url}/messages/1")
    expect(page.locator("#sent").get_by_text("bottom")).to_be_visible()


@pytest.mark.parametrize(
    ("value", "redacted"),
    [
        ({"password": "hunter22", "note": "shown"}, {"password": "…", "note": "shown"}),
        ({"user": {"accessToken": "abcdef"}}, {"user": {"accessToken": "…"}}),
        ([{"Authorization": "Bearer x"}], [{"Authorization": "…"}]),
        ({"card_number": 4111111111111111}, {"card_number": "41…"}),
        ({"token": True, "secret": None}, {"token": True, "secret": None}),
        ({"tokens": 3}, {"tokens": 3}),
    ],
)
def test_secrets_are_redacted(value: Any, redacted: Any) -> None:
    assert redact_secrets(value) == redacted


def test_no_page_contains_a_secret(emulator: RunningEmulator) -> None:
    call: JSONObject = {"type": "identify", "userId": "ada", "traits": {"password": "hunter22"}}
    emulator.send(call)
    paths = ("/", "/messages/1", "/messages/1/sent.json", "/messages/1/compare?with=batch")
    pages = [requests.get(emulator.url + path, timeout=60).text for path in paths]
    assert [path for path, text in zip(paths, pages, strict=True) if "hunter22" in text] == []


def test_copied_texts_contain_no_account_key() -> None:
    destination = load_preset_workspace("guide").destination
    settings = {**destination["settings"], "ucd_key": "sk_live_777"}
    workspace = replace(
        load_preset_workspace("guide"), destination={**destination, "settings": settings}
    )
    with run_emulator(workspace) as emulator:
        emulator.send({"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}})
        assert "sk_live_777" not in requests.get(f"{emulator.url}/messages/1", timeout=60).text
