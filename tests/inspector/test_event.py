"""The Event page: the stages of one message, copying it, and sending it again."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from forked_commands import run_python_module
from playwright.sync_api import Page, expect

from inspector.running_emulator import PHONE, RunningEmulator, run_emulator
from segment_insider_emulator.inspector.sdk_calls import load_sample_calls
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace

ADA: JSONObject = {"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}}
CART: JSONObject = {
    "type": "track",
    "userId": "ada",
    "event": "Cart Viewed",
    "properties": {
        "currency": "EUR",
        "products": [{"product_id": "mug", "price": 8.5, "quantity": 2}],
    },
}
ORDER: JSONObject = {
    "type": "track",
    "userId": "ada",
    "event": "Order Completed",
    "properties": {
        "order_id": "o-17",
        "currency": "EUR",
        "gift_wrap": True,
        "products": [{"product_id": "mug", "price": 8.5, "quantity": 2}],
    },
}
WITH_CONTEXT: JSONObject = {
    "type": "track",
    "anonymousId": "browser-7",
    "event": 'Said "hello" | 100%',
    "properties": {"list": "it's mine", "note": "two\nlines", "number": "42"},
    "context": {"locale": "en-GB", "page": {"url": "https://shop.example/"}},
}


def open_event_page(page: Page, emulator: RunningEmulator, number: int = 1) -> None:
    page.goto(f"{emulator.url}/messages/{number}")


WAIT_FOR_COPY = """async () => {
  for (;;) {
    const text = await navigator.clipboard.readText();
    if (text) return text;
    await new Promise((resume) => setTimeout(resume, 20));
  }
}"""


def copy_as(page: Page, name: str) -> str:
    page.evaluate("navigator.clipboard.writeText('')")
    page.get_by_text("Copy as", exact=True).click()
    page.get_by_role("button", name=name).click()
    text: str = page.evaluate(WAIT_FOR_COPY)
    return text


def list_stages(page: Page) -> list[str]:
    return [" | ".join(text.split("\n")) for text in page.locator(".stations a").all_inner_texts()]


def test_the_event_page_shows_each_processing_stage(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(ORDER)
    open_event_page(page, emulator)
    assert list_stages(page) == [
        "Sent by the SDK | track | Web shop",
        "Segment | accepted | 3 added",
        "Subscriptions | 1 of 12 | Order Completed Event",
        "Upserts | 1 request | 1 attempt",
        "Insider One | 200 | 0 findings",
        "Profile | 2 changes | 1 attribute, 1 event",
    ]


def test_the_event_page_explains_a_lost_first_name(page: Page) -> None:
    with run_emulator(load_preset_workspace("segment-defaults")) as emulator:
        emulator.send(ADA)
        page.goto(emulator.url)
        page.get_by_role("link", name="Identify").click()
        notes = page.get_by_role("region", name="What to know")
        expect(notes).to_contain_text(
            "traits.firstName was sent once, but firstName reads traits.first_name, which "
            "was never sent. "
            "Read $.traits.firstName as well. "
            "Add at destination.subscriptions[0].settings.firstName:"
        )
        expect(page.locator("#sent .line", has_text="firstName").last).to_contain_text("dropped")


def test_the_event_page_explains_a_dropped_cart(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(CART)
    page.goto(emulator.url)
    page.get_by_role("link", name="Cart Viewed").click()
    notes = page.get_by_role("region", name="What to know")
    expect(notes).to_contain_text(
        "Insider One dropped this event: event_group_id parameter is required on "
        "cart_page_view event"
    )
    expect(notes).to_contain_text(
        "The mapping fills parameters.event_group_id from properties.cart_id, which this event "
        "does not have."
    )


def test_the_reason_for_the_verdict_comes_first(page: Page) -> None:
    with run_emulator(load_preset_workspace("segment-defaults")) as emulator:
        emulator.send({**CART, "context": {"traits": {"gender": "unknown"}}})
        open_event_page(page, emulator)
        notes = page.get_by_role("region", name="What to know").locator("p > code:first-child")
        assert notes.all_inner_texts() == [
            "users.0.events.0.event_params.event_group_id",
            "users.0.attributes.gender",
        ]


def test_editing_a_mapping_shows_the_event_it_mapped(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(ORDER)
    open_event_page(page, emulator)
    page.get_by_role("link", name="Edit mapping Order Completed Event").click()
    expect(page.get_by_role("heading", name="Edit Order Completed Event")).to_be_visible()
    page.wait_for_function(
        """() => [...document.querySelectorAll(".CodeMirror")].some(
          (editor) => editor.CodeMirror.getValue().includes('"o-17"')
        )"""
    )


@pytest.mark.parametrize("how", ["hover", pytest.param("focus", marks=pytest.mark.extended)])
def test_an_upsert_value_shows_its_origin(emulator: RunningEmulator, page: Page, how: str) -> None:
    emulator.send(ORDER)
    open_event_page(page, emulator)
    value = page.locator('[data-path="users[0].events[0].event_params.event_group_id"]')
    getattr(value, how)()
    expect(page.locator("#origin")).to_have_text("properties.order_id → parameters.event_group_id")
    lit = page.locator(".lit")
    expect(lit).to_have_count(3)
    assert lit.all_inner_texts() == [
        '"o-17"',
        "parameters.event_group_id\tproperties.order_id",
        '"o-17"',
    ]


def test_a_property_highlights_the_values_mapped_from_it(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(ORDER)
    open_event_page(page, emulator)
    page.locator('#sent [data-path="properties.products[0].price"]').hover()
    lit = page.locator("button.lit")
    expect(lit).to_have_count(2)
    assert [element.get_attribute("data-path") for element in lit.all()] == [
        "users[0].events[0].event_params.unit_price",
        "users[0].events[0].event_params.unit_sale_price",
    ]


def test_a_subscription_that_did_not_match_shows_why(emulator: RunningEmulator, page: Page) -> None:
    emulator.send({"type": "group", "userId": "ada", "groupId": "g1"})
    open_event_page(page, emulator)
    passed = page.locator(".passed li", has_text="Order Completed Event")
    expect(passed).to_contain_text('needs type = "track", but it is "group"')


def test_a_changed_profile_is_linked(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(ADA)
    open_event_page(page, emulator)
    changes = page.locator("#profile")
    expect(changes).to_contain_text("A new profile")
    expect(changes).to_contain_text('name\n"Ada"', use_inner_text=True)
    changes.get_by_role("link").click()
    expect(page).to_have_url(re.compile("/profiles/"))


def test_the_copied_curl_runs(
    emulator: RunningEmulator, page: Page, shell: Callable[[str], str]
) -> None:
    emulator.send(WITH_CONTEXT)
    open_event_page(page, emulator)
    assert shell(copy_as(page, "cURL")) == '{"success":true}'
    first, second = requests.get(f"{emulator.url}/emulator/v1/messages", timeout=60).json()[
        "messages"
    ]
    differing = ("id", "messageId", "receivedAt", "normalised", "message")
    assert {k: v for k, v in second.items() if k not in differing} == {
        k: v for k, v in first.items() if k not in differing
    }
    assert second["message"] == {**WITH_CONTEXT, "type": "track"}


def test_the_copied_json_is_the_call(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(ORDER)
    open_event_page(page, emulator)
    assert json.loads(copy_as(page, "JSON")) == ORDER


def run_command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["segment_insider_emulator", *map(str, arguments)]
    return run_python_module(*command)


@pytest.mark.parametrize(
    ("workspace", "count"),
    [("guide", 4), pytest.param("segment-defaults", 6, marks=pytest.mark.extended)],
)
def test_the_copied_contract_cases_pass(
    page: Page, tmp_path: Path, workspace: str, count: int
) -> None:
    file = tmp_path / "case.ndjson"
    with run_emulator(load_preset_workspace(workspace)) as emulator:
        emulator.send(ORDER, WITH_CONTEXT, ADA, CART)
        cases = []
        for number in range(1, 5):
            open_event_page(page, emulator, number)
            cases.append(copy_as(page, "Contract case"))
    file.write_text("".join(cases))
    checked = run_command("contract", "check", file)
    assert (checked.returncode, checked.stdout) == (
        0,
        f"{count} passed, 0 failed, 0 known differences\n",
    )


@pytest.mark.extended
@pytest.mark.parametrize(
    "workspace", ["guide", pytest.param("segment-defaults", marks=pytest.mark.extended)]
)
def test_the_copied_scenarios_pass(page: Page, tmp_path: Path, workspace: str) -> None:
    calls = [
        *load_sample_calls()[2:7],
        WITH_CONTEXT,
        ADA,
        {**ADA, "traits": {}},
        {"type": "nothing"},
    ]
    with run_emulator(load_preset_workspace(workspace)) as emulator:
        emulator.send(*calls)
        for number in range(1, len(calls) + 1):
            open_event_page(page, emulator, number)
            feature = tmp_path / f"copied-{number:02}.feature"
            feature.write_text(copy_as(page, "Gherkin scenario"))
    verified = run_command("verify", tmp_path)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert f"{len(calls)} passed" in verified.stdout + verified.stderr


@pytest.mark.extended
def test_a_finding_about_a_sent_value_names_no_missing_field(
    emulator: RunningEmulator, page: Page
) -> None:
    viewed = {"product_id": "mug", "name": "party \ufffd"}
    emulator.send(
        {"type": "track", "userId": "ada", "event": "Product Viewed", "properties": viewed}
    )
    open_event_page(page, emulator)
    expect(page.get_by_label("What to know")).to_contain_text("event_params.name")
    expect(page.get_by_label("What to know")).not_to_contain_text("The mapping fills")


def test_a_call_is_copied_as_a_plain_scenario_if_steps_can_express_it(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(
        {
            "type": "track",
            "userId": "ada",
            "event": "Wish Listed",
            "properties": {"product_id": "mug", "price": 8.5, "list": "42"},
        }
    )
    open_event_page(page, emulator)
    assert (
        copy_as(page, "Gherkin scenario")
        == """\
Feature: Captured messages

  Scenario: Wish Listed is accepted
    Given Ada is known to the shop as:
      | detail       | value |
      | user_id      | ada   |
      | anonymous_id |       |
    When Ada does "Wish Listed" with:
      | property   | value |
      | product_id | mug   |
      | price      | 8.5   |
      | list       | "42"  |
    Then Insider One receives exactly these events and parameters for Ada:
      | event_name  | product_id | unit_price | unit_sale_price | custom.list |
      | wish_listed | mug        | 8.5        | 8.5             | "42"        |
"""
    )


def test_comparing_two_messages_lists_their_differences(
    emulator: RunningEmulator, page: Page
) -> None:
    other = {**ORDER, "properties": {**ORDER["properties"], "order_id": "o-18"}}
    emulator.send(ORDER, other)
    open_event_page(page, emulator)
    page.get_by_text("Compare", exact=True).click()
    page.locator("#compare a").nth(1).click()
    differing = page.locator("tr.differs td:first-child").all_inner_texts()
    assert differing == [
        "properties.order_id",
        "messageId",
        "users[0].events[0].event_params.event_group_id",
    ]


@pytest.mark.extended
def test_a_missing_upsert_is_shown_as_absent_in_a_comparison(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(ADA, ORDER)
    page.goto(f"{emulator.url}/messages/2/compare?with=1")
    rows = page.locator(".compared", has_text="Create or Update").locator("tbody tr")
    assert {row.split("\t")[1] for row in rows.all_inner_texts()} == {"absent"}


def test_an_upsert_is_the_same_alone_and_in_a_batch(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(ORDER)
    open_event_page(page, emulator)
    page.get_by_text("Compare", exact=True).click()
    page.get_by_role("link", name="Alone and in a batch").click()
    expect(page.locator(".compared header")).to_contain_text("no differences")


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("sort", "titles"),
    [
        pytest.param("properties.price", ["a", "b", "d", "c"], id="ascending"),
        pytest.param("-properties.price", ["b", "a", "d", "c"], id="descending"),
        pytest.param("event", ["a", "b", "c", "d"], id="a column"),
        pytest.param("time", ["c", "a", "d", "b"], id="oldest first"),
        pytest.param("", ["b", "d", "a", "c"], id="newest first"),
    ],
)
def test_a_message_leads_to_its_neighbours_in_the_list_s_order(
    emulator: RunningEmulator, sort: str, titles: list[str]
) -> None:
    prices = {"c": None, "a": 1, "d": None, "b": 2, "other": 3}
    calls: list[JSONObject] = [
        {"type": "track", "userId": "ada", "event": name, "properties": {"price": price}}
        for name, price in prices.items()
    ]
    emulator.send(*calls[:2])
    emulator.send(*calls[2:])
    ids = {name: number for number, name in enumerate(prices, 1)}
    address = f"{emulator.url}/messages/{{}}?query=event!%3Dother&sort={sort}"
    for at, name in enumerate(titles):
        page = requests.get(address.format(ids[name]), timeout=60).text
        for link, place in (("previous", at - 1), ("next", at + 1)):
            found = re.search(rf'href="/messages/(\d+)\?[^"]*" data-{link}', page)
            is_inside = 0 <= place < len(titles)
            assert (found and int(found[1])) == (ids[titles[place]] if is_inside else None)


@pytest.mark.extended
def test_keys_open_the_next_and_the_previous_event(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(ADA, ORDER, CART)
    page.goto(f"{emulator.url}/?query=type:track")
    page.get_by_role("link", name="Cart Viewed").click()
    page.wait_for_load_state()
    page.keyboard.press("j")
    expect(page.get_by_role("heading", level=1)).to_have_text("Order Completed")
    expect(page.get_by_role("link", name="Older")).to_have_count(0)  # the filter holds
    page.wait_for_load_state()
    page.keyboard.press("k")
    expect(page.get_by_role("heading", level=1)).to_have_text("Cart Viewed")
    page.wait_for_load_state()
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{emulator.url}/?query=type:track")


def test_a_mapping_changed_since_the_event_is_reported(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(ORDER)
    destination = requests.get(f"{emulator.url}/emulator/v1/destination", timeout=60).json()
    at = [subscription["name"] for subscription in destination["subscriptions"]].index(
        "Order Completed Event"
    ) + 1
    switch = f"{emulator.url}/emulator/v1/destination/subscriptions/{at}"
    requests.patch(switch, json={"enabled": False}, timeout=60).raise_for_status()
    open_event_page(page, emulator)
    expect(page.get_by_text("The mappings changed after this message")).to_be_visible()
    expect(page.locator(".passed li", has_text="Order Completed Event")).to_contain_text("disabled")


def test_delivery_attempts_are_shown(emulator: RunningEmulator, page: Page) -> None:
    requests.post(f"{emulator.url}/emulator/v1/faults", json={"status": 503}, timeout=60)
    emulator.send(ORDER)
    requests.post(f"{emulator.url}/emulator/v1/deliveries/retry", timeout=60)
    open_event_page(page, emulator)
    expect(page.locator(".attempts li")).to_contain_text(["503", "200"])


@pytest.mark.extended
def test_the_event_page_is_accessible(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    emulator.send(CART)
    open_event_page(page, emulator)
    for fold in page.locator("details > summary").all():
        fold.click()
    accessible(page)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.extended
def test_more_event_pages_are_accessible(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    emulator.send(CART, ORDER, {"type": "track", "event": "Without User"})
    for number in (2, 3):
        open_event_page(page, emulator, number)
        for fold in page.locator("details > summary").all():
            fold.click()
        accessible(page)
    for path in ("edit", "compare?with=batch", "compare?with=1"):
        page.goto(f"{emulator.url}/messages/2/{path}")
        accessible(page)


@pytest.mark.parametrize(
    "path", ["/messages/9", "/messages/9/edit", "/messages/x", "/messages/9/compare"]
)
def test_a_missing_message_is_404(emulator: RunningEmulator, path: str) -> None:
    response = requests.get(emulator.url + path, timeout=60)
    assert response.status_code == 404


@pytest.mark.extended
def test_a_property_unmapped_in_all_products_is_listed_once(
    emulator: RunningEmulator, page: Page
) -> None:
    products = [
        {"product_id": product_id, "price": 8.5, "warehouse": "north"}
        for product_id in ("mug", "tray")
    ]
    emulator.send({**ORDER, "properties": {"order_id": "o-17", "products": products}})
    open_event_page(page, emulator)
    notes = page.get_by_role("region", name="What to know").locator(".path")
    assert notes.all_inner_texts() == ["properties.products[].warehouse"]
    expect(page.locator("#sent").get_by_text("dropped")).to_have_count(2)


def test_nothing_of_a_short_secret_is_shown(emulator: RunningEmulator, page: Page) -> None:
    properties = {"password": "hunter2", "api_key": "wk_0123456789abcdef"}
    emulator.send({"type": "track", "event": "Signed In", "userId": "u", "properties": properties})
    page.goto(emulator.url)
    page.get_by_role("link", name="Signed In").first.click()
    expect(page.get_by_text("wk…").first).to_be_visible()
    expect(page.get_by_text("hu…")).to_have_count(0)
