"""Sandboxes that nobody asks for any more: ended, as who forgets them does not."""

import logging
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final

from segment_insider_emulator.capture.sandboxes import SandboxStore
from segment_insider_emulator.clock import Clock, iso
from segment_insider_emulator.sandboxes.admission import DEFAULT
from segment_insider_emulator.sandboxes.registry import Sandboxes

log = logging.getLogger(__name__)

GRAIN: Final = 50  # of its time, a sandbox may be ended so much of it too early
LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class Expiry:
    """Ends sandboxes that nobody has asked for, in any process, longer than *idle*.

    It does so when something else is asked for. The time counts anew when a process starts: nobody
    has counted before.
    Raises: StorageFault.
    """

    def __init__(self, served: Sandboxes, store: SandboxStore, idle: timedelta, now: Clock) -> None:
        self._served, self._store, self._idle, self._now = served, store, idle, now
        self._sweeping = Lock()
        self._swept = now()
        self._noted: dict[str, datetime] = {}
        store.use_all(iso(now()))

    def asked(self, id: str) -> None:
        """Take note that somebody asks for the sandbox *id*, and end what is idle."""
        now, grain = self._now(), self._idle / GRAIN
        if id != DEFAULT and now - self._noted.get(id, LONG_AGO) >= grain:
            self._store.use(id, iso(now))
            self._noted[id] = now
        if now - self._swept >= grain and self._sweeping.acquire(blocking=False):
            try:
                self._sweep(now)
            finally:
                self._sweeping.release()

    def _sweep(self, now: datetime) -> None:
        self._swept = now
        since = iso(now - self._idle)
        for id in self._store.idle(since):
            # The one before may have taken a while to end, in which this one was asked for.
            if self._served.delete(id, unused_since=since):
                log.info("expired sandbox=%s", id)
            self._noted.pop(id, None)
