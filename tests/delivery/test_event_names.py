"""Misspelled event names: a name close to a known one gets a warning, an intended name does not."""

from dataclasses import replace

import pytest

from segment_insider_emulator.delivery.filter_chain import EventNameChecker
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace

GUIDE = load_preset_workspace("guide").destination


def build_event(name: object, kind: str = "track", **more: object) -> JSONObject:
    return {"type": kind, "event": name, **more}


def build_destination_with_trigger(trigger: str, slug: str = "trackEvent") -> Destination:
    subscription = {"name": "Own", "actionSlug": slug, "enabled": True, "trigger": trigger}
    return Destination({**GUIDE, "subscriptions": [*GUIDE["subscriptions"], subscription]})


@pytest.mark.parametrize(
    ("name", "known_name"),
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
def test_a_misspelled_event_name_gets_a_warning(name: str, known_name: str) -> None:
    warning = EventNameChecker(Destination(GUIDE)).warn_misspelled_event_name(build_event(name))
    assert warning is not None
    assert warning.text == (
        f"event {name!r} is not {known_name!r}, and Segment compares every letter of a name. "
        "Send that name, or name this one in a trigger if it is meant."
    )


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(build_event("Order Completed"), id="a known name"),
        pytest.param(build_event("Order Refunded"), id="of the spec, and not mapped"),
        pytest.param(build_event("Giraffe Fed"), id="a custom name"),
        pytest.param(build_event("order completed", "page"), id="no track call"),
        pytest.param(build_event(["order completed"]), id="no text"),
        pytest.param({"type": "track"}, id="no name"),
    ],
)
def test_other_event_names_get_no_warning(event: JSONObject) -> None:
    assert EventNameChecker(Destination(GUIDE)).warn_misspelled_event_name(event) is None


def test_a_name_in_a_trigger_is_intended_and_known() -> None:
    destination = build_destination_with_trigger('type = "track" and event = "Giraffe Fed"')
    assert (
        EventNameChecker(destination).warn_misspelled_event_name(build_event("Giraffe Fed")) is None
    )
    warning = EventNameChecker(destination).warn_misspelled_event_name(build_event("giraffe fed"))
    assert warning
    assert "is not 'Giraffe Fed'" in warning.text
    same_name = build_destination_with_trigger('type = "track" and event = "order completed"')
    assert (
        EventNameChecker(same_name).warn_misspelled_event_name(build_event("order completed"))
        is None
    )


def test_an_event_that_a_mapping_of_its_own_matches_gets_no_warning() -> None:
    destination = build_destination_with_trigger(
        'type = "track" and contains(event, "ompleted")', "orderCompletedEvent"
    )
    assert (
        EventNameChecker(destination).warn_misspelled_event_name(build_event("order completed"))
        is None
    )


def test_a_name_in_the_tracking_plan_gets_no_warning() -> None:
    assert (
        EventNameChecker(Destination(GUIDE), {"order completed"}).warn_misspelled_event_name(
            build_event("order completed")
        )
        is None
    )


def test_a_malformed_trigger_adds_no_known_name() -> None:
    assert (
        EventNameChecker(build_destination_with_trigger("event = ")).warn_misspelled_event_name(
            build_event("Giraffe Fed")
        )
        is None
    )


def test_a_disabled_mapping_adds_no_known_name() -> None:
    workspace = load_preset_workspace("guide")
    disabled = {**workspace.destination["subscriptions"][0], "enabled": False}
    disabled["trigger"] = 'type = "track" and event = "Giraffe Fed"'
    destination = {**workspace.destination, "subscriptions": [disabled]}
    changed = replace(workspace, destination=destination)
    assert (
        EventNameChecker(Destination(changed.destination)).warn_misspelled_event_name(
            build_event("giraffe fed")
        )
        is None
    )
