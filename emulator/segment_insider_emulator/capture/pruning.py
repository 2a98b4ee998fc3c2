"""Keeping to the limits of what is kept, beside everything else."""

import logging
from contextlib import suppress
from threading import Event, Thread
from time import monotonic

from segment_insider_emulator.capture.database import Gone, StorageFault
from segment_insider_emulator.capture.idle import Use, give_back
from segment_insider_emulator.capture.retention import Retention

log = logging.getLogger(__name__)

PAUSE = 0.02  # seconds between two steps, in which others write
LOOK = 10.0  # seconds until the limits are looked at again
SELDOM = 600.0  # seconds, likewise, where nobody uses what is limited


class Steps:
    """Steps of a retention, as long as there is something to forget.

    Args:
        use: Of its database. While nobody else uses that, no connection stays open for this alone.
    """

    def __init__(self, retention: Retention, use: Use) -> None:
        self._retention = retention
        self._use = use
        self._seen = use.count
        self._looked_at = 0.0
        self._is_done = False  # whether nothing was left to forget

    def take(self, now: float) -> float:
        """Take one at *now*, in seconds, if there may be something to forget; seconds until the
        next.

        Raises: Gone.
        """
        unused = self._use.count == self._seen  # by others, since the last step
        if unused and self._is_done and now - self._looked_at < SELDOM:
            return LOOK
        self._looked_at = now
        try:
            count = self._retention.step()
        except Gone:
            raise
        except StorageFault as fault:
            self._is_done = False
            log.warning("forgot nothing reason=%s", fault.what)
            return LOOK
        self._seen, self._is_done = self._use.count, not count
        if count:
            log.info("forgot messages=%d", count)
            return PAUSE
        if unused:
            give_back(self._use.engine)
        return LOOK


class Pruner:
    """Takes steps on a thread of its own."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._closing = Event()
        self._worker = Thread(target=self._work, name="pruning", daemon=True)
        self._worker.start()

    def close(self) -> None:
        """Finish the step that is under way."""
        self._closing.set()
        self._worker.join()

    def _work(self) -> None:
        pause = PAUSE
        with suppress(Gone):
            while not self._closing.wait(pause):
                pause = self._steps.take(monotonic())
