"""Planning of requests: which events share one."""

from typing import Any

import orjson
import pytest
from delivery_builders import build_destination, build_message, build_subscription

from segment_insider_emulator.delivery.planning import BatchSettings, plan_requests
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.segment.ingest import Message
from segment_insider_emulator.types import JSONObject

SONGS = 'type = "track" and event = "song_played"'


def build_batched_subscription(**more: Any) -> JSONObject:
    return build_subscription("Batched", enable_batching=True, **more)


def plan_batches(
    messages: list[Message], *subscriptions: JSONObject
) -> list[tuple[str, list[str]]]:
    """Return the subscription and message ids of each planned request."""
    requests = plan_requests(Destination(build_destination(*subscriptions)), messages)
    return [
        (request.subscription.name, [member.message.message_id for member in request.members])
        for request in requests
    ]


ADA, ADA2 = build_message("m1"), build_message("m2")
BOB = build_message("m3", userId="bob")


@pytest.mark.documented
@pytest.mark.parametrize(
    ("subscriptions", "expected"),
    [
        pytest.param(
            [build_subscription()], [("All", ["m1"]), ("All", ["m2"]), ("All", ["m3"])], id="off"
        ),
        pytest.param(
            [build_batched_subscription()], [("Batched", ["m1", "m2", "m3"])], id="on: together"
        ),
        pytest.param(
            [build_batched_subscription(batch_size=2)],
            [("Batched", ["m1", "m2"]), ("Batched", ["m3"])],
            id="a full batch is closed",
        ),
        pytest.param(
            [build_batched_subscription(batch_keys=["uuid"])],
            [("Batched", ["m1", "m2"]), ("Batched", ["m3"])],
            id="one batch for each value of the keys",
        ),
        pytest.param(
            [build_subscription(), build_batched_subscription()],
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
    assert plan_batches([ADA, ADA2, BOB], *subscriptions) == expected


@pytest.mark.documented
def test_a_batch_has_at_most_four_megabytes() -> None:
    large = [build_message(f"m{number}", properties={"x": "y" * 1_500_000}) for number in range(3)]
    assert plan_batches(large, build_batched_subscription()) == [
        ("Batched", ["m0", "m1"]),
        ("Batched", ["m2"]),
    ]


def test_an_event_larger_than_a_batch_is_sent_alone() -> None:
    large = [build_message(f"m{number}") for number in range(2)]
    sent = plan_batches(large, build_batched_subscription(batch_bytes=10))
    assert sent == [("Batched", ["m0"]), ("Batched", ["m1"])]


@pytest.mark.observed
def test_an_invalid_event_is_left_out_and_the_others_keep_their_positions() -> None:
    invalid = build_message("m2", timestamp=None)
    (planned,) = plan_requests(
        Destination(build_destination(build_batched_subscription())), [ADA, invalid, BOB]
    )
    assert planned.request is not None
    users = orjson.loads(planned.request.body)["users"]
    assert [user["identifiers"]["uuid"] for user in users] == ["ada", "bob"]
    assert [
        (member.message.message_id, member.failure and member.failure.code, member.user_index)
        for member in planned.members
    ] == [("m1", None, 0), ("m2", 400, 0), ("m3", None, 1)]


def test_an_event_that_no_subscription_matches_makes_no_request() -> None:
    assert plan_batches([build_message(type="page")], build_batched_subscription()) == []


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
def test_batch_settings_are_read_from_the_mapping(
    mapping: JSONObject, expected: BatchSettings | None
) -> None:
    assert BatchSettings.from_mapping(mapping) == expected
