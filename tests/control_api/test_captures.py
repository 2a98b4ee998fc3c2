"""The control API returns captured data in the formats that tools rely on."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from segment_insider_emulator import __version__


def get_json(client: FlaskClient, path: str) -> Any:
    response = client.get(f"/emulator/v1/{path}")
    assert response.status_code == 200, response.text
    return response.json


def test_health_has_status_and_version(client: FlaskClient) -> None:
    assert get_json(client, "health") == {"status": "ok", "version": __version__}


@pytest.mark.sqlite
def test_storage_shows_sizes_and_retention_limits(client: FlaskClient) -> None:
    storage = get_json(client, "storage")
    assert storage.pop("usedBytes") > 4096
    assert storage == {
        "messages": 2,
        "deliveries": 1,
        "oldest": "2026-11-23T10:00:00.000Z",
        "rememberedIds": 0,
        "fileBytes": None,
        "keep": {"days": None, "messages": None, "bytes": None},
    }


def test_a_message_is_shown_as_sent_and_as_normalised(client: FlaskClient) -> None:
    listed = get_json(client, "messages?type=identify")
    shown = listed["messages"][0]
    sent, normalised = shown.pop("message"), shown.pop("normalised")
    assert (listed["next"], sent["messageId"], normalised["receivedAt"]) == (
        None,
        "m2",
        "2026-11-23T10:00:00.000Z",
    )
    assert shown == {
        "id": 2,
        "messageId": "m2",
        "type": "identify",
        "event": None,
        "userId": None,
        "anonymousId": "a-2",
        "source": "Web shop",
        "receivedAt": "2026-11-23T10:00:00.000Z",
        "verdict": "not_subscribed",
        "reason": "no enabled subscription matches this event",
        "violations": [],
        "filtered_by": {
            "step": "Filtered at destination",
            "code": "NO_MATCHING_MAPPING",
            "detail": "no enabled subscription matches this event",
        },
        "omitted": [],
        "hints": [],
        "changes": [],
        "functions": [],
        "triggerEvent": None,
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("query=insider.events[].event_name:song_played", ["m1"]),
        ("query=since:10m+not+song_played", ["m2"]),
        ("query=song_played&user=a-1&messageId=m1", ["m1"]),
        ("query=song_played&user=a-2", []),
        ("query=+&type=identify", ["m2"]),
        ("query=since:10m&limit=1&after=1", ["m2"]),
    ],
)
def test_a_query_finds_messages(client: FlaskClient, query: str, expected: list[str]) -> None:
    page = get_json(client, f"messages?{query}")
    assert [message["messageId"] for message in page["messages"]] == expected
    assert page["next"] is None


@pytest.mark.parametrize(
    ("query", "expected", "next_id"),
    [
        pytest.param("", ["m2", "m1"], None, id="all"),
        pytest.param("&limit=1", ["m2"], 2, id="first page"),
        pytest.param("&limit=1&before=2", ["m1"], None, id="second page"),
        pytest.param("&query=song_played", ["m1"], None, id="query"),
        pytest.param("&type=identify", ["m2"], None, id="filter"),
    ],
)
def test_messages_are_listed_newest_first(
    client: FlaskClient, query: str, expected: list[str], next_id: int | None
) -> None:
    page = get_json(client, f"messages?order=newest{query}")
    assert [message["messageId"] for message in page["messages"]] == expected
    assert page["next"] == next_id


@pytest.mark.parametrize(
    ("query", "what"),
    [
        pytest.param("order=up", "unknown order 'up'", id="order"),
        pytest.param("order=newest&after=1", "unknown parameter 'after'", id="after"),
        pytest.param("before=1", "unknown parameter 'before'", id="oldest first"),
        pytest.param("order=newest&before=x", "'x' cannot be used", id="no number"),
    ],
)
def test_a_mistake_in_the_order_is_named(client: FlaskClient, query: str, what: str) -> None:
    response = client.get(f"/emulator/v1/messages?{query}")
    assert (response.status_code, response.json["error"]["what"]) == (400, what)  # type: ignore[index]


def test_the_newest_message_of_a_query_has_its_deliveries(client: FlaskClient) -> None:
    newest = get_json(client, "messages/newest?query=type:track or event:none")
    assert (newest["messageId"], len(newest["deliveries"])) == ("m1", 1)
    assert client.get("/emulator/v1/messages/newest?query=nowhere").status_code == 404


def test_a_delivery_is_shown_with_both_sides_of_the_exchange(client: FlaskClient) -> None:
    (shown,) = get_json(client, "deliveries?messageId=m1")["deliveries"]
    assert shown == {
        "id": 1,
        "messageId": "m1",
        "event": "song_played",
        "subscription": "Songs",
        "actionSlug": "trackEvent",
        "verdict": "accepted",
        "reason": None,
        "status": {
            "eventDelivery": "Delivered",
            "step": "Successful delivery",
            "code": None,
            "reason": None,
            "error": None,
            "standing": "documented",
        },
        "attempts": [
            {
                "number": 1,
                "at": "2026-11-23T10:00:00.000Z",
                "durationMs": 0.0,
                "status": 200,
                "error": None,
            }
        ],
        "upsert": None,
        "batch": None,
        "request": {
            "method": "POST",
            "url": "https://unification.useinsider.com/api/user/v1/upsert",
            "headers": {
                "x-partner-name": "mybrand",
                "x-request-token": "…",
                "x-platform-name": "segment",
                "content-type": "application/json",
                "user-agent": "Segment (Actions)",
            },
            "json": {
                "users": [
                    {
                        "identifiers": {
                            "uuid": "ada",
                            "custom": {"segment_anonymous_id": "a-1"},
                        },
                        "attributes": {"custom": {}},
                        "events": [
                            {
                                "event_name": "song_played",
                                "timestamp": "2026-11-23T09:59:00.000Z",
                                "event_params": {"custom": {}},
                            }
                        ],
                        "not_append": True,
                    }
                ],
                "platform": "segment",
            },
        },
        "response": {
            "status": 200,
            "json": {"data": {"successful": {"count": 1}, "fail": {}}},
        },
        "findings": [],
    }


def test_one_message_comes_with_its_deliveries(client: FlaskClient) -> None:
    assert get_json(client, "messages/1")["deliveries"] == [get_json(client, "deliveries/1")]


def test_a_list_has_pages(client: FlaskClient) -> None:
    first = get_json(client, "messages?limit=1")
    second = get_json(client, f"messages?limit=1&after={first['next']}")
    assert [[message["messageId"] for message in page["messages"]] for page in (first, second)] == [
        ["m1"],
        ["m2"],
    ]
    assert second["next"] is None


def test_a_profile_is_found_by_an_identifier(client: FlaskClient) -> None:
    (shown,) = get_json(client, "profiles?identifier=uuid:ada")["profiles"]
    assert shown["identifiers"] == {"uuid": "ada", "custom": {"segment_anonymous_id": "a-1"}}
    assert [event["event_name"] for event in shown["events"]] == ["song_played"]
    assert {"id", "attributes", "reach"} < shown.keys()
    assert get_json(client, f"profiles/{shown['id']}") == shown
    assert get_json(client, "profiles?identifier=uuid:bob") == {"profiles": [], "next": None}


def test_reset_deletes_everything(client: FlaskClient) -> None:
    assert client.post("/emulator/v1/reset").json == {}
    assert [get_json(client, kind)[kind] for kind in ("messages", "deliveries", "profiles")] == [
        [],
        [],
        [],
    ]


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        pytest.param(
            "messages?user_id=ada",
            400,
            {
                "what": "unknown parameter 'user_id'",
                "where": "query",
                "remedy": "Known: type, event, user, verdict, messageId, query, order, after, "
                "limit.",
            },
            id="unknown parameter",
        ),
        pytest.param(
            "messages?query=user:ada+and+evnt:x",
            400,
            {
                "what": "unknown field 'evnt'",
                "where": "query, column 14",
                "remedy": "Did you mean event? Known: event, type, user, verdict, reason, cause, "
                "subscription, source, message, since, until, has; or a path such as "
                "properties.evnt or $.evnt. Put a text to search for in quotes.",
            },
            id="query with an unknown field",
        ),
        pytest.param(
            "messages/newest?query=price+>+20",
            400,
            {
                "what": "unknown field 'price'",
                "where": "query, column 1",
                "remedy": "Known: event, type, user, verdict, reason, cause, subscription, source, "
                "message, since, until, has; or a path such as properties.price or $.price. "
                "Put a text to search for in quotes.",
            },
            id="query with a field that has no path",
        ),
        pytest.param(
            "profiles?identifier=ada",
            400,
            {
                "what": "'ada' is not a valid identifier",
                "where": "identifier",
                "remedy": "Give its type and value, such as uuid:u1.",
            },
            id="identifier without its type",
        ),
        pytest.param(
            "messages/99",
            404,
            {
                "what": "there is no message 99",
                "where": "/emulator/v1/messages/99",
                "remedy": "List them with GET /emulator/v1/messages.",
            },
            id="no such message",
        ),
        pytest.param(
            "deliveries/9999999999999999999999",
            404,
            {
                "what": "this address does not exist",
                "where": "/emulator/v1/deliveries/9999999999999999999999",
                "remedy": "See / for the addresses of this emulator.",
            },
            id="an id beyond any",
        ),
    ],
)
def test_all_error_responses_have_the_same_shape(
    client: FlaskClient, path: str, status: int, error: Any
) -> None:
    response = client.get(f"/emulator/v1/{path}")
    assert (response.status_code, response.json) == (status, {"error": error})


def send_events(client: FlaskClient, user: str, count: int) -> None:
    """Send *count* events of *user*."""
    events = [
        {"event_name": "seen", "timestamp": "2026-11-23T09:00:00Z", "event_params": {"quantity": n}}
        for n in range(count)
    ]
    keys = {"X-PARTNER-NAME": "mybrand", "X-REQUEST-TOKEN": "test-key"}
    for start in range(0, count, 500):
        body = {"users": [{"identifiers": {"uuid": user}, "events": events[start : start + 500]}]}
        assert client.post("/api/user/v1/upsert", json=body, headers=keys).status_code == 200


def test_a_profile_has_its_oldest_events_and_pages_of_the_others(client: FlaskClient) -> None:
    send_events(client, "eve", 2_300)
    (shown,) = get_json(client, "profiles?identifier=uuid:eve")["profiles"]
    numbers = [event["event_params"]["quantity"] for event in shown["events"]]
    assert (shown["event_count"], shown["events_next"]) == (2_300, 1_000)
    after = shown["events_next"]
    while after is not None:
        page = get_json(client, f"profiles/{shown['id']}/events?limit=1000&after={after}")
        numbers += [event["event_params"]["quantity"] for event in page["events"]]
        after = page["next"]
    assert numbers == list(range(2_300))


def test_a_page_of_profiles_with_many_events_ends_early_and_none_is_lost(
    client: FlaskClient,
) -> None:
    users = [f"u{number}" for number in range(8)]
    for user in users:
        send_events(client, user, 1_000)
    listed: list[str] = []
    after = 0
    while after is not None:
        page = get_json(client, f"profiles?after={after}")
        assert sum(len(profile["events"]) for profile in page["profiles"]) <= 6_000
        listed += [profile["identifiers"]["uuid"] for profile in page["profiles"]]
        after = page["next"]
    assert listed == ["ada", *users]


@pytest.mark.parametrize("kind", ["messages", "deliveries"])
def test_a_page_of_large_rows_ends_early_and_none_is_lost(client: FlaskClient, kind: str) -> None:
    for start in range(0, 300, 15):
        calls = [
            {
                **{"type": "track", "event": "song_played", "userId": "eve"},
                **{"messageId": f"large-{start + n}", "properties": {"note": "x" * 30_000}},
            }
            for n in range(15)
        ]
        sent = client.post("/v1/batch", json={"writeKey": "wk_demo", "batch": calls})
        assert sent.status_code == 200
    listed: list[str] = []
    pages = after = 0
    while after is not None:
        page = get_json(client, f"{kind}?limit=1000&after={after}")
        listed += [message["messageId"] for message in page[kind]]
        pages, after = pages + 1, page["next"]
    large = [message_id for message_id in listed if message_id.startswith("large")]
    assert large == [f"large-{number}" for number in range(300)]
    assert pages > (1 if kind == "messages" else 0)
