"""Two requests never carry the same message at once."""

from threading import Thread

import pytest

from segment_insider_emulator.delivery.claims import Claims
from segment_insider_emulator.errors import Unavailable


def test_a_claim_waits_for_the_one_before_it() -> None:
    claims, order = Claims(), list[str]()

    def second() -> None:
        with claims.hold({"m2", "m3"}):
            order.append("second")

    waiting = Thread(target=second)
    with claims.hold({"m1", "m2"}):
        waiting.start()
        waiting.join(0.05)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


def test_other_messages_do_not_wait() -> None:
    claims = Claims()
    with claims.hold({"m1"}), claims.hold({"m2"}):
        pass


def test_a_claim_that_is_held_too_long_is_refused_and_leaves_nothing_held() -> None:
    claims = Claims(patience=0.01)
    with claims.hold({"m1"}):
        with pytest.raises(Unavailable, match="still delivering the same messages"):
            claims.hold({"m1", "m2"}).__enter__()
        with claims.hold({"m2"}):
            pass
    with claims.hold({"m1", "m2"}):
        pass
