"""Messages and deliveries: written before anything is acknowledged, read back oldest first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    Connection,
    Engine,
    Row,
    Select,
    bindparam,
    delete,
    insert,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy import update as change

from segment_insider_emulator.capture.browsing import Browsing
from segment_insider_emulator.capture.counting import message_counts
from segment_insider_emulator.capture.database import StorageFault, close, transaction
from segment_insider_emulator.capture.idle import Use
from segment_insider_emulator.capture.listening import Listener
from segment_insider_emulator.capture.news import News
from segment_insider_emulator.capture.overview import Overview
from segment_insider_emulator.capture.prepared import Prepared
from segment_insider_emulator.capture.records import Captured, Delivery, Upsert
from segment_insider_emulator.capture.rows import (
    DELIVERY_COLUMNS,
    MESSAGE_COLUMNS,
    captured,
    delivery,
    delivery_row,
    message_row,
    upsert_row,
)
from segment_insider_emulator.capture.scenario_runs import ScenarioRuns
from segment_insider_emulator.capture.sizes import Sizes, measure
from segment_insider_emulator.capture.tables import (
    deliveries,
    differences,
    forgotten,
    messages,
    upserts,
    waiting,
)
from segment_insider_emulator.capture.upserts import Upserts
from segment_insider_emulator.capture.waiting import Waiting, waiting_rows
from segment_insider_emulator.types import JSONObject

__all__ = ["DELIVERY_FILTERS", "MESSAGE_FILTERS", "StorageFault", "Store"]

MESSAGES = select(messages).where(messages.c.id > bindparam("after")).order_by(messages.c.id)
DELIVERIES = (
    select(deliveries).where(deliveries.c.id > bindparam("after")).order_by(deliveries.c.id)
)
MESSAGE = select(messages).where(messages.c.id == bindparam("id"))
DELIVERY = select(deliveries).where(deliveries.c.id == bindparam("id"))
NEWEST_MESSAGE = select(messages.c.id).order_by(messages.c.id.desc())
NEWEST_DELIVERY = select(deliveries).order_by(deliveries.c.id.desc())
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

ADD_MESSAGE = Prepared(insert(messages), MESSAGE_COLUMNS)
ADD_DELIVERY = Prepared(insert(deliveries), DELIVERY_COLUMNS)
CONCLUDED = change(messages).where(
    messages.c.message_id == bindparam("which"), messages.c.verdict != "rejected"
)
SERVED = delete(waiting).where(waiting.c.id == bindparam("place"))

PART = 50  # rows read at once of a page that may end early
LOOKUP = 1024  # ids asked for at once; a database bounds the values of one statement

# Counts after messages, which are taken off them one by one.
FORGOTTEN = (deliveries, messages, message_counts, upserts, waiting, differences, forgotten)

Record = TypeVar("Record", Captured, Delivery)
Page = tuple[list[Record], int | None]


class Store:
    """Messages and deliveries in one database. Raises StorageFault when it cannot be used."""

    def __init__(self, engine: Engine, listener: Listener | None = None) -> None:
        self._engine = engine
        self.upserts = Upserts(engine)
        self.waiting = Waiting(engine)
        self.news = News(engine, listener)
        self.use = Use(engine)
        self.browsing = Browsing(engine)
        self.scenario_runs = ScenarioRuns(engine)
        self.overview = Overview(engine)

    def record(
        self,
        kept: Sequence[Captured],
        unsettled: Sequence[Upsert] = (),
        acknowledged: Sequence[JSONObject] = (),
    ) -> None:
        """Keep messages and their deliveries, all or none; on return they survive a crash.

        Args:
            unsettled: Upserts that carry several of the deliveries, or are tried again.
            acknowledged: What is put aside for `waiting` to give back.
        """
        with transaction(self._engine) as connection:
            if kept:
                ADD_MESSAGE.run(connection, map(message_row, kept))
            if acknowledged:
                connection.execute(insert(waiting), waiting_rows(acknowledged))
            _keep_deliveries(connection, kept, unsettled)

    def conclude(
        self, kept: Sequence[Captured], unsettled: Sequence[Upsert], places: Sequence[int]
    ) -> None:
        """Keep what became of messages that waited at *places*; they wait no longer."""
        with transaction(self._engine) as connection:
            rows = [{"which": each.message_id, **message_row(each)} for each in kept]
            if rows:
                connection.execute(CONCLUDED, rows)
            connection.execute(SERVED, [{"place": place} for place in places])
            _keep_deliveries(connection, kept, unsettled)

    def seen(self, message_ids: Iterable[str]) -> set[str]:
        """Those of *message_ids* under which a message was taken in already; rejected ones, which
        never got as far as Segment's de-duplication, do not count."""
        asked = list(message_ids)
        with transaction(self._engine) as connection:
            return {
                found.message_id
                for start in range(0, len(asked), LOOKUP)
                for found in _seen(connection, asked[start : start + LOOKUP])
            }

    def messages(
        self,
        filters: Mapping[str, str] | None = None,
        *,
        after: int = 0,
        limit: int = 100,
        characters: int | None = None,
    ) -> Page[Captured]:
        """Messages after id *after*, oldest first, without their deliveries.

        Args:
            filters: Keys of MESSAGE_FILTERS -> wanted value.
            characters: Of JSON, behind which the page ends; None for any number.
        Returns: The page, and the `after` of the next one or None.
        """
        given = filters or {}
        statement = MESSAGES.where(*(MESSAGE_FILTERS[name] for name in given))
        rows, following = self._page(statement, {**given, "after": after}, limit, characters)
        return [captured(row) for row in rows], following

    def deliveries(
        self,
        filters: Mapping[str, str] | None = None,
        *,
        after: int = 0,
        limit: int = 100,
        characters: int | None = None,
    ) -> Page[Delivery]:
        """Deliveries after id *after*, as `messages`; *filters* has keys of DELIVERY_FILTERS."""
        given = filters or {}
        statement = DELIVERIES.where(*(DELIVERY_FILTERS[name] for name in given))
        rows, following = self._page(statement, {**given, "after": after}, limit, characters)
        return [delivery(row) for row in rows], following

    def newest_message(self, filters: Mapping[str, str]) -> Captured | None:
        """The last message that *filters*, keys of MESSAGE_FILTERS, find, with its deliveries."""
        statement = NEWEST_MESSAGE.where(*(MESSAGE_FILTERS[name] for name in filters))
        found = next((row.id for row in self._rows(statement, filters, 1)), None)
        return found and self.message(found)

    def newest_delivery(self, filters: Mapping[str, str]) -> Delivery | None:
        """The last delivery that *filters*, keys of DELIVERY_FILTERS, find."""
        statement = NEWEST_DELIVERY.where(*(DELIVERY_FILTERS[name] for name in filters))
        return next((delivery(row) for row in self._rows(statement, filters, 1)), None)

    def message(self, id: int) -> Captured | None:
        """One message with its deliveries."""
        for row in self._rows(MESSAGE, {"id": id}, 1):
            found = captured(row)
            made = self.deliveries({"messageId": found.message_id}, limit=1000)[0]
            # A duplicate has the id of a message that was delivered, but led to nothing itself.
            return found if found.verdict == "rejected" else replace(found, deliveries=tuple(made))
        return None

    def delivery(self, id: int) -> Delivery | None:
        """One delivery."""
        return next((delivery(row) for row in self._rows(DELIVERY, {"id": id}, 1)), None)

    def sizes(self) -> Sizes:
        """How much there is."""
        return measure(self._engine)

    def reset(self) -> None:
        """Forget everything kept here."""
        with transaction(self._engine) as connection:
            for table in FORGOTTEN:
                connection.execute(delete(table))

    def close(self) -> None:
        """Let go of the database for good."""
        self.news.close()
        close(self._engine)

    def _page(
        self,
        statement: Select[Any],
        values: Mapping[str, Any],
        limit: int,
        characters: int | None,
    ) -> tuple[list[Row[Any]], int | None]:
        """The first rows, and the id of the last one where more follow."""
        page: list[Row[Any]] = []
        size = 0
        more = statement.limit(limit + 1).execution_options(yield_per=PART)
        with (
            transaction(self._engine) as connection,
            connection.execute(more, values) as found,
        ):
            for row in found:
                if len(page) == limit or (characters and size > characters):
                    return page, page[-1].id
                page.append(row)
                size += sum(len(value) for value in row if isinstance(value, str))
        return page, None

    def _rows(
        self, statement: Select[Any], values: Mapping[str, Any], limit: int
    ) -> list[Row[Any]]:
        with transaction(self._engine) as connection:
            return list(connection.execute(statement.limit(limit), values))


def _seen(connection: Connection, asked: list[str]) -> list[Any]:
    # As many values as the next power of two, so that there are a dozen statements at most.
    size = 1 << (len(asked) - 1).bit_length()
    statement, names = _of_ids(size)
    padded = asked + asked[-1:] * (size - len(asked))
    return statement.rows(connection, dict(zip(names, padded, strict=True)))


@cache
def _of_ids(count: int) -> tuple[Prepared, list[str]]:
    """The ids of *count* that were taken in, and the names of the values.

    Segment looks back for 24 hours at least; here as long as the message is kept, and for these 24
    hours in any case. (docs/assumptions.md, A9)
    """
    names = [f"id_{number}" for number in range(count)]
    ids: list[BindParameter[str]] = [bindparam(name) for name in names]
    kept = select(messages.c.message_id).where(
        messages.c.message_id.in_(ids), messages.c.verdict != literal_column("'rejected'")
    )
    gone = select(forgotten.c.message_id).where(forgotten.c.message_id.in_(ids))
    return Prepared(union_all(kept, gone)), names


def _keep_deliveries(
    connection: Connection, kept: Sequence[Captured], unsettled: Sequence[Upsert]
) -> None:
    made = [delivery_row(delivery) for message in kept for delivery in message.deliveries]
    if made:
        ADD_DELIVERY.run(connection, made)
    if unsettled:
        connection.execute(insert(upserts), [upsert_row(each) for each in unsettled])
