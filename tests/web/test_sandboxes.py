"""Sandboxes: several isolated emulators in one process."""

import base64
import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from segment_insider_emulator.app import create_app
from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.config import Config
from segment_insider_emulator.errors import ConflictError
from segment_insider_emulator.storage.database import DatabaseUnavailable
from segment_insider_emulator.storage.sandboxes import SandboxStore
from segment_insider_emulator.web.sandbox_creation import MAX_SANDBOXES
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import load_preset_workspace

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
ADA = {"messageId": "m1", "userId": "ada", "traits": {"email": "ada@x.io"}}
UPSERT = {"users": [{"identifiers": {"uuid": "eve"}, "attributes": {"name": "Eve"}}]}
SANDBOXES = "/emulator/v1/sandboxes"
RED_SANDBOX = {"id": "red", "writeKey": "wk_red", "account": "redshop", "key": "k-red"}


@contextmanager
def emulator(db: str = ":memory:", **settings: Any) -> Iterator[Flask]:
    app = create_app(Config(db=db, **settings), load_preset_workspace("guide"), clock=lambda: NOW)
    yield app
    app.extensions["sandboxes"].close()


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    with emulator() as app:
        client = app.test_client()
        assert client.post(SANDBOXES, json=RED_SANDBOX).status_code == 201
        yield client


def parse_json(response: TestResponse) -> Any:
    return orjson.loads(response.data)


def list_user_ids(client: FlaskClient, sandbox: str) -> list[str]:
    """Return the user ids in the profiles of a sandbox."""
    known = parse_json(client.get(f"/sandboxes/{sandbox}/emulator/v1/profiles"))
    return [profile["identifiers"]["uuid"] for profile in known["profiles"]]


def make_basic_auth(write_key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{write_key}:".encode()).decode()}


def test_sandbox_keys_are_shown_only_at_creation(client: FlaskClient) -> None:
    expected = {
        "id": "red-2",
        "url": "http://localhost/sandboxes/red-2",
        "writeKey": "wk_red-2",
        "account": "redshop-2",
        "key": "k-red-2",
        "workspace": "Web shop",
        "now": "2020-01-01T00:00:00.000Z",
        "createdAt": "2026-11-23T10:00:00.000Z",
        "team": None,
    }
    order = {name: f"{value}-2" for name, value in RED_SANDBOX.items()}
    response = client.post(SANDBOXES, json={**order, "now": "2020-01-01T00:00:00Z"})
    assert (response.status_code, parse_json(response)) == (201, expected)
    assert parse_json(client.get(f"{SANDBOXES}/red-2")) == {**expected, "key": "…"}


def test_missing_names_are_generated_and_unique(client: FlaskClient) -> None:
    sandboxes = [parse_json(client.post(SANDBOXES, json={})) for _ in range(2)]
    for name in RED_SANDBOX:
        assert sandboxes[0][name] != sandboxes[1][name], name
    ids = [sandbox["id"] for sandbox in parse_json(client.get(SANDBOXES))["sandboxes"]]
    assert ids == ["default", "red", sandboxes[0]["id"], sandboxes[1]["id"]]


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        pytest.param("/v1/identify", make_basic_auth("wk_red"), orjson.dumps(ADA), id="header"),
        pytest.param("/v1/i", {}, orjson.dumps({**ADA, "writeKey": "wk_red"}), id="body"),
        pytest.param(
            "/v1/batch/",
            {"Content-Encoding": "gzip"},
            gzip.compress(
                orjson.dumps({"writeKey": "wk_red", "batch": [{**ADA, "type": "identify"}]})
            ),
            id="packed batch",
        ),
        pytest.param(
            "/sandboxes/red/v1/identify",
            make_basic_auth("wk_demo"),
            orjson.dumps(ADA),
            id="address",
        ),
    ],
)
def test_a_message_goes_to_the_sandbox_in_its_path(
    client: FlaskClient, path: str, headers: dict[str, str], body: bytes
) -> None:
    assert client.post(path, data=body, headers=headers).status_code == 200
    assert (list_user_ids(client, "red"), list_user_ids(client, "default")) == (["ada"], [])


def test_a_pixel_call_goes_to_the_sandbox_of_its_write_key(client: FlaskClient) -> None:
    packed = base64.urlsafe_b64encode(orjson.dumps({**ADA, "writeKey": "wk_red"})).decode()
    client.get("/v1/pixel/identify", query_string={"data": packed})
    assert (list_user_ids(client, "red"), list_user_ids(client, "default")) == (["ada"], [])


@pytest.mark.parametrize(
    "write_key", [pytest.param("wk_demo", id="its own"), pytest.param("wk_none", id="unknown")]
)
def test_unknown_write_keys_go_to_the_default_sandbox(client: FlaskClient, write_key: str) -> None:
    client.post("/v1/identify", json=ADA, headers=make_basic_auth(write_key))
    assert (list_user_ids(client, "red"), list_user_ids(client, "default")) == ([], ["ada"])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{", id="no JSON"),
        pytest.param(b'{"userId": "ada"}', id="no write key"),
        pytest.param(b"1" * 2_000_000, id="too large"),
    ],
)
def test_requests_without_an_id_are_rejected_as_without_sandboxes(
    client: FlaskClient, body: bytes
) -> None:
    with emulator() as alone:
        expected = alone.test_client().post("/v1/track", data=body)
    response = client.post("/v1/track", data=body)
    assert (response.status_code, parse_json(response)) == (
        expected.status_code,
        parse_json(expected),
    )
    assert response.status_code == 400


def test_an_upsert_goes_to_the_sandbox_of_its_account_name(client: FlaskClient) -> None:
    for account, key in (("redshop", "k-red"), ("mybrand", "test-key")):
        headers = {"X-PARTNER-NAME": account, "X-REQUEST-TOKEN": key}
        response = client.post("/api/user/v1/upsert", json=UPSERT, headers=headers)
        assert response.status_code == 200, response.data
        assert list_user_ids(client, "red") == ["eve"]
    assert list_user_ids(client, "default") == ["eve"]


def test_a_contact_api_call_goes_to_the_sandbox_of_its_account_with_its_key(
    client: FlaskClient,
) -> None:
    path, body = "/email/v2/unsubscribe", {"users": [{"uuid": "eve", "email": "eve@x.io"}]}
    keys = {"redshop": "k-red-unsubscribe", "mybrand": "test-key-unsubscribe"}
    statuses = {
        (account, key): client.post(
            path, json=body, headers={"X-PARTNER-NAME": account, "X-REQUEST-TOKEN": key}
        ).status_code
        for account in keys
        for key in keys.values()
        if (account, key) != ("mybrand", "test-key-unsubscribe")
    }
    assert statuses == {
        ("redshop", "k-red-unsubscribe"): 200,
        ("redshop", "test-key-unsubscribe"): 401,
        ("mybrand", "k-red-unsubscribe"): 401,
    }
    assert (list_user_ids(client, "red"), list_user_ids(client, "default")) == (["eve"], [])


def test_source_settings_point_to_their_sandbox(client: FlaskClient) -> None:
    settings = parse_json(client.get("/sandboxes/red/v1/projects/wk_red/settings"))
    host = settings["integrations"]["Segment.io"]["apiHost"]
    assert host == "localhost/sandboxes/red/v1"
    assert client.post(f"http://{host}/identify", json={**ADA, "writeKey": "x"}).status_code == 200
    assert list_user_ids(client, "red") == ["ada"]


def test_each_sandbox_has_its_own_clock_faults_and_switches(client: FlaskClient) -> None:
    inside = "/sandboxes/red/emulator/v1"
    client.post(f"{inside}/clock", json={"advance": "1 day"})
    client.post(f"{inside}/faults/segment", json={"status": 500})
    client.patch(f"{inside}/destination", json={"enabled": False})
    assert parse_json(client.get("/emulator/v1/clock"))["offset"] == 0
    assert parse_json(client.get("/emulator/v1/faults/segment")) == {"faults": []}
    assert parse_json(client.get("/emulator/v1/destination"))["enabled"] is True
    assert parse_json(client.get(f"{inside}/clock"))["offset"] == 86_400
    assert parse_json(client.get(f"{inside}/destination"))["enabled"] is False


def test_a_reset_does_not_change_other_sandboxes(client: FlaskClient) -> None:
    for key in ("wk_red", "wk_demo"):
        client.post("/v1/identify", json=ADA, headers=make_basic_auth(key))
    assert client.post(f"{SANDBOXES}/red/reset", json={}).status_code == 200
    assert (list_user_ids(client, "red"), list_user_ids(client, "default")) == ([], ["ada"])


def test_a_deleted_sandbox_is_gone(client: FlaskClient) -> None:
    assert parse_json(client.delete(f"{SANDBOXES}/red")) == {}
    gone = client.get("/sandboxes/red/emulator/v1/messages")
    assert (gone.status_code, parse_json(gone)) == (
        404,
        {
            "error": {
                "what": "there is no sandbox 'red'",
                "where": "/sandboxes/red/emulator/v1/messages",
                "remedy": "List them with GET /emulator/v1/sandboxes, or create it with POST.",
            }
        },
    )
    assert client.post(SANDBOXES, json=RED_SANDBOX).status_code == 201
    assert list_user_ids(client, "red") == []


def test_the_store_of_a_deleted_sandbox_reports_that_it_was_closed(client: FlaskClient) -> None:
    services = client.application.extensions["sandboxes"].get_sandbox("red").services
    client.delete(f"{SANDBOXES}/red")
    with pytest.raises(DatabaseUnavailable, match="it was closed"):
        services.store.list_messages()


def test_a_workspace_is_a_preset_or_a_whole_document(client: FlaskClient) -> None:
    document = load_preset_workspace("segment-defaults").document
    named = {**document, "source": {**document["source"], "name": "App"}}
    sandbox = parse_json(client.post(SANDBOXES, json={"id": "app", "workspace": named}))
    assert sandbox["workspace"] == "App"
    defaults = parse_json(client.post(SANDBOXES, json={"workspace": "segment-defaults"}))
    assert defaults["workspace"] == document["source"]["name"]


@pytest.mark.parametrize(
    ("order", "status", "where", "what"),
    [
        pytest.param(
            {"id": "red"}, 409, "body.id", "another sandbox has the id 'red'", id="id taken"
        ),
        pytest.param(
            {"id": "default"}, 409, "body.id", "another sandbox has the id 'default'", id="default"
        ),
        pytest.param(
            {"writeKey": "wk_demo"},
            409,
            "body.writeKey",
            "another sandbox has the writeKey 'wk_demo'",
            id="write key taken",
        ),
        pytest.param(
            {"account": "mybrand"},
            409,
            "body.account",
            "another sandbox has the account 'mybrand'",
            id="account taken",
        ),
        pytest.param({"id": "../x"}, 400, "body.id", "'../x' is not a valid sandbox id", id="id"),
        pytest.param(
            {"writeKey": "a:b"}, 400, "body.writeKey", "this is not a valid writeKey", id="key"
        ),
        pytest.param({"id": ""}, 400, "body.id", "'' is not a valid sandbox id", id="empty id"),
        pytest.param({"key": ""}, 400, "body.key", "this is not a valid key", id="empty key"),
        pytest.param(
            {"workspace": "guid"},
            400,
            "body.workspace",
            "unknown preset 'guid'",
            id="unknown preset",
        ),
        pytest.param(
            {"workspace": {"source": {}}},
            400,
            "body.workspace",
            "'destination' is missing",
            id="faulty workspace",
        ),
        pytest.param(
            {"workspace": {"trackingPlan": "/etc/passwd"}},
            400,
            "body.workspace.trackingPlan",
            "only a workspace file can name a file with a tracking plan",
            id="no file is read",
        ),
        pytest.param(
            {"workspace": {"trackingPlan": {"rules": 5, "pagination": [1]}}},
            400,
            "body.workspace.trackingPlan",
            "this is no tracking plan",
            id="no plan",
        ),
        pytest.param({"now": "noon"}, 400, "body.now", "invalid time", id="no time"),
        pytest.param(
            {"now": "9999-01-01T00:00:00Z"},
            400,
            "body.now",
            "the clock cannot be set to this time",
            id="too late",
        ),
    ],
)
def test_an_invalid_sandbox_is_reported(
    client: FlaskClient, order: dict[str, Any], status: int, where: str, what: str
) -> None:
    response = client.post(SANDBOXES, json=order)
    error = parse_json(response)["error"]
    assert (response.status_code, error["where"], error["what"]) == (status, where, what)
    assert len(parse_json(client.get(SANDBOXES))["sandboxes"]) == 2


def test_a_workspace_document_contains_its_tracking_plan(client: FlaskClient) -> None:
    plan = {"rules": [{"type": "TRACK", "key": "Song Played", "jsonSchema": {}}]}
    document = load_preset_workspace("guide").document
    source = {**document["source"], "settings": {"track": {"allowUnplannedEvents": False}}}
    workspace = {**document, "source": source, "trackingPlan": plan}
    client.post(SANDBOXES, json={"id": "planned", "workspace": workspace})
    inside = "/sandboxes/planned"
    call = {"userId": "ada", "event": "Song Skipped"}
    client.post(f"{inside}/v1/track", json=call, headers=make_basic_auth("any"))
    [stopped] = parse_json(client.get(f"{inside}/emulator/v1/messages"))["messages"]
    assert (stopped["verdict"], stopped["filtered_by"]["code"]) == ("filtered", "unplanned")
    assert parse_json(client.get(f"{inside}/emulator/v1/workspace"))["trackingPlan"] == plan


def test_a_replacement_works_on_an_already_replaced_sandbox(client: FlaskClient) -> None:
    served = client.application.extensions["sandboxes"]
    services = served.get_sandbox("red").services
    for _ in range(2):
        with served.replace_workspace(services, None, None) as new:
            pass
    assert served.get_sandbox("red").services is new
    client.delete(f"{SANDBOXES}/red")
    refused = pytest.raises(ConflictError, match="the sandbox has been deleted")
    with refused, served.replace_workspace(services, None, None):
        pass


def test_a_failed_replacement_leaves_a_working_sandbox() -> None:
    with emulator(asynchronous=True) as app:
        served, client = app.extensions["sandboxes"], app.test_client()
        with (
            pytest.raises(ZeroDivisionError),
            served.replace_workspace(served.default.services, None, None),
        ):
            raise ZeroDivisionError
        client.post("/v1/identify", json=ADA, headers=make_basic_auth("wk_demo"))
        client.post("/emulator/v1/deliveries/retry")
        assert list_user_ids(client, "default") == ["ada"]


def test_a_sandbox_is_not_created_over_a_leftover_database(tmp_path: Path) -> None:
    leftover = tmp_path / "emulator.db.sandboxes" / "red.db"
    with emulator(str(tmp_path / "emulator.db")) as app:
        leftover.parent.mkdir()
        leftover.write_bytes(b"")
        response = app.test_client().post(SANDBOXES, json=RED_SANDBOX)
    assert (response.status_code, parse_json(response)["error"]) == (
        409,
        {
            "what": "a deleted sandbox 'red' has left its database",
            "where": str(leftover),
            "remedy": "Delete it, or use another id.",
        },
    )


def test_the_number_of_sandboxes_is_limited(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segment_insider_emulator.web.sandbox_creation.MAX_SANDBOXES", 1)
    response = client.post(SANDBOXES, json={})
    assert (response.status_code, parse_json(response)["error"]["what"]) == (
        409,
        "there are 1 sandboxes already",
    )
    assert MAX_SANDBOXES > 1


def test_the_default_sandbox_cannot_be_deleted(client: FlaskClient) -> None:
    assert client.delete(f"{SANDBOXES}/default").status_code == 409


def test_sandboxes_in_a_file_survive_a_restart(tmp_path: Path) -> None:
    db = str(tmp_path / "emulator.db")
    with emulator(db) as before:
        client = before.test_client()
        client.post(SANDBOXES, json=RED_SANDBOX)
        client.post("/v1/identify", json=ADA, headers=make_basic_auth("wk_red"))
    with emulator(db) as after:
        client = after.test_client()
        assert list_user_ids(client, "red") == ["ada"]
        client.delete(f"{SANDBOXES}/red")
        assert sorted(tmp_path.rglob("red*")) == []
    with emulator(db) as restarted:
        assert [
            sandbox["id"]
            for sandbox in parse_json(restarted.test_client().get(SANDBOXES))["sandboxes"]
        ] == ["default"]


def test_concurrent_sandboxes_are_isolated() -> None:
    with emulator() as app, serve_app_in_thread(app) as url, ThreadPoolExecutor(8) as shops:
        sandboxes = [requests.post(f"{url}{SANDBOXES}", json={}).json() for _ in range(8)]

        def send_orders(sandbox: dict[str, Any]) -> list[str]:
            for number in range(10):
                call = {"userId": f"{sandbox['id']}-{number}", "writeKey": sandbox["writeKey"]}
                assert requests.post(f"{url}/v1/identify", json=call).ok
            return list_user_ids(app.test_client(), sandbox["id"])

        for sandbox, known in zip(sandboxes, shops.map(send_orders, sandboxes), strict=True):
            assert known == [f"{sandbox['id']}-{number}" for number in range(10)]
        assert list_user_ids(app.test_client(), "default") == []


class ManualClock:
    """A clock that tests advance."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance_hours(self, hours: float) -> None:
        self.now += timedelta(hours=hours)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/emulator/v1/health", ["default"], id="no use"),
        pytest.param(f"{SANDBOXES}/red", ["default"], id="the list that contains it"),
        pytest.param("/sandboxes/red/", ["default", "red"], id="its pages"),
        pytest.param("/sandboxes/red/emulator/v1/clock", ["default", "red"], id="its control API"),
        pytest.param("/v1/projects/wk_red/settings", ["default", "red"], id="an SDK, by its key"),
    ],
)
def test_an_unused_sandbox_is_deleted(path: str, expected: list[str]) -> None:
    day = ManualClock()
    app = create_app(
        Config(db=":memory:", keep_sandboxes=24), load_preset_workspace("guide"), clock=day
    )
    client = app.test_client()
    client.post(SANDBOXES, json=RED_SANDBOX)
    for _ in range(3):
        day.advance_hours(20)
        client.get(path)
    assert [sandbox["id"] for sandbox in parse_json(client.get(SANDBOXES))["sandboxes"]] == expected
    assert client.get("/sandboxes/red/").status_code == (200 if "red" in expected else 404)
    app.extensions["sandboxes"].close()


def test_a_sandbox_used_in_time_is_not_deleted(tmp_path: Path) -> None:
    with emulator(str(tmp_path / "emulator.db")) as app:
        served, client = app.extensions["sandboxes"], app.test_client()
        store = SandboxStore(served.default.services.engine)
        client.post(SANDBOXES, json=RED_SANDBOX)
        assert store.list_idle_sandbox_ids(format_iso_utc(NOW + timedelta(hours=1))) == ["red"]
        store.mark_sandbox_used("red", format_iso_utc(NOW + timedelta(hours=2)))
        assert not served.delete_sandbox(
            "red", unused_since=format_iso_utc(NOW + timedelta(hours=1))
        )
        assert client.get("/sandboxes/red/").status_code == 200
        assert served.delete_sandbox("red", unused_since=format_iso_utc(NOW + timedelta(hours=3)))
        assert client.get("/sandboxes/red/").status_code == 404


def test_time_without_a_running_emulator_deletes_no_sandbox(tmp_path: Path) -> None:
    day, db = ManualClock(), str(tmp_path / "emulator.db")
    for hours in (0, 48):
        day.advance_hours(hours)
        app = create_app(
            Config(db=db, keep_sandboxes=24), load_preset_workspace("guide"), clock=day
        )
        client = app.test_client()
        client.post(SANDBOXES, json=RED_SANDBOX)
        day.advance_hours(12)
        client.get("/emulator/v1/health")
        ids = [sandbox["id"] for sandbox in parse_json(client.get(SANDBOXES))["sandboxes"]]
        assert ids == ["default", "red"]
        app.extensions["sandboxes"].close()
