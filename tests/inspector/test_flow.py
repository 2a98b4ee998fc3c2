"""The Flow page: counts of messages, their drawing and their table."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from inspector.running_emulator import PHONE, RunningEmulator
from segment_insider_emulator.inspector.flow_page import (
    COLUMN_LEFT_EDGES,
    TOP_MARGIN,
    FlowLink,
    FlowNode,
    build_flow_links,
    draw_flow,
)
from segment_insider_emulator.types import JSONObject

MUGS = [{"product_id": "mug", "price": 8.5}, {"product_id": "tray", "price": 21}]
CART: JSONObject = {
    "type": "track",
    "event": "Cart Viewed",
    "userId": "ada",
    "properties": {"currency": "EUR", "cart_id": "c-1", "products": MUGS},
}


def send_calls(emulator: RunningEmulator) -> None:
    incomplete = {"currency": "EUR", "products": MUGS}
    emulator.send(
        CART,
        {**CART, "properties": incomplete},
        {"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}},
        {"type": "screen", "userId": "ada", "name": "<b>Home</b>"},
        {"type": "track", "event": "<img src=x>", "userId": "ada"},
        {"type": "track", "event": "Rated"},
    )


def test_messages_are_counted_from_event_name_to_insider_event(
    emulator: RunningEmulator,
) -> None:
    send_calls(emulator)
    cart = FlowNode(1, "Cart Viewed Event", ("subscription", "Cart Viewed Event"))
    viewed, page_view = (
        FlowNode(0, "Cart Viewed", ("event", "Cart Viewed")),
        FlowNode(2, "Cart Page View"),
    )
    track = FlowNode(1, "Track Event", ("subscription", "Track Event"))
    profile = "Create or Update a User Profile"
    update = FlowNode(1, profile, ("subscription", profile))
    image = FlowNode(0, "<img src=x>", ("event", "<img src=x>"))
    assert set(build_flow_links(*emulator.parts.store.list_latest_messages(10))) == {
        FlowLink(viewed, cart, "accepted", 1),
        FlowLink(cart, page_view, "accepted", 2),
        FlowLink(viewed, cart, "dropped", 1),
        FlowLink(cart, page_view, "dropped", 2),
        FlowLink(FlowNode(0, "identify calls", ("type", "identify")), update, "accepted", 1),
        FlowLink(update, FlowNode(2, "Profile attributes"), "accepted", 1),
        FlowLink(
            FlowNode(0, "screen calls", ("type", "screen")),
            FlowNode(1, "Not subscribed"),
            "not_subscribed",
            1,
        ),
        FlowLink(image, track, "dropped", 1),
        FlowLink(track, FlowNode(2, "<img_src=x>"), "dropped", 1),
        FlowLink(
            FlowNode(0, "Rated", ("event", "Rated")),
            FlowNode(1, "Rejected by Segment"),
            "rejected",
            1,
        ),
    }


def test_rare_events_share_a_box(emulator: RunningEmulator) -> None:
    calls = [{"type": "track", "event": f"event {n}", "userId": "ada"} for n in range(5)]
    emulator.send(*calls, calls[0], calls[0], calls[1])
    links = build_flow_links(*emulator.parts.store.list_latest_messages(10), max_nodes_per_column=3)
    boxes = {(node.column, node.title) for link in links for node in (link.source, link.target)}
    assert boxes == {
        (0, "event 0"),
        (0, "event 1"),
        (0, "Other events"),
        (1, "Track Event"),
        (2, "event_0"),
        (2, "event_1"),
        (2, "Other events"),
    }


def test_the_height_of_a_box_is_its_message_count() -> None:
    few, many, mapping = FlowNode(0, "few"), FlowNode(0, "many"), FlowNode(1, "mapping")
    links = [FlowLink(few, mapping, "accepted", 1), FlowLink(many, mapping, "accepted", 3)]
    drawing = draw_flow(links)
    places = [(box.node.title, box.x, box.y, box.height, box.count) for box in drawing.boxes]
    assert places == [
        ("many", COLUMN_LEFT_EDGES[0], TOP_MARGIN, 345.0, 3),
        ("few", COLUMN_LEFT_EDGES[0], TOP_MARGIN + 345.0 + 18.0, 115.0, 1),
        ("mapping", COLUMN_LEFT_EDGES[1], TOP_MARGIN, 460.0, 4),
    ]
    assert [band.width for band in drawing.bands] == [345.0, 115.0]


def test_a_flow_without_messages_is_empty() -> None:
    assert draw_flow([]).boxes == ()


@pytest.mark.extended
def test_the_drawing_and_the_table_show_the_same_counts(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    page.goto(f"{emulator.url}/flow")
    expect(page.get_by_role("heading", name="No events yet")).to_be_visible()
    send_calls(emulator)
    expect(page.locator("svg.flow .band")).to_have_count(10)
    row = page.get_by_role("row").filter(has_text="Cart Viewed Event")
    expect(row.filter(has_text="Dropped by Insider One").first).to_contain_text("Cart Viewed")
    accessible(page)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.get_by_role("link", name="Cart Viewed", exact=True).first.click()
    expect(page).to_have_url(f"{emulator.url}/?query=event:%22Cart+Viewed%22")


def test_long_names_begin_in_the_drawing_and_no_label_is_on_a_band(
    emulator: RunningEmulator, page: Page
) -> None:
    long = "Checkout - Payment Method Selected - Apple Pay - Mobile Web (Experiment B, Variant 2)"
    rare = [{**CART, "event": f"Seldom {number}"} for number in range(3)]
    emulator.send(*[{**CART, "event": long}] * 30, *rare, CART)
    page.goto(f"{emulator.url}/flow")
    name = page.locator(".flow-label .name").filter(has_text="Checkout - Payment").first
    name.wait_for()
    # In one call: the drawing may be made anew between two.
    assert page.evaluate(
        """() => {
          const left = (element) => element.getBoundingClientRect().left;
          const drawing = document.querySelector("svg.flow");
          const names = [...drawing.querySelectorAll(".name")];
          return names.every((name) => left(name) >= left(drawing));
        }"""
    )
    assert page.get_by_title(long).count() > 0
    # Points along each label and each band, in the coordinates of the drawing.
    crossings = page.evaluate(
        """() => {
          const bands = [...document.querySelectorAll("svg.flow .band")];
          const svg = document.querySelector("svg.flow");
          return [...document.querySelectorAll("svg.flow foreignObject")].filter((label) => {
            const { x, y, width, height } = label.getBBox();
            return bands.some((band) => {
              for (let part = 0; part <= 50; part++) {
                const point = band.getPointAtLength((band.getTotalLength() * part) / 50);
                if (point.x > x && point.x < x + width && point.y > y && point.y < y + height)
                  return true;
              }
              return false;
            });
          }).length;
        }"""
    )
    assert crossings == 0


def test_each_hop_has_a_table_with_the_worst_first(emulator: RunningEmulator, page: Page) -> None:
    send_calls(emulator)
    page.goto(f"{emulator.url}/flow")
    first = page.get_by_role("region", name="From Segment to subscriptions")
    expect(first.locator("tbody .verdict")).to_have_text(
        [
            *("Dropped by Insider One", "Dropped by Insider One", "Rejected by Segment"),
            *("Not subscribed", "Accepted", "Accepted"),
        ]
    )
    second = page.get_by_role("region", name="From subscriptions to Insider One")
    expect(second.locator("tbody tr").first).to_contain_text("Dropped by Insider One")
