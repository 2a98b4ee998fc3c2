"""Messages as a person looks through them: newest first, filtered, counted by verdict and time."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import Column, Connection, Engine, Row, Select, bindparam, func, select

from segment_insider_emulator.capture.counting import are_counted, counted
from segment_insider_emulator.capture.database import transaction
from segment_insider_emulator.capture.filters import DOCUMENT, Filters, conditions, within
from segment_insider_emulator.capture.listed import Found, Listed, Reach, Sent
from segment_insider_emulator.capture.records import Verdict
from segment_insider_emulator.capture.tables import deliveries, messages
from segment_insider_emulator.capture.walking import PATIENCE, Stretch, stretches

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
_LOWEST, _HIGHEST = (select(each(messages.c.id)).scalar_subquery() for each in (func.min, func.max))
_ENDS = select(_LOWEST, _HIGHEST)  # either is looked up, where both at once would be searched for
_FIRST_FROM = (
    select(messages.c.id, messages.c.received_at)
    .where(messages.c.id >= bindparam("id"))
    .order_by(messages.c.id)
    .limit(1)
)


class Browsing:
    """Looks through the messages of one database, for a fraction of a second at most."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(
        self,
        filters: Filters,
        *,
        before: int | None = None,
        after: int = 0,
        limit: int = 100,
        patience: float = PATIENCE,
    ) -> Found:
        """Messages that pass *filters*, newest first.

        Args:
            before, after: Only those with a lower or higher id.
            patience: Seconds.
        """
        rows: list[Row[Any]] = []
        with transaction(self._engine) as connection:
            part = ids = _ids(connection, filters, before, after)
            for part in stretches(ids, patience=patience):
                statement = _LISTED.where(messages.c.id.between(*part), *conditions(filters))
                rows += connection.execute(statement.limit(limit + 1 - len(rows)))
                if len(rows) > limit:
                    break
            ended = len(rows) > limit or part.low <= ids.low
            reach = None if ended else _reach(connection, part.low)
        return Found(self._with_deliveries(rows[:limit]), len(rows) > limit, reach)

    def those(self, ids: Sequence[int], filters: Filters) -> list[Listed]:
        """The messages with these *ids* that pass *filters*."""
        statement = _LISTED.where(messages.c.id.in_(ids), *conditions(filters))
        return self._with_deliveries(self._rows(statement))

    def beside(self, id: int, filters: Filters) -> tuple[int | None, int | None]:
        """The next newer and next older message that pass *filters*; None where none is near."""
        with transaction(self._engine) as connection:
            newer = _ids(connection, filters, None, id)
            older = _ids(connection, filters, id, 0)
            return (
                _nearest(connection, filters, newer, rising=True),
                _nearest(connection, filters, older, rising=False),
            )

    def span(self) -> tuple[str, str] | None:
        """When the first and the last message were received; None without any."""
        with transaction(self._engine) as connection:
            oldest, newest = connection.scalar(_OLDEST), connection.scalar(_NEWEST)
        return (oldest, newest) if oldest and newest else None

    def counts(
        self, filters: Filters, length: int, *, patience: float = PATIENCE
    ) -> tuple[dict[tuple[str, Verdict], int], Reach | None]:
        """How many messages there are by time and verdict, and how far was counted.

        Args:
            length: How many characters of the ISO 8601 time tell two apart: 16 counts by minute.
            patience: Seconds, where they have to be looked at.
        """
        sums: Counter[tuple[str, Verdict]] = Counter()
        with transaction(self._engine) as connection:
            if are_counted(filters):
                for row in connection.execute(counted(filters, length)):
                    sums[row.time, row.verdict] = int(row.number)
                return sums, None
            time = func.substr(messages.c.received_at, 1, length).label("time")
            statement = (
                select(time, messages.c.verdict, func.count().label("number"))
                .where(*conditions(filters))
                .group_by(time, messages.c.verdict)
            )
            part = ids = _ids(connection, filters)
            for part in stretches(ids, patience=patience):
                for row in connection.execute(statement.where(messages.c.id.between(*part))):
                    sums[row.time, row.verdict] += row.number
            return sums, None if part.low <= ids.low else _reach(connection, part.low)

    def names(self) -> dict[str, list[str]]:
        """What there is to choose from: "event" and "subscription" -> names."""
        columns = {"event": messages.c.event, "subscription": deliveries.c.subscription}
        return {
            name: sorted(row[0] for row in self._rows(_distinct(column)))
            for name, column in columns.items()
        }

    def _with_deliveries(self, rows: Sequence[Row[Any]]) -> list[Listed]:
        made = self._sent({row.message_id for row in rows if row.verdict != "rejected"})
        return [_listed(row, made) for row in rows]

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


def _ids(
    connection: Connection, filters: Filters, before: int | None = None, after: int = 0
) -> Stretch:
    """From the lowest to the highest id that may pass *filters*."""
    times = list(within(filters))
    ends = select(func.min(messages.c.id), func.max(messages.c.id)).where(*times)
    lowest, highest = connection.execute(ends if times else _ENDS).one()
    if lowest is None:
        return Stretch(1, 0)
    return Stretch(max(lowest, after + 1), highest if before is None else min(highest, before - 1))


def _nearest(connection: Connection, filters: Filters, ids: Stretch, *, rising: bool) -> int | None:
    order = messages.c.id if rising else messages.c.id.desc()
    nearest = select(messages.c.id).where(*conditions(filters)).order_by(order).limit(1)
    for part in stretches(ids, rising=rising, patience=PATIENCE / 2):
        found = connection.scalar(nearest.where(messages.c.id.between(*part)))
        if found is not None:
            return int(found)
    return None


def _reach(connection: Connection, id: int) -> Reach | None:
    row = connection.execute(_FIRST_FROM, {"id": id}).first()
    return row and Reach(id, row.received_at)


def _distinct(column: Column[Any]) -> Select[Any]:
    """The values of *column*, which has an index: from each is looked for the next larger one,
    since there are few in very many rows."""
    first = select(func.min(column).label("name")).cte("names", recursive=True)
    following = select(func.min(column)).where(column > first.c.name).scalar_subquery()
    names = first.union_all(select(following).where(first.c.name.is_not(None)))
    return select(names.c.name).where(names.c.name.is_not(None)).limit(_NAMES)
