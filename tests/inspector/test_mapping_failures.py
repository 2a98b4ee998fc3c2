"""A failed mapping on the Event page: where it failed, which property caused it, what to send."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from inspector.running_emulator import PHONE, RunningEmulator
from segment_insider_emulator.inspector.mapping_failures import describe_failure_causes
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.rejected_values import find_rejected_values, suggest_value
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace

VIEWED: JSONObject = {
    "type": "track",
    "userId": "ada",
    "event": "Product Viewed",
    "properties": {"product_id": "mug", "price": "9,99"},
}


def describe_failures(event: JSONObject) -> list[tuple[str, str, str]]:
    """Return path, sentence and remedy of each cause for which the preset's mappings fail."""
    destination = Destination(load_preset_workspace("guide").destination)
    at = {"timestamp": "2026-11-23T10:00:00Z"}
    return [
        (", ".join(cause.paths), cause.what, cause.remedy)
        for subscription in destination.subscriptions
        if subscription.matches({**event, **at})
        for cause in describe_failure_causes(find_rejected_values(subscription, {**event, **at}))
    ]


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        pytest.param(
            {"event": "Order Completed", "properties": {
                "order_id": "o-1", "products": [{"product_id": "mug", "quantity": "two"}]}},
            ("properties.products[0].quantity",
             'is the text "two", but Quantity must be a whole number',
             "Send a whole number, without quotes."),
            id="value in a list",
        ),
        pytest.param(
            {"event": "Cart Viewed", "properties": {"products": "mug"}},
            ("properties.products", 'is the text "mug", but Products must be an object',
             "Send an object or, for several, a list of objects."),
            id="no list of objects",
        ),
        pytest.param(
            {"type": "identify", "traits": {"age": [1, 2]}},
            ("traits.age", "is the list [1,2], but Age must be a number",
             "Send a number, without quotes."),
            id="list in place of a number",
        ),
        pytest.param(
            {},
            ("properties.price",
             'is the text "9,99", but Unit Sale Price and Unit Price must be a number',
             "Send the number 9.99."),
            id="one property for two fields",
        ),
    ],
)  # fmt: skip
def test_a_cause_names_property_and_value_to_send(
    changes: JSONObject, cause: tuple[str, str, str]
) -> None:
    assert describe_failures({**VIEWED, **changes}) == [cause]


def test_an_event_that_is_mapped_has_no_causes() -> None:
    assert describe_failures({**VIEWED, "properties": {"product_id": "mug", "price": 9.99}}) == []


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("9,99", 9.99), ("9.99 EUR", 9.99), ("1.299,50 TL", 1299.5), ("$1,299.00", 1299),
        ("-3,5", -3.5), ("1,299", None), ("1.2.3", None), ("two", None), ("", None),
    ],
)  # fmt: skip
def test_a_number_is_suggested_if_only_one_can_be_meant(written: str, number: Any) -> None:
    assert suggest_value(written, "number") == number


def test_the_event_page_shows_where_a_mapping_failed(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    emulator.send(VIEWED)
    page.goto(f"{emulator.url}/messages/1")
    stations = page.locator(".stations li")
    assert [" | ".join(text.split("\n")) for text in stations.all_inner_texts()][2:5] == [
        "Subscriptions | 1 of 12 | Product Viewed Event",
        "Upserts | not made | 0 attempts",
        "Insider One | not asked | 0 findings",
    ]
    red = page.locator(".stations .is-failed")
    assert [text.split("\n")[0] for text in red.all_inner_texts()] == ["Subscriptions", "Upserts"]
    notes = page.get_by_role("region", name="What to know")
    expect(notes).to_contain_text(
        'properties.price is the text "9,99", but Unit Sale Price and Unit Price must be a '
        "number. Send the number 9.99."
    )
    price = page.locator("#sent .line").filter(has_text="price").last
    expect(price).to_contain_text("must be a number")
    rows = page.locator(".subscription tr").filter(has_text="must be a number")
    expect(rows).to_have_count(2)
    expect(page.locator(".upsert")).to_contain_text("Not made: the mapping failed.")
    shown = page.locator(".findings, .lanes")
    expect(shown.get_by_text("Unit Price must be a number but it was a string")).to_have_count(1)
    expect(page.get_by_text("fixed value")).to_have_count(0)
    accessible(page)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
