"""Behind the queue, what was acknowledged is delivered, once, whatever stops in between."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest
from carried import FINE, NOW, destination, message, subscription

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
    opened = MessageStore(open_database(str(tmp_path / "kept.db")))
    yield opened
    opened.close()


class Account:
    """Answers when its gate is open, and keeps what it was sent."""

    def __init__(self) -> None:
        self.gate = Event()
        self.got: list[HttpRequest] = []

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.gate.wait()
        self.got.append(request)
        return FINE


def queue(store: MessageStore, sender: Sender) -> DeliveryQueue:
    made = Destination(destination(subscription(enable_batching=True)))
    own = DeliveryQueue(DeliveryPipeline(made, sender, store, lambda: NOW), store)
    own.start_worker()
    return own


def verdicts(store: MessageStore) -> list[tuple[str, str, str | None]]:
    return [(each.message_id, each.verdict, each.reason) for each in store.list_messages()[0]]


def test_messages_are_stored_before_the_response_and_delivered_later(store: MessageStore) -> None:
    account = Account()
    own = queue(store, account)
    own.submit_messages([message("m1"), message("m2")])
    assert [verdict for _, verdict, _ in verdicts(store)] == ["retrying", "retrying"]
    account.gate.set()
    own.wait_until_drained()
    assert verdicts(store) == [("m1", "accepted", None), ("m2", "accepted", None)]
    assert [each.message_id for each in store.list_deliveries()[0]] == ["m1", "m2"]
    own.close()


def test_a_message_that_waits_is_not_taken_in_twice(store: MessageStore) -> None:
    account = Account()
    own = queue(store, account)
    own.submit_messages([message()])
    own.submit_messages([message()])
    account.gate.set()
    own.wait_until_drained()
    assert verdicts(store) == [("m1", "accepted", None), ("m1", "rejected", DUPLICATE_REASON)]
    assert len(account.got) == 1
    own.close()


def test_messages_of_several_requests_make_one_batch(store: MessageStore) -> None:
    account = Account()
    account.gate.set()
    own = queue(store, account)
    for number in range(20):
        own.submit_messages([message(f"m{number}")])
    own.wait_until_drained()
    assert len(account.got) < 20
    assert {verdict for _, verdict, _ in verdicts(store)} == {"accepted"}
    own.close()


FAULT = "error in the emulator: ZeroDivisionError. See its log."


def broken_for(account: Account, user: bytes) -> Sender:
    """Sends to *account*, but fails on what is about *user*."""

    def send(request: HttpRequest) -> HttpResponse:
        if user in request.body:
            raise ZeroDivisionError
        return account(request)

    return send


def test_a_message_on_which_the_emulator_fails_stops_no_other(
    store: MessageStore, caplog: pytest.LogCaptureFixture
) -> None:
    account = Account()
    account.gate.set()
    own = queue(store, broken_for(account, b"mallory"))
    own.submit_messages([message("m1"), message("m2", userId="mallory"), message("m3")])
    own.wait_until_drained()
    own.submit_messages([message("m4"), message("m5", userId="mallory")])
    own.wait_until_drained()
    assert verdicts(store) == [
        ("m1", "accepted", None),
        ("m2", "failed", FAULT),
        ("m3", "accepted", None),
        ("m4", "accepted", None),
        ("m5", "failed", FAULT),
    ]
    assert {record.getMessage().partition(" messages")[0] for record in caplog.records} == {
        "failed delivering"
    }
    own.close()


def test_a_message_on_which_the_emulator_fails_stops_no_start(store: MessageStore) -> None:
    account = Account()
    account.gate.set()
    stopped = queue(store, account)
    stopped.close()
    stopped.submit_messages([message("m1", userId="mallory"), message("m2")])
    for _ in range(2):
        resumed = queue(store, broken_for(account, b"mallory"))
        resumed.wait_until_drained()
        resumed.close()
    assert verdicts(store) == [("m1", "failed", FAULT), ("m2", "accepted", None)]


def until_refused(ask: Callable[[], None]) -> None:
    while True:  # until the thread has looked
        ask()


def test_nothing_is_acknowledged_once_deliveries_have_stopped(
    store: MessageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    road = DeliveryPipeline(Destination(destination(subscription())), Account(), store, lambda: NOW)
    monkeypatch.setattr(road.retries, "retry_due_upserts", fail)
    stopped = DeliveryQueue(road, store)
    stopped.start_worker()
    for refused in (stopped.wait_until_drained, lambda: stopped.submit_messages([message("m2")])):
        with pytest.raises(TemporarilyUnavailable) as fault:
            until_refused(refused)
        assert str(fault.value) == (
            "--async: deliveries stopped because of an error in the emulator (ZeroDivisionError). "
            "Restart it: it then delivers the acknowledged messages. Please report the log."
        )
    stopped.close()
    assert verdicts(store) == []


def test_the_next_queue_goes_on_where_one_stopped(store: MessageStore) -> None:
    stopped = queue(store, Account())
    stopped.close()
    stopped.submit_messages([message()])
    account = Account()
    account.gate.set()
    resumed = queue(store, account)
    resumed.wait_until_drained()
    assert verdicts(store) == [("m1", "accepted", None)]
    resumed.close()


def acknowledged(db: str, *message_ids: str) -> None:
    """An emulator with --async on *db*, killed before it delivered these."""
    app = create_app(Config(db=db, asynchronous=True), load_preset_workspace("guide"))
    own: SandboxServices = app.extensions["emulator"]
    own.queue.close()
    call = {"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}}
    calls = [{**call, "messageId": each} for each in message_ids]
    sent = app.test_client().post("/v1/batch", json={"writeKey": "wk_demo", "batch": calls})
    assert sent.status_code == 200
    own.store.close()


@pytest.mark.parametrize("asynchronous", [True, False], ids=["with --async", "without"])
def test_an_emulator_delivers_what_another_acknowledged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, asynchronous: bool
) -> None:
    db = str(tmp_path / "kept.db")
    acknowledged(db, "m1", "m2")
    app = create_app(Config(db=db, asynchronous=asynchronous), load_preset_workspace("guide"))
    own: SandboxServices = app.extensions["emulator"]
    with closing(own):
        own.queue.wait_until_drained()
        assert verdicts(own.store) == [("m1", "accepted", None), ("m2", "accepted", None)]
        assert [each.getMessage() for each in caplog.records] == ["resumed deliveries waiting=2"]


def test_a_retry_delivers_messages_that_another_process_acknowledged(tmp_path: Path) -> None:
    db = str(tmp_path / "kept.db")
    app = create_app(Config(db=db), load_preset_workspace("guide"))
    own: SandboxServices = app.extensions["emulator"]
    with closing(own):
        acknowledged(db, "m1")
        app.test_client().post("/emulator/v1/deliveries/retry")
        assert verdicts(own.store) == [("m1", "accepted", None)]


def test_without_async_and_with_nothing_waiting_no_thread_begins() -> None:
    own: SandboxServices = create_app(
        Config(db=":memory:"), load_preset_workspace("guide")
    ).extensions["emulator"]
    with closing(own):
        own.queue.wait_until_drained()
        assert not own.queue.is_worker_started
