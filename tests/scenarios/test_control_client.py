"""The client of the control API: complete lists, and errors that say what to do."""

import re

import pytest
from flask import Flask

from segment_insider_emulator.errors import ConflictError, EmulatorError
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_scenarios.client import ControlClient
from segment_insider_scenarios.running_emulator import RunningEmulator, serve_emulator
from segment_insider_scenarios.shopper import identify_call, make_shopper, track_call
from segment_insider_scenarios.transport import SegmentShop

ADA = make_shopper("Ada")


def test_a_list_contains_all_of_its_pages(served_emulator: RunningEmulator) -> None:
    served_emulator.shop.send(ADA, *(track_call(f"Song {number}") for number in range(7)))
    with ControlClient(served_emulator.url, page_size=3) as client:
        names = [message["event"] for message in client.list_messages()]
    assert names == [f"Song {number}" for number in range(7)]


def test_calls_with_the_same_timestamp_are_all_listed(emulator: RunningEmulator) -> None:
    emulator.shop.send(ADA, *[track_call("Song Played")] * 20)
    profile = emulator.client.find_profile("uuid:ada")
    assert profile
    assert len(profile["events"]) == 20


def test_a_reset_deletes_everything(emulator: RunningEmulator) -> None:
    emulator.shop.send(ADA, identify_call({"email": "ada@shop.example"}))
    assert len(emulator.client.list_profiles()) == 1
    emulator.client.reset_sandbox()
    client = emulator.client
    assert [client.list_messages(), client.list_deliveries(), client.list_profiles()] == [
        [],
        [],
        [],
    ]


def test_health_contains_the_version(emulator: RunningEmulator) -> None:
    assert emulator.client.get_health()["status"] == "ok"


def test_an_unknown_filter_is_rejected(emulator: RunningEmulator) -> None:
    with pytest.raises(EmulatorError, match=r"^query: unknown parameter 'colour'\. Known: "):
        emulator.client.list_messages(colour="blue")


def test_a_server_that_is_no_emulator_is_reported() -> None:
    with serve_app_in_thread(Flask("another")) as url, ControlClient(url) as client:
        message = (
            rf"^{url}: GET /emulator/v1/health was answered 404, "
            r"which is not an emulator's answer\."
        )
        with pytest.raises(EmulatorError, match=message):
            client.get_health()


def test_a_sandbox_id_in_use_is_a_conflict(emulator: RunningEmulator) -> None:
    sandbox = emulator.client.create_sandbox()
    with pytest.raises(
        ConflictError, match=rf"^body\.id: another sandbox has the id '{sandbox['id']}'"
    ):
        emulator.client.create_sandbox(id=sandbox["id"])
    emulator.client.delete_sandbox(sandbox["id"])


def test_a_rejected_export_is_an_error(emulator: RunningEmulator) -> None:
    sandbox = emulator.client.create_sandbox()
    emulator.client.delete_sandbox(sandbox["id"])
    client = ControlClient(sandbox["url"], session=emulator.client.session)
    with pytest.raises(EmulatorError, match=f"there is no sandbox '{sandbox['id']}'"):
        client.export_sandbox()


def test_an_address_without_a_server_is_reported() -> None:
    with ControlClient("http://127.0.0.1:1") as client:
        message = r"^http://127\.0\.0\.1:1: no emulator answers\. Start one with `emulator serve`"
        with pytest.raises(EmulatorError, match=message):
            client.get_health()


def test_calls_that_no_server_received_are_reported() -> None:
    with serve_emulator(load_preset_workspace("guide")) as started:
        pass
    message = rf"^{re.escape(started.url)}: no emulator answers\. "
    with pytest.raises(EmulatorError, match=message):
        SegmentShop(started.url, "wk_demo").send(ADA, track_call("Song Played"))


def test_the_clock_can_be_advanced(emulator: RunningEmulator) -> None:
    emulator.client.reset_sandbox("2026-11-23T12:00:00Z")
    emulator.client.advance_clock("45 minutes")
    emulator.shop.send(ADA, track_call("Song Played"))
    [message] = emulator.client.list_messages()
    assert message["receivedAt"] == "2026-11-23T12:45:00.000Z"


def test_a_reset_restores_both_panels(emulator: RunningEmulator) -> None:
    client = emulator.client
    created = client.create_integration("Web shop", "Source", "Administrator")
    client.save_destination({"enabled": False, "settings": {"ucd_key": created["key"]}})
    client.set_subscription_enabled(1, enabled=False)
    client.reset_sandbox()
    destination = client.get_destination()
    assert [integration["name"] for integration in client.list_integrations()] == ["Workspace file"]
    assert (destination["enabled"], destination["subscriptions"][0]["enabled"]) == (True, True)


def test_a_revoked_integration_has_its_revocation_time(emulator: RunningEmulator) -> None:
    created = emulator.client.create_integration("Web shop", "Source", "Administrator")
    emulator.client.revoke_integration(created["id"], "Administrator")
    revoked = [
        integration["revokedAt"] is not None for integration in emulator.client.list_integrations()
    ]
    assert revoked == [False, True]


def test_a_rejection_by_the_panel_is_an_error_with_its_message(emulator: RunningEmulator) -> None:
    message = (
        r"^X-InOne-Role: a user with the role 'Editor' cannot make changes .+ Use the role Admin"
    )
    with pytest.raises(EmulatorError, match=message):
        emulator.client.create_integration("Web shop", "Source", "Editor")


def test_journeys_of_the_workspace_are_listed(emulator: RunningEmulator) -> None:
    names = [journey["name"] for journey in emulator.client.list_journeys()]
    assert names == ["Cart abandonment", "Purchase thank-you", "Welcome"]


def test_a_client_can_be_opened_for_a_sandbox(emulator: RunningEmulator) -> None:
    created = emulator.client.create_sandbox(workspace="guide", now="2026-11-23T10:00:00Z")
    with ControlClient(created["url"], session=emulator.client.session) as client:
        SegmentShop(created["url"], created["writeKey"]).send(ADA, track_call("Song Played"))
        assert client.get_newest_message()["event"] == "Song Played"
        assert client.verify_claims({"of": "messages", "exactly": 1})["ok"]
        assert client.wait_for_claim({"of": "messages"}, timeout_s=0.01)["ok"]
        client.reset_part("captures")
        assert client.list_messages() == []
    assert emulator.client.list_messages() == []
    emulator.client.delete_sandbox(created["id"])
    assert created["id"] not in [sandbox["id"] for sandbox in emulator.client.list_sandboxes()]


def test_a_dry_run_returns_the_deliveries(emulator: RunningEmulator) -> None:
    event = {"type": "identify", "userId": "ada", "traits": {"email": "ada@x.io"}}
    (message,) = emulator.client.dry_run(event)
    assert [delivery["verdict"] for delivery in message["deliveries"]] == ["accepted"]
    assert emulator.client.list_profiles() == []


def test_an_exported_sandbox_can_be_imported(emulator: RunningEmulator) -> None:
    emulator.shop.send(ADA, identify_call({"email": "ada@shop.example"}))
    client = emulator.client
    profiles, exported = client.list_profiles(), client.export_sandbox()
    assert len(client.export_har()["log"]["entries"]) == 1
    client.reset_sandbox()
    client.import_sandbox(exported)
    assert client.list_profiles() == profiles


def test_a_workspace_can_be_changed_while_it_runs(emulator: RunningEmulator) -> None:
    client = emulator.client
    client.replace_workspace("segment-defaults")
    before = len(client.get_destination()["subscriptions"])
    added = client.add_subscription({"name": "Mine", "actionSlug": "trackEvent"})
    assert added["number"] == before + 1
    client.remove_subscription(added["number"])
    assert len(client.get_destination()["subscriptions"]) == before
    assert client.get_workspace()["destination"]["settings"]["ucd_key"] == "…"
