"""Messages and deliveries: written before anything is acknowledged, read back oldest first."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import orjson
from sqlalchemy import Engine, Row, Select, Table, bindparam, delete, insert, or_, select
from sqlalchemy.exc import OperationalError as StorageFault  # disk full, read-only, locked

from emulator.capture.records import Answer, Attempt, Captured, Delivery, SentRequest
from emulator.capture.tables import deliveries, messages

__all__ = ["DELIVERY_FILTERS", "MESSAGE_FILTERS", "StorageFault", "Store"]

SEEN = select(messages.c.message_id).where(
    messages.c.message_id.in_(bindparam("message_ids", expanding=True)),
    messages.c.verdict != "rejected",
)
MESSAGES = select(messages).where(messages.c.id > bindparam("after")).order_by(messages.c.id)
DELIVERIES = (
    select(deliveries).where(deliveries.c.id > bindparam("after")).order_by(deliveries.c.id)
)
MESSAGE = select(messages).where(messages.c.id == bindparam("id"))
DELIVERY = select(deliveries).where(deliveries.c.id == bindparam("id"))
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
}

LOOKUP = 1000  # ids asked for at once; a database bounds the values of one statement

Record = TypeVar("Record", Captured, Delivery)
Page = tuple[list[Record], int | None]


class Store:
    """Messages and deliveries in one database. Raises StorageFault when it cannot be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, captured: Iterable[Captured]) -> None:
        """Keep messages and their deliveries, all or none; on return they survive a crash."""
        kept = list(captured)
        made = [delivery for message in kept for delivery in message.deliveries]
        with self._engine.begin() as connection:
            if kept:
                connection.execute(insert(messages), [_message_row(message) for message in kept])
            if made:
                connection.execute(insert(deliveries), [_delivery_row(each) for each in made])

    def seen(self, message_ids: Iterable[str]) -> set[str]:
        """Those of *message_ids* under which a message was taken in already; rejected ones, which
        never got as far as Segment's de-duplication, do not count."""
        asked = list(message_ids)
        with self._engine.connect() as connection:
            return {
                found
                for start in range(0, len(asked), LOOKUP)
                for found in connection.scalars(
                    SEEN, {"message_ids": asked[start : start + LOOKUP]}
                )
            }

    def messages(
        self, filters: Mapping[str, str] | None = None, *, after: int = 0, limit: int = 100
    ) -> Page[Captured]:
        """Messages after id *after*, oldest first, without their deliveries.

        Args:
            filters: Keys of MESSAGE_FILTERS -> wanted value.
        Returns: The page, and the `after` of the next one or None.
        """
        given = filters or {}
        statement = MESSAGES.where(*(MESSAGE_FILTERS[name] for name in given))
        rows = self._rows(statement, {**given, "after": after}, limit + 1)
        return _page([_captured(row) for row in rows], limit)

    def deliveries(
        self, filters: Mapping[str, str] | None = None, *, after: int = 0, limit: int = 100
    ) -> Page[Delivery]:
        """Deliveries after id *after*, oldest first; *filters* has keys of DELIVERY_FILTERS."""
        given = filters or {}
        statement = DELIVERIES.where(*(DELIVERY_FILTERS[name] for name in given))
        rows = self._rows(statement, {**given, "after": after}, limit + 1)
        return _page([_delivery(row) for row in rows], limit)

    def message(self, id: int) -> Captured | None:
        """One message with its deliveries."""
        for row in self._rows(MESSAGE, {"id": id}, 1):
            found = _captured(row)
            made = self.deliveries({"messageId": found.message_id}, limit=1000)[0]
            # A duplicate has the id of a message that was delivered, but led to nothing itself.
            return found if found.verdict == "rejected" else replace(found, deliveries=tuple(made))
        return None

    def delivery(self, id: int) -> Delivery | None:
        """One delivery."""
        return next((_delivery(row) for row in self._rows(DELIVERY, {"id": id}, 1)), None)

    def reset(self) -> None:
        """Forget everything kept here."""
        with self._engine.begin() as connection:
            connection.execute(delete(deliveries))
            connection.execute(delete(messages))

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _rows(
        self, statement: Select[Any], values: Mapping[str, Any], limit: int
    ) -> list[Row[Any]]:
        with self._engine.connect() as connection:
            return list(connection.execute(statement.limit(limit), values))


def _page(found: list[Record], limit: int) -> Page[Record]:
    page = found[:limit]
    return page, page[-1].id if len(found) > limit else None


def _message_row(message: Captured) -> dict[str, Any]:
    plain = _columns(message, messages)
    return plain | {"sent": _text(message.sent), "normalised": _text(message.normalised)}


def _delivery_row(delivery: Delivery) -> dict[str, Any]:
    plain = _columns(delivery, deliveries)
    return plain | {
        "attempts": _text(delivery.attempts),
        "request": delivery.request and _text(delivery.request),
        "response": delivery.response and _text(delivery.response),
        "findings": _text(delivery.findings),
    }


def _columns(record: object, table: Table) -> dict[str, Any]:
    """Column -> field of the same name; the database gives the id."""
    return {column.name: getattr(record, column.name) for column in table.c if column.name != "id"}


def _captured(row: Row[Any]) -> Captured:
    parsed = {"sent": orjson.loads(row.sent), "normalised": orjson.loads(row.normalised)}
    return Captured(**{**row._mapping, **parsed})


def _delivery(row: Row[Any]) -> Delivery:
    parsed = {
        "attempts": tuple(Attempt(**attempt) for attempt in orjson.loads(row.attempts)),
        "request": SentRequest(**orjson.loads(row.request)) if row.request else None,
        "response": Answer(**orjson.loads(row.response)) if row.response else None,
        "findings": tuple(orjson.loads(row.findings)),
    }
    return Delivery(**{**row._mapping, **parsed})


def _text(value: object) -> str:
    return orjson.dumps(value).decode()
