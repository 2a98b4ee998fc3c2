"""Acknowledge first, deliver after: the road with a durable queue before it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import takewhile
from threading import Condition, Thread

from segment_insider_emulator.capture.database import Gone
from segment_insider_emulator.capture.records import Captured, Upsert
from segment_insider_emulator.capture.store import StorageFault, Store
from segment_insider_emulator.capture.waiting import Waits
from segment_insider_emulator.delivery.road import Road, captured
from segment_insider_emulator.errors import Unavailable
from segment_insider_emulator.segment.message import Message

log = logging.getLogger(__name__)

WAITS = "acknowledged, and not delivered yet"
MOST = 10_000  # messages; whoever brings more waits until some are delivered
AT_ONCE = 1_000  # messages delivered together, as those of one request are
LINGER = 0.2  # seconds in which messages gather
AGAIN = 1.0  # seconds until a database that failed is tried again
MOST_BEGUN = 3  # processes that begin to deliver a message: in a batch, and twice alone
PATIENCE = 60.0  # seconds without any delivery, after which nobody waits for one
UNFINISHED = f"{MOST_BEGUN} processes began to deliver this message, and none finished"


class Queue:
    """Takes messages in at once, and carries them on a thread of its own.

    What was taken in is in the database, and a new Queue goes on where the last one stopped. The
    thread begins with `begin`, or when messages are found waiting. When it ends, nothing more is
    taken in.

    A message on which the emulator itself fails is settled as failed. So is one at which several
    processes ended: the database knows what a process has begun. What was begun before is delivered
    alone, so that it takes no other message with it.

    Args:
        is_current: Whether this process knows what the sandbox is to do, by now.
        patience: Seconds to wait for deliveries that make no progress.
    """

    def __init__(
        self,
        road: Road,
        store: Store,
        is_current: Callable[[], bool] = lambda: True,
        patience: float = PATIENCE,
    ) -> None:
        self._road = road
        self._store = store
        self._is_current = is_current
        self._changed = Condition()
        self._waiting = 0
        self._patience = patience
        self._hurries = False  # messages that were begun before are delivered one by one
        self._begun: set[int] = set()  # places of what this process has begun to deliver
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
        self._wait_until_fewer_than(MOST)
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
        self._wait_until_fewer_than(1)

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

    def _wait_until_fewer_than(self, most: int) -> None:
        """Raises: Unavailable, when nothing is delivered any more."""
        with self._changed:
            while self._waiting >= most and not self._closing:
                self._wait_for_progress(self._waiting)
            self._refuse_after_fault()

    def _wait_for_progress(self, before: int) -> None:
        if not self._changed.wait_for(
            lambda: self._waiting != before or self._closing, self._patience
        ):
            what = f"nothing was delivered for {self._patience:.0f} seconds"
            remedy = "Try again later. If it stays so, restart the emulator."
            raise Unavailable(what, "--async", remedy)

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
            self._changed.wait_for(
                lambda: self._waiting >= AT_ONCE or self._hurries or self._closing, LINGER
            )
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
        """Deliver what waits longest, or settle it as failed, if it can only fail."""
        unsettled: list[Upsert] = []
        with self._store.waiting.claimed():
            batch = self._next_batch()
            if batch and self._is_hopeless(batch[0]):
                log.error("set aside place=%d begun=%d", batch[0].place, batch[0].begun)
                self._set_aside(batch[0], UNFINISHED)
                return
            self._begin(batch)
            try:
                unsettled = self._deliver_batch(batch)
            except StorageFault:
                raise
            except Exception as error:
                log.exception("failed delivering messages=%d", len(batch))
                if len(batch) == 1:
                    self._set_aside(batch[0], _fault(error))
        self._road.backlog.expect(unsettled)

    def _next_batch(self) -> list[Waits]:
        """What waits longest: a message that was begun before is alone."""
        first = self._store.waiting.first(AT_ONCE)
        self._hurries = bool(first and first[0].begun)
        if self._hurries:
            return first[:1]
        return list(takewhile(lambda each: not each.begun, first))

    def _is_hopeless(self, waits: Waits) -> bool:
        return waits.begun >= MOST_BEGUN and waits.place not in self._begun

    def _begin(self, batch: Sequence[Waits]) -> None:
        """Have the database know what is under way, before it is: the process may end at it."""
        places = {each.place for each in batch}
        self._store.waiting.begin(places - self._begun)
        self._begun |= places

    def _deliver_batch(self, batch: Sequence[Waits]) -> list[Upsert]:
        with self._road.together(()):
            found, unsettled = self._road.results([Message(**each.message) for each in batch])
            self._conclude(found, unsettled, batch)
        return unsettled

    def _set_aside(self, waits: Waits, reason: str) -> None:
        """Settle a message as failed, so that it stops no other."""
        with self._road.together(()):
            failed = captured(Message(**waits.message), "failed", reason)
            self._conclude([failed], [], [waits])

    def _conclude(
        self, found: Sequence[Captured], unsettled: Sequence[Upsert], batch: Sequence[Waits]
    ) -> None:
        places = [each.place for each in batch]
        self._store.conclude(found, unsettled, places)
        self._begun.difference_update(places)

    def _count(self, more: int) -> None:
        with self._changed:
            self._waiting += more
            self._changed.notify_all()

    def _recount(self) -> None:
        """Ask the database: a reset empties the queue without a word, and others may share it."""
        with self._changed:
            self._waiting = self._store.waiting.count()
            self._changed.notify_all()


def _fault(error: Exception) -> str:
    return f"the emulator has a fault: {type(error).__name__}. Its log says more."
