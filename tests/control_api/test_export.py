"""Exports of a whole sandbox as lines, their import, and requests as HAR."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from werkzeug.test import TestResponse

from segment_insider_emulator.control_api.export import (
    MAX_LARGE_RESPONSES,
    ClientDisconnected,
    send_large_response,
)
from segment_insider_emulator.web.long_requests import IS_DISCONNECTED_KEY
from segment_insider_emulator.web.server import serve_app_in_thread

API = "/emulator/v1"
SCHEMAS = "har-schema@2.0.0"
KINDS = ("messages", "deliveries", "profiles")


def parse_response(response: TestResponse) -> Any:
    return orjson.loads(response.data)


def list_state(client: FlaskClient, prefix: str = "") -> list[Any]:
    return [parse_response(client.get(f"{prefix}{API}/{kind}"))[kind] for kind in KINDS]


def export_lines(client: FlaskClient) -> list[Any]:
    return [orjson.loads(line) for line in client.get(f"{API}/export").data.splitlines()]


def import_lines(client: FlaskClient, *given: Any) -> TestResponse:
    return client.post(f"{API}/import", data=b"\n".join(map(orjson.dumps, given)))


@pytest.fixture
def document(client: FlaskClient, workspace: Any) -> None:
    """Use a workspace with a document, as one of a file; that of these tests has none."""
    source = {"name": "Web shop", "writeKey": "wk_demo"}
    order = {"source": source, "destination": workspace.destination}
    assert client.put(f"{API}/workspace", json={"workspace": order}).status_code == 200


@pytest.mark.usefixtures("document")
def test_an_imported_sandbox_equals_the_exported_one(client: FlaskClient) -> None:
    client.post(f"{API}/clock", json={"set": "2027-01-01T00:00:00Z"})
    exported = client.get(f"{API}/export").data
    client.post(f"{API}/sandboxes", json={"id": "copy", "workspace": "guide"})
    inside = "/sandboxes/copy"
    response = client.post(f"{inside}{API}/import", data=exported)
    assert (response.status_code, parse_response(response)) == (200, {"imported": 8})
    assert list_state(client, inside) == list_state(client)
    assert parse_response(client.get(f"{inside}{API}/clock"))["now"] == "2027-01-01T00:00:00.000Z"
    names = [
        subscription["name"]
        for subscription in parse_response(client.get(f"{inside}{API}/destination"))[
            "subscriptions"
        ]
    ]
    assert names == ["Songs"]


@pytest.mark.usefixtures("document")
def test_a_pending_retry_is_imported_and_retried(client: FlaskClient) -> None:
    client.post(f"{API}/faults", json={"status": 503})
    call = {"writeKey": "wk_demo", "type": "track", "event": "song_played", "userId": "eve"}
    client.post("/v1/track", json={**call, "messageId": "m3"})
    exported = client.get(f"{API}/export").data
    client.post(f"{API}/sandboxes", json={"id": "copy"})
    inside = f"/sandboxes/copy{API}"
    client.post(f"{inside}/import", data=exported)
    client.post(f"{inside}/clock", json={"advance": "4 seconds"})
    assert parse_response(client.get(f"{inside}/messages/newest"))["verdict"] == "accepted"


def test_a_journey_run_is_imported_and_continues(client: FlaskClient) -> None:
    for id in ("one", "two"):
        client.post(f"{API}/sandboxes", json={"id": id, "workspace": "guide"})
    cart = {"writeKey": "any", "event": "Product Added", "userId": "ada"}
    bought = {"product_id": "mug", "price": 8.5, "quantity": 1, "currency": "EUR"}
    client.post("/sandboxes/one/v1/track", json={**cart, "properties": bought})
    exported = client.get(f"/sandboxes/one{API}/export").data
    client.post(f"/sandboxes/two{API}/import", data=exported)
    runs = [
        parse_response(client.get(f"/sandboxes/{id}{API}/journeys/1/runs"))["runs"]
        for id in ("one", "two")
    ]
    assert (len(runs[0]), runs[0]) == (1, runs[1])


@pytest.mark.usefixtures("document")
def test_an_export_has_no_keys(client: FlaskClient) -> None:
    assert b"test-key" not in client.get(f"{API}/export").data


@pytest.mark.usefixtures("document")
def test_an_imported_sandbox_delivers_with_its_own_keys(client: FlaskClient) -> None:
    sandbox = parse_response(client.post(f"{API}/sandboxes", json={"id": "copy"}))
    client.post(f"/sandboxes/copy{API}/import", data=client.get(f"{API}/export").data)
    call = {
        "writeKey": sandbox["writeKey"],
        "type": "track",
        "event": "song_played",
        "userId": "eve",
    }
    client.post("/v1/track", json=call)
    newest = parse_response(client.get(f"/sandboxes/copy{API}/deliveries/newest"))
    assert newest["verdict"] == "accepted"


@pytest.mark.usefixtures("document")
@pytest.mark.parametrize(
    ("line", "change", "what"),
    [
        pytest.param(
            0, {"format": 2}, "the first line is not the header of an export", id="format"
        ),
        pytest.param(0, {"clock": {}}, "invalid clock", id="clock"),
        pytest.param(0, {"clock": {"now": "noon", "frozen": True}}, "invalid time", id="time"),
        pytest.param(
            0,
            {"clock": {"now": "9999-01-01T00:00:00Z", "frozen": True}},
            "the clock cannot be set to this time",
            id="late",
        ),
        pytest.param(0, {"workspace": {}}, "'source' is missing", id="workspace"),
        pytest.param(1, {"kind": "sandboxes"}, "not a row of an export", id="table"),
        pytest.param(1, {"row": {"id": 1}}, "messages has other columns", id="columns"),
    ],
)
def test_an_invalid_export_is_refused(
    client: FlaskClient, line: int, change: dict[str, Any], what: str
) -> None:
    before, exported = list_state(client), export_lines(client)
    exported[line] = {**exported[line], **change}
    response = import_lines(client, *exported)
    assert (response.status_code, parse_response(response)["error"]["what"]) == (400, what)
    assert list_state(client) == before


@pytest.mark.usefixtures("document")
@pytest.mark.parametrize(
    ("kind", "change", "what"),
    [
        pytest.param("messages", {"id": "1"}, "invalid value for this column", id="type"),
        pytest.param("deliveries", {"request": "{}"}, "invalid value for this column", id="text"),
        pytest.param(
            "deliveries",
            {"attempts": [{"no": 1}]},
            "rows of this export cannot be read",
            id="shape",
        ),
        pytest.param(
            "identifiers", {"identifier": "uuid:ada"}, "rows of identifiers contradict", id="twice"
        ),
    ],
)
def test_inconsistent_rows_are_refused_together(
    client: FlaskClient, kind: str, change: dict[str, Any], what: str
) -> None:
    before, exported = list_state(client), export_lines(client)
    for line in exported:
        if line["kind"] == kind:
            line["row"] |= change
    response = import_lines(client, *exported)
    assert (response.status_code, parse_response(response)["error"]["what"][: len(what)]) == (
        400,
        what,
    )
    assert list_state(client) == before


@pytest.fixture(scope="session")
def har(npm_folder: Callable[..., Path]) -> Draft202012Validator:
    """The published schema of HAR 1.2."""
    folder = npm_folder("har-for-tests", SCHEMAS)
    schemas = [json.loads(schema.read_text()) for schema in _schemas(folder)]
    resources = [(schema["$id"], Resource.from_contents(schema)) for schema in schemas]
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft202012Validator({"$ref": "har.json#"}, registry=registry)


def _schemas(folder: Path) -> list[Path]:
    return sorted((folder / "node_modules" / "har-schema" / "lib").glob("*.json"))


def test_requests_are_exported_as_har(client: FlaskClient, har: Draft202012Validator) -> None:
    client.post(f"{API}/faults", json={"drop": True, "times": 1})
    call = {"writeKey": "wk_demo", "type": "track", "event": "song_played", "userId": "eve"}
    client.post("/v1/track", json=call)
    client.post(f"{API}/deliveries/retry")
    archive = parse_response(client.get(f"{API}/export.har"))
    assert [error.message for error in har.iter_errors(archive)] == []
    entries = archive["log"]["entries"]
    assert [entry["response"]["status"] for entry in entries] == [200, 0, 200]
    assert b"test-key" not in orjson.dumps(archive)


def test_every_json_column_is_exported_as_its_value(client: FlaskClient) -> None:
    user = {"identifiers": {"uuid": "ada"}, "attributes": {"age": 36}}
    keys = {"X-PARTNER-NAME": "mybrand", "X-REQUEST-TOKEN": "test-key"}
    client.post("/v1/track", json={"userId": "ada", "event": "Order Completed"})
    client.post("/api/user/v1/upsert", json={"users": [user]}, headers=keys)
    rows = export_lines(client)[1:]
    assert {"messages", "deliveries", "profiles"} <= {line["kind"] for line in rows}
    as_text = {
        (line["kind"], column)
        for line in rows
        for column, value in line["row"].items()
        if isinstance(value, str) and value.startswith(("{", "["))
    }
    assert as_text == set()


@pytest.mark.parametrize("path", ["export", "export.har"])
def test_the_number_of_concurrent_large_responses_is_limited(
    client: FlaskClient, path: str
) -> None:
    unread = [client.get(f"{API}/{path}", buffered=False) for _ in range(MAX_LARGE_RESPONSES)]
    assert {response.status_code for response in unread} == {200}
    refused = client.get(f"{API}/{path}")
    assert (
        refused.status_code,
        refused.headers["Retry-After"],
        parse_response(refused)["error"],
    ) == (
        503,
        "5",
        {
            "what": "4 large responses are being sent already",
            "where": f"{API}/{path}",
            "remedy": "Try again when one of them is done.",
        },
    )
    assert client.get(f"{API}/health").status_code == 200
    for response in unread:
        response.close()
    assert client.get(f"{API}/{path}").status_code == 200


def test_a_large_response_ends_when_its_client_disconnects(client: FlaskClient) -> None:
    parts = iter([b"x" * 300_000] * 10)
    with (
        client.application.test_request_context(environ_base={IS_DISCONNECTED_KEY: lambda: True}),
        pytest.raises(ClientDisconnected),
    ):
        send_large_response(parts, "text/plain")
    assert len(list(parts)) == 9


def test_a_client_that_disconnects_frees_its_place(client: FlaskClient) -> None:
    with serve_app_in_thread(client.application) as url:
        address = urlsplit(url)
        for _ in range(3 * MAX_LARGE_RESPONSES):
            status = b""
            while status != b"HTTP/1.1 200":  # until the server sees that another one has gone
                assert status in (b"", b"HTTP/1.1 503")
                with socket.create_connection((address.hostname, address.port)) as asking:
                    asking.sendall(f"GET {API}/export HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                    status = asking.recv(12, socket.MSG_WAITALL)
