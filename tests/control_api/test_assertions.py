"""Assertions for tests in any language: verify, wait-for, newest and the separate resets."""

from collections.abc import Iterator
from threading import Thread
from typing import Any

import orjson
import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.web.long_requests import MAX_WAITING_REQUESTS
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import Workspace

API = "/emulator/v1"
SONG_CLAIM = {"of": "messages", "where": {"event": "song_played"}}


def parse_response(response: TestResponse) -> Any:
    return orjson.loads(response.data)


def verify_claims(client: FlaskClient, *claims: dict[str, Any]) -> Any:
    return parse_response(client.post(f"{API}/verify", json={"claims": list(claims)}))


@pytest.mark.parametrize(
    ("claim", "ok", "count"),
    [
        pytest.param(SONG_CLAIM, True, 1, id="at least one, unless said"),
        pytest.param({**SONG_CLAIM, "exactly": 2}, False, 1, id="exactly"),
        pytest.param({**SONG_CLAIM, "atMost": 0}, False, 1, id="at most"),
        pytest.param({**SONG_CLAIM, "after": 1, "exactly": 0}, True, 0, id="after an id"),
        pytest.param({"of": "messages", "atLeast": 2, "atMost": 2}, True, 2, id="from and to"),
        pytest.param(
            {"where": {"request.json.users[*].identifiers.uuid": "ada", "verdict": "accepted"}},
            True,
            1,
            id="deliveries, unless said",
        ),
        pytest.param(
            {"of": "profiles", "where": {"events[*].event_name": {"contains": "song"}}},
            True,
            1,
            id="profiles",
        ),
        pytest.param({"of": "runs", "exactly": 0}, True, 0, id="runs"),
    ],
)
def test_a_claim_is_satisfied_or_not(
    client: FlaskClient, claim: dict[str, Any], ok: bool, count: int
) -> None:
    response = verify_claims(client, claim)
    assert (response["ok"], response["claims"][0]["count"]) == (ok, count)


def test_an_unsatisfied_claim_has_the_nearest_matches_and_their_differences(
    client: FlaskClient,
) -> None:
    wanted = {"event": "song played", "userId": "ada"}
    (claim,) = verify_claims(client, {"of": "messages", "where": wanted})["claims"]
    assert (claim["ok"], claim["expected"], claim["count"]) == (False, "at least 1", 0)
    nearest, second = claim["near"]
    assert nearest["differences"] == [
        {
            "path": "event",
            "expected": '"song played"',
            "received": '"song_played"',
            "why": 'event: expected "song played", received "song_played"',
        }
    ]
    assert nearest["message"]["messageId"] == "m1"
    assert [difference["why"] for difference in second["differences"]] == [
        'event: expected "song played", received null',
        'userId: expected "ada", received null',
    ]


@pytest.mark.parametrize(
    ("of", "one"), [("deliveries", "delivery"), ("messages", "message"), ("profiles", "profile")]
)
def test_a_near_match_is_under_the_name_of_its_resource(
    client: FlaskClient, of: str, one: str
) -> None:
    (claim,) = verify_claims(client, {"of": of, "where": {"id": -1}})["claims"]
    assert {frozenset(match) for match in claim["near"]} == {frozenset(("id", "differences", one))}


@pytest.mark.parametrize(
    ("path", "body", "where", "what"),
    [
        pytest.param("verify", {"claims": []}, "body.claims", "0 claims", id="no claim"),
        pytest.param(
            "verify",
            {"claims": [{"of": "message"}]},
            "body.claims[0].of",
            "unknown kind of record 'message'",
            id="unknown kind of record",
        ),
        pytest.param(
            "verify",
            {"claims": [{"exactly": -1}]},
            "body.claims[0].exactly",
            "invalid count",
            id="no count",
        ),
        pytest.param(
            "verify",
            {"claims": [{"where": {"a..b": 1}}]},
            "body.claims[0].where",
            "'a..b' is not a valid path",
            id="no path",
        ),
        pytest.param(
            "wait-for",
            {"exactly": 0},
            "body",
            "exactly 0 is already met before anything happens",
            id="nothing to wait for",
        ),
        pytest.param(
            "wait-for", {"timeout": "2 hours"}, "body.timeout", "the timeout is too long", id="long"
        ),
    ],
)
def test_an_invalid_claim_is_refused(
    client: FlaskClient, path: str, body: dict[str, Any], where: str, what: str
) -> None:
    response = client.post(f"{API}/{path}", json=body)
    error = parse_response(response)["error"]
    assert (response.status_code, error["where"], error["what"]) == (400, where, what)


def test_a_claim_that_is_already_satisfied_is_not_waited_for(client: FlaskClient) -> None:
    response = parse_response(client.post(f"{API}/wait-for", json=SONG_CLAIM))
    assert (response["ok"], [message["messageId"] for message in response["matched"]]) == (
        True,
        ["m1"],
    )


def test_a_wait_ends_with_near_misses(client: FlaskClient) -> None:
    order = {"of": "messages", "where": {"event": "song_paused"}, "timeout": "0.01 s"}
    response = parse_response(client.post(f"{API}/wait-for", json=order))
    assert (response["ok"], len(response["near"])) == (False, 2)


@pytest.fixture
def url(workspace: Workspace) -> Iterator[str]:
    app = create_app(Config(db=":memory:"), workspace)
    with serve_app_in_thread(app) as url:
        yield url
    app.extensions["sandboxes"].close()


def send_song_event(url: str) -> None:
    call = {"writeKey": "wk_demo", "type": "track", "event": "song_played", "userId": "ada"}
    assert requests.post(f"{url}/v1/track", json=call).ok


def test_a_wait_ends_when_the_claim_is_satisfied(url: str) -> None:
    responses: list[Any] = []
    order = {**SONG_CLAIM, "timeout": "60 s"}
    thread = Thread(
        target=lambda: responses.append(requests.post(f"{url}{API}/wait-for", json=order).json())
    )
    thread.start()
    send_song_event(url)
    thread.join()
    assert [response["ok"] for response in responses] == [True]


def test_waiting_requests_leave_threads_for_the_others(url: str) -> None:
    order = {**SONG_CLAIM, "timeout": "60 s"}
    statuses: list[int] = []

    def wait() -> None:
        statuses.append(requests.post(f"{url}{API}/wait-for", json=order).status_code)

    threads = [Thread(target=wait) for _ in range(MAX_WAITING_REQUESTS + 1)]
    for thread in threads:
        thread.start()
    while not statuses:  # until the one that there is no room for is answered
        assert requests.get(f"{url}{API}/health").ok
    send_song_event(url)
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * MAX_WAITING_REQUESTS + [503]


def test_the_newest_match_is_returned(client: FlaskClient) -> None:
    newest = parse_response(client.get(f"{API}/messages/newest?user=ada"))
    assert (newest["messageId"], len(newest["deliveries"])) == ("m1", 1)
    delivery = parse_response(client.get(f"{API}/deliveries/newest?subscription=Songs"))
    assert delivery["messageId"] == "m1"


@pytest.mark.parametrize(("kind", "list"), [("message", "messages"), ("delivery", "deliveries")])
def test_newest_without_a_match_is_a_404(client: FlaskClient, kind: str, list: str) -> None:
    response = client.get(f"{API}/{list}/newest?event=x")
    assert (response.status_code, parse_response(response)["error"]["what"]) == (
        404,
        f"no {kind} matches",
    )


@pytest.mark.parametrize(
    ("part", "left", "offset"),
    [
        pytest.param("captures", [0, 1, 1], 86_400, id="captures"),
        pytest.param("profiles", [2, 0, 1], 86_400, id="profiles"),
        pytest.param("faults", [2, 1, 0], 86_400, id="faults"),
        pytest.param("clock", [2, 1, 1], 0, id="clock"),
    ],
)
def test_a_part_is_reset_separately(
    client: FlaskClient, part: str, left: list[int], offset: int
) -> None:
    client.post(f"{API}/faults", json={"status": 500})
    client.post(f"{API}/clock", json={"advance": "1 day"})
    client.post(f"{API}/reset/{part}")
    kinds = ("messages", "profiles", "faults")
    assert [len(parse_response(client.get(f"{API}/{kind}"))[kind]) for kind in kinds] == left
    assert parse_response(client.get(f"{API}/clock"))["offset"] == offset
