"""Acknowledge first, deliver after: the road with a durable queue before it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from threading import Condition, Thread

from emulator.capture.database import Gone
from emulator.capture.records import Captured, Upsert
from emulator.capture.store import StorageFault, Store
from emulator.delivery.road import Road, captured
from emulator.errors import Unavailable
from emulator.segment.message import Message

log = logging.getLogger(__name__)

WAITS = "acknowledged, and not delivered yet"
DELIVERIES = ("deliveries",)  # claimed by whoever makes them
MOST = 10_000  # messages; whoever brings more waits until some are delivered
AT_ONCE = 1_000  # messages delivered together, as those of one request are
LINGER = 0.2  # seconds in which messages gather
AGAIN = 1.0  # seconds until a database that failed is tried again


class Queue:
    """Takes messages in at once, and carries them on a thread of its own.

    What was taken in is in the database, and a new Queue goes on where the last one stopped. The
    thread begins with `begin`, or when messages are found waiting. A message on which the emulator
    itself fails is settled as failed. When the thread ends, nothing more is taken in.

    Args:
        is_current: Whether this process knows what the sandbox is to do, by now.
    """

    def __init__(
        self, road: Road, store: Store, is_current: Callable[[], bool] = lambda: True
    ) -> None:
        self._road = road
        self._store = store
        self._is_current = is_current
        self._changed = Condition()
        self._waiting = 0
        self._one_by_one = 0  # messages to deliver alone, since one among them fails
        self._closing = False
        self._fault: str | None = None  # that ended the thread
        self._worker: Thread | None = None
        self._find_waiting()

    @property
    def has_begun(self) -> bool:
        """Whether its thread has, though it may have ended."""
        return self._worker is not None

    def begin(self) -> None:
        """Deliver what waits, and from now on what is taken in."""
        with self._changed:
            if self._worker is None:
                self._worker = Thread(target=self._work, name="deliveries", daemon=True)
                self._worker.start()

    def carry(self, messages: Sequence[Message]) -> None:
        """Keep *messages*, to be delivered later; waits while the queue is full.

        Raises: Unavailable, when nothing could be kept or nothing is delivered any more; the
            caller must not acknowledge then.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting < MOST or self._closing)
            self._refuse_after_fault()
        with self._road.admitting(messages) as admitted:
            new = [each for each in admitted if isinstance(each, Message)]
            kept = [
                each if isinstance(each, Captured) else captured(each, "retrying", WAITS)
                for each in admitted
            ]
            self._store.record(kept, acknowledged=[asdict(message) for message in new])
        self._count(len(new))

    def drain(self) -> None:
        """Return when everything that was taken in is delivered, or waits for its retry.

        Raises: Unavailable, when nothing is delivered any more.
        """
        self._find_waiting()
        with self._changed:
            self._changed.wait_for(lambda: self._waiting <= 0 or self._closing)
            self._refuse_after_fault()

    def close(self) -> None:
        """Finish what is under way; the rest is delivered after the next start."""
        if self._worker is None:
            return
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._worker.join()

    def _find_waiting(self) -> None:
        """Whether this emulator took in what waits, or another that is gone, it is delivered."""
        self._recount()
        if self._waiting and not self.has_begun:
            log.warning("resumed deliveries waiting=%d", self._waiting)
            self.begin()

    def _refuse_after_fault(self) -> None:
        if self._fault:
            what = f"deliveries have stopped by a fault of the emulator ({self._fault})"
            remedy = "Restart it, which delivers what was acknowledged, and report the log."
            raise Unavailable(what, "--async", remedy)

    def _work(self) -> None:
        try:
            while self._gathered():
                self._deliver()
        except Gone:
            log.info("stopped delivering reason=deleted")
        except Exception as error:
            self._fault = type(error).__name__
            log.exception("stopped delivering waiting=%d", self._waiting)
        finally:
            with self._changed:
                self._closing = True  # nobody waits for a thread that has ended
                self._changed.notify_all()

    def _gathered(self) -> bool:
        """Wait until there is something to do; whether there will be."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting > 0 or self._closing, AGAIN)
            self._changed.wait_for(lambda: self._waiting >= AT_ONCE or self._closing, LINGER)
            return not self._closing

    def _deliver(self) -> None:
        try:
            self._recount()
            if self._is_current():  # else another process delivers, until this one has caught up
                if self._waiting:
                    self._deliver_first()
                self._road.backlog.retry_due()
                self._recount()
        except Gone:
            raise
        except StorageFault as fault:
            log.error("kept waiting reason=%s", fault.what)
            with self._changed:
                self._changed.wait_for(lambda: self._closing, AGAIN)

    def _deliver_first(self) -> None:
        """Deliver what waits longest; one by one where some of it makes the emulator fail."""
        try:
            self._deliver_some(1 if self._one_by_one else AT_ONCE)
        except StorageFault:
            raise
        except Exception as error:
            log.exception("failed delivering one_by_one=%d", self._one_by_one)
            if self._one_by_one:
                self._set_aside(error)
            else:
                self._one_by_one = AT_ONCE + 1
        self._one_by_one = max(0, self._one_by_one - 1)

    def _deliver_some(self, most: int) -> None:
        unsettled: list[Upsert] = []
        with self._road.together(DELIVERIES):
            if first := self._store.waiting.first(most):
                kept, unsettled = self._road.results([Message(**each) for _, each in first])
                self._store.conclude(kept, unsettled, [place for place, _ in first])
        self._road.backlog.expect(unsettled)

    def _set_aside(self, error: Exception) -> None:
        """Settle the message that waits longest as failed, so that it stops no other."""
        reason = f"the emulator has a fault: {type(error).__name__}. Its log says more."
        with self._road.together(DELIVERIES):
            for place, each in self._store.waiting.first(1):
                failed = captured(Message(**each), "failed", reason)
                self._store.conclude([failed], [], [place])

    def _count(self, more: int) -> None:
        with self._changed:
            self._waiting += more
            self._changed.notify_all()

    def _recount(self) -> None:
        """Ask the database: a reset empties the queue without a word, and others may share it."""
        with self._changed:
            self._waiting = self._store.waiting.count()
            self._changed.notify_all()
