"""Failed requests are retried when they are due, also after a restart."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from delivery_builders import (
    FINE,
    NOW,
    build_destination,
    build_message,
    build_subscription,
    create_scripted_sender,
)

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.delivery.pipeline import DeliveryPipeline
from segment_insider_emulator.delivery.senders import NoResponse, Sender
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.storage.database import Engine, open_database
from segment_insider_emulator.storage.delivery_queue import UpsertStore
from segment_insider_emulator.storage.messages import MessageStore
from segment_insider_emulator.types import HttpRequest, HttpResponse, JSONObject

BUSY = HttpResponse(503, b"busy")
REFUSED = HttpResponse(403, b"no")
MIXED = HttpResponse(
    200,
    b'{"data":{"successful":{"count":1},"fail":{"count":1,"errors":'
    b'{"users.1.identifiers.required":["either"]}}}}',
)


class AdjustableClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> AdjustableClock:
    return AdjustableClock()


@pytest.fixture
def store() -> Iterator[MessageStore]:
    message_store = MessageStore(open_database(":memory:"))
    yield message_store
    message_store.close()


def create_pipeline(
    store: MessageStore, sender: Sender, clock: AdjustableClock, *subscriptions: JSONObject
) -> DeliveryPipeline:
    destination = Destination(build_destination(*(subscriptions or [build_subscription()])))
    return DeliveryPipeline(destination, sender, store, clock)


def build_batched_subscription() -> JSONObject:
    return build_subscription("Batched", enable_batching=True)


def list_verdicts(store: MessageStore) -> list[tuple[str, str]]:
    """Return the verdicts of all messages, then of all deliveries."""
    messages = [(message.message_id, str(message.verdict)) for message in store.list_messages()[0]]
    return messages + [
        (delivery.message_id, delivery.verdict) for delivery in store.list_deliveries()[0]
    ]


def test_a_temporary_failure_is_retried_when_due(
    store: MessageStore, clock: AdjustableClock
) -> None:
    pipeline = create_pipeline(store, create_scripted_sender(BUSY, FINE), clock)
    pipeline.submit_messages([build_message()])
    (waiting,) = store.list_deliveries()[0]
    assert (waiting.verdict, waiting.code) == ("retrying", "503")
    (id,) = store.upserts.list_pending_upsert_ids()
    pending = store.upserts.get_upsert(id)
    assert pending is not None
    assert pending.due_at is not None
    assert waiting.reason == (
        f"attempt 1 failed, the next is due at {pending.due_at}: Insider One answered 503: busy"
    )
    clock.now = datetime.fromisoformat(pending.due_at) - timedelta(milliseconds=1)
    assert pipeline.retries.retry_due_upserts() == 0
    clock.now += timedelta(milliseconds=1)
    assert pipeline.retries.retry_due_upserts() == 1
    (delivery,) = store.list_deliveries()[0]
    assert [(attempt.number, attempt.at, attempt.status) for attempt in delivery.attempts] == [
        (1, format_iso_utc(NOW), 503),
        (2, pending.due_at, 200),
    ]
    assert (delivery.verdict, delivery.reason, delivery.code) == ("accepted", None, None)
    assert list_verdicts(store) == [("m1", "accepted"), ("m1", "accepted")]
    assert (store.upserts.list_pending_upsert_ids(), store.upserts.get_upsert(id)) == ([], None)


def test_a_clock_set_ahead_sends_all_retries_of_the_time_in_between(
    store: MessageStore, clock: AdjustableClock
) -> None:
    pipeline = create_pipeline(store, create_scripted_sender(BUSY, BUSY, BUSY, FINE), clock)
    pipeline.submit_messages([build_message()])
    clock.now += timedelta(minutes=45)
    assert pipeline.retries.retry_due_upserts() == 3
    (delivery,) = store.list_deliveries()[0]
    attempt_times = [attempt.at for attempt in delivery.attempts]
    assert attempt_times == sorted(set(attempt_times))
    assert attempt_times[-1] < format_iso_utc(NOW + timedelta(minutes=1))


@pytest.mark.documented
def test_a_delivery_has_failed_after_four_hours(
    store: MessageStore, clock: AdjustableClock
) -> None:
    pipeline = create_pipeline(store, lambda _request: BUSY, clock)
    pipeline.submit_messages([build_message()])
    clock.now += timedelta(hours=5)
    pipeline.retries.retry_due_upserts()
    (delivery,) = store.list_deliveries()[0]
    attempt_count = len(delivery.attempts)
    assert (
        delivery.reason
        == f"given up after {attempt_count} attempts: Insider One answered 503: busy"
    )
    assert list_verdicts(store) == [("m1", "failed"), ("m1", "failed")]
    assert delivery.attempts[-1].at <= format_iso_utc(NOW + timedelta(hours=4))
    assert store.upserts.list_pending_upsert_ids() == []


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        pytest.param(REFUSED, "failed", id="an error that stays"),
        pytest.param(BUSY, "retrying", id="an error that may pass"),
        pytest.param(NoResponse("reset", "ECONNRESET"), "retrying", id="silence"),
    ],
)
def test_the_next_attempt_decides_the_verdict(
    store: MessageStore, clock: AdjustableClock, later: HttpResponse | Exception, expected: str
) -> None:
    pipeline = create_pipeline(store, create_scripted_sender(BUSY, later), clock)
    pipeline.submit_messages([build_message()])
    assert pipeline.retries.retry_all_upserts() == 1
    assert list_verdicts(store) == [("m1", expected), ("m1", expected)]


def test_a_retried_message_has_the_verdict_of_its_worst_delivery(
    store: MessageStore, clock: AdjustableClock
) -> None:
    two_subscriptions = [build_subscription("One"), build_subscription("Two")]
    pipeline = create_pipeline(
        store, create_scripted_sender(BUSY, REFUSED, FINE), clock, *two_subscriptions
    )
    pipeline.submit_messages([build_message()])
    pipeline.retries.retry_all_upserts()
    assert list_verdicts(store) == [("m1", "failed"), ("m1", "accepted"), ("m1", "failed")]


def test_a_batch_is_retried_as_a_whole(store: MessageStore, clock: AdjustableClock) -> None:
    pipeline = create_pipeline(
        store, create_scripted_sender(BUSY, MIXED), clock, build_batched_subscription()
    )
    pipeline.submit_messages(
        [build_message("m1"), build_message("m2"), build_message("m3", timestamp=None)]
    )
    assert [verdict for _, verdict in list_verdicts(store)] == [
        "retrying",
        "retrying",
        "failed",
    ] * 2
    pipeline.retries.retry_all_upserts()
    assert [verdict for _, verdict in list_verdicts(store)] == ["accepted", "dropped", "failed"] * 2
    first, second, third = store.list_deliveries()[0]
    assert (first.upsert, third.upsert) == (second.upsert, None)
    upsert = store.upserts.get_upsert(first.upsert or "")
    assert upsert is not None
    assert (upsert.due_at, len(upsert.attempts), upsert.response and upsert.response.status) == (
        None, 2, 200,
    )  # fmt: skip


def test_the_key_is_stored_nowhere_and_sent_each_time(
    tmp_path: Path, clock: AdjustableClock
) -> None:
    requests: list[HttpRequest] = []

    def sender(request: HttpRequest) -> HttpResponse:
        requests.append(request)
        return BUSY

    store = MessageStore(open_database(str(tmp_path / "messages.db")))
    pipeline = create_pipeline(store, sender, clock)
    pipeline.submit_messages([build_message()])
    pipeline.retries.retry_all_upserts()
    store.close()
    assert [sent.headers["x-request-token"] for sent in requests] == ["test-key"] * 2
    assert requests[0] == requests[1]
    assert not [file for file in tmp_path.iterdir() if b"test-key" in file.read_bytes()]


def test_a_restart_continues_with_pending_retries(tmp_path: Path, clock: AdjustableClock) -> None:
    database = str(tmp_path / "messages.db")
    before = MessageStore(open_database(database))
    create_pipeline(before, create_scripted_sender(BUSY), clock).submit_messages([build_message()])
    before.close()
    after = MessageStore(open_database(database))
    resumed = create_pipeline(after, create_scripted_sender(FINE), clock)
    clock.now += timedelta(minutes=1)
    assert resumed.retries.retry_due_upserts() == 1
    assert list_verdicts(after) == [("m1", "accepted"), ("m1", "accepted")]
    after.close()


@pytest.mark.documented
def test_later_events_do_not_wait_for_earlier_ones(
    store: MessageStore, clock: AdjustableClock
) -> None:
    pipeline = create_pipeline(store, create_scripted_sender(BUSY, FINE), clock)
    pipeline.submit_messages([build_message("m1"), build_message("m2")])
    assert list_verdicts(store)[:2] == [("m1", "retrying"), ("m2", "accepted")]


@pytest.mark.parametrize("retry", ["retry_due_upserts", "retry_all_upserts"])
def test_a_retry_that_causes_an_internal_error_stops_no_other(
    store: MessageStore, clock: AdjustableClock, retry: str
) -> None:
    responses = iter([BUSY, BUSY])

    def sender(request: HttpRequest) -> HttpResponse:
        if response := next(responses, None):
            return response
        if b"mallory" in request.body:
            raise ZeroDivisionError
        return FINE

    pipeline = create_pipeline(store, sender, clock)
    pipeline.submit_messages([build_message("m1", userId="mallory"), build_message("m2")])
    clock.now += timedelta(hours=1)
    assert getattr(pipeline.retries, retry)() == 2
    given_up, delivered = store.list_deliveries()[0]
    assert (given_up.verdict, given_up.code, given_up.reason) == (
        "failed",
        "EMULATOR_FAULT",
        "given up after 2 attempts: error in the emulator: ZeroDivisionError. See its log.",
    )
    assert delivered.verdict == "accepted"
    assert store.upserts.list_pending_upsert_ids() == []


def test_a_reset_removes_pending_retries(store: MessageStore, clock: AdjustableClock) -> None:
    pipeline = create_pipeline(store, create_scripted_sender(BUSY), clock)
    pipeline.submit_messages([build_message()])
    store.delete_all_traffic()
    clock.now += timedelta(hours=1)
    assert (pipeline.retries.retry_due_upserts(), pipeline.retries.retry_all_upserts()) == (0, 0)


class UpsertStoreWithLateUpserts(UpsertStore):
    """An upsert store that gets another upsert right after the next retry time was read."""

    def __init__(self, engine: Engine, pool: Executor) -> None:
        super().__init__(engine)
        self.add_upserts: Callable[[], None] | None = None
        self.addition: Future[None] | None = None
        self._pool = pool

    def find_next_retry_time(self) -> str | None:
        retry_time = super().find_next_retry_time()
        if self.add_upserts:
            self.addition, self.add_upserts = self._pool.submit(self.add_upserts), None
            wait([self.addition], timeout=0.2)  # it may have to wait for the reader
        return retry_time


def test_an_upsert_that_fails_during_the_lookup_of_the_next_retry_is_retried(
    clock: AdjustableClock,
) -> None:
    engine = open_database(":memory:")
    store = MessageStore(engine)
    with closing(store), ThreadPoolExecutor(1) as pool:
        upserts = store.upserts = UpsertStoreWithLateUpserts(engine, pool)
        pipeline = create_pipeline(store, create_scripted_sender(BUSY, FINE, BUSY, FINE), clock)
        pipeline.submit_messages([build_message("m1")])
        upserts.add_upserts = lambda: pipeline.submit_messages([build_message("m2")])
        for _ in range(2):
            clock.now += timedelta(days=1)
            assert pipeline.retries.retry_due_upserts() == 1
            assert upserts.addition is not None
            upserts.addition.result()
