"""An emulator inside a test process: its fixtures, and interception of unchanged applications."""

import socket
from collections.abc import Callable

import pytest
import requests
import segment.analytics as analytics  # type: ignore[import-untyped]  # ships no types
from flask import Flask

from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_scenarios import in_process, intercepting
from segment_insider_scenarios.running_emulator import ClockControl, InsiderOneView, RunningEmulator
from segment_insider_scenarios.shopper import Shopper, track_call
from segment_insider_scenarios.transport import SegmentShop


def test_the_fixtures_share_one_emulator(
    segment: SegmentShop,
    insider_one: InsiderOneView,
    shopper: Callable[..., Shopper],
    clock: ClockControl,
) -> None:
    clock.start("2026-11-23T12:00:00Z")
    clock.advance("45 minutes")
    segment.send(shopper("Ada"), track_call("Wish Listed"))
    names = [event["event_name"] for event in insider_one.events("uuid:ada")]
    received = [
        event["event_name"] for event in insider_one.requests()[0]["json"]["users"][0]["events"]
    ]
    assert (names, received) == (["wish_listed"], ["wish_listed"])
    assert len(insider_one.profiles()) == 1


def test_no_socket_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket.socket, "bind", refused)
    with in_process() as emulator:
        emulator.shop.send(Shopper("ada", None, "Ada", "L", "", ""), track_call("Wish Listed"))
        assert emulator.client.find_profile("uuid:ada")


def test_two_emulators_share_no_state_in_one_process() -> None:
    with in_process() as one, in_process("segment-defaults") as other:
        one.shop.send(Shopper("ada", None, "Ada", "L", "", ""), track_call("Wish Listed"))
        assert (len(one.client.list_profiles()), other.client.list_profiles()) == (1, [])


def test_the_sdk_of_an_application_is_intercepted(intercepted: RunningEmulator) -> None:
    """The SDK has no host of ours; the code under test stays as it is in production."""
    client = analytics.Client("the-real-write-key", sync_mode=True)
    client.track("ada", "Wish Listed", {"product_id": "mug"})
    profile = intercepted.client.find_profile("uuid:ada")
    assert profile
    assert [event["event_name"] for event in profile["events"]] == ["wish_listed"]


@pytest.mark.parametrize(
    ("url", "status"),
    [
        pytest.param("https://events.eu1.segmentapis.com/v1/track", 200, id="Segment in the EU"),
        pytest.param("https://api.segment.io:443/v1/track", 200, id="with its port"),
        pytest.param(
            "https://unification.useinsider.com/api/user/v1/upsert", 400, id="Insider One"
        ),
    ],
)
def test_requests_to_hosts_of_segment_and_insider_one_are_answered(
    intercepted: RunningEmulator, url: str, status: int
) -> None:
    call = {"event": "Wish Listed", "userId": "ada", "writeKey": "wk_demo"}
    assert requests.post(url, json=call).status_code == status


def test_source_settings_are_served_for_the_cdn_host(intercepted: RunningEmulator) -> None:
    url = "https://cdn.segment.com/v1/projects/wk_demo/settings"
    assert "integrations" in requests.get(url).json()


def test_requests_to_other_hosts_are_not_intercepted(emulator: RunningEmulator) -> None:
    with serve_app_in_thread(Flask("another")) as url, intercepting(emulator):
        assert requests.get(url).status_code == 404


def test_nothing_is_intercepted_after_the_fixture_ends() -> None:
    before = requests.adapters.HTTPAdapter.send
    with in_process() as emulator, intercepting(emulator):
        assert requests.adapters.HTTPAdapter.send is not before
    assert requests.adapters.HTTPAdapter.send is before
