"""The delivery queue delivers each acknowledged message once, even after a stop."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest
from delivery_builders import FINE, NOW, build_destination, build_message, build_subscription

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.delivery.pipeline import DUPLICATE_REASON, DeliveryPipeline
from segment_insider_emulator.delivery.queue import DeliveryQueue
from segment_insider_emulator.delivery.senders import Sender
from segment_insider_emulator.errors import TemporarilyUnavailable
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.storage.database import open_database
from segment_insider_emulator.storage.messages import MessageStore
from segment_insider_emulator.types import HttpRequest, HttpResponse
from segment_insider_emulator.web.services import SandboxServices
from segment_insider_emulator.workspace import load_preset_workspace


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MessageStore]:
    message_store = MessageStore(open_database(str(tmp_path / "messages.db")))
    yield message_store
    message_store.close()


class Account:
    """An account that responds once it is released and records the requests."""

    def __init__(self) -> None:
        self.released = Event()
        self.requests: list[HttpRequest] = []

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.released.wait()
        self.requests.append(request)
        return FINE


def start_queue(store: MessageStore, sender: Sender) -> DeliveryQueue:
    destination = Destination(build_destination(build_subscription(enable_batching=True)))
    queue = DeliveryQueue(DeliveryPipeline(destination, sender, store, lambda: NOW), store)
    queue.start_worker()
    return queue


def list_verdicts(store: MessageStore) -> list[tuple[str, str, str | None]]:
    return [
        (message.message_id, message.verdict, message.reason)
        for message in store.list_messages()[0]
    ]


def test_messages_are_stored_before_the_response_and_delivered_later(store: MessageStore) -> None:
    account = Account()
    queue = start_queue(store, account)
    queue.submit_messages([build_message("m1"), build_message("m2")])
    assert [verdict for _, verdict, _ in list_verdicts(store)] == ["retrying", "retrying"]
    account.released.set()
    queue.wait_until_drained()
    assert list_verdicts(store) == [("m1", "accepted", None), ("m2", "accepted", None)]
    assert [delivery.message_id for delivery in store.list_deliveries()[0]] == ["m1", "m2"]
    queue.close()


def test_a_waiting_message_is_not_accepted_twice(store: MessageStore) -> None:
    account = Account()
    queue = start_queue(store, account)
    queue.submit_messages([build_message()])
    queue.submit_messages([build_message()])
    account.released.set()
    queue.wait_until_drained()
    assert list_verdicts(store) == [("m1", "accepted", None), ("m1", "rejected", DUPLICATE_REASON)]
    assert len(account.requests) == 1
    queue.close()


def test_messages_of_several_requests_make_one_batch(store: MessageStore) -> None:
    account = Account()
    account.released.set()
    queue = start_queue(store, account)
    for number in range(20):
        queue.submit_messages([build_message(f"m{number}")])
    queue.wait_until_drained()
    assert len(account.requests) < 20
    assert {verdict for _, verdict, _ in list_verdicts(store)} == {"accepted"}
    queue.close()


FAULT = "error in the emulator: ZeroDivisionError. See its log."


def create_failing_sender(account: Account, user: bytes) -> Sender:
    """Create a sender to *account* that fails for requests about *user*."""

    def send(request: HttpRequest) -> HttpResponse:
        if user in request.body:
            raise ZeroDivisionError
        return account(request)

    return send


def test_a_message_that_causes_an_internal_error_stops_no_other(
    store: MessageStore, caplog: pytest.LogCaptureFixture
) -> None:
    account = Account()
    account.released.set()
    queue = start_queue(store, create_failing_sender(account, b"mallory"))
    queue.submit_messages(
        [build_message("m1"), build_message("m2", userId="mallory"), build_message("m3")]
    )
    queue.wait_until_drained()
    queue.submit_messages([build_message("m4"), build_message("m5", userId="mallory")])
    queue.wait_until_drained()
    assert list_verdicts(store) == [
        ("m1", "accepted", None),
        ("m2", "failed", FAULT),
        ("m3", "accepted", None),
        ("m4", "accepted", None),
        ("m5", "failed", FAULT),
    ]
    assert {record.getMessage().partition(" messages")[0] for record in caplog.records} == {
        "failed delivering"
    }
    queue.close()


def test_a_message_that_causes_an_internal_error_stops_no_start(store: MessageStore) -> None:
    account = Account()
    account.released.set()
    stopped = start_queue(store, account)
    stopped.close()
    stopped.submit_messages([build_message("m1", userId="mallory"), build_message("m2")])
    for _ in range(2):
        resumed = start_queue(store, create_failing_sender(account, b"mallory"))
        resumed.wait_until_drained()
        resumed.close()
    assert list_verdicts(store) == [("m1", "failed", FAULT), ("m2", "accepted", None)]


def call_until_refused(ask: Callable[[], None]) -> None:
    while True:  # until the worker thread has failed
        ask()


def test_nothing_is_acknowledged_once_deliveries_have_stopped(
    store: MessageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    pipeline = DeliveryPipeline(
        Destination(build_destination(build_subscription())), Account(), store, lambda: NOW
    )
    monkeypatch.setattr(pipeline.retries, "retry_due_upserts", fail)
    stopped = DeliveryQueue(pipeline, store)
    stopped.start_worker()
    for operation in (
        stopped.wait_until_drained,
        lambda: stopped.submit_messages([build_message("m2")]),
    ):
        with pytest.raises(TemporarilyUnavailable) as error:
            call_until_refused(operation)
        assert str(error.value) == (
            "--async: deliveries stopped because of an error in the emulator (ZeroDivisionError). "
            "Restart it: it then delivers the acknowledged messages. Please report the log."
        )
    stopped.close()
    assert list_verdicts(store) == []


def test_the_next_queue_continues_where_one_stopped(store: MessageStore) -> None:
    stopped = start_queue(store, Account())
    stopped.close()
    stopped.submit_messages([build_message()])
    account = Account()
    account.released.set()
    resumed = start_queue(store, account)
    resumed.wait_until_drained()
    assert list_verdicts(store) == [("m1", "accepted", None)]
    resumed.close()


def leave_acknowledged_messages(db: str, *message_ids: str) -> None:
    """Acknowledge messages in an emulator with --async that stops before delivery."""
    app = create_app(Config(db=db, asynchronous=True), load_preset_workspace("guide"))
    services: SandboxServices = app.extensions["emulator"]
    services.queue.close()
    call = {"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}}
    calls = [{**call, "messageId": id} for id in message_ids]
    response = app.test_client().post("/v1/batch", json={"writeKey": "wk_demo", "batch": calls})
    assert response.status_code == 200
    services.store.close()


@pytest.mark.parametrize("asynchronous", [True, False], ids=["with --async", "without"])
def test_an_emulator_delivers_messages_that_another_acknowledged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, asynchronous: bool
) -> None:
    db = str(tmp_path / "messages.db")
    leave_acknowledged_messages(db, "m1", "m2")
    app = create_app(Config(db=db, asynchronous=asynchronous), load_preset_workspace("guide"))
    services: SandboxServices = app.extensions["emulator"]
    with closing(services):
        services.queue.wait_until_drained()
        assert list_verdicts(services.store) == [("m1", "accepted", None), ("m2", "accepted", None)]
        assert [record.getMessage() for record in caplog.records] == [
            "resumed deliveries waiting=2"
        ]


def test_a_retry_delivers_messages_that_another_process_acknowledged(tmp_path: Path) -> None:
    db = str(tmp_path / "messages.db")
    app = create_app(Config(db=db), load_preset_workspace("guide"))
    services: SandboxServices = app.extensions["emulator"]
    with closing(services):
        leave_acknowledged_messages(db, "m1")
        app.test_client().post("/emulator/v1/deliveries/retry")
        assert list_verdicts(services.store) == [("m1", "accepted", None)]


def test_no_thread_starts_without_async_and_waiting_messages() -> None:
    services: SandboxServices = create_app(
        Config(db=":memory:"), load_preset_workspace("guide")
    ).extensions["emulator"]
    with closing(services):
        services.queue.wait_until_drained()
        assert not services.queue.is_worker_started
