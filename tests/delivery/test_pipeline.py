"""A message is delivered once to every subscription it matches, and stored with its verdict."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from delivery_builders import FINE, NOW, build_subscription

from segment_insider_emulator.delivery.pipeline import (
    DUPLICATE_REASON,
    NOT_SUBSCRIBED_REASON,
    DeliveryPipeline,
)
from segment_insider_emulator.delivery.senders import NoResponse, RealAccount, Sender
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.segment.ingest import Message
from segment_insider_emulator.storage.database import open_database
from segment_insider_emulator.storage.messages import DatabaseUnavailable, MessageStore
from segment_insider_emulator.storage.records import DeliveryAttempt
from segment_insider_emulator.types import HttpRequest, HttpResponse, JSONObject

REFUSED = HttpResponse(200, b'{"data":{"successful":{},"fail":{"count":1}}}')
WARNED = HttpResponse(
    200,
    FINE.body,
    {
        "x-emulator-verdict": "warning",
        "x-emulator-findings": '[{"verdict":"warning","where":"users.0","what":"w","remedy":"r"}]',
    },
)
DISABLED = "the destination is turned off: turn on Enable Destination in its settings"
FILTERED = (
    "FILTERED_BY_INTEGRATIONS_OBJECT: the event's integrations object has 'All': false, which "
    "switches the destination off"
)
DROPPED = "Insider One dropped this event: 1 failed"


def build_destination(**changes: Any) -> JSONObject:
    return {
        "name": "Insider Cloud Mode (Actions)",
        "enabled": True,
        "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
        "subscriptions": [
            build_subscription("All", 'type = "track"'),
            build_subscription("Orders", 'type = "track" and event = "Order Completed"'),
        ],
        **changes,
    }


def build_message(message_id: str = "m1", event: str = "Song Played", **changes: Any) -> Message:
    call = {
        "messageId": message_id,
        "type": "track",
        "event": event,
        "userId": "ada",
        "timestamp": "2026-11-23T09:59:59.000Z",
        **changes,
    }
    return Message(message_id, "track", "wk_demo", "2026-11-23T10:00:00.000Z", call, call)


def build_rejected_message(detail: str | None) -> Message:
    received = "2026-11-23T10:00:00.000Z"
    return Message("m1", "track", "wk_demo", received, {}, {}, "no_user_anon_id", detail)


@pytest.fixture
def store() -> Iterator[MessageStore]:
    message_store = MessageStore(open_database(":memory:"))
    yield message_store
    message_store.close()


def create_pipeline(store: MessageStore, sender: Sender, **changes: Any) -> DeliveryPipeline:
    return DeliveryPipeline(Destination(build_destination(**changes)), sender, store, lambda: NOW)


def create_scripted_sender(*responses: HttpResponse) -> Callable[[HttpRequest], HttpResponse]:
    remaining = iter(responses)
    return lambda _request: next(remaining)


def fail_without_response(_request: HttpRequest) -> HttpResponse:
    raise NoResponse("the certificate has expired", "UNKNOWN_ERROR")


def list_outcomes(store: MessageStore) -> list[tuple[str, str | None]]:
    return [(message.verdict, message.reason) for message in store.list_messages()[0]]


@pytest.mark.parametrize(
    ("message", "sender", "expected"),
    [
        pytest.param(build_message(), create_scripted_sender(FINE), ("accepted", None), id="taken"),
        pytest.param(
            build_message(event="Order Completed"),
            create_scripted_sender(FINE, REFUSED),
            ("dropped", DROPPED),
            id="the worst of two deliveries",
        ),
        pytest.param(
            build_message(), create_scripted_sender(WARNED), ("warning", "users.0: w"), id="warned"
        ),
        pytest.param(
            build_message(),
            create_scripted_sender(HttpResponse(403, b"oops")),
            ("failed", "Insider One answered 403: oops"),
            id="an error",
        ),
        pytest.param(
            build_message(),
            fail_without_response,
            ("failed", "the certificate has expired"),
            id="no answer",
        ),
        pytest.param(
            build_message(type="page"),
            create_scripted_sender(),
            ("not_subscribed", NOT_SUBSCRIBED_REASON),
            id="no match",
        ),
        pytest.param(
            build_message(integrations={"All": False}),
            create_scripted_sender(),
            ("filtered", FILTERED),
            id="off",
        ),
        pytest.param(
            build_rejected_message("Neither userId nor anonymousId."),
            create_scripted_sender(),
            ("rejected", "no_user_anon_id: Neither userId nor anonymousId."),
            id="rejected by the source",
        ),
        pytest.param(
            build_rejected_message(None),
            create_scripted_sender(),
            ("rejected", "no_user_anon_id"),
            id="without a detail",
        ),
    ],
)
def test_verdict_of_a_message(
    store: MessageStore, message: Message, sender: Sender, expected: tuple[str, str | None]
) -> None:
    create_pipeline(store, sender).submit_messages([message])
    assert list_outcomes(store) == [expected]


def test_a_disabled_destination_receives_nothing(store: MessageStore) -> None:
    create_pipeline(store, create_scripted_sender(), enabled=False).submit_messages(
        [build_message()]
    )
    assert list_outcomes(store) == [("disabled", DISABLED)]


def test_a_mapping_that_fails_makes_no_request(store: MessageStore) -> None:
    create_pipeline(store, create_scripted_sender()).submit_messages(
        [build_message(timestamp=None)]
    )
    (failed,) = store.list_deliveries()[0]
    assert (failed.verdict, failed.attempts, failed.request, failed.response) == (
        "failed", (), None, None,
    )  # fmt: skip
    assert "timestamp" in str(failed.reason)


@pytest.mark.assumed
def test_a_message_id_is_remembered_forever(store: MessageStore) -> None:
    now = [NOW]
    pipeline = DeliveryPipeline(
        Destination(build_destination()), create_scripted_sender(FINE), store, lambda: now[-1]
    )
    pipeline.submit_messages([build_message()])
    now.append(NOW + timedelta(days=3650))
    pipeline.submit_messages([build_message()])
    assert list_outcomes(store) == [("accepted", None), ("rejected", DUPLICATE_REASON)]


def test_a_delivery_is_stored_with_request_and_response_but_not_the_token(
    store: MessageStore,
) -> None:
    seconds = iter([3.0, 3.0125])  # the clock does not move
    pipeline = DeliveryPipeline(
        Destination(build_destination()),
        create_scripted_sender(REFUSED),
        store,
        lambda: NOW,
        stopwatch=lambda: next(seconds),
    )
    pipeline.submit_messages([build_message()])
    (delivery,) = store.list_deliveries()[0]
    assert delivery.attempts == (DeliveryAttempt(1, "2026-11-23T10:00:00.000Z", 12.5, 200),)
    assert delivery.request is not None
    assert delivery.request.headers["x-request-token"] == "…"
    assert delivery.request.url == "https://unification.useinsider.com/api/user/v1/upsert"
    assert delivery.response is not None
    assert delivery.response.body.encode() == REFUSED.body


def test_the_complete_token_is_sent_to_the_path_of_the_destination(store: MessageStore) -> None:
    requests: list[HttpRequest] = []

    def sender(request: HttpRequest) -> HttpResponse:
        requests.append(request)
        return FINE

    create_pipeline(store, sender).submit_messages([build_message()])
    assert [(sent.method, sent.path, sent.headers["x-request-token"]) for sent in requests] == [
        ("POST", "/api/user/v1/upsert", "test-key")
    ]


@pytest.mark.documented
def test_an_event_that_no_mapping_matches_has_segment_s_code(store: MessageStore) -> None:
    create_pipeline(store, create_scripted_sender()).submit_messages([build_message(type="page")])
    (stored,), _ = store.list_messages()
    assert stored.filtering is not None
    assert stored.filtering["filtered_by"] == {
        "step": "Filtered at destination",
        "code": "NO_MATCHING_MAPPING",
        "detail": NOT_SUBSCRIBED_REASON,
    }


def test_a_request_to_a_real_account_is_shown_as_sent(store: MessageStore) -> None:
    real = RealAccount("https://insider.example/eu", "realbrand", "real-key-7")
    pipeline = DeliveryPipeline(
        Destination(build_destination()),
        create_scripted_sender(REFUSED),
        store,
        lambda: NOW,
        real_account=real,
    )
    pipeline.submit_messages([build_message()])
    (delivery,) = store.list_deliveries()[0]
    assert delivery.request is not None
    assert delivery.request.url == "https://insider.example/eu/api/user/v1/upsert"
    assert delivery.request.headers["x-partner-name"] == "realbrand"
    assert delivery.request.headers["x-request-token"] == "…"


def test_a_retry_sends_the_same_request_as_the_first_attempt(store: MessageStore) -> None:
    requests: list[HttpRequest] = []

    def sender(request: HttpRequest) -> HttpResponse:
        requests.append(request)
        return HttpResponse(503) if len(requests) == 1 else FINE

    real = RealAccount("https://insider.example/eu", "realbrand", "real-key-7")
    pipeline = DeliveryPipeline(
        Destination(build_destination()), sender, store, lambda: NOW, real_account=real
    )
    pipeline.submit_messages([build_message()])
    pipeline.retries.retry_all_upserts()
    assert requests[1] == requests[0]


def test_a_message_id_is_delivered_once(store: MessageStore) -> None:
    pipeline = create_pipeline(store, create_scripted_sender(FINE))
    pipeline.submit_messages([build_message(), build_message()])
    pipeline.submit_messages([build_message()])
    assert list_outcomes(store) == [
        ("accepted", None),
        ("rejected", DUPLICATE_REASON),
        ("rejected", DUPLICATE_REASON),
    ]


def test_two_retries_at_once_deliver_once(store: MessageStore) -> None:
    pipeline = create_pipeline(store, create_scripted_sender(FINE))
    retries = [Thread(target=pipeline.submit_messages, args=([build_message()],)) for _ in range(4)]
    for retry in retries:
        retry.start()
    for retry in retries:
        retry.join()
    assert list_outcomes(store) == [("accepted", None), *[("rejected", DUPLICATE_REASON)] * 3]


def test_messages_that_could_not_be_stored_are_not_acknowledged(tmp_path: Path) -> None:
    engine = open_database(str(tmp_path / "locked.db"))
    store = MessageStore(engine)
    pipeline = create_pipeline(store, create_scripted_sender(FINE, FINE))
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(DatabaseUnavailable):
        pipeline.submit_messages([build_message()])
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=OFF")
    pipeline.submit_messages([build_message()])
    assert list_outcomes(store) == [("accepted", None)]
    store.close()
