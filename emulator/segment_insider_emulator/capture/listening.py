"""What others write to a PostgreSQL database, heard over one connection of each process."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Thread
from time import sleep
from typing import Any, Protocol
from weakref import WeakValueDictionary

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from segment_insider_emulator.capture.database import transaction
from segment_insider_emulator.capture.postgres import CHANNEL, SENDER
from segment_insider_emulator.capture.remedies import line

log = logging.getLogger(__name__)

BEAT = 0.25  # seconds until it is noticed that nobody listens any more
AGAIN = 1.0  # seconds until a connection that was lost is opened again
SCHEMA = select(func.current_schema())


class Told(Protocol):
    """Somebody who may have missed something."""

    def tell(self) -> None:
        """Something was written."""


class Listener:
    """Tells the sandboxes of one process what others write in them. Connects when one first asks
    to be told; after a connection was lost, tells all, as nobody knows what was missed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._told: WeakValueDictionary[str, Told] = WeakValueDictionary()  # by schema
        self._own: dict[str, str] = {}  # by schema: as whom this process writes there
        self._thread: Thread | None = None
        self._is_lost = False  # whether it was said that the connection is

    def listen(self, engine: Engine, told: Told) -> None:
        """Tell *told*, from now on and once at first, of the schema that *engine* works in.

        Raises: StorageFault.
        """
        with transaction(engine) as connection:
            schema, own = str(connection.scalar(SCHEMA)), connection.info[SENDER]
        with self._lock:
            self._told[schema] = told
            self._own[schema] = own
            if self._thread is None:
                self._thread = Thread(target=self._work, args=(engine,), name="news", daemon=True)
                self._thread.start()
        told.tell()

    def forget(self, told: Told) -> None:
        """Tell *told* no more; the last one finds the connection closed."""
        with self._lock:
            for schema in [name for name, each in self._told.items() if each is told]:
                del self._told[schema]
            ending = None if self._told else self._thread
        if ending:
            ending.join(AGAIN + BEAT)

    def _work(self, engine: Engine) -> None:
        while self._is_needed():
            try:
                self._hear(engine)
            except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:
                if not self._is_lost:
                    log.warning("lost news reason=%s", line(error))
                self._is_lost = True
                sleep(AGAIN)

    def _is_needed(self) -> bool:
        with self._lock:
            if not self._told:
                self._thread = None
            return bool(self._told)

    def _hear(self, engine: Engine) -> None:
        with _listening(engine) as connection:
            if self._is_lost:
                log.warning("heard news again")
            self._is_lost = False
            for each in list(self._told.values()):
                each.tell()
            while self._told:
                for heard in connection.notifies(timeout=BEAT):
                    schema, _, sender = heard.payload.rpartition(" ")
                    named = self._told.get(schema)
                    if named and sender != self._own[schema]:  # which it knows sooner
                        named.tell()


@contextmanager
def _listening(engine: Engine) -> Iterator[Any]:
    """A connection of the driver's, beside those of the pool."""
    lent = engine.raw_connection()
    connection: Any = lent.driver_connection
    lent.detach()
    try:
        connection.autocommit = True
        connection.execute(f"LISTEN {CHANNEL}")
        yield connection
    finally:
        lent.invalidate()  # closed as it is: there is nothing to roll back, and it may be lost
        connection.close()
