"""The whole of what is kept at a glance: its latest part, how much there is, and where."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    BindParameter,
    Connection,
    Engine,
    Row,
    Select,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy import update as change

from segment_insider_emulator.storage.change_feed import ChangeCounter, PostgresListener
from segment_insider_emulator.storage.database import (
    DatabaseUnavailable,
    close_database,
    transaction,
)
from segment_insider_emulator.storage.database_size import (
    DatabaseSize,
    count_used_bytes,
    measure_database,
)
from segment_insider_emulator.storage.delivery_queue import (
    MessageQueue,
    UpsertStore,
    messages_to_queue_rows,
)
from segment_insider_emulator.storage.message_search import MessageSearch, message_counts
from segment_insider_emulator.storage.postgres import PoolUsage
from segment_insider_emulator.storage.query_execution import CompiledStatement
from segment_insider_emulator.storage.records import DeliveryRecord, MessageRecord, UpsertRecord
from segment_insider_emulator.storage.reports import ScenarioRunStore
from segment_insider_emulator.storage.row_mapping import (
    DELIVERY_COLUMNS,
    MESSAGE_COLUMNS,
    delivery_from_row,
    delivery_to_row,
    message_from_row,
    message_to_row,
    upsert_to_row,
)
from segment_insider_emulator.storage.schema import (
    deliveries,
    differences,
    forgotten_message_ids,
    messages,
    metadata,
    queued_messages,
    upserts,
)
from segment_insider_emulator.types import JSONObject

SELECT_LATEST_MESSAGES = select(messages).order_by(messages.c.id.desc()).limit(bindparam("most"))
SELECT_DELIVERIES_OF_MESSAGES = (
    select(deliveries)
    .where(deliveries.c.message_id.in_(bindparam("message_ids", expanding=True)))
    .order_by(deliveries.c.id)
)
SELECT_IDS_BY_MESSAGE_ID = (
    select(messages.c.message_id, messages.c.id)
    .where(messages.c.message_id.in_(bindparam("message_ids", expanding=True)))
    .order_by(messages.c.id.desc())
)
PUBLIC_URL_OPTIONS = (
    "host",
    "port",
    "options",
)  # what of an address' options says where; others may be secret
MAX_IDS_PER_QUERY = 1000  # ids asked for at once; a database bounds the values of one statement


@dataclass(frozen=True, slots=True)
class StorageReport:
    """What one sandbox has: the kind of its database, its address without a password, bytes in use,
    and rows of each table."""

    kind: str
    address: str
    bytes: int
    rows: dict[str, int]


class RecentActivity:
    """Looks at one database. Raises StorageFault when it cannot be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load_latest(self, limit: int) -> tuple[list[MessageRecord], list[DeliveryRecord]]:
        """The last *most* messages, newest first, and what they led to."""
        with transaction(self._engine) as connection:
            found = [
                message_from_row(row)
                for row in connection.execute(SELECT_LATEST_MESSAGES, {"most": limit})
            ]
            made = [
                delivery_from_row(row)
                for ids in _split_ids([each.message_id for each in found])
                for row in connection.execute(SELECT_DELIVERIES_OF_MESSAGES, {"message_ids": ids})
            ]
        return found, made

    def find_first_ids(self, message_ids: Sequence[str]) -> dict[str, int]:
        """messageId -> id of the first message that has it, for those that are kept."""
        with transaction(self._engine) as connection:
            return {
                row.message_id: row.id
                for ids in _split_ids(message_ids)
                for row in connection.execute(SELECT_IDS_BY_MESSAGE_ID, {"message_ids": ids})
            }

    def report_storage(self) -> StorageReport:
        """How much is kept where."""
        engine = self._engine
        with transaction(engine) as connection:
            rows = {
                table.name: connection.scalar(select(func.count()).select_from(table)) or 0
                for table in metadata.sorted_tables
            }
            used = count_used_bytes(connection)
        return StorageReport(engine.dialect.name, _redact_address(engine.url), used, rows)


def _split_ids(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[at : at + MAX_IDS_PER_QUERY] for at in range(0, len(ids), MAX_IDS_PER_QUERY)]


def _redact_address(url: URL) -> str:
    told = {name: value for name, value in url.query.items() if name in PUBLIC_URL_OPTIONS}
    return url.set(query=told).render_as_string()


__all__ = ["DELIVERY_FILTERS", "MESSAGE_FILTERS", "DatabaseUnavailable", "MessageStore"]

SELECT_MESSAGES = select(messages).where(messages.c.id > bindparam("after")).order_by(messages.c.id)
SELECT_DELIVERIES = (
    select(deliveries).where(deliveries.c.id > bindparam("after")).order_by(deliveries.c.id)
)
SELECT_MESSAGE = select(messages).where(messages.c.id == bindparam("id"))
SELECT_DELIVERY = select(deliveries).where(deliveries.c.id == bindparam("id"))
SELECT_NEWEST_MESSAGE_ID = select(messages.c.id).order_by(messages.c.id.desc())
SELECT_NEWEST_DELIVERY = select(deliveries).order_by(deliveries.c.id.desc())
# A shopper is asked for by either of the ids a message may carry.
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

INSERT_MESSAGE = CompiledStatement(insert(messages), MESSAGE_COLUMNS)
INSERT_DELIVERY = CompiledStatement(insert(deliveries), DELIVERY_COLUMNS)
UPDATE_QUEUED_MESSAGE = change(messages).where(
    messages.c.message_id == bindparam("which"), messages.c.verdict != "rejected"
)
DELETE_FROM_QUEUE = delete(queued_messages).where(queued_messages.c.id == bindparam("place"))

ROWS_PER_FETCH = 50  # rows read at once of a page that may end early
MAX_IDS_PER_LOOKUP = 1024  # ids asked for at once; a database bounds the values of one statement

# Counts after messages, which are taken off them one by one.
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
    """Messages and deliveries in one database. Raises StorageFault when it cannot be used."""

    def __init__(self, engine: Engine, listener: PostgresListener | None = None) -> None:
        self._engine = engine
        self.upserts = UpsertStore(engine)
        self.message_queue = MessageQueue(engine)
        self.change_counter = ChangeCounter(engine, listener)
        self.pool_usage = PoolUsage(engine)
        self.message_search = MessageSearch(engine)
        self.scenario_runs = ScenarioRunStore(engine)
        self.recent_activity = RecentActivity(engine)

    def record_messages(
        self,
        new_messages: Sequence[MessageRecord],
        pending_upserts: Sequence[UpsertRecord] = (),
        messages_to_queue: Sequence[JSONObject] = (),
    ) -> None:
        """Keep messages and their deliveries, all or none; on return they survive a crash.

        Args:
            unsettled: Upserts that carry several of the deliveries, or are tried again.
            acknowledged: What is put aside for `waiting` to give back.
        """
        with transaction(self._engine) as connection:
            if new_messages:
                INSERT_MESSAGE.execute_many(connection, map(message_to_row, new_messages))
            if messages_to_queue:
                connection.execute(
                    insert(queued_messages), messages_to_queue_rows(messages_to_queue)
                )
            _insert_deliveries(connection, new_messages, pending_upserts)

    def finish_queued(
        self,
        delivered_messages: Sequence[MessageRecord],
        pending_upserts: Sequence[UpsertRecord],
        queue_ids: Sequence[int],
    ) -> None:
        """Keep what became of messages that waited at *places*; they wait no longer."""
        with transaction(self._engine) as connection:
            rows = [
                {"which": each.message_id, **message_to_row(each)} for each in delivered_messages
            ]
            if rows:
                connection.execute(UPDATE_QUEUED_MESSAGE, rows)
            connection.execute(DELETE_FROM_QUEUE, [{"place": place} for place in queue_ids])
            _insert_deliveries(connection, delivered_messages, pending_upserts)

    def find_known_ids(self, message_ids: Iterable[str]) -> set[str]:
        """Those of *message_ids* under which a message was taken in already; rejected ones, which
        never got as far as Segment's de-duplication, do not count."""
        asked = list(message_ids)
        with transaction(self._engine) as connection:
            return {
                found.message_id
                for start in range(0, len(asked), MAX_IDS_PER_LOOKUP)
                for found in _fetch_known_ids(connection, asked[start : start + MAX_IDS_PER_LOOKUP])
            }

    def list_messages(
        self,
        filters: Mapping[str, str] | None = None,
        *,
        after_id: int = 0,
        limit: int = 100,
        max_json_characters: int | None = None,
    ) -> RecordPage[MessageRecord]:
        """Messages after id *after*, oldest first, without their deliveries.

        Args:
            filters: Keys of MESSAGE_FILTERS -> wanted value.
            characters: Of JSON, behind which the page ends; None for any number.
        Returns: The page, and the `after` of the next one or None.
        """
        given = filters or {}
        statement = SELECT_MESSAGES.where(*(MESSAGE_FILTERS[name] for name in given))
        rows, following = self._fetch_page(
            statement, {**given, "after": after_id}, limit, max_json_characters
        )
        return [message_from_row(row) for row in rows], following

    def list_deliveries(
        self,
        filters: Mapping[str, str] | None = None,
        *,
        after_id: int = 0,
        limit: int = 100,
        max_json_characters: int | None = None,
    ) -> RecordPage[DeliveryRecord]:
        """Deliveries after id *after*, as `messages`; *filters* has keys of DELIVERY_FILTERS."""
        given = filters or {}
        statement = SELECT_DELIVERIES.where(*(DELIVERY_FILTERS[name] for name in given))
        rows, following = self._fetch_page(
            statement, {**given, "after": after_id}, limit, max_json_characters
        )
        return [delivery_from_row(row) for row in rows], following

    def find_newest_message(self, filters: Mapping[str, str]) -> MessageRecord | None:
        """The last message that *filters*, keys of MESSAGE_FILTERS, find, with its deliveries."""
        statement = SELECT_NEWEST_MESSAGE_ID.where(*(MESSAGE_FILTERS[name] for name in filters))
        found = next((row.id for row in self._fetch_rows(statement, filters, 1)), None)
        return found and self.get_message(found)

    def find_newest_delivery(self, filters: Mapping[str, str]) -> DeliveryRecord | None:
        """The last delivery that *filters*, keys of DELIVERY_FILTERS, find."""
        statement = SELECT_NEWEST_DELIVERY.where(*(DELIVERY_FILTERS[name] for name in filters))
        return next(
            (delivery_from_row(row) for row in self._fetch_rows(statement, filters, 1)), None
        )

    def get_message(self, id: int) -> MessageRecord | None:
        """One message with its deliveries."""
        for row in self._fetch_rows(SELECT_MESSAGE, {"id": id}, 1):
            found = message_from_row(row)
            made = self.list_deliveries({"messageId": found.message_id}, limit=1000)[0]
            # A duplicate has the id of a message that was delivered, but led to nothing itself.
            return found if found.verdict == "rejected" else replace(found, deliveries=tuple(made))
        return None

    def get_delivery(self, id: int) -> DeliveryRecord | None:
        """One delivery."""
        return next(
            (delivery_from_row(row) for row in self._fetch_rows(SELECT_DELIVERY, {"id": id}, 1)),
            None,
        )

    def measure_size(self) -> DatabaseSize:
        """How much there is."""
        return measure_database(self._engine)

    def reset(self) -> None:
        """Forget everything kept here."""
        with transaction(self._engine) as connection:
            for table in TABLES_TO_CLEAR:
                connection.execute(delete(table))

    def close(self) -> None:
        """Let go of the database for good."""
        self.change_counter.close()
        close_database(self._engine)

    def _fetch_page(
        self,
        statement: Select[Any],
        values: Mapping[str, Any],
        limit: int,
        max_json_characters: int | None,
    ) -> tuple[list[Row[Any]], int | None]:
        """The first rows, and the id of the last one where more follow."""
        page: list[Row[Any]] = []
        size = 0
        more = statement.limit(limit + 1).execution_options(yield_per=ROWS_PER_FETCH)
        with (
            transaction(self._engine) as connection,
            connection.execute(more, values) as found,
        ):
            for row in found:
                if len(page) == limit or (max_json_characters and size > max_json_characters):
                    return page, page[-1].id
                page.append(row)
                size += sum(len(value) for value in row if isinstance(value, str))
        return page, None

    def _fetch_rows(
        self, statement: Select[Any], values: Mapping[str, Any], limit: int
    ) -> list[Row[Any]]:
        with transaction(self._engine) as connection:
            return list(connection.execute(statement.limit(limit), values))


def _fetch_known_ids(connection: Connection, message_ids: list[str]) -> list[Any]:
    # As many values as the next power of two, so that there are a dozen statements at most.
    size = 1 << (len(message_ids) - 1).bit_length()
    statement, names = _known_ids_statement(size)
    padded = message_ids + message_ids[-1:] * (size - len(message_ids))
    return statement.fetch_all(connection, dict(zip(names, padded, strict=True)))


@cache
def _known_ids_statement(count: int) -> tuple[CompiledStatement, list[str]]:
    """The ids of *count* that were taken in, and the names of the values.

    Segment looks back for 24 hours at least; here as long as the message is kept, and for these 24
    hours in any case. (docs/assumptions.md, A9)
    """
    names = [f"id_{number}" for number in range(count)]
    ids: list[BindParameter[str]] = [bindparam(name) for name in names]
    kept = select(messages.c.message_id).where(
        messages.c.message_id.in_(ids), messages.c.verdict != literal_column("'rejected'")
    )
    gone = select(forgotten_message_ids.c.message_id).where(
        forgotten_message_ids.c.message_id.in_(ids)
    )
    return CompiledStatement(union_all(kept, gone)), names


def _insert_deliveries(
    connection: Connection,
    new_messages: Sequence[MessageRecord],
    pending_upserts: Sequence[UpsertRecord],
) -> None:
    made = [
        delivery_to_row(delivery) for message in new_messages for delivery in message.deliveries
    ]
    if made:
        INSERT_DELIVERY.execute_many(connection, made)
    if pending_upserts:
        connection.execute(insert(upserts), [upsert_to_row(each) for each in pending_upserts])
