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
from segment_insider_emulator.capture.postgres import NOTIFY_CHANNEL, SENDER_ID_KEY
from segment_insider_emulator.capture.remedies import first_line

log = logging.getLogger(__name__)

LISTEN_TIMEOUT_S = 0.25  # seconds until it is noticed that nobody listens any more
RECONNECT_DELAY_S = 1.0  # seconds until a connection that was lost is opened again
SELECT_CURRENT_SCHEMA = select(func.current_schema())


class ChangeSubscriber(Protocol):
    """Somebody who may have missed something."""

    def notify(self) -> None:
        """Something was written."""


class PostgresListener:
    """Tells the sandboxes of one process what others write in them. Connects when one first asks
    to be told; after a connection was lost, tells all, as nobody knows what was missed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._subscribers: WeakValueDictionary[str, ChangeSubscriber] = (
            WeakValueDictionary()
        )  # by schema
        self._sender_ids: dict[str, str] = {}  # by schema: as whom this process writes there
        self._thread: Thread | None = None
        self._is_disconnected = False  # whether it was said that the connection is

    def subscribe(self, engine: Engine, subscriber: ChangeSubscriber) -> None:
        """Tell *told*, from now on and once at first, of the schema that *engine* works in.

        Raises: StorageFault.
        """
        with transaction(engine) as connection:
            schema, own = (
                str(connection.scalar(SELECT_CURRENT_SCHEMA)),
                connection.info[SENDER_ID_KEY],
            )
        with self._lock:
            self._subscribers[schema] = subscriber
            self._sender_ids[schema] = own
            if self._thread is None:
                self._thread = Thread(target=self._run, args=(engine,), name="news", daemon=True)
                self._thread.start()
        subscriber.notify()

    def unsubscribe(self, subscriber: ChangeSubscriber) -> None:
        """Tell *told* no more; the last one finds the connection closed."""
        with self._lock:
            for schema in [name for name, each in self._subscribers.items() if each is subscriber]:
                del self._subscribers[schema]
            ending = None if self._subscribers else self._thread
        if ending:
            ending.join(RECONNECT_DELAY_S + LISTEN_TIMEOUT_S)

    def _run(self, engine: Engine) -> None:
        while self._should_continue():
            try:
                self._listen(engine)
            except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:
                if not self._is_disconnected:
                    log.warning("lost news reason=%s", first_line(error))
                self._is_disconnected = True
                sleep(RECONNECT_DELAY_S)

    def _should_continue(self) -> bool:
        with self._lock:
            if not self._subscribers:
                self._thread = None
            return bool(self._subscribers)

    def _listen(self, engine: Engine) -> None:
        with _open_listen_connection(engine) as connection:
            if self._is_disconnected:
                log.warning("heard news again")
            self._is_disconnected = False
            for each in list(self._subscribers.values()):
                each.notify()
            while self._subscribers:
                for heard in connection.notifies(timeout=LISTEN_TIMEOUT_S):
                    schema, _, sender = heard.payload.rpartition(" ")
                    named = self._subscribers.get(schema)
                    if named and sender != self._sender_ids[schema]:  # which it knows sooner
                        named.notify()


@contextmanager
def _open_listen_connection(engine: Engine) -> Iterator[Any]:
    """A connection of the driver's, beside those of the pool."""
    lent = engine.raw_connection()
    connection: Any = lent.driver_connection
    lent.detach()
    try:
        connection.autocommit = True
        connection.execute(f"LISTEN {NOTIFY_CHANNEL}")
        yield connection
    finally:
        lent.invalidate()  # closed as it is: there is nothing to roll back, and it may be lost
        connection.close()
