"""Storage of messages and deliveries: written before they are acknowledged, listed page by page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final, TypeVar

from sqlalchemy import (
    BindParameter,
    Connection,
    Engine,
    Row,
    Select,
    Table,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    union_all,
    update,
)

from segment_insider_emulator.storage.change_feed import (
    ChangeCounter,
    PoolReturnCounter,
    PostgresListener,
)
from segment_insider_emulator.storage.database import (
    DatabaseUnavailable,
    close_database,
    transaction,
)
from segment_insider_emulator.storage.database_size import (
    DatabaseSize,
    StorageReport,
    build_storage_report,
    measure_database_size,
)
from segment_insider_emulator.storage.delivery_queue import (
    MessageQueue,
    UpsertStore,
    split_ids_into_chunks,
)
from segment_insider_emulator.storage.message_filters import MessageFilters
from segment_insider_emulator.storage.message_search import MessageSearch, OldestScannedMessage
from segment_insider_emulator.storage.message_sorting import MessageSorter
from segment_insider_emulator.storage.query_execution import CompiledStatement, list_column_names
from segment_insider_emulator.storage.records import (
    MESSAGE_COLUMNS,
    DeliveryRecord,
    MessageRecord,
    UpsertRecord,
    delivery_from_row,
    delivery_to_row,
    message_from_row,
    message_to_row,
    upsert_to_row,
)
from segment_insider_emulator.storage.reports import ScenarioRunStore
from segment_insider_emulator.storage.schema import (
    JsonText,
    deliveries,
    differences,
    forgotten_message_ids,
    message_counts,
    messages,
    queued_messages,
    upserts,
)
from segment_insider_emulator.types import JSONObject

__all__ = ["DELIVERY_FILTERS", "MESSAGE_FILTERS", "DatabaseUnavailable", "MessageStore"]

# A user filter matches either id that a message may carry.
MESSAGE_FILTERS = {
    "type": messages.c.type == bindparam("type"),
    "event": messages.c.event == bindparam("event"),
    "user": or_(
        messages.c.user_id == bindparam("user"), messages.c.anonymous_id == bindparam("user")
    ),
    "verdict": messages.c.verdict == bindparam("verdict"),
    "messageId": messages.c.message_id == bindparam("messageId"),
}
DELIVERY_FILTERS = {
    "messageId": deliveries.c.message_id == bindparam("messageId"),
    "event": deliveries.c.event == bindparam("event"),
    "verdict": deliveries.c.verdict == bindparam("verdict"),
    "subscription": deliveries.c.subscription == bindparam("subscription"),
    "actionSlug": deliveries.c.action_slug == bindparam("actionSlug"),
}
ROWS_PER_FETCH = 50  # of a page that may end early
NEWEST_TIME_BUDGET_S: Final = 2.0  # to find the newest message of a query
MAX_IDS_PER_LOOKUP = 1024  # a power of two; a database limits the parameters of one statement


def _build_rows_after_id_select(table: Table) -> Select[Any]:
    """Build the SELECT of the rows after an id, oldest first, each with the size of its JSON."""
    sizes = [
        func.coalesce(func.length(column), 0)
        for column in table.c
        if isinstance(column.type, JsonText)
    ]
    characters = sum(sizes[1:], start=sizes[0]).label("json_characters")
    return select(table, characters).where(table.c.id > bindparam("after")).order_by(table.c.id)


SELECT_MESSAGES = _build_rows_after_id_select(messages)
SELECT_DELIVERIES = _build_rows_after_id_select(deliveries)
SELECT_MESSAGE = select(messages).where(messages.c.id == bindparam("id"))
SELECT_DELIVERY = select(deliveries).where(deliveries.c.id == bindparam("id"))
SELECT_NEWEST_MESSAGE_ID = select(messages.c.id).order_by(messages.c.id.desc())
SELECT_NEWEST_DELIVERY = select(deliveries).order_by(deliveries.c.id.desc())
SELECT_LATEST_MESSAGES = select(messages).order_by(messages.c.id.desc()).limit(bindparam("limit"))
SELECT_IDS_BY_MESSAGE_ID = (
    select(messages.c.message_id, messages.c.id)
    .where(messages.c.message_id.in_(bindparam("message_ids", expanding=True)))
    .order_by(messages.c.id.desc())
)
INSERT_MESSAGE = CompiledStatement(insert(messages), MESSAGE_COLUMNS)
INSERT_DELIVERY = CompiledStatement(insert(deliveries), list_column_names(deliveries, "id"))
UPDATE_QUEUED_MESSAGE = update(messages).where(
    messages.c.message_id == bindparam("of_message"), messages.c.verdict != "rejected"
)
DELETE_FROM_QUEUE = delete(queued_messages).where(queued_messages.c.id == bindparam("queue_id"))
# Counts after messages: the triggers lower them as messages go.
TABLES_TO_CLEAR = (
    deliveries,
    messages,
    message_counts,
    upserts,
    queued_messages,
    differences,
    forgotten_message_ids,
)

MessageOrDelivery = TypeVar("MessageOrDelivery", MessageRecord, DeliveryRecord)
RecordPage = tuple[list[MessageOrDelivery], int | None]


class MessageStore:
    """Stores Segment messages and their deliveries in one database. Raises: DatabaseUnavailable.

    Args:
        count_verdict: Called with each verdict that is stored; None counts none.
    """

    def __init__(
        self,
        engine: Engine,
        listener: PostgresListener | None = None,
        count_verdict: Callable[[str], None] | None = None,
    ) -> None:
        self._engine, self._count_verdict = engine, count_verdict
        self.upserts = UpsertStore(engine, count_verdict)
        self.message_queue = MessageQueue(engine)
        self.change_counter = ChangeCounter(engine, listener)
        self.pool_usage = PoolReturnCounter(engine)
        self.message_search = MessageSearch(engine)
        self.message_sorter = MessageSorter(engine, self.message_search)
        self.scenario_runs = ScenarioRunStore(engine)

    def record_messages(
        self,
        new_messages: Sequence[MessageRecord],
        pending_upserts: Sequence[UpsertRecord] = (),
        messages_to_queue: Sequence[JSONObject] = (),
    ) -> None:
        """Store messages and their deliveries in one transaction; then they survive a crash.

        Args:
            pending_upserts: Requests that carry several of the deliveries, or will be retried.
            messages_to_queue: Messages that `message_queue` delivers later.
        """
        with transaction(self._engine) as connection:
            if new_messages:
                INSERT_MESSAGE.execute_many(connection, map(message_to_row, new_messages))
            if messages_to_queue:
                rows = [{"message": message} for message in messages_to_queue]
                connection.execute(insert(queued_messages), rows)
            _insert_deliveries(connection, new_messages, pending_upserts)
        self._count_verdicts(new_messages)

    def store_results_of_queued_messages(
        self,
        delivered_messages: Sequence[MessageRecord],
        pending_upserts: Sequence[UpsertRecord],
        queue_ids: Sequence[int],
    ) -> None:
        """Store the delivery results of queued messages, and remove the messages from the queue."""
        with transaction(self._engine) as connection:
            rows = [
                {"of_message": message.message_id, **message_to_row(message)}
                for message in delivered_messages
            ]
            if rows:
                connection.execute(UPDATE_QUEUED_MESSAGE, rows)
            queue_rows = [{"queue_id": queue_id} for queue_id in queue_ids]
            if queue_rows:
                connection.execute(DELETE_FROM_QUEUE, queue_rows)
            _insert_deliveries(connection, delivered_messages, pending_upserts)
        self._count_verdicts(delivered_messages)

    def _count_verdicts(self, records: Sequence[MessageRecord]) -> None:
        if self._count_verdict:
            for record in records:
                self._count_verdict(record.verdict)

    def store_results_of_postponed_message(
        self,
        upsert_id: str,
        delivered_messages: Sequence[MessageRecord],
        pending_upserts: Sequence[UpsertRecord],
    ) -> None:
        """Store the results of a message that waited for a function, and end its wait."""
        with transaction(self._engine):
            self.upserts.delete_upsert(upsert_id)
            self.store_results_of_queued_messages(delivered_messages, pending_upserts, ())

    def find_known_message_ids(self, message_ids: Iterable[str]) -> set[str]:
        """Return which of *message_ids* were received before; rejected messages do not count.

        Rejected messages do not reach Segment's deduplication.
        """
        ids = list(message_ids)
        with transaction(self._engine) as connection:
            return {
                row.message_id
                for start in range(0, len(ids), MAX_IDS_PER_LOOKUP)
                for row in _fetch_known_message_ids(
                    connection, ids[start : start + MAX_IDS_PER_LOOKUP]
                )
            }

    def list_messages(
        self,
        filters: Mapping[str, str] | None = None,
        *,
        after_id: int = 0,
        limit: int = 100,
        max_json_characters: int | None = None,
    ) -> RecordPage[MessageRecord]:
        """Return messages after *after_id*, oldest first, without their deliveries.

        Args:
            filters: Keys of MESSAGE_FILTERS -> value.
            max_json_characters: JSON size at which the page ends; None for no limit.
        Returns: The page, and the next page's `after_id` or None.
        """
        values = filters or {}
        statement = SELECT_MESSAGES.where(*(MESSAGE_FILTERS[name] for name in values))
        rows, next_after_id = self._fetch_row_page(
            statement, {**values, "after": after_id}, limit, max_json_characters
        )
        return [message_from_row(row) for row in rows], next_after_id

    def list_messages_of_query(
        self,
        filters: MessageFilters,
        *,
        after_id: int = 0,
        limit: int = 100,
        max_json_characters: int | None = None,
    ) -> RecordPage[MessageRecord]:
        """Return messages that match a query, oldest first, as far as its time allows.

        Returns: The page, which may be short or empty, and the next page's `after_id` or None.
        """
        ids, next_after_id = self.message_search.find_oldest_message_ids(
            filters, after_id=after_id, limit=limit
        )
        statement = SELECT_MESSAGES.where(messages.c.id.in_(ids))
        rows, early_end = self._fetch_row_page(
            statement, {"after": after_id}, limit, max_json_characters
        )
        return [message_from_row(row) for row in rows], early_end or next_after_id

    def list_newest_messages_of_query(
        self,
        filters: MessageFilters,
        *,
        before_id: int | None = None,
        limit: int = 100,
        max_json_characters: int | None = None,
    ) -> RecordPage[MessageRecord]:
        """Return messages that match a query, newest first, as far as its time allows.

        Returns: The page, which may be short or empty, and the next page's `before_id` or None.
        """
        found = self.message_search.find_message_page(filters, before_id=before_id, limit=limit)
        ids = [message.id for message in found.messages]
        statement = SELECT_MESSAGES.where(messages.c.id.in_(ids)).order_by(None)
        rows, early_end = self._fetch_row_page(
            statement.order_by(messages.c.id.desc()), {"after": 0}, limit, max_json_characters
        )
        return [message_from_row(row) for row in rows], early_end or found.next_before_id

    def find_newest_message_of_query(
        self, filters: MessageFilters
    ) -> tuple[MessageRecord | None, OldestScannedMessage | None]:
        """Find the newest message that matches a query, as far as its time allows.

        Returns: The message with its deliveries, or None and where the time was over, if it was.
        """
        page = self.message_search.find_message_page(
            filters, limit=1, time_budget_s=NEWEST_TIME_BUDGET_S
        )
        if page.messages:
            return self.get_message(page.messages[0].id), None
        return None, page.scan_limit

    def list_deliveries(
        self,
        filters: Mapping[str, str] | None = None,
        *,
        after_id: int = 0,
        limit: int = 100,
        max_json_characters: int | None = None,
    ) -> RecordPage[DeliveryRecord]:
        """Return deliveries after *after_id*, oldest first, that match *filters*."""
        values = filters or {}
        statement = SELECT_DELIVERIES.where(*(DELIVERY_FILTERS[name] for name in values))
        rows, next_after_id = self._fetch_row_page(
            statement, {**values, "after": after_id}, limit, max_json_characters
        )
        return [delivery_from_row(row) for row in rows], next_after_id

    def list_latest_messages(self, limit: int) -> tuple[list[MessageRecord], list[DeliveryRecord]]:
        """Return the latest *limit* messages, newest first, and all their deliveries."""
        with transaction(self._engine) as connection:
            rows = connection.execute(SELECT_LATEST_MESSAGES, {"limit": limit})
            latest = [message_from_row(row) for row in rows]
            message_ids = [message.message_id for message in latest]
            return latest, self.upserts.list_deliveries_of_messages(message_ids)

    def find_newest_message(self, filters: Mapping[str, str]) -> MessageRecord | None:
        """Return the newest message that matches *filters*, with its deliveries."""
        statement = SELECT_NEWEST_MESSAGE_ID.where(*(MESSAGE_FILTERS[name] for name in filters))
        row = self._fetch_first_row(statement, filters)
        return self.get_message(row.id) if row else None

    def find_newest_delivery(self, filters: Mapping[str, str]) -> DeliveryRecord | None:
        """Return the newest delivery that matches *filters*, keys of DELIVERY_FILTERS -> value."""
        statement = SELECT_NEWEST_DELIVERY.where(*(DELIVERY_FILTERS[name] for name in filters))
        row = self._fetch_first_row(statement, filters)
        return delivery_from_row(row) if row else None

    def find_first_record_ids(self, message_ids: Sequence[str]) -> dict[str, int]:
        """Return the database id of the first stored message of each Segment messageId."""
        with transaction(self._engine) as connection:
            return {  # newest first: the oldest comes last, and stays
                row.message_id: row.id
                for part in split_ids_into_chunks(message_ids)
                for row in connection.execute(SELECT_IDS_BY_MESSAGE_ID, {"message_ids": part})
            }

    def get_message(self, id: int) -> MessageRecord | None:
        """Return one stored message with its deliveries; None if there is none."""
        row = self._fetch_first_row(SELECT_MESSAGE, {"id": id})
        if row is None:
            return None
        message = message_from_row(row)
        if message.verdict == "rejected":
            # A duplicate has the messageId of a delivered message, but no deliveries of its own.
            return message
        own_deliveries, _ = self.list_deliveries({"messageId": message.message_id}, limit=1000)
        return replace(message, deliveries=tuple(own_deliveries))

    def get_delivery(self, id: int) -> DeliveryRecord | None:
        """Return one stored delivery; None if there is none."""
        row = self._fetch_first_row(SELECT_DELIVERY, {"id": id})
        return delivery_from_row(row) if row else None

    def measure_database_size(self) -> DatabaseSize:
        """Measure the rows and bytes of the database."""
        return measure_database_size(self._engine)

    def build_storage_report(self) -> StorageReport:
        """Report where the database is, its size, and the row count of each table."""
        return build_storage_report(self._engine)

    def delete_all_traffic(self) -> None:
        """Delete all stored messages, deliveries and differences between responses."""
        with transaction(self._engine) as connection:
            for table in TABLES_TO_CLEAR:
                connection.execute(delete(table))

    def close(self) -> None:
        """Close the database of messages for good."""
        self.change_counter.close()
        close_database(self._engine)

    def _fetch_row_page(
        self,
        statement: Select[Any],
        values: Mapping[str, Any],
        limit: int,
        max_json_characters: int | None,
    ) -> tuple[list[Row[Any]], int | None]:
        """Return the first rows of a statement, and the id of the last one if more follow."""
        page: list[Row[Any]] = []
        characters = 0
        statement = statement.limit(limit + 1).execution_options(yield_per=ROWS_PER_FETCH)
        with (
            transaction(self._engine) as connection,
            connection.execute(statement, values) as rows,
        ):
            for row in rows:
                if len(page) == limit or (max_json_characters and characters > max_json_characters):
                    return page, page[-1].id
                page.append(row)
                characters += row.json_characters
        return page, None

    def _fetch_first_row(
        self, statement: Select[Any], values: Mapping[str, Any]
    ) -> Row[Any] | None:
        with transaction(self._engine) as connection:
            return connection.execute(statement.limit(1), values).first()


def _fetch_known_message_ids(connection: Connection, message_ids: list[str]) -> list[Any]:
    # The number of parameters is a power of two, so that there are a dozen statements at most.
    size = 1 << (len(message_ids) - 1).bit_length()
    statement, names = _build_known_message_ids_select(size)
    padded_ids = message_ids + message_ids[-1:] * (size - len(message_ids))
    return statement.fetch_all(connection, dict(zip(names, padded_ids, strict=True)))


@cache
def _build_known_message_ids_select(count: int) -> tuple[CompiledStatement, list[str]]:
    """Build the statement that finds known messageIds among *count*, and its parameter names.

    Segment deduplicates over at least 24 hours; here as long as the message is stored, and for 24
    hours in any case. (docs/assumptions.md, A9)
    """
    names = [f"id_{number}" for number in range(count)]
    ids: list[BindParameter[str]] = [bindparam(name) for name in names]
    stored_ids = select(messages.c.message_id).where(
        messages.c.message_id.in_(ids), messages.c.verdict != literal_column("'rejected'")
    )
    forgotten_ids = select(forgotten_message_ids.c.message_id).where(
        forgotten_message_ids.c.message_id.in_(ids)
    )
    return CompiledStatement(union_all(stored_ids, forgotten_ids)), names


def _insert_deliveries(
    connection: Connection,
    new_messages: Sequence[MessageRecord],
    pending_upserts: Sequence[UpsertRecord],
) -> None:
    rows = [
        delivery_to_row(delivery) for message in new_messages for delivery in message.deliveries
    ]
    if rows:
        INSERT_DELIVERY.execute_many(connection, rows)
    if pending_upserts:
        connection.execute(insert(upserts), [upsert_to_row(upsert) for upsert in pending_upserts])
