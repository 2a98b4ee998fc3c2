"""A request that failed for now is tried again when it is due, by this emulator or the next."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from carried import FINE, NOW, answering, destination, message, subscription

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


class Time:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def store() -> Iterator[MessageStore]:
    opened = MessageStore(open_database(":memory:"))
    yield opened
    opened.close()


def road(
    store: MessageStore, sender: Sender, time: Time, *subscriptions: JSONObject
) -> DeliveryPipeline:
    made = Destination(destination(*(subscriptions or [subscription()])))
    return DeliveryPipeline(made, sender, store, time)


def batched() -> JSONObject:
    return subscription("Batched", enable_batching=True)


def verdicts(store: MessageStore) -> list[tuple[str, str]]:
    """Of each message and of each delivery, in this order."""
    of_messages = [(each.message_id, str(each.verdict)) for each in store.list_messages()[0]]
    return of_messages + [(each.message_id, each.verdict) for each in store.list_deliveries()[0]]


def test_a_failure_that_may_pass_is_tried_again_when_due(store: MessageStore, time: Time) -> None:
    own = road(store, answering(BUSY, FINE), time)
    own.submit_messages([message()])
    (waiting,) = store.list_deliveries()[0]
    assert (waiting.verdict, waiting.code) == ("retrying", "503")
    (id,) = store.upserts.list_pending_upsert_ids()
    kept = store.upserts.get_upsert(id)
    assert kept is not None
    assert kept.due_at is not None
    assert waiting.reason == (
        f"Insider One answered 503: busy; attempt 1, the next is due at {kept.due_at}"
    )
    time.now = datetime.fromisoformat(kept.due_at) - timedelta(milliseconds=1)
    assert own.retries.retry_due_upserts() == 0
    time.now += timedelta(milliseconds=1)
    assert own.retries.retry_due_upserts() == 1
    (made,) = store.list_deliveries()[0]
    assert [(each.number, each.at, each.status) for each in made.attempts] == [
        (1, format_iso_utc(NOW), 503),
        (2, kept.due_at, 200),
    ]
    assert (made.verdict, made.reason, made.code) == ("accepted", None, None)
    assert verdicts(store) == [("m1", "accepted"), ("m1", "accepted")]
    assert (store.upserts.list_pending_upsert_ids(), store.upserts.get_upsert(id)) == ([], None)


def test_a_clock_set_ahead_sends_all_retries_of_the_time_in_between(
    store: MessageStore, time: Time
) -> None:
    own = road(store, answering(BUSY, BUSY, BUSY, FINE), time)
    own.submit_messages([message()])
    time.now += timedelta(minutes=45)
    assert own.retries.retry_due_upserts() == 3
    (made,) = store.list_deliveries()[0]
    moments = [each.at for each in made.attempts]
    assert moments == sorted(set(moments))
    assert moments[-1] < format_iso_utc(NOW + timedelta(minutes=1))


@pytest.mark.documented
def test_after_four_hours_it_has_failed(store: MessageStore, time: Time) -> None:
    own = road(store, lambda _request: BUSY, time)
    own.submit_messages([message()])
    time.now += timedelta(hours=5)
    own.retries.retry_due_upserts()
    (made,) = store.list_deliveries()[0]
    number = len(made.attempts)
    assert made.reason == f"given up after {number} attempts: Insider One answered 503: busy"
    assert verdicts(store) == [("m1", "failed"), ("m1", "failed")]
    assert made.attempts[-1].at <= format_iso_utc(NOW + timedelta(hours=4))
    assert store.upserts.list_pending_upsert_ids() == []


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        pytest.param(REFUSED, "failed", id="an error that stays"),
        pytest.param(BUSY, "retrying", id="an error that may pass"),
        pytest.param(NoResponse("reset", "ECONNRESET"), "retrying", id="silence"),
    ],
)
def test_what_the_next_attempt_makes_of_it(
    store: MessageStore, time: Time, later: HttpResponse | Exception, expected: str
) -> None:
    own = road(store, answering(BUSY, later), time)
    own.submit_messages([message()])
    assert own.retries.retry_all_upserts() == 1
    assert verdicts(store) == [("m1", expected), ("m1", expected)]


def test_a_message_is_as_bad_as_its_worst_delivery_then(store: MessageStore, time: Time) -> None:
    twice = [subscription("One"), subscription("Two")]
    own = road(store, answering(BUSY, REFUSED, FINE), time, *twice)
    own.submit_messages([message()])
    own.retries.retry_all_upserts()
    assert verdicts(store) == [("m1", "failed"), ("m1", "accepted"), ("m1", "failed")]


def test_a_batch_is_tried_again_as_a_whole(store: MessageStore, time: Time) -> None:
    own = road(store, answering(BUSY, MIXED), time, batched())
    own.submit_messages([message("m1"), message("m2"), message("m3", timestamp=None)])
    assert [verdict for _, verdict in verdicts(store)] == ["retrying", "retrying", "failed"] * 2
    own.retries.retry_all_upserts()
    assert [verdict for _, verdict in verdicts(store)] == ["accepted", "dropped", "failed"] * 2
    first, second, third = store.list_deliveries()[0]
    assert (first.upsert, third.upsert) == (second.upsert, None)
    kept = store.upserts.get_upsert(first.upsert or "")
    assert kept is not None
    assert (kept.due_at, len(kept.attempts), kept.response and kept.response.status) == (
        None, 2, 200,
    )  # fmt: skip


def test_the_key_is_stored_nowhere_and_sent_each_time(tmp_path: Path, time: Time) -> None:
    sent: list[HttpRequest] = []

    def sender(request: HttpRequest) -> HttpResponse:
        sent.append(request)
        return BUSY

    store = MessageStore(open_database(str(tmp_path / "kept.db")))
    own = road(store, sender, time)
    own.submit_messages([message()])
    own.retries.retry_all_upserts()
    store.close()
    assert [each.headers["x-request-token"] for each in sent] == ["test-key"] * 2
    assert sent[0] == sent[1]
    assert not [file for file in tmp_path.iterdir() if b"test-key" in file.read_bytes()]


def test_a_restart_goes_on_with_what_is_unsettled(tmp_path: Path, time: Time) -> None:
    database = str(tmp_path / "kept.db")
    before = MessageStore(open_database(database))
    road(before, answering(BUSY), time).submit_messages([message()])
    before.close()
    after = MessageStore(open_database(database))
    resumed = road(after, answering(FINE), time)
    time.now += timedelta(minutes=1)
    assert resumed.retries.retry_due_upserts() == 1
    assert verdicts(after) == [("m1", "accepted"), ("m1", "accepted")]
    after.close()


@pytest.mark.documented
def test_later_events_do_not_wait_for_earlier_ones(store: MessageStore, time: Time) -> None:
    own = road(store, answering(BUSY, FINE), time)
    own.submit_messages([message("m1"), message("m2")])
    assert verdicts(store)[:2] == [("m1", "retrying"), ("m2", "accepted")]


@pytest.mark.parametrize("retry", ["retry_due_upserts", "retry_all_upserts"])
def test_a_retry_on_which_the_emulator_fails_stops_no_other(
    store: MessageStore, time: Time, retry: str
) -> None:
    answers = iter([BUSY, BUSY])

    def sender(request: HttpRequest) -> HttpResponse:
        if found := next(answers, None):
            return found
        if b"mallory" in request.body:
            raise ZeroDivisionError
        return FINE

    own = road(store, sender, time)
    own.submit_messages([message("m1", userId="mallory"), message("m2")])
    time.now += timedelta(hours=1)
    assert getattr(own.retries, retry)() == 2
    given_up, made = store.list_deliveries()[0]
    assert (given_up.verdict, given_up.code, given_up.reason) == (
        "failed",
        "EMULATOR_FAULT",
        "given up after 2 attempts: error in the emulator: ZeroDivisionError. See its log.",
    )
    assert made.verdict == "accepted"
    assert store.upserts.list_pending_upsert_ids() == []


def test_a_reset_leaves_nothing_to_try(store: MessageStore, time: Time) -> None:
    own = road(store, answering(BUSY), time)
    own.submit_messages([message()])
    store.delete_all_traffic()
    time.now += timedelta(hours=1)
    assert (own.retries.retry_due_upserts(), own.retries.retry_all_upserts()) == (0, 0)


class Meanwhile(UpsertStore):
    """Upserts of which others bring more right after somebody has asked for the earliest."""

    def __init__(self, engine: Engine, pool: Executor) -> None:
        super().__init__(engine)
        self.bring: Callable[[], None] | None = None
        self.brought: Future[None] | None = None
        self._pool = pool

    def find_next_retry_time(self) -> str | None:
        found = super().find_next_retry_time()
        if self.bring:
            self.brought, self.bring = self._pool.submit(self.bring), None
            wait([self.brought], timeout=0.2)  # it may have to wait for whoever asked
        return found


def test_what_fails_while_the_next_retry_is_looked_up_is_tried_again(time: Time) -> None:
    engine = open_database(":memory:")
    store = MessageStore(engine)
    with closing(store), ThreadPoolExecutor(1) as pool:
        upserts = store.upserts = Meanwhile(engine, pool)
        own = road(store, answering(BUSY, FINE, BUSY, FINE), time)
        own.submit_messages([message("m1")])
        upserts.bring = lambda: own.submit_messages([message("m2")])
        for _ in range(2):
            time.now += timedelta(days=1)
            assert own.retries.retry_due_upserts() == 1
            assert upserts.brought is not None
            upserts.brought.result()
