"""Keeping to the limits of what is kept, beside everything else."""

import logging
from contextlib import suppress
from threading import Event, Thread

from emulator.capture.database import Gone, StorageFault
from emulator.capture.retention import Retention

log = logging.getLogger(__name__)

PAUSE = 0.02  # seconds between two steps, in which others write
LOOK = 10.0  # seconds until the limits are looked at again


class Pruner:
    """Steps of a retention on a thread of its own, as long as there is something to forget."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
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
                pause = PAUSE if self._forgotten() else LOOK

    def _forgotten(self) -> int:
        try:
            count = self._retention.step()
        except Gone:
            raise
        except StorageFault as fault:
            log.warning("forgot nothing reason=%s", fault.what)
            return 0
        if count:
            log.info("forgot messages=%d", count)
        return count
