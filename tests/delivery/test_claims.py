"""Two requests never carry the same message at once."""

from threading import Thread

from emulator.delivery.claims import Claims


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
