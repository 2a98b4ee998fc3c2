"""An event whose name misses a known one by little is told, and a name that is meant is not."""

from dataclasses import replace

import pytest

from segment_insider_emulator.delivery.filter_chain import EventNameChecker
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace

GUIDE = load_preset_workspace("guide").destination


def named(name: object, kind: str = "track", **more: object) -> JSONObject:
    return {"type": kind, "event": name, **more}


def with_trigger(trigger: str, slug: str = "trackEvent") -> Destination:
    own = {"name": "Own", "actionSlug": slug, "enabled": True, "trigger": trigger}
    return Destination({**GUIDE, "subscriptions": [*GUIDE["subscriptions"], own]})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("order completed", "Order Completed"),
        ("Order completed", "Order Completed"),
        ("order_completed", "Order Completed"),
        ("Order Completed ", "Order Completed"),
        ("Order Complete", "Order Completed"),
        ("Oder Completed", "Order Completed"),
        ("product viewed", "Product Viewed"),
        ("Products Viewed", "Product Viewed"),
        ("order refunded", "Order Refunded"),
        ("user registered", "User Registered"),
    ],
)
def test_a_misspelled_event_name_gets_a_warning(name: str, meant: str) -> None:
    note = EventNameChecker(Destination(GUIDE)).warn_misspelled_event_name(named(name))
    assert note is not None
    assert note.text == (
        f"event {name!r} is not {meant!r}, and Segment compares every letter of a name. "
        "Send that name, or name this one in a trigger if it is meant."
    )


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(named("Order Completed"), id="a known name"),
        pytest.param(named("Order Refunded"), id="of the spec, and not mapped"),
        pytest.param(named("Giraffe Fed"), id="a name of one's own"),
        pytest.param(named("order completed", "page"), id="no track call"),
        pytest.param(named(["order completed"]), id="no text"),
        pytest.param({"type": "track"}, id="no name"),
    ],
)
def test_other_event_names_get_no_warning(event: JSONObject) -> None:
    assert EventNameChecker(Destination(GUIDE)).warn_misspelled_event_name(event) is None


def test_a_name_in_a_trigger_is_meant_and_is_known() -> None:
    own = with_trigger('type = "track" and event = "Giraffe Fed"')
    assert EventNameChecker(own).warn_misspelled_event_name(named("Giraffe Fed")) is None
    note = EventNameChecker(own).warn_misspelled_event_name(named("giraffe fed"))
    assert note
    assert "is not 'Giraffe Fed'" in note.text
    meant = with_trigger('type = "track" and event = "order completed"')
    assert EventNameChecker(meant).warn_misspelled_event_name(named("order completed")) is None


def test_an_event_that_a_mapping_of_its_own_takes_is_meant() -> None:
    broad = with_trigger('type = "track" and contains(event, "ompleted")', "orderCompletedEvent")
    assert EventNameChecker(broad).warn_misspelled_event_name(named("order completed")) is None


def test_a_name_in_the_tracking_plan_is_meant() -> None:
    assert (
        EventNameChecker(Destination(GUIDE), {"order completed"}).warn_misspelled_event_name(
            named("order completed")
        )
        is None
    )


def test_a_malformed_trigger_names_nothing() -> None:
    assert (
        EventNameChecker(with_trigger("event = ")).warn_misspelled_event_name(named("Giraffe Fed"))
        is None
    )


def test_a_disabled_mapping_names_nothing() -> None:
    workspace = load_preset_workspace("guide")
    off = {**workspace.destination["subscriptions"][0], "enabled": False}
    off["trigger"] = 'type = "track" and event = "Giraffe Fed"'
    destination = {**workspace.destination, "subscriptions": [off]}
    changed = replace(workspace, destination=destination)
    assert (
        EventNameChecker(Destination(changed.destination)).warn_misspelled_event_name(
            named("giraffe fed")
        )
        is None
    )
