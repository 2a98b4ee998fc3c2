"""Messages as a person looks through them: newest first, filtered, counted by verdict and time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import (
    Engine,
    Row,
    Select,
    bindparam,
    func,
    select,
)

from emulator.capture.database import transaction
from emulator.capture.filters import DOCUMENT, Filters, conditions
from emulator.capture.records import Verdict
from emulator.capture.tables import deliveries, messages
from emulator.types import JSONObject

_NAMES = 500  # suggested at most

_LISTED = select(
    *(each for each in messages.c if each.name not in ("sent", "normalised", "filtering")),
    DOCUMENT.label("document"),
).order_by(messages.c.id.desc())
_DELIVERED = (
    select(
        deliveries.c.id,
        deliveries.c.message_id,
        deliveries.c.subscription,
        deliveries.c.action_slug,
        deliveries.c.verdict,
        deliveries.c.reason,
        deliveries.c.upsert,
        deliveries.c.request.is_not(None).label("requested"),
    )
    .where(deliveries.c.message_id.in_(bindparam("message_ids", expanding=True)))
    .order_by(deliveries.c.id)
)
_OLDEST, _NEWEST = (select(each(messages.c.received_at)) for each in (func.min, func.max))


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery in a list: which subscription took the message, and what came of it.

    Args:
        upsert: The request that it shares with others; None where it has its own.
        requested: Whether there was a request at all.
    """

    id: int
    message_id: str
    subscription: str
    action_slug: str
    verdict: Verdict
    reason: str | None
    upsert: str | None
    requested: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """One message in a list.

    Args:
        document: What destinations were handed; of a rejected message, what was sent.
    """

    id: int
    message_id: str
    type: str | None
    event: str | None
    user_id: str | None
    anonymous_id: str | None
    received_at: str
    verdict: Verdict
    reason: str | None
    source: str | None
    document: JSONObject
    deliveries: tuple[Sent, ...]

    @property
    def user(self) -> str | None:
        """Whose it is, as far as the message says."""
        return self.user_id or self.anonymous_id

    @property
    def title(self) -> str | None:
        """The event's name, or that of the page or screen."""
        name = self.document.get("name")
        return self.event or (name if isinstance(name, str) else None) or None

    @property
    def requests(self) -> int:
        """How many requests to Insider One it has led to, or shares."""
        return len({each.upsert or each.id for each in self.deliveries if each.requested})


class Browsing:
    """Looks through the messages of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(
        self,
        filters: Filters,
        *,
        before: int | None = None,
        after: int | None = None,
        ids: Sequence[int] | None = None,
        limit: int = 100,
    ) -> tuple[list[Listed], bool]:
        """Messages that pass *filters*, newest first, and whether there are more.

        Args:
            before, after: Only those with a lower or higher id.
            ids: Only these.
        """
        statement = _LISTED.where(*conditions(filters))
        if before is not None:
            statement = statement.where(messages.c.id < before)
        if after is not None:
            statement = statement.where(messages.c.id > after)
        if ids is not None:
            statement = statement.where(messages.c.id.in_(ids))
        rows = self._rows(statement.limit(limit + 1))
        page = rows[:limit]
        made = self._sent({row.message_id for row in page if row.verdict != "rejected"})
        return [_listed(row, made) for row in page], len(rows) > limit

    def beside(self, id: int, filters: Filters) -> tuple[int | None, int | None]:
        """The next newer and next older message that pass *filters*; None where there is none."""
        both = []
        for condition, order in (
            (messages.c.id > id, messages.c.id),
            (messages.c.id < id, messages.c.id.desc()),
        ):
            chosen = select(messages.c.id).where(condition, *conditions(filters)).order_by(order)
            both.append(next((row.id for row in self._rows(chosen.limit(1))), None))
        return both[0], both[1]

    def span(self) -> tuple[str, str] | None:
        """When the first and the last message were received; None without any."""
        with transaction(self._engine) as connection:
            oldest, newest = connection.scalar(_OLDEST), connection.scalar(_NEWEST)
        return (oldest, newest) if oldest and newest else None

    def counts(self, filters: Filters, length: int) -> dict[tuple[str, Verdict], int]:
        """How many messages there are by time and verdict.

        Args:
            length: How many characters of the ISO 8601 time tell two apart: 16 counts by minute.
        """
        time = func.substr(messages.c.received_at, 1, length)
        statement = (
            select(time.label("time"), messages.c.verdict, func.count().label("number"))
            .where(*conditions(filters))
            .group_by(time, messages.c.verdict)
        )
        return {(row.time, row.verdict): row.number for row in self._rows(statement)}

    def names(self) -> dict[str, list[str]]:
        """What there is to choose from: "event" and "subscription" -> names."""
        columns = {"event": messages.c.event, "subscription": deliveries.c.subscription}
        return {
            name: [
                row[0]
                for row in self._rows(
                    select(column)
                    .distinct()
                    .where(column.is_not(None))
                    .order_by(column)
                    .limit(_NAMES)
                )
            ]
            for name, column in columns.items()
        }

    def _sent(self, message_ids: Iterable[str]) -> dict[str, list[Sent]]:
        made: dict[str, list[Sent]] = {}
        with transaction(self._engine) as connection:
            for row in connection.execute(_DELIVERED, {"message_ids": list(message_ids)}):
                made.setdefault(row.message_id, []).append(Sent(**row._mapping))
        return made

    def _rows(self, statement: Select[Any]) -> list[Row[Any]]:
        with transaction(self._engine) as connection:
            return list(connection.execute(statement))


def _listed(row: Row[Any], made: dict[str, list[Sent]]) -> Listed:
    own = () if row.verdict == "rejected" else tuple(made.get(row.message_id, ()))
    values = {**row._mapping, "document": orjson.loads(row.document)}
    return Listed(**values, deliveries=own)
