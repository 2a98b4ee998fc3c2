"""Keeping to the limits of what is kept, beside everything else."""

import logging
from contextlib import suppress
from threading import Event, Thread
from time import monotonic

from segment_insider_emulator.capture.database import DatabaseClosed, DatabaseUnavailable
from segment_insider_emulator.capture.idle import PoolUsage, close_unused_connections
from segment_insider_emulator.capture.retention import MessageRetention

log = logging.getLogger(__name__)

STEP_PAUSE_S = 0.02  # seconds between two steps, in which others write
LIMIT_CHECK_INTERVAL_S = 10.0  # seconds until the limits are looked at again
UNUSED_CHECK_INTERVAL_S = 600.0  # seconds, likewise, where nobody uses what is limited


class RetentionSchedule:
    """Steps of a retention, as long as there is something to forget.

    Args:
        use: Of its database. While nobody else uses that, no connection stays open for this alone.
    """

    def __init__(self, retention: MessageRetention, pool_usage: PoolUsage) -> None:
        self._retention = retention
        self._pool_usage = pool_usage
        self._last_checkin_count = pool_usage.checkin_count
        self._checked_at = 0.0
        self._is_within_limits = False  # whether nothing was left to forget

    def run_step_if_due(self, now: float) -> float:
        """Take one at *now*, in seconds, if there may be something to forget; seconds until the
        next.

        Raises: Gone.
        """
        unused = (
            self._pool_usage.checkin_count == self._last_checkin_count
        )  # by others, since the last step
        if unused and self._is_within_limits and now - self._checked_at < UNUSED_CHECK_INTERVAL_S:
            return LIMIT_CHECK_INTERVAL_S
        self._checked_at = now
        try:
            count = self._retention.delete_excess()
        except DatabaseClosed:
            raise
        except DatabaseUnavailable as fault:
            self._is_within_limits = False
            log.warning("forgot nothing reason=%s", fault.what)
            return LIMIT_CHECK_INTERVAL_S
        self._last_checkin_count, self._is_within_limits = self._pool_usage.checkin_count, not count
        if count:
            log.info("forgot messages=%d", count)
            return STEP_PAUSE_S
        if unused:
            close_unused_connections(self._pool_usage.engine)
        return LIMIT_CHECK_INTERVAL_S


class RetentionWorker:
    """Takes steps on a thread of its own."""

    def __init__(self, schedule: RetentionSchedule) -> None:
        self._schedule = schedule
        self._stop_requested = Event()
        self._thread = Thread(target=self._run, name="pruning", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish the step that is under way."""
        self._stop_requested.set()
        self._thread.join()

    def _run(self) -> None:
        pause = STEP_PAUSE_S
        with suppress(DatabaseClosed):
            while not self._stop_requested.wait(pause):
                pause = self._schedule.run_step_if_due(monotonic())
