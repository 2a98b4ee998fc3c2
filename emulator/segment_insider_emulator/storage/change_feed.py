"""Change feed of a database: counts commits, and wakes readers that wait for new rows."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock, Thread
from time import monotonic, sleep
from typing import Any, Protocol
from weakref import WeakValueDictionary

from sqlalchemy import Engine, event, func, select
from sqlalchemy.exc import SQLAlchemyError

from segment_insider_emulator.storage.database import transaction
from segment_insider_emulator.storage.database_errors import get_first_line_of_driver_error
from segment_insider_emulator.storage.postgres import NOTIFY_CHANNEL, SENDER_ID_KEY
from segment_insider_emulator.storage.query_execution import HAS_WRITTEN_KEY
from segment_insider_emulator.storage.schema import messages

log = logging.getLogger(__name__)

LISTEN_TIMEOUT_S = 0.25  # until the thread notices that it has no subscribers
RECONNECT_DELAY_S = 1.0
POLL_INTERVAL_S = 1.0
SELECT_CURRENT_SCHEMA = select(func.current_schema())
SELECT_NEWEST_MESSAGE_ID = select(func.max(messages.c.id))


class PoolReturnCounter:
    """Counter of how often a database connection of *engine* returned to its pool."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.checkin_count = 0
        event.listen(engine, "checkin", self._count_returned_connection)

    def _count_returned_connection(self, _connection: object, _record: object) -> None:
        self.checkin_count += 1


class ChangeSubscriber(Protocol):
    """Interface of objects that are notified when rows of a database may have changed."""

    def notify(self) -> None:
        """Notify this subscriber that rows of its database may have changed."""


class PostgresListener:
    """Notifies subscribers of one process about writes of others, by PostgreSQL LISTEN.

    Connects at the first subscription. After a lost connection it notifies all subscribers, since
    notifications may be missing.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        # Both by schema; the sender ids are those of this process.
        self._subscribers: WeakValueDictionary[str, ChangeSubscriber] = WeakValueDictionary()
        self._sender_ids: dict[str, str] = {}
        self._thread: Thread | None = None
        self._is_disconnected = False  # since a logged error

    def subscribe(self, engine: Engine, subscriber: ChangeSubscriber) -> None:
        """Notify *subscriber* now, and on each write to the schema of *engine*.

        Raises: DatabaseUnavailable.
        """
        with transaction(engine) as connection:
            schema = str(connection.scalar(SELECT_CURRENT_SCHEMA))
            sender_id = connection.info[SENDER_ID_KEY]
        with self._lock:
            self._subscribers[schema] = subscriber
            self._sender_ids[schema] = sender_id
            if self._thread is None:
                self._thread = Thread(
                    target=self._run_listen_loop,
                    args=(engine,),
                    name="postgres-listener",
                    daemon=True,
                )
                self._thread.start()
        subscriber.notify()

    def unsubscribe(self, subscriber: ChangeSubscriber) -> None:
        """Stop notifying *subscriber*; without subscribers the connection closes."""
        with self._lock:
            for schema, other in list(self._subscribers.items()):
                if other is subscriber:
                    del self._subscribers[schema]
            ending_thread = None if self._subscribers else self._thread
        if ending_thread:
            ending_thread.join(RECONNECT_DELAY_S + LISTEN_TIMEOUT_S)

    def _run_listen_loop(self, engine: Engine) -> None:
        while self._has_subscribers():
            try:
                self._listen_for_writes(engine)
            except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:
                if not self._is_disconnected:
                    log.warning(
                        "PostgreSQL LISTEN connection lost reason=%s",
                        get_first_line_of_driver_error(error),
                    )
                self._is_disconnected = True
                sleep(RECONNECT_DELAY_S)

    def _has_subscribers(self) -> bool:
        with self._lock:
            if not self._subscribers:
                self._thread = None
            return bool(self._subscribers)

    def _listen_for_writes(self, engine: Engine) -> None:
        with _open_listen_connection(engine) as connection:
            if self._is_disconnected:
                log.warning("PostgreSQL LISTEN connection restored")
            self._is_disconnected = False
            for subscriber in list(self._subscribers.values()):
                subscriber.notify()
            while self._subscribers:
                for notification in connection.notifies(timeout=LISTEN_TIMEOUT_S):
                    self._forward_notification(notification.payload)

    def _forward_notification(self, payload: str) -> None:
        schema, _, sender_id = payload.rpartition(" ")
        subscriber = self._subscribers.get(schema)
        # Writes of this process were counted already, when their connection returned.
        if subscriber and sender_id != self._sender_ids[schema]:
            subscriber.notify()


@contextmanager
def _open_listen_connection(engine: Engine) -> Iterator[Any]:
    """Open a driver connection for LISTEN outside the pool."""
    pooled = engine.raw_connection()
    connection: Any = pooled.driver_connection
    pooled.detach()
    try:
        connection.autocommit = True
        connection.execute(f"LISTEN {NOTIFY_CHANNEL}")
        yield connection
    finally:
        pooled.invalidate()  # without a rollback: nothing was written, and it may be lost
        connection.close()


class ChangeCounter:
    """Counts the commits of one engine that wrote rows, and wakes waiting readers.

    A commit counts when its connection returns to the pool, so that readers see its rows.

    Args:
        listener: Reports writes of other processes on PostgreSQL; without it, the count polls.
    """

    def __init__(self, engine: Engine, listener: PostgresListener | None = None) -> None:
        self._engine = engine
        self._listener = listener if engine.dialect.name == "postgresql" else None
        self._is_subscribed = False
        self._condition = Condition()
        self._count = 0
        self._newest_message_id: int | None = None
        self._polled_at = 0.0
        event.listen(engine, "checkin", self._count_if_connection_wrote)

    @property
    def change_count(self) -> int:
        """Return how many commits that wrote rows were counted so far."""
        return self._count

    def wait_for_change(self, last_count: int, timeout_s: float) -> int:
        """Wait until the change count differs from *last_count*, or for *timeout_s*; return it."""
        if self._listener is None:
            self._check_for_writes_of_other_processes()
        elif not self._is_subscribed:
            self._listener.subscribe(self._engine, self)
            self._is_subscribed = True
        with self._condition:
            self._condition.wait_for(lambda: self._count != last_count, timeout_s)
            return self._count

    def notify(self) -> None:
        """Add one to the count of database changes, and wake all waiting readers."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def close(self) -> None:
        """Stop listening for database writes of other processes."""
        if self._listener:
            self._listener.unsubscribe(self)

    def _count_if_connection_wrote(self, _connection: object, record: Any) -> None:
        if record.info.pop(HAS_WRITTEN_KEY, False):
            self.notify()

    def _check_for_writes_of_other_processes(self) -> None:
        """Check, at most once per POLL_INTERVAL_S, whether another process stored messages."""
        with self._condition:
            if monotonic() - self._polled_at < POLL_INTERVAL_S:
                return
            self._polled_at = monotonic()
        with transaction(self._engine) as connection:
            newest_message_id = connection.scalar(SELECT_NEWEST_MESSAGE_ID)
        if newest_message_id != self._newest_message_id:
            self._newest_message_id = newest_message_id
            self.notify()
