"""Retry policy of Segment, and the scheduler that retries failed upserts when they are due."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from threading import Lock
from urllib.parse import urlsplit

from segment_insider_emulator.clock import NEVER_DUE, Clock, Stopwatch, format_iso_utc
from segment_insider_emulator.delivery.results import (
    FindingMarker,
    apply_attempt_result,
    build_response_record,
    summarise_deliveries,
)
from segment_insider_emulator.delivery.senders import AttemptResult, Sender, send_delivery_attempt
from segment_insider_emulator.errors import TemporarilyUnavailable
from segment_insider_emulator.mapping.catalog import UPSERT_URL
from segment_insider_emulator.storage.delivery_queue import UpsertStore
from segment_insider_emulator.storage.records import (
    DeliveryAttempt,
    DeliveryRecord,
    RecordedRequest,
    UpsertRecord,
    Verdict,
)
from segment_insider_emulator.types import HttpRequest

log = logging.getLogger(__name__)

RETRYABLE_4XX = frozenset({408, 423, 429})
NON_RETRYABLE_5XX = 501
# Node.js names of network errors; Segment runs on Node.js.
RETRYABLE_NETWORK_ERRORS = frozenset(
    {
        "ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EHOSTUNREACH", "EAI_AGAIN",
        "ETIMEDOUT",
    }
)  # fmt: skip
# A function asked for another run, or took too long.
RETRYABLE_FUNCTION_ERRORS = frozenset({"RETRY_ERROR", "FUNCTION_TIMEOUT"})
# In place of an HTTP method: the request is a message, whose functions run again.
RUN_FUNCTION_METHOD = "FUNCTION"
UPSERT_PATH = urlsplit(UPSERT_URL).path  # of every request, whichever host it goes to
# In place of a status: an error of the emulator, which a retry would meet again.
EMULATOR_FAULT_CODE = "EMULATOR_FAULT"
RETRY_LOCK_NAMES = ("retries",)  # locked during a retry


def is_retryable_error_code(error_code: str) -> bool:
    """Return whether Segment retries after this HTTP status or network error code.

    Source: Segment, action-destinations, retryable statuses; "Retries between Segment and
    destinations". (documented)
    """
    if not error_code.isdecimal():
        return error_code in RETRYABLE_NETWORK_ERRORS | RETRYABLE_FUNCTION_ERRORS
    status = int(error_code)
    return status in RETRYABLE_4XX or (500 <= status < 600 and status != NON_RETRYABLE_5XX)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Segment's retry policy: randomised exponential backoff within a time window.

    The window is documented. Segment does not publish the intervals: they are assumed.

    Args:
        seed: Decides the random part; with the same seed, the same delivery waits as long.
    """

    seed: str = ""
    window: timedelta = timedelta(hours=4)
    first_delay: timedelta = timedelta(seconds=2)
    max_delay: timedelta = timedelta(minutes=30)

    def compute_next_attempt_time(
        self,
        delivery_key: str,
        attempt_count: int,
        first_attempt_at: datetime,
        last_attempt_at: datetime,
    ) -> datetime | None:
        """Compute when a delivery is attempted next; None when the retry window would be over.

        Args:
            delivery_key: Seeds the random part.
            attempt_count: Attempts so far; the first and the last of them began at
                *first_attempt_at* and *last_attempt_at*.
        Returns: None when the window would be over.
        """
        # 2 ** 20 exceeds max_delay, and is small enough for a timedelta.
        whole = min(self.first_delay * 2 ** min(attempt_count - 1, 20), self.max_delay)
        due_at = last_attempt_at + whole * Random(
            f"{self.seed}:{delivery_key}:{attempt_count}"
        ).uniform(0.5, 1)
        return due_at if due_at <= first_attempt_at + self.window else None


class RetryScheduler:
    """Schedules and sends the retries of one sandbox's failed upserts.

    Args:
        credential_headers: Returns the authentication headers; the key is not stored.
        transaction: As in DeliveryPipeline.
        get_finding_marker: Returns what marks the findings of a delivery.
        resume_message: Runs the functions of a postponed message again, and stores the result.
    """

    def __init__(
        self,
        upserts: UpsertStore,
        sender: Sender,
        clock: Clock,
        retry_policy: RetryPolicy,
        credential_headers: Callable[[], Mapping[str, str]],
        stopwatch: Stopwatch = time.monotonic,
        transaction: Callable[[Collection[str]], AbstractContextManager[object]] = nullcontext,
        get_finding_marker: Callable[[DeliveryRecord], FindingMarker] = lambda delivery: tuple,
        resume_message: Callable[[UpsertRecord], None] = lambda upsert: None,
    ) -> None:
        self._resume_message = resume_message
        self._upserts = upserts
        self._sender = sender
        self._clock = clock
        self._retry_policy = retry_policy
        self._credential_headers = credential_headers
        self._stopwatch = stopwatch
        self._transaction = transaction
        self._get_finding_marker = get_finding_marker
        self._retry_lock, self._next_due_lock = Lock(), Lock()
        # In memory, so that a request without due retries needs no database query.
        self.next_due_at = upserts.find_next_retry_time() or NEVER_DUE

    def get_next_attempt_time(
        self, attempt_result: AttemptResult, delivery_key: str, first_attempt_at: str | None = None
    ) -> str | None:
        """Return when a delivery is attempted next (ISO 8601); None when no retry follows.

        Args:
            delivery_key: As in `build_delivery_key`.
            first_attempt_at: Time of the first attempt; None when *attempt_result* is the first.
        """
        if attempt_result.error_code is None or not is_retryable_error_code(
            attempt_result.error_code
        ):
            return None
        attempt = attempt_result.attempt
        first_at = datetime.fromisoformat(first_attempt_at or attempt.at)
        last_at = datetime.fromisoformat(attempt.at)
        due_at = self._retry_policy.compute_next_attempt_time(
            delivery_key, attempt.number, first_at, last_at
        )
        return format_iso_utc(due_at) if due_at else None

    def note_due_times(self, upserts: Iterable[UpsertRecord]) -> None:
        """Note when those of *upserts* that wait for a retry are due."""
        due = [upsert.due_at for upsert in upserts if upsert.due_at]
        with self._next_due_lock:
            self.next_due_at = min([*due, self.next_due_at])

    def retry_due_upserts(self) -> int:
        """Send all due retries of upserts, each at its own due time, and return their number.

        After the clock was moved ahead, this sends the attempts of the time in between.
        """
        attempt_count = 0
        if self.next_due_at > format_iso_utc(self._clock()):
            return attempt_count
        with self._retry_lock:
            while self._retry_next_due_upsert():
                attempt_count += 1
            self.reload_next_due_time()
        return attempt_count

    def retry_all_upserts(self) -> int:
        """Retry every unsettled upsert once, due or not, and return their number."""
        with self._retry_lock:
            ids = self._upserts.list_pending_upsert_ids()
            for id in ids:
                self._retry_loaded_upsert(partial(self._upserts.get_upsert, id), self._clock())
            self.reload_next_due_time()
        return len(ids)

    def _retry_next_due_upsert(self) -> bool:
        """Retry the upsert that has been due the longest; return whether there was one."""
        return self._retry_loaded_upsert(
            lambda: self._upserts.find_next_due_upsert(format_iso_utc(self._clock()))
        )

    def _retry_loaded_upsert(
        self, load_upsert: Callable[[], UpsertRecord | None], attempt_at: datetime | None = None
    ) -> bool:
        """Retry the upsert that *load_upsert* returns; return whether it returned one.

        When the emulator itself fails, the upsert is stored as failed so that it blocks no other.
        """
        upsert: UpsertRecord | None = None
        try:
            with self._transaction(RETRY_LOCK_NAMES):
                upsert = load_upsert()
                if upsert and upsert.due_at:
                    self._send_upsert_again(
                        upsert, attempt_at or datetime.fromisoformat(upsert.due_at)
                    )
        except TemporarilyUnavailable:
            raise
        except Exception as error:
            if upsert is None:
                raise
            log.exception("failed retry upsert=%s", upsert.id)
            self._store_internal_error(upsert, f"error in the emulator: {type(error).__name__}")
        return upsert is not None

    def set_next_due_time(self, due_at: str | None) -> None:
        """Set the time of the next due retry of an upsert (ISO 8601; None: no retry)."""
        with self._next_due_lock:
            self.next_due_at = due_at or NEVER_DUE

    def reload_next_due_time(self) -> None:
        """Read the time of the next due retry of an upsert from the database."""
        with self._next_due_lock:  # note_due_times waits, so that its time is not overwritten
            self.next_due_at = self._upserts.find_next_retry_time() or NEVER_DUE

    def _send_upsert_again(self, upsert: UpsertRecord, attempt_at: datetime) -> None:
        if upsert.request.method == RUN_FUNCTION_METHOD:
            self._resume_message(replace(upsert, due_at=format_iso_utc(attempt_at)))
            return
        number = len(upsert.attempts) + 1
        request = self._rebuild_http_request(upsert.request)
        self._store_attempt_result(
            upsert,
            send_delivery_attempt(
                self._sender, self._clock, self._stopwatch, request, number, attempt_at
            ),
        )

    def _store_internal_error(self, upsert: UpsertRecord, reason: str) -> None:
        attempt = DeliveryAttempt(
            len(upsert.attempts) + 1, format_iso_utc(self._clock()), 0.0, None, EMULATOR_FAULT_CODE
        )
        reason = f"{reason}. See its log."
        with self._transaction(RETRY_LOCK_NAMES):
            if upsert.request.method == RUN_FUNCTION_METHOD:
                failed: list[tuple[str, Verdict, str | None]] = [
                    (message_id, "failed", reason) for message_id in upsert.notes
                ]
                self._upserts.save_attempt_result(replace(upsert, due_at=None), [], failed)
                return
            self._store_attempt_result(
                upsert, AttemptResult(attempt, None, EMULATOR_FAULT_CODE, reason)
            )

    def _store_attempt_result(self, upsert: UpsertRecord, attempt_result: AttemptResult) -> None:
        """Store the result of an upsert's attempt and the time of the next one."""
        deliveries = self._upserts.list_deliveries_of_upsert(upsert.id)
        due_at = self.get_next_attempt_time(
            attempt_result, build_delivery_key(deliveries), upsert.attempts[0].at
        )
        updated_deliveries = {
            delivery.id: apply_attempt_result(
                delivery, attempt_result, due_at, self._get_finding_marker(delivery)
            )
            for delivery in deliveries
        }
        updated_upsert = replace(
            upsert,
            response=build_response_record(attempt_result.response)
            if attempt_result.response
            else None,
            attempts=(*upsert.attempts, attempt_result.attempt),
            due_at=due_at,
        )
        self._upserts.save_attempt_result(
            updated_upsert,
            list(updated_deliveries.values()),
            self._list_message_verdicts(upsert, updated_deliveries),
        )
        log.info(
            "retried upsert=%s attempt=%d due=%s", upsert.id, attempt_result.attempt.number, due_at
        )

    def _list_message_verdicts(
        self, upsert: UpsertRecord, updated_deliveries: Mapping[int, DeliveryRecord]
    ) -> Iterator[tuple[str, Verdict, str | None]]:
        """Yield the new verdict of each message that the upsert delivers."""
        by_message: dict[str, list[DeliveryRecord]] = {
            delivery.message_id: [] for delivery in updated_deliveries.values()
        }
        for delivery in self._upserts.list_deliveries_of_messages(by_message):
            by_message[delivery.message_id].append(updated_deliveries.get(delivery.id, delivery))
        for message_id, deliveries in by_message.items():
            yield message_id, *summarise_deliveries(deliveries, upsert.notes.get(message_id))

    def _rebuild_http_request(self, recorded_request: RecordedRequest) -> HttpRequest:
        headers = {**recorded_request.headers, **self._credential_headers()}
        return HttpRequest(
            recorded_request.method, UPSERT_PATH, headers, recorded_request.body.encode()
        )


def build_delivery_key(deliveries: Sequence[DeliveryRecord]) -> str:
    """Return the key that seeds the retry delays of a request, "" without deliveries."""
    return f"{deliveries[0].message_id} {deliveries[0].subscription}" if deliveries else ""
