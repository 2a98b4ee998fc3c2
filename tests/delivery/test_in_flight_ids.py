"""Two requests never deliver the same message at the same time."""

from threading import Thread

import pytest

from segment_insider_emulator.delivery.pipeline import InFlightIds
from segment_insider_emulator.errors import TemporarilyUnavailable


def test_a_reservation_waits_for_the_one_before_it() -> None:
    in_flight_ids, order = InFlightIds(), list[str]()

    def reserve_again() -> None:
        with in_flight_ids.reserve_message_ids({"m2", "m3"}):
            order.append("second")

    thread = Thread(target=reserve_again)
    with in_flight_ids.reserve_message_ids({"m1", "m2"}):
        thread.start()
        thread.join(0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_other_messages_do_not_wait() -> None:
    in_flight_ids = InFlightIds()
    with in_flight_ids.reserve_message_ids({"m1"}), in_flight_ids.reserve_message_ids({"m2"}):
        pass


def test_a_reservation_that_waits_too_long_is_refused_and_reserves_nothing() -> None:
    in_flight_ids = InFlightIds(timeout_s=0.01)
    with in_flight_ids.reserve_message_ids({"m1"}):
        with pytest.raises(TemporarilyUnavailable, match="still delivering the same messages"):
            in_flight_ids.reserve_message_ids({"m1", "m2"}).__enter__()
        with in_flight_ids.reserve_message_ids({"m2"}):
            pass
    with in_flight_ids.reserve_message_ids({"m1", "m2"}):
        pass
