"""verify, wait-for, newest and the separate resets: what tests in any language ask."""

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
SUNG = {"of": "messages", "where": {"event": "song_played"}}


def told(answer: TestResponse) -> Any:
    return orjson.loads(answer.data)


def verified(client: FlaskClient, *claims: dict[str, Any]) -> Any:
    return told(client.post(f"{API}/verify", json={"claims": list(claims)}))


@pytest.mark.parametrize(
    ("claim", "ok", "count"),
    [
        pytest.param(SUNG, True, 1, id="at least one, unless said"),
        pytest.param({**SUNG, "exactly": 2}, False, 1, id="exactly"),
        pytest.param({**SUNG, "atMost": 0}, False, 1, id="at most"),
        pytest.param({**SUNG, "after": 1, "exactly": 0}, True, 0, id="after an id"),
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
def test_a_claim(client: FlaskClient, claim: dict[str, Any], ok: bool, count: int) -> None:
    answer = verified(client, claim)
    assert (answer["ok"], answer["claims"][0]["count"]) == (ok, count)


def test_a_miss_names_what_comes_nearest_and_why(client: FlaskClient) -> None:
    wanted = {"event": "song played", "userId": "ada"}
    (claim,) = verified(client, {"of": "messages", "where": wanted})["claims"]
    assert (claim["ok"], claim["expected"], claim["count"]) == (False, "at least 1", 0)
    nearest, further = claim["near"]
    assert nearest["differences"] == [
        {
            "path": "event",
            "expected": '"song played"',
            "received": '"song_played"',
            "why": 'event: expected "song played", received "song_played"',
        }
    ]
    assert nearest["message"]["messageId"] == "m1"
    assert [difference["why"] for difference in further["differences"]] == [
        'event: expected "song played", received null',
        'userId: expected "ada", received null',
    ]


@pytest.mark.parametrize(
    ("of", "one"), [("deliveries", "delivery"), ("messages", "message"), ("profiles", "profile")]
)
def test_what_comes_near_is_called_by_its_name(client: FlaskClient, of: str, one: str) -> None:
    (claim,) = verified(client, {"of": of, "where": {"id": -1}})["claims"]
    assert {frozenset(each) for each in claim["near"]} == {frozenset(("id", "differences", one))}


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
def test_what_cannot_be_claimed_is_refused(
    client: FlaskClient, path: str, body: dict[str, Any], where: str, what: str
) -> None:
    answer = client.post(f"{API}/{path}", json=body)
    error = told(answer)["error"]
    assert (answer.status_code, error["where"], error["what"]) == (400, where, what)


def test_what_has_happened_is_not_waited_for(client: FlaskClient) -> None:
    answer = told(client.post(f"{API}/wait-for", json=SUNG))
    assert (answer["ok"], [each["messageId"] for each in answer["matched"]]) == (True, ["m1"])


def test_a_wait_ends_with_near_misses(client: FlaskClient) -> None:
    order = {"of": "messages", "where": {"event": "song_paused"}, "timeout": "0.01 s"}
    answer = told(client.post(f"{API}/wait-for", json=order))
    assert (answer["ok"], len(answer["near"])) == (False, 2)


@pytest.fixture
def url(workspace: Workspace) -> Iterator[str]:
    app = create_app(Config(db=":memory:"), workspace)
    with serve_app_in_thread(app) as url:
        yield url
    app.extensions["sandboxes"].close()


def sing(url: str) -> None:
    call = {"writeKey": "wk_demo", "type": "track", "event": "song_played", "userId": "ada"}
    assert requests.post(f"{url}/v1/track", json=call).ok


def test_a_wait_is_over_when_it_happens(url: str) -> None:
    answers: list[Any] = []
    order = {**SUNG, "timeout": "60 s"}
    waiting = Thread(
        target=lambda: answers.append(requests.post(f"{url}{API}/wait-for", json=order).json())
    )
    waiting.start()
    sing(url)
    waiting.join()
    assert [answer["ok"] for answer in answers] == [True]


def test_who_waits_leaves_threads_for_the_others(url: str) -> None:
    order = {**SUNG, "timeout": "60 s"}
    statuses: list[int] = []

    def wait() -> None:
        statuses.append(requests.post(f"{url}{API}/wait-for", json=order).status_code)

    waiting = [Thread(target=wait) for _ in range(MAX_WAITING_REQUESTS + 1)]
    for each in waiting:
        each.start()
    while not statuses:  # until the one that there is no room for is answered
        assert requests.get(f"{url}{API}/health").ok
    sing(url)
    for each in waiting:
        each.join()
    assert sorted(statuses) == [200] * MAX_WAITING_REQUESTS + [503]


def test_the_newest_match_is_one_call_away(client: FlaskClient) -> None:
    newest = told(client.get(f"{API}/messages/newest?user=ada"))
    assert (newest["messageId"], len(newest["deliveries"])) == ("m1", 1)
    delivery = told(client.get(f"{API}/deliveries/newest?subscription=Songs"))
    assert delivery["messageId"] == "m1"


@pytest.mark.parametrize(("kind", "list"), [("message", "messages"), ("delivery", "deliveries")])
def test_nothing_newest_is_said_to_be_nothing(client: FlaskClient, kind: str, list: str) -> None:
    answer = client.get(f"{API}/{list}/newest?event=x")
    assert (answer.status_code, told(answer)["error"]["what"]) == (404, f"no {kind} matches")


@pytest.mark.parametrize(
    ("part", "left", "offset"),
    [
        pytest.param("captures", [0, 1, 1], 86_400, id="captures"),
        pytest.param("profiles", [2, 0, 1], 86_400, id="profiles"),
        pytest.param("faults", [2, 1, 0], 86_400, id="faults"),
        pytest.param("clock", [2, 1, 1], 0, id="clock"),
    ],
)
def test_a_part_is_reset_alone(
    client: FlaskClient, part: str, left: list[int], offset: int
) -> None:
    client.post(f"{API}/faults", json={"status": 500})
    client.post(f"{API}/clock", json={"advance": "1 day"})
    client.post(f"{API}/reset/{part}")
    kinds = ("messages", "profiles", "faults")
    assert [len(told(client.get(f"{API}/{each}"))[each]) for each in kinds] == left
    assert told(client.get(f"{API}/clock"))["offset"] == offset
