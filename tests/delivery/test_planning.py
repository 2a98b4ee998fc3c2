"""Which events share a request."""

from typing import Any

import orjson
import pytest
from carried import destination, message, subscription

from segment_insider_emulator.delivery.planning import BatchSettings, plan_requests
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.segment.ingest import Message
from segment_insider_emulator.types import JSONObject

SONGS = 'type = "track" and event = "song_played"'


def batched(**more: Any) -> JSONObject:
    return subscription("Batched", enable_batching=True, **more)


def planned(messages: list[Message], *subscriptions: JSONObject) -> list[tuple[str, list[str]]]:
    """Subscription and message ids of each request."""
    made = plan_requests(Destination(destination(*subscriptions)), messages)
    return [
        (each.subscription.name, [member.message.message_id for member in each.members])
        for each in made
    ]


ADA, ADA2 = message("m1"), message("m2")
BOB = message("m3", userId="bob")


@pytest.mark.documented
@pytest.mark.parametrize(
    ("subscriptions", "expected"),
    [
        pytest.param(
            [subscription()], [("All", ["m1"]), ("All", ["m2"]), ("All", ["m3"])], id="off: alone"
        ),
        pytest.param([batched()], [("Batched", ["m1", "m2", "m3"])], id="on: together"),
        pytest.param(
            [batched(batch_size=2)],
            [("Batched", ["m1", "m2"]), ("Batched", ["m3"])],
            id="a full batch is closed",
        ),
        pytest.param(
            [batched(batch_keys=["uuid"])],
            [("Batched", ["m1", "m2"]), ("Batched", ["m3"])],
            id="one batch for each value of the keys",
        ),
        pytest.param(
            [subscription(), batched()],
            [
                ("All", ["m1"]), ("Batched", ["m1", "m2", "m3"]), ("All", ["m2"]),
                ("All", ["m3"]),
            ],
            id="requests go in the order of their first events",
        ),
    ],
)  # fmt: skip
def test_events_that_share_a_request(
    subscriptions: list[JSONObject], expected: list[tuple[str, list[str]]]
) -> None:
    assert planned([ADA, ADA2, BOB], *subscriptions) == expected


@pytest.mark.documented
def test_a_batch_has_four_megabytes_at_most() -> None:
    large = [message(f"m{number}", properties={"x": "y" * 1_500_000}) for number in range(3)]
    assert planned(large, batched()) == [("Batched", ["m0", "m1"]), ("Batched", ["m2"])]


def test_an_event_larger_than_a_batch_goes_alone() -> None:
    large = [message(f"m{number}") for number in range(2)]
    sent = planned(large, batched(batch_bytes=10))
    assert sent == [("Batched", ["m0"]), ("Batched", ["m1"])]


@pytest.mark.observed
def test_an_invalid_event_is_left_out_and_the_others_keep_their_places() -> None:
    invalid = message("m2", timestamp=None)
    (made,) = plan_requests(Destination(destination(batched())), [ADA, invalid, BOB])
    assert made.request is not None
    users = orjson.loads(made.request.body)["users"]
    assert [user["identifiers"]["uuid"] for user in users] == ["ada", "bob"]
    assert [
        (each.message.message_id, each.failure and each.failure.code, each.user_index)
        for each in made.members
    ] == [("m1", None, 0), ("m2", 400, 0), ("m3", None, 1)]


def test_events_that_no_subscription_takes_make_nothing() -> None:
    assert planned([message(type="page")], batched()) == []


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        pytest.param({}, None, id="absent: no batches"),
        pytest.param({"enable_batching": False}, None, id="off"),
        pytest.param({"enable_batching": True}, BatchSettings(1000, 4_000_000), id="the defaults"),
        pytest.param({"enable_batching": "true"}, BatchSettings(), id="a text that says so"),
        pytest.param(
            {"enable_batching": True, "batch_size": "7"}, BatchSettings(7), id="a number as text"
        ),
        pytest.param(
            {"enable_batching": True, "batch_size": 4000}, BatchSettings(1000), id="too many"
        ),
        pytest.param({"enable_batching": True, "batch_size": 0}, BatchSettings(1), id="too few"),
        pytest.param(
            {"enable_batching": True, "batch_size": True}, BatchSettings(), id="no number"
        ),
        pytest.param(
            {"enable_batching": True, "batch_keys": ["uuid", 7]},
            BatchSettings(key_fields=("uuid",)),
            id="keys that are names",
        ),
        pytest.param(
            {"enable_batching": True, "batch_keys": "uuid"}, BatchSettings(), id="no list of keys"
        ),
    ],
)
def test_terms_of_a_mapping(mapping: JSONObject, expected: BatchSettings | None) -> None:
    assert BatchSettings.from_mapping(mapping) == expected
