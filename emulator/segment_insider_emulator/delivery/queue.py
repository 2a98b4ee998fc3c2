"""Durable queue of messages, which are acknowledged first and delivered later."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import takewhile
from threading import Condition, Thread

from segment_insider_emulator.delivery.pipeline import DeliveryPipeline, build_message_record
from segment_insider_emulator.errors import TemporarilyUnavailable
from segment_insider_emulator.segment.ingest import Message
from segment_insider_emulator.storage.database import DatabaseClosed
from segment_insider_emulator.storage.delivery_queue import QueuedMessage
from segment_insider_emulator.storage.messages import DatabaseUnavailable, MessageStore
from segment_insider_emulator.storage.records import MessageRecord, UpsertRecord

log = logging.getLogger(__name__)

PENDING_REASON = "acknowledged, not delivered yet"
MAX_QUEUED_MESSAGES = 10_000  # messages; a request with more of them waits until some are delivered
MAX_MESSAGES_PER_BATCH = 1_000  # messages delivered as one batch
GATHER_TIME_S = 0.2  # seconds to wait for more messages of a batch
DATABASE_RETRY_DELAY_S = 1.0  # seconds until the next attempt after a database error
# Processes that may start to deliver a message: once in a batch, twice alone.
MAX_DELIVERY_STARTS = 3
STALL_TIMEOUT_S = 60.0  # seconds without any delivery, after which waiting requests fail
UNFINISHED_REASON = (
    f"{MAX_DELIVERY_STARTS} processes started to deliver this message, none finished"
)


class DeliveryQueue:
    """Stores messages at once and delivers them to Insider One later, on a worker thread.

    Stored messages survive a restart: a new queue continues with them. The thread starts with
    `start`, or when messages wait already. When it ends, no more messages are accepted.

    A message on which the emulator itself fails is settled as failed. So is one at which several
    processes ended: the database knows what a process has begun. What was begun before is delivered
    alone, so that it takes no other message with it.

    Args:
        is_current: Returns whether this process has the current state of the sandbox.
        stall_timeout_s: Seconds to wait for deliveries that make no progress.
    """

    def __init__(
        self,
        pipeline: DeliveryPipeline,
        store: MessageStore,
        is_current: Callable[[], bool] = lambda: True,
        stall_timeout_s: float = STALL_TIMEOUT_S,
    ) -> None:
        self._pipeline = pipeline
        self._store = store
        self._is_current = is_current
        self._state_changed = Condition()
        self._waiting_count = 0
        self._stall_timeout_s = stall_timeout_s
        # After an unfinished delivery, messages are delivered one by one.
        self._is_delivering_singly = False
        # Queue positions of deliveries that this process has started.
        self._started_positions: set[int] = set()
        self._is_closing = False
        self._fatal_error_name: str | None = None  # name of the error that ended the thread
        self._worker_thread: Thread | None = None
        self._start_worker_if_messages_wait()

    @property
    def is_worker_started(self) -> bool:
        """Return whether the delivery queue's worker thread was started (it may have exited)."""
        return self._worker_thread is not None

    def start_worker(self) -> None:
        """Start the worker thread of the delivery queue."""
        with self._state_changed:
            if self._worker_thread is None:
                self._worker_thread = Thread(
                    target=self._run_worker, name="deliveries", daemon=True
                )
                self._worker_thread.start()

    def submit_messages(self, messages: Sequence[Message]) -> None:
        """Store *messages* in the queue for later delivery; wait while the queue is full.

        Raises: TemporarilyUnavailable, when nothing could be stored or deliveries stopped; the
            caller must not acknowledge then.
        """
        self._wait_until_fewer_messages_wait(MAX_QUEUED_MESSAGES)
        with self._pipeline.deduplicate_messages(messages) as deduplicated:
            new = [entry for entry in deduplicated if isinstance(entry, Message)]
            records = [
                entry
                if isinstance(entry, MessageRecord)
                else build_message_record(entry, "retrying", PENDING_REASON)
                for entry in deduplicated
            ]
            self._store.record_messages(
                records, messages_to_queue=[asdict(message) for message in new]
            )
        self._add_to_waiting_count(len(new))

    def wait_until_drained(self) -> None:
        """Wait until every queued message is delivered or scheduled for a retry.

        Raises: TemporarilyUnavailable, when deliveries stopped.
        """
        self._start_worker_if_messages_wait()
        self._wait_until_fewer_messages_wait(1)

    def close(self) -> None:
        """Close the delivery queue after the current batch; the next start delivers the rest."""
        if self._worker_thread is None:
            return
        with self._state_changed:
            self._is_closing = True
            self._state_changed.notify_all()
        self._worker_thread.join()

    def _start_worker_if_messages_wait(self) -> None:
        """Start the worker thread if messages wait in the queue, also those of an ended process."""
        self._reload_waiting_count()
        if self._waiting_count and not self.is_worker_started:
            log.warning("resumed deliveries waiting=%d", self._waiting_count)
            self.start_worker()

    def _wait_until_fewer_messages_wait(self, max_waiting: int) -> None:
        """Wait until the queue has fewer than *max_waiting* messages.

        Raises: TemporarilyUnavailable.
        """
        with self._state_changed:
            while self._waiting_count >= max_waiting and not self._is_closing:
                self._wait_until_waiting_count_changes(self._waiting_count)
            self._raise_if_worker_stopped()

    def _wait_until_waiting_count_changes(self, waiting_before: int) -> None:
        if not self._state_changed.wait_for(
            lambda: self._waiting_count != waiting_before or self._is_closing, self._stall_timeout_s
        ):
            what = f"nothing was delivered for {self._stall_timeout_s:.0f} seconds"
            remedy = "Try again later. If this continues, restart the emulator."
            raise TemporarilyUnavailable(what, "--async", remedy)

    def _raise_if_worker_stopped(self) -> None:
        if self._fatal_error_name:
            what = (
                f"deliveries stopped because of an error in the emulator ({self._fatal_error_name})"
            )
            remedy = (
                "Restart it: it then delivers the acknowledged messages. Please report the log."
            )
            raise TemporarilyUnavailable(what, "--async", remedy)

    def _run_worker(self) -> None:
        try:
            while self._wait_for_work():
                self._deliver_waiting_and_retries()
        except DatabaseClosed:
            log.info("stopped delivering reason=deleted")
        except Exception as error:
            self._fatal_error_name = type(error).__name__
            log.exception("stopped delivering waiting=%d", self._waiting_count)
        finally:
            with self._state_changed:
                self._is_closing = True  # so that no request waits for a thread that has ended
                self._state_changed.notify_all()

    def _wait_for_work(self) -> bool:
        """Wait for queued messages or the retry interval; return False when the queue closes."""
        with self._state_changed:
            self._state_changed.wait_for(
                lambda: self._waiting_count > 0 or self._is_closing, DATABASE_RETRY_DELAY_S
            )
            self._state_changed.wait_for(
                lambda: (
                    self._waiting_count >= MAX_MESSAGES_PER_BATCH
                    or self._is_delivering_singly
                    or self._is_closing
                ),
                GATHER_TIME_S,
            )
            return not self._is_closing

    def _deliver_waiting_and_retries(self) -> None:
        try:
            self._reload_waiting_count()
            if (
                self._is_current()
            ):  # else another process delivers until this one has loaded the changes
                if self._waiting_count:
                    self._deliver_oldest_batch()
                self._pipeline.retries.retry_due_upserts()
                self._reload_waiting_count()
        except DatabaseClosed:
            raise
        except DatabaseUnavailable as fault:
            log.error("delivery paused, database unavailable reason=%s", fault.what)
            with self._state_changed:
                self._state_changed.wait_for(lambda: self._is_closing, DATABASE_RETRY_DELAY_S)

    def _deliver_oldest_batch(self) -> None:
        """Deliver the queue's oldest batch, or store it as failed after too many starts."""
        unsettled: list[UpsertRecord] = []
        with self._store.message_queue.lock_queue_delivery():
            batch = self._load_next_batch()
            if batch and self._was_started_too_often(batch[0]):
                log.error(
                    "message failed too often place=%d begun=%d",
                    batch[0].queue_id,
                    batch[0].begin_count,
                )
                self._store_message_as_failed(batch[0], UNFINISHED_REASON)
                return
            self._mark_batch_started(batch)
            try:
                unsettled = self._deliver_batch(batch)
            except DatabaseUnavailable:
                raise
            except Exception as error:
                log.exception("failed delivering messages=%d", len(batch))
                if len(batch) == 1:
                    self._store_message_as_failed(batch[0], _describe_internal_error(error))
        self._pipeline.retries.note_due_times(unsettled)

    def _load_next_batch(self) -> list[QueuedMessage]:
        """Return the queue's oldest messages; one with an unfinished delivery comes alone."""
        first = self._store.message_queue.list_oldest_messages(MAX_MESSAGES_PER_BATCH)
        self._is_delivering_singly = bool(first and first[0].begin_count)
        if self._is_delivering_singly:
            return first[:1]
        return list(takewhile(lambda queued: not queued.begin_count, first))

    def _was_started_too_often(self, queued: QueuedMessage) -> bool:
        return (
            queued.begin_count >= MAX_DELIVERY_STARTS
            and queued.queue_id not in self._started_positions
        )

    def _mark_batch_started(self, batch: Sequence[QueuedMessage]) -> None:
        """Store that the delivery of *batch* starts, because the process may end during it."""
        places = {queued.queue_id for queued in batch}
        self._store.message_queue.mark_delivery_begun(places - self._started_positions)
        self._started_positions |= places

    def _deliver_batch(self, batch: Sequence[QueuedMessage]) -> list[UpsertRecord]:
        with self._pipeline.transaction(()):
            records, unsettled = self._pipeline.deliver_messages(
                [Message(**queued.message) for queued in batch]
            )
            self._finish_batch(records, unsettled, batch)
        return unsettled

    def _store_message_as_failed(self, queued: QueuedMessage, reason: str) -> None:
        """Store a queued message as failed so that it blocks no other."""
        with self._pipeline.transaction(()):
            failed = build_message_record(Message(**queued.message), "failed", reason)
            self._finish_batch([failed], [], [queued])

    def _finish_batch(
        self,
        records: Sequence[MessageRecord],
        unsettled: Sequence[UpsertRecord],
        batch: Sequence[QueuedMessage],
    ) -> None:
        places = [queued.queue_id for queued in batch]
        self._store.store_results_of_queued_messages(records, unsettled, places)
        self._started_positions.difference_update(places)

    def _add_to_waiting_count(self, added: int) -> None:
        with self._state_changed:
            self._waiting_count += added
            self._state_changed.notify_all()

    def _reload_waiting_count(self) -> None:
        """Count the queue's waiting messages in the database, which other processes may share."""
        with self._state_changed:
            self._waiting_count = self._store.message_queue.count_queued_messages()
            self._state_changed.notify_all()


def _describe_internal_error(error: Exception) -> str:
    return f"error in the emulator: {type(error).__name__}. See its log."
