"""The Upsert endpoint responds to any JSON and any bytes without an internal error."""

from typing import Any

import orjson
import pytest
from account import Account, parse_body
from hypothesis import given
from hypothesis import strategies as st

OUTER = ("users", "skip_hook", "identifiers", "attributes", "events", "insider_id", "append")
INNER = ("custom", "uuid", "email", "phone_number", "event_name", "timestamp", "event_params")
NAMES = st.sampled_from((*OUTER, *INNER, "quantity"))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["u1", "a@b.io", "+6598765432", "purchase", "0001-01-01T00:00:00Z", "\0"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)
EVENTS = st.fixed_dictionaries(
    {"event_name": st.sampled_from(["purchase", "a"]) | VALUES},
    optional={
        "timestamp": st.sampled_from(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]) | VALUES,
        "event_params": VALUES,
    },
)
USERS = st.fixed_dictionaries(
    {"identifiers": st.dictionaries(NAMES, VALUES, max_size=3) | VALUES},
    optional={
        "attributes": st.dictionaries(NAMES, VALUES, max_size=4) | VALUES,
        "events": st.lists(EVENTS, max_size=3) | VALUES,
        "insider_id": VALUES,
        "append": VALUES,
    },
)
ACCOUNT = Account()


def post_body(sent: bytes) -> tuple[int, Any]:
    response = ACCOUNT.post(sent)
    assert response.headers["x-emulator-findings"].isascii()
    return response.status, parse_body(response)


@pytest.mark.extended
@given(st.fixed_dictionaries({"users": st.lists(USERS, min_size=1, max_size=4)}))
def test_every_user_is_either_accepted_or_rejected(sent: Any) -> None:
    status, response = post_body(orjson.dumps(sent))
    counts = [part.get("count", 0) for part in response["data"].values()]
    assert (status, sum(counts)) == (200, len(sent["users"]))


@given(VALUES)
def test_any_json_gets_a_response(sent: Any) -> None:
    assert post_body(orjson.dumps(sent))[0] in (200, 400)


@given(st.binary(max_size=64))
def test_any_bytes_get_a_response(sent: bytes) -> None:
    assert post_body(sent)[0] == 400


@pytest.mark.parametrize(
    "sent",
    [
        b'{"users":[{"identifiers":{"uuid":"\\ud800"},"events":[]}]}',
        b'{"users":[{"identifiers":{"uuid":"u1"},"attributes":{"age":1e999}}]}',
        b'{"users":[{"identifiers":{"uuid":"u1"},"attributes":{"age":' + b"9" * 5000 + b"}}]}",
        b'{"users":[{"identifiers":{"custom":{"crm":' + b"9" * 400 + b'}},"events":[]}]}',
        b'\xef\xbb\xbf{"users":[]}',
        b"NaN",
    ],
)
def test_unusual_numbers_and_characters_get_a_response(sent: bytes) -> None:
    assert post_body(sent)[0] in (200, 400)


@pytest.mark.parametrize("place", ["identifiers", "attributes"])
def test_a_long_series_of_at_signs_and_dots_is_read_in_linear_time(place: str) -> None:
    user = {"identifiers": {"uuid": "u1"}, "attributes": {}}
    user[place] = {**user[place], "email": "@." * 50_000 + "\n"}
    assert post_body(orjson.dumps({"users": [user]}))[0] == 200
