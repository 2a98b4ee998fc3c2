"""A failed step explains what happened to the calls."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from segment_insider_scenarios.assertions import explain_calls
from segment_insider_scenarios.context import ScenarioContext
from segment_insider_scenarios.running_emulator import SandboxProvider
from segment_insider_scenarios.shopper import (
    SegmentCall,
    page_call,
    product_viewed_call,
    track_call,
)


@pytest.fixture
def scene(emulators: SandboxProvider) -> Iterator[ScenarioContext]:
    with ScenarioContext(emulators, Path()) as context:
        yield context


@pytest.mark.parametrize(
    ("workspace", "call", "lines"),
    [
        pytest.param(
            "guide",
            product_viewed_call({"product_id": "mug", "engraving": "For Bob"}),
            [
                "  Product Viewed - accepted",
                "    matched Product Viewed Event",
                "    no mapping read properties.engraving",
                "      write at destination.subscriptions[2].settings.parameters.engraving: "
                '{"@path":"$.properties.engraving"}',
            ],
            id="an unmapped property",
        ),
        pytest.param(
            "guide",
            track_call("Cart Viewed", {"currency": "EUR", "products": [{"price": 8}]}),
            [
                "  Cart Viewed - dropped: Insider One dropped this event: "
                "event_group_id parameter is required on cart_page_view event",
                "    matched Cart Viewed Event",
            ],
            id="a dropped cart page",
        ),
        pytest.param(
            "segment-defaults",
            page_call("Home"),
            ["  Home - not_subscribed: no enabled subscription matches this event"],
            id="a call far from any trigger",
        ),
        pytest.param(
            "guide",
            track_call(""),
            [
                "  track - rejected: event_not_defined: "
                "A track call needs the name of its event in `event`."
            ],
            id="a call that Segment rejected",
        ),
    ],
)
def test_a_call_is_explained_with_its_verdict_and_reason(
    scene: ScenarioContext, workspace: str, call: SegmentCall, lines: list[str]
) -> None:
    scene.open_named_workspace(workspace)
    scene.send_calls("Ada", call)
    assert explain_calls(scene, "Ada") == ["What happened to the calls for Ada:", *lines]


def test_the_closest_subscription_is_explained(scene: ScenarioContext, tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(
        "source: {name: Shop, writeKey: wk}\n"
        "destination:\n"
        "  settings: {account_name: a, ucd_key: k}\n"
        "  subscriptions:\n"
        "    - {name: Carts, actionSlug: cartViewedEvent,\n"
        '       trigger: type = "track" and event = "Cart Viewed"}\n'
        "    - {name: People, actionSlug: updateUserProfile}\n"
    )
    scene.open_named_workspace(str(tmp_path / "shop.yaml"))
    scene.send_calls("Ada", track_call("Cart viewed"))
    assert explain_calls(scene, "Ada")[1:] == [
        "  Cart viewed - not_subscribed: no enabled subscription matches this event; event "
        "'Cart viewed' is not 'Cart Viewed', and Segment compares every letter of a name. Send "
        "that name, or name this one in a trigger if it is meant.",
        '    nearest is Carts, which requires event = "Cart Viewed", but finds Cart viewed',
    ]


def test_a_default_mapping_must_be_written_out_first(
    scene: ScenarioContext, tmp_path: Path
) -> None:
    (tmp_path / "shop.yaml").write_text(
        "source: {name: Shop, writeKey: wk}\n"
        "destination:\n"
        "  settings: {account_name: a, ucd_key: k}\n"
        "  subscriptions:\n"
        "    - {name: Views, actionSlug: productViewedEvent,\n"
        '       trigger: type = "track" and event = "Product Viewed"}\n'
    )
    scene.open_named_workspace(str(tmp_path / "shop.yaml"))
    scene.send_calls("Ada", product_viewed_call({"product_id": "mug", "engraving": "For Bob"}))
    assert explain_calls(scene, "Ada")[-1:] == [
        "      once `emulator export FILE --format workspace` has written `settings`"
    ]


def test_a_person_without_calls_is_reported(scene: ScenarioContext) -> None:
    scene.get_person("Bob")
    assert explain_calls(scene, "Bob") == ["Segment received no call for Bob."]


def test_the_line_to_write_appears_once_for_several_products(scene: ScenarioContext) -> None:
    scene.open_named_workspace("guide")
    products = [
        {"product_id": product_id, "engraving": "For Bob"} for product_id in ("mug", "tray")
    ]
    scene.send_calls(
        "Ada", track_call("Order Completed", {"order_id": "o-1", "products": products})
    )
    lines_to_write = [line for line in explain_calls(scene, "Ada") if "write at" in line]
    assert len(lines_to_write) == 1
