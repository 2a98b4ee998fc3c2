"""Two requests never carry the same message at once."""

from threading import Thread

import pytest

from segment_insider_emulator.delivery.pipeline import InFlightIds
from segment_insider_emulator.errors import TemporarilyUnavailable


def test_a_claim_waits_for_the_one_before_it() -> None:
    claims, order = InFlightIds(), list[str]()

    def second() -> None:
        with claims.reserve_message_ids({"m2", "m3"}):
            order.append("second")

    waiting = Thread(target=second)
    with claims.reserve_message_ids({"m1", "m2"}):
        waiting.start()
        waiting.join(0.05)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


def test_other_messages_do_not_wait() -> None:
    claims = InFlightIds()
    with claims.reserve_message_ids({"m1"}), claims.reserve_message_ids({"m2"}):
        pass


def test_a_reservation_that_waits_too_long_is_refused_and_reserves_nothing() -> None:
    claims = InFlightIds(timeout_s=0.01)
    with claims.reserve_message_ids({"m1"}):
        with pytest.raises(TemporarilyUnavailable, match="still delivering the same messages"):
            claims.reserve_message_ids({"m1", "m2"}).__enter__()
        with claims.reserve_message_ids({"m2"}):
            pass
    with claims.reserve_message_ids({"m1", "m2"}):
        pass
