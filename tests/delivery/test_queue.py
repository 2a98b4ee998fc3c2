"""Behind the queue, what was acknowledged is delivered, once, whatever stops in between."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from carried import FINE, NOW, destination, message, subscription

from emulator.capture.database import connect
from emulator.capture.store import Store
from emulator.delivery.queue import Queue
from emulator.delivery.road import DUPLICATE, Road
from emulator.delivery.senders import Sender
from emulator.errors import Unavailable
from emulator.http import HttpRequest, HttpResponse
from emulator.mapping import Destination


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(connect(str(tmp_path / "kept.db")))
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


def queue(store: Store, sender: Sender) -> Queue:
    made = Destination(destination(subscription(enable_batching=True)))
    return Queue(Road(made, sender, store, lambda: NOW), store)


def verdicts(store: Store) -> list[tuple[str, str, str | None]]:
    return [(each.message_id, each.verdict, each.reason) for each in store.messages()[0]]


def test_messages_are_kept_before_and_delivered_after(store: Store) -> None:
    account = Account()
    own = queue(store, account)
    own.carry([message("m1"), message("m2")])
    assert [verdict for _, verdict, _ in verdicts(store)] == ["retrying", "retrying"]
    account.gate.set()
    own.drain()
    assert verdicts(store) == [("m1", "accepted", None), ("m2", "accepted", None)]
    assert [each.message_id for each in store.deliveries()[0]] == ["m1", "m2"]
    own.close()


def test_a_message_that_waits_is_not_taken_in_twice(store: Store) -> None:
    account = Account()
    own = queue(store, account)
    own.carry([message()])
    own.carry([message()])
    account.gate.set()
    own.drain()
    assert verdicts(store) == [("m1", "accepted", None), ("m1", "rejected", DUPLICATE)]
    assert len(account.got) == 1
    own.close()


def test_messages_of_several_requests_make_one_batch(store: Store) -> None:
    account = Account()
    account.gate.set()
    own = queue(store, account)
    for number in range(20):
        own.carry([message(f"m{number}")])
    own.drain()
    assert len(account.got) < 20
    assert {verdict for _, verdict, _ in verdicts(store)} == {"accepted"}
    own.close()


def test_after_a_fault_nothing_is_acknowledged_and_nothing_lost(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_request: HttpRequest) -> HttpResponse:
        raise ZeroDivisionError

    stopped = queue(store, broken)
    stopped.carry([message("m1")])
    for refused in (stopped.drain, lambda: stopped.carry([message("m2")])):
        with pytest.raises(Unavailable) as fault:
            refused()
        assert str(fault.value) == (
            "--async: deliveries have stopped by a fault of the emulator (ZeroDivisionError). "
            "Restart it, which delivers what was acknowledged, and report the log."
        )
    assert [each.getMessage() for each in caplog.records] == ["stopped delivering waiting=1"]
    stopped.close()
    account = Account()
    account.gate.set()
    resumed = queue(store, account)
    resumed.drain()
    assert verdicts(store) == [("m1", "accepted", None)]
    resumed.close()


def test_the_next_queue_goes_on_where_one_stopped(store: Store) -> None:
    road = Road(Destination(destination(subscription())), Account(), store, lambda: NOW)
    stopped = Queue(road, store)
    stopped.close()
    stopped.carry([message()])
    account = Account()
    account.gate.set()
    resumed = queue(store, account)
    resumed.drain()
    assert verdicts(store) == [("m1", "accepted", None)]
    resumed.close()
