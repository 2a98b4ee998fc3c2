"""An injected fault changes the requests it is set to change, as often as it is set to."""

from datetime import timedelta

import pytest
from delivery_builders import FINE, NOW

from segment_insider_emulator.delivery.fault_injection import FaultInjector, parse_insider_fault
from segment_insider_emulator.delivery.pipeline import create_faulty_sender
from segment_insider_emulator.delivery.senders import NoResponse
from segment_insider_emulator.types import JSON, HttpRequest, HttpResponse, JSONObject

REQUEST = HttpRequest("POST", "/api/user/v1/upsert", {})


class Account:
    """An account that accepts every request and counts them."""

    def __init__(self, *faults: JSONObject, seed: str = "") -> None:
        self.taken = 0
        self.slept: list[float] = []
        self.now = NOW
        self.faults = FaultInjector(lambda: self.now, seed, self.slept.append)
        for fault in faults:
            self.faults.add_fault(parse_insider_fault(fault))
        self.send = create_faulty_sender(self.take, self.faults)

    def take(self, _request: HttpRequest) -> HttpResponse:
        self.taken += 1
        return FINE

    def send_and_get_outcome(self) -> int | str:
        """Send a request; return the status, or the error code if there is no response."""
        try:
            return self.send(REQUEST).status
        except NoResponse as silence:
            return silence.code


@pytest.mark.parametrize(
    ("fault", "send_and_get_outcome", "taken"),
    [
        pytest.param({"status": 500}, 500, 0, id="a status"),
        pytest.param({"status": 500, "taken": True}, 500, 1, id="a status for what was taken"),
        pytest.param({"drop": True}, "ECONNRESET", 0, id="a dropped connection"),
        pytest.param({"drop": True, "taken": True}, "ECONNRESET", 1, id="a lost answer"),
        pytest.param({"timeout": True}, "ETIMEDOUT", 0, id="a timeout"),
        pytest.param({"delayMs": 10_000}, "ETIMEDOUT", 1, id="an answer too late"),
        pytest.param({"delayMs": 200}, 200, 1, id="a slow answer"),
        pytest.param({"rateLimit": 0}, 429, 0, id="no request allowed"),
    ],
)
def test_what_a_fault_does(fault: JSONObject, send_and_get_outcome: int | str, taken: int) -> None:
    account = Account(fault)
    assert (account.send_and_get_outcome(), account.taken) == (send_and_get_outcome, taken)


def test_only_a_delay_shorter_than_the_timeout_is_waited_for() -> None:
    account = Account({"delayMs": 200}, {"delayMs": 60_000})
    account.send_and_get_outcome()
    account.send_and_get_outcome()
    assert [delay_s for delay_s in account.slept if delay_s] == [0.2]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(None, b'{"error":"rejected: too many requests"}', id="its own words"),
        pytest.param({"a": 1}, b'{"a":1}', id="JSON"),
        pytest.param("<html>", b"<html>", id="a page"),
    ],
)
def test_the_body_of_a_fault(body: JSON, expected: bytes) -> None:
    assert Account({"status": 429, "body": body}).send(REQUEST).body == expected


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        pytest.param([{"status": 500}], [500, 200, 200], id="once, unless told otherwise"),
        pytest.param([{"status": 500, "times": 2}], [500, 500, 200], id="the next two"),
        pytest.param([{"status": 500}, {"status": 503}], [500, 503, 200], id="one after another"),
        pytest.param([{"status": 500, "share": 1}], [500, 500, 500], id="a share, until cleared"),
    ],
)
def test_how_often_a_fault_happens(faults: list[JSONObject], expected: list[int]) -> None:
    account = Account(*faults)
    assert [account.send_and_get_outcome() for _ in range(3)] == expected


def test_a_share_is_drawn_with_a_seed() -> None:
    def run(seed: str) -> list[int | str]:
        account = Account({"status": 500, "share": 0.3}, seed=seed)
        return [account.send_and_get_outcome() for _ in range(1000)]

    assert run("a") == run("a")
    assert run("a") != run("b")
    assert 250 <= run("a").count(500) <= 350


def test_a_rate_limit_counts_the_requests_of_a_minute() -> None:
    account = Account({"rateLimit": 2})
    assert [account.send_and_get_outcome() for _ in range(3)] == [200, 200, 429]
    account.now += timedelta(seconds=20)
    assert account.send(REQUEST).headers["retry-after"] == "40"
    account.now += timedelta(seconds=40)
    assert account.send_and_get_outcome() == 200


def test_a_rate_limit_of_none_says_when_to_try_again_too() -> None:
    account = Account({"rateLimit": 0})
    assert account.send(REQUEST).headers["retry-after"] == "60"


def test_clearing_ends_all_faults() -> None:
    account = Account({"status": 500, "share": 1})
    account.faults.clear_faults()
    assert (account.send_and_get_outcome(), account.faults.list_active_faults()) == (200, [])
