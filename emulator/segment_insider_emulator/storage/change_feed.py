"""What others write to a PostgreSQL database, heard over one connection of each process."""

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
from segment_insider_emulator.storage.database_errors import first_line
from segment_insider_emulator.storage.postgres import NOTIFY_CHANNEL, SENDER_ID_KEY
from segment_insider_emulator.storage.query_execution import HAS_WRITTEN_KEY
from segment_insider_emulator.storage.schema import messages

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


POLL_INTERVAL_S = 1.0  # seconds between two looks for what another process kept
SELECT_NEWEST_MESSAGE_ID = select(func.max(messages.c.id))


class ChangeCounter:
    """Counts the commits of one engine that wrote something.

    A connection goes back to its pool when its transaction is over: whoever is woken then finds
    everything in the database.

    Args:
        listener: Tells what other processes wrote, where the database can; else one looks.
    """

    def __init__(self, engine: Engine, listener: PostgresListener | None = None) -> None:
        self._engine = engine
        self._listener = listener if engine.dialect.name == "postgresql" else None
        self._is_subscribed = False
        self._condition = Condition()
        self._count = 0
        self._newest_message_id: int | None = None
        self._polled_at = 0.0
        event.listen(engine, "after_cursor_execute", _mark_written)
        event.listen(engine, "checkin", self._on_checkin)

    @property
    def count(self) -> int:
        """How many changes there were."""
        return self._count

    def wait_for_change(self, last_count: int, timeout_s: float) -> int:
        """The count, as soon as it is not *told* or after *seconds*."""
        if self._listener is None:
            self._poll()
        elif not self._is_subscribed:
            self._listener.subscribe(self._engine, self)
            self._is_subscribed = True
        with self._condition:
            self._condition.wait_for(lambda: self._count != last_count, timeout_s)
            return self._count

    def notify(self) -> None:
        """Something was kept, by whomever."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def close(self) -> None:
        """Nobody waits any more."""
        if self._listener:
            self._listener.unsubscribe(self)

    def _on_checkin(self, _connection: object, record: Any) -> None:
        if record.info.pop(HAS_WRITTEN_KEY, False):
            self.notify()

    def _poll(self) -> None:
        """See, once in a while for all who wait, whether another process kept something."""
        with self._condition:
            if monotonic() - self._polled_at < POLL_INTERVAL_S:
                return
            self._polled_at = monotonic()
        with transaction(self._engine) as connection:
            newest = connection.scalar(SELECT_NEWEST_MESSAGE_ID)
        if newest != self._newest_message_id:
            self._newest_message_id = newest
            self.notify()


def _mark_written(
    connection: Any, _cursor: object, _statement: object, _values: object, context: Any, _many: bool
) -> None:
    if context.isinsert or context.isupdate or context.isdelete:
        connection.info[HAS_WRITTEN_KEY] = True
