"""Problems are grouped by cause, with their messages; a cause can be marked as known."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.storage import reports
from segment_insider_emulator.workspace import load_preset_workspace

PROFILE = "Create or Update a User Profile"
BIRTHDAY = "wrong-format attributes.birthday"
ORDER = {"currency": "EUR", "products": [{"product_id": "mug", "price": "9,99", "quantity": 1}]}


@contextmanager
def open_emulator(db: str = ":memory:", preset: str = "guide") -> Iterator[FlaskClient]:
    """Yield a client of an emulator with the preset."""
    app = create_app(Config(db=db), load_preset_workspace(preset))
    with closing(app.extensions["sandboxes"]):
        yield app.test_client()


@pytest.fixture
def shop() -> Iterator[FlaskClient]:
    with open_emulator() as client:
        yield client


def send(client: FlaskClient, *calls: dict[str, Any]) -> None:
    """Send calls of ada, in one batch."""
    batch = [{"userId": "ada", **call} for call in calls]
    assert client.post("/v1/batch", json={"writeKey": "wk_demo", "batch": batch}).status_code == 200


def fetch(client: FlaskClient, path: str, **parameters: str) -> Any:
    """Return a document of the control API."""
    response = client.get(f"/emulator/v1{path}", query_string=parameters)
    assert response.status_code == 200, response.data
    return orjson.loads(response.data)


def identify(birthday: str) -> dict[str, Any]:
    """Return an identify call with a birthday."""
    return {"type": "identify", "traits": {"birthday": birthday}}


def list_causes(client: FlaskClient) -> list[tuple[str, str | None, str, int]]:
    """Return cause, mapping, verdict and number of messages of each cause, in order."""
    return [
        (each["cause"], each["mapping"], each["verdict"], each["messages"])
        for each in fetch(client, "/causes")["causes"]
    ]


def test_problems_are_grouped_by_cause_with_the_worst_first(shop: FlaskClient) -> None:
    send(
        shop,
        identify("1990-01-02"),
        identify("02.01.1990"),
        identify("1990-01-02T00:00:00Z"),
        {"type": "track", "event": "Order Completed", "properties": {"order_id": "o1", **ORDER}},
        {"type": "track", "event": "Cart Viewed", "properties": {"products": [{"price": 3}]}},
        {"type": "group", "groupId": "g1"},
        {"type": "group", "groupId": "g2"},
        {"type": "track", "event": "Giraffe Fed", "timestamp": "yesterday"},
        {"type": "track", "event": "Lion Fed", "timestamp": "tomorrow"},
    )
    unit = "must be a number but it was a string."
    assert list_causes(shop) == [
        (
            f"mapping-failed Unit Sale Price {unit} Unit Price {unit}",
            "Order Completed Event", "failed", 1,
        ),
        ("missing-value event_params.event_group_id", "Cart Viewed Event", "dropped", 1),
        ("missing-value event_params.currency", "Cart Viewed Event", "dropped", 1),
        ("sent timestamp … is not ISO …: the time of receipt replaces it.", None, "warning", 2),
        (BIRTHDAY, PROFILE, "warning", 2),
        ("not-subscribed group", None, "not_subscribed", 2),
    ]  # fmt: skip


def test_the_query_of_a_cause_finds_its_messages(shop: FlaskClient) -> None:
    send(
        shop,
        identify("1990-01-02"),
        identify("1990-01-02T00:00:00Z"),
        {"type": "track", "event": "Order Completed", "properties": {"order_id": "o1", **ORDER}},
        {"type": "track", "event": "Cart Viewed", "properties": {"products": [{"price": 3}]}},
        {"type": "group", "groupId": "g1"},
        {"type": "track", "event": 'Say "hi" \\ \u202e"'},
        {"type": "track", "event": "Giraffe Fed", "timestamp": "yesterday"},
    )
    shop.put("/emulator/v1/workspace", json={"workspace": "segment-defaults"})
    send(shop, {"type": "page", "name": 'Say "hi" \\ '}, {"type": "screen", "name": "x"})
    causes = fetch(shop, "/causes")["causes"]
    assert len(causes) == 9
    for cause in causes:
        found = fetch(shop, "/messages", query=cause["query"])["messages"]
        assert [len(found), found[-1]["id"]] == [cause["messages"], cause["newestMessage"]], cause


def test_a_failed_answer_is_one_cause(shop: FlaskClient) -> None:
    shop.post("/emulator/v1/faults", json={"status": 403, "times": 2})
    send(shop, identify("1990-01-02T00:00:00Z"))
    send(shop, identify("1991-01-02T00:00:00Z"))
    (cause,) = fetch(shop, "/causes")["causes"]
    assert [cause[name] for name in ("cause", "what", "messages")] == [
        "answer 403", "Insider One answered 403", 2,
    ]  # fmt: skip
    assert len(fetch(shop, "/messages", query=cause["query"])["messages"]) == 2


def test_a_known_cause_comes_last_and_later_messages_are_accepted(shop: FlaskClient) -> None:
    send(shop, identify("1990-01-02"), {"type": "group", "groupId": "g1"})
    body = {"cause": BIRTHDAY, "mapping": PROFILE, "note": "Next version"}
    answer = shop.put("/emulator/v1/causes/known", json=body)
    assert orjson.loads(answer.data) == {"knownCauses": [body]}
    send(shop, identify("1991-01-02"))
    document = fetch(shop, "/causes")
    assert document["known"] == 1
    assert [(each["cause"], each["known"], each["messages"]) for each in document["causes"]] == [
        ("not-subscribed group", False, 1), (BIRTHDAY, True, 2),
    ]  # fmt: skip
    assert fetch(shop, "/messages/newest")["verdict"] == "accepted"
    shop.put("/emulator/v1/causes/known", json={**body, "known": False})
    send(shop, identify("1992-01-02"))
    assert fetch(shop, "/messages/newest")["verdict"] == "warning"
    assert fetch(shop, "/causes/known") == {"knownCauses": []}


def test_known_causes_stay_after_a_reset_and_a_restart(tmp_path: Path) -> None:
    db = str(tmp_path / "emulator.db")
    entry = {"cause": BIRTHDAY, "mapping": PROFILE, "note": ""}
    with open_emulator(db) as client:
        client.put("/emulator/v1/causes/known", json=entry)
        client.post("/emulator/v1/reset")
        assert fetch(client, "/causes/known") == {"knownCauses": [entry]}
    with open_emulator(db) as client:
        assert fetch(client, "/causes/known") == {"knownCauses": [entry]}
        client.put("/emulator/v1/workspace", json={"workspace": "segment-defaults"})
        assert fetch(client, "/causes/known") == {"knownCauses": [entry]}


def test_the_current_workspace_has_the_known_causes_also_those_of_its_file(
    shop: FlaskClient,
) -> None:
    document = fetch(shop, "/workspace")
    listed = [{"cause": "a", "mapping": "M"}, {"cause": "b"}]
    document["destination"]["settings"]["ucd_key"] = "test-key"
    document["insider"]["account"]["key"] = "test-key"
    shop.put("/emulator/v1/workspace", json={"workspace": {**document, "knownCauses": listed}})
    shop.put("/emulator/v1/causes/known", json={"cause": "a", "mapping": "M", "known": False})
    shop.put("/emulator/v1/causes/known", json={"cause": "c", "note": "Later"})
    assert fetch(shop, "/workspace/current")["knownCauses"] == [
        {"cause": "b"}, {"cause": "c", "note": "Later"},
    ]  # fmt: skip


def test_an_entry_of_the_file_for_any_mapping_is_unmarked_as_a_whole(shop: FlaskClient) -> None:
    document = fetch(shop, "/workspace")
    document["destination"]["settings"]["ucd_key"] = "test-key"
    document["insider"]["account"]["key"] = "test-key"
    listed = [{"cause": BIRTHDAY}, {"cause": BIRTHDAY, "mapping": "Other"}]
    shop.put("/emulator/v1/workspace", json={"workspace": {**document, "knownCauses": listed}})
    shop.put(
        "/emulator/v1/causes/known", json={"cause": BIRTHDAY, "mapping": PROFILE, "known": False}
    )
    assert fetch(shop, "/workspace/current")["knownCauses"] == listed[1:]
    send(shop, identify("1990-01-02"))
    assert fetch(shop, "/messages/newest")["verdict"] == "warning"


def test_sandboxes_have_their_own_known_causes(shop: FlaskClient) -> None:
    shop.post("/emulator/v1/sandboxes", json={"id": "other", "workspace": "guide"})
    shop.put("/emulator/v1/causes/known", json={"cause": "a"})
    other = shop.get("/sandboxes/other/emulator/v1/causes/known")
    assert orjson.loads(other.data) == {"knownCauses": []}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="empty"),
        pytest.param({"cause": ""}, id="no name"),
        pytest.param({"cause": "x" * 501}, id="a long name"),
        pytest.param({"cause": "x", "note": "x" * 1001}, id="a long note"),
        pytest.param({"cause": "x", "known": "yes"}, id="text for true"),
        pytest.param({"cause": "x", "because": "y"}, id="an unknown key"),
    ],
)
def test_a_wrong_mark_is_refused(shop: FlaskClient, body: dict[str, Any]) -> None:
    assert shop.put("/emulator/v1/causes/known", json=body).status_code == 400
    assert fetch(shop, "/causes/known") == {"knownCauses": []}


def test_there_is_a_limit_of_marks(shop: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segment_insider_emulator.workspace.causes.MAX_KNOWN_CAUSES", 2)
    statuses = [
        shop.put("/emulator/v1/causes/known", json={"cause": cause}).status_code for cause in "abca"
    ]
    assert statuses == [200, 200, 400, 200]


def test_a_search_that_ended_early_says_so(
    shop: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(shop, {"type": "group", "groupId": "g1"})
    assert fetch(shop, "/causes")["searched"] == {"since": None, "complete": True}
    send(shop, {"type": "group", "groupId": "g2"})
    monkeypatch.setattr(reports, "MAX_PROBLEM_ROWS", 1)
    document = fetch(shop, "/causes")
    newest = fetch(shop, "/messages/newest")["receivedAt"]
    assert document["searched"] == {"since": newest, "complete": False}
    assert document["causes"][0]["messages"] == 1
