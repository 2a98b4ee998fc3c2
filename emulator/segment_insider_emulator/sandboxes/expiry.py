"""Sandboxes that nobody asks for any more: ended, as who forgets them does not."""

import logging
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final

from segment_insider_emulator.capture.sandboxes import SandboxStore
from segment_insider_emulator.clock import Clock, format_iso_utc
from segment_insider_emulator.sandboxes.admission import DEFAULT_SANDBOX_ID
from segment_insider_emulator.sandboxes.registry import SandboxRegistry

log = logging.getLogger(__name__)

CHECKS_PER_IDLE_PERIOD: Final = 50  # of its time, a sandbox may be ended so much of it too early
NEVER_USED: Final = datetime.min.replace(tzinfo=UTC)


class SandboxExpiry:
    """Ends sandboxes that nobody has asked for, in any process, longer than *idle*.

    It does so when something else is asked for. The time counts anew when a process starts: nobody
    has counted before.
    Raises: StorageFault.
    """

    def __init__(
        self,
        registry: SandboxRegistry,
        record_store: SandboxStore,
        max_idle: timedelta,
        clock: Clock,
    ) -> None:
        self._registry, self._record_store, self._max_idle, self._clock = (
            registry,
            record_store,
            max_idle,
            clock,
        )
        self._sweep_lock = Lock()
        self._last_sweep_at = clock()
        self._last_recorded_at: dict[str, datetime] = {}
        record_store.mark_all_used(format_iso_utc(clock()))

    def record_use(self, id: str) -> None:
        """Take note that somebody asks for the sandbox *id*, and end what is idle."""
        now, grain = self._clock(), self._max_idle / CHECKS_PER_IDLE_PERIOD
        if id != DEFAULT_SANDBOX_ID and now - self._last_recorded_at.get(id, NEVER_USED) >= grain:
            self._record_store.mark_used(id, format_iso_utc(now))
            self._last_recorded_at[id] = now
        if now - self._last_sweep_at >= grain and self._sweep_lock.acquire(blocking=False):
            try:
                self._delete_idle(now)
            finally:
                self._sweep_lock.release()

    def _delete_idle(self, now: datetime) -> None:
        self._last_sweep_at = now
        since = format_iso_utc(now - self._max_idle)
        for id in self._record_store.list_idle_ids(since):
            # The one before may have taken a while to end, in which this one was asked for.
            if self._registry.delete(id, unused_since=since):
                log.info("expired sandbox=%s", id)
            self._last_recorded_at.pop(id, None)
