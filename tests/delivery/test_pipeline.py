"""A message is carried once, through every subscription it matches, and kept with its verdict."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from carried import FINE, NOW, subscription

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
DROPPED = "delivered for Segment, dropped by Insider One: 1 failed"


def destination(**changes: Any) -> JSONObject:
    return {
        "name": "Insider Cloud Mode (Actions)",
        "enabled": True,
        "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
        "subscriptions": [
            subscription("All", 'type = "track"'),
            subscription("Orders", 'type = "track" and event = "Order Completed"'),
        ],
        **changes,
    }


def message(message_id: str = "m1", event: str = "Song Played", **changes: Any) -> Message:
    sent = {
        "messageId": message_id,
        "type": "track",
        "event": event,
        "userId": "ada",
        "timestamp": "2026-11-23T09:59:59.000Z",
        **changes,
    }
    return Message(message_id, "track", "wk_demo", "2026-11-23T10:00:00.000Z", sent, sent)


def rejected(detail: str | None) -> Message:
    received = "2026-11-23T10:00:00.000Z"
    return Message("m1", "track", "wk_demo", received, {}, {}, "no_user_anon_id", detail)


@pytest.fixture
def store() -> Iterator[MessageStore]:
    opened = MessageStore(open_database(":memory:"))
    yield opened
    opened.close()


def road(store: MessageStore, sender: Sender, **changes: Any) -> DeliveryPipeline:
    return DeliveryPipeline(Destination(destination(**changes)), sender, store, lambda: NOW)


def answering(*answers: HttpResponse) -> Callable[[HttpRequest], HttpResponse]:
    left = iter(answers)
    return lambda _request: next(left)


def silent(_request: HttpRequest) -> HttpResponse:
    raise NoResponse("the certificate has expired", "UNKNOWN_ERROR")


def outcome(store: MessageStore) -> list[tuple[str, str | None]]:
    return [(each.verdict, each.reason) for each in store.list_messages()[0]]


@pytest.mark.parametrize(
    ("carried", "sender", "expected"),
    [
        pytest.param(message(), answering(FINE), ("accepted", None), id="taken"),
        pytest.param(
            message(event="Order Completed"),
            answering(FINE, REFUSED),
            ("dropped", DROPPED),
            id="the worst of two deliveries",
        ),
        pytest.param(message(), answering(WARNED), ("warning", "users.0: w"), id="warned"),
        pytest.param(
            message(),
            answering(HttpResponse(403, b"oops")),
            ("failed", "Insider One answered 403: oops"),
            id="an error",
        ),
        pytest.param(message(), silent, ("failed", "the certificate has expired"), id="no answer"),
        pytest.param(
            message(type="page"),
            answering(),
            ("not_subscribed", NOT_SUBSCRIBED_REASON),
            id="no match",
        ),
        pytest.param(
            message(integrations={"All": False}), answering(), ("filtered", FILTERED), id="off"
        ),
        pytest.param(
            rejected("Neither userId nor anonymousId."),
            answering(),
            ("rejected", "no_user_anon_id: Neither userId nor anonymousId."),
            id="swallowed by the source",
        ),
        pytest.param(
            rejected(None), answering(), ("rejected", "no_user_anon_id"), id="without a detail"
        ),
    ],
)
def test_verdict_of_a_message(
    store: MessageStore, carried: Message, sender: Sender, expected: tuple[str, str | None]
) -> None:
    road(store, sender).submit_messages([carried])
    assert outcome(store) == [expected]


def test_a_disabled_destination_is_handed_nothing(store: MessageStore) -> None:
    road(store, answering(), enabled=False).submit_messages([message()])
    assert outcome(store) == [("disabled", DISABLED)]


def test_a_mapping_that_fails_makes_no_request(store: MessageStore) -> None:
    road(store, answering()).submit_messages([message(timestamp=None)])
    (failed,) = store.list_deliveries()[0]
    assert (failed.verdict, failed.attempts, failed.request, failed.response) == (
        "failed", (), None, None,
    )  # fmt: skip
    assert "timestamp" in str(failed.reason)


@pytest.mark.assumed
def test_a_message_id_is_remembered_for_ever(store: MessageStore) -> None:
    now = [NOW]
    own = DeliveryPipeline(Destination(destination()), answering(FINE), store, lambda: now[-1])
    own.submit_messages([message()])
    now.append(NOW + timedelta(days=3650))
    own.submit_messages([message()])
    assert outcome(store) == [("accepted", None), ("rejected", DUPLICATE_REASON)]


def test_a_delivery_keeps_the_exchange_without_the_token(store: MessageStore) -> None:
    seconds = iter([3.0, 3.0125])  # the clock stands still
    own = DeliveryPipeline(
        Destination(destination()),
        answering(REFUSED),
        store,
        lambda: NOW,
        stopwatch=lambda: next(seconds),
    )
    own.submit_messages([message()])
    (kept,) = store.list_deliveries()[0]
    assert kept.attempts == (DeliveryAttempt(1, "2026-11-23T10:00:00.000Z", 12.5, 200),)
    assert kept.request is not None
    assert kept.request.headers["x-request-token"] == "te…"
    assert kept.request.url == "https://unification.useinsider.com/api/user/v1/upsert"
    assert kept.response is not None
    assert kept.response.body.encode() == REFUSED.body


def test_the_token_itself_is_sent_to_the_path_of_the_destination(store: MessageStore) -> None:
    sent: list[HttpRequest] = []

    def sender(request: HttpRequest) -> HttpResponse:
        sent.append(request)
        return FINE

    road(store, sender).submit_messages([message()])
    assert [(each.method, each.path, each.headers["x-request-token"]) for each in sent] == [
        ("POST", "/api/user/v1/upsert", "test-key")
    ]


@pytest.mark.documented
def test_an_event_that_no_mapping_takes_has_segments_code(store: MessageStore) -> None:
    road(store, answering()).submit_messages([message(type="page")])
    (kept,), _ = store.list_messages()
    assert kept.filtering is not None
    assert kept.filtering["filtered_by"] == {
        "step": "Filtered at destination",
        "code": "NO_MATCHING_MAPPING",
        "detail": NOT_SUBSCRIBED_REASON,
    }


def test_what_goes_to_a_real_account_is_shown_as_it_was_sent(store: MessageStore) -> None:
    real = RealAccount("https://insider.example/eu", "realbrand", "real-key-7")
    own = DeliveryPipeline(
        Destination(destination()), answering(REFUSED), store, lambda: NOW, real_account=real
    )
    own.submit_messages([message()])
    (kept,) = store.list_deliveries()[0]
    assert kept.request is not None
    assert kept.request.url == "https://insider.example/eu/api/user/v1/upsert"
    assert kept.request.headers["x-partner-name"] == "realbrand"
    assert kept.request.headers["x-request-token"] == "re…"


def test_a_retry_is_handed_over_as_the_first_attempt_was(store: MessageStore) -> None:
    sent: list[HttpRequest] = []

    def sender(request: HttpRequest) -> HttpResponse:
        sent.append(request)
        return HttpResponse(503) if len(sent) == 1 else FINE

    real = RealAccount("https://insider.example/eu", "realbrand", "real-key-7")
    own = DeliveryPipeline(
        Destination(destination()), sender, store, lambda: NOW, real_account=real
    )
    own.submit_messages([message()])
    own.retries.retry_all_upserts()
    assert sent[1] == sent[0]


def test_a_message_id_is_delivered_once(store: MessageStore) -> None:
    own = road(store, answering(FINE))
    own.submit_messages([message(), message()])
    own.submit_messages([message()])
    assert outcome(store) == [
        ("accepted", None),
        ("rejected", DUPLICATE_REASON),
        ("rejected", DUPLICATE_REASON),
    ]


def test_two_retries_at_once_deliver_once(store: MessageStore) -> None:
    own = road(store, answering(FINE))
    retries = [Thread(target=own.submit_messages, args=([message()],)) for _ in range(4)]
    for retry in retries:
        retry.start()
    for retry in retries:
        retry.join()
    assert outcome(store) == [("accepted", None), *[("rejected", DUPLICATE_REASON)] * 3]


def test_messages_that_could_not_be_stored_are_not_acknowledged(tmp_path: Path) -> None:
    engine = open_database(str(tmp_path / "locked.db"))
    store = MessageStore(engine)
    own = road(store, answering(FINE, FINE))
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(DatabaseUnavailable):
        own.submit_messages([message()])
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=OFF")
    own.submit_messages([message()])
    assert outcome(store) == [("accepted", None)]
    store.close()
