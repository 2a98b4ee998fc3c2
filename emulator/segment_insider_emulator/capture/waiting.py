"""Messages that were acknowledged before they were delivered, oldest first."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Engine, bindparam, func, select, update

from segment_insider_emulator.capture.database import claimed, transaction
from segment_insider_emulator.capture.tables import waiting
from segment_insider_emulator.types import JSONObject

FIRST = select(waiting).order_by(waiting.c.id).limit(bindparam("most"))
COUNT = select(func.count()).select_from(waiting)
BEGIN = (
    update(waiting)
    .where(waiting.c.id == bindparam("place"))
    .values(begun=func.coalesce(waiting.c.begun, 0) + 1)
)
DELIVERIES = ("deliveries",)  # claimed by whoever makes them


class Waits(NamedTuple):
    """A message that waits at a place, and how many processes have begun to deliver it."""

    place: int
    message: JSONObject
    begun: int


class Waiting:
    """What `Store.record` put aside; `Store.conclude` takes it away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def first(self, most: int) -> list[Waits]:
        """The *most* messages that have waited longest."""
        with transaction(self._engine) as connection:
            rows = connection.execute(FIRST, {"most": most})
            return [Waits(row.id, orjson.loads(row.message), row.begun or 0) for row in rows]

    def begin(self, places: Collection[int]) -> None:
        """Note that this process begins to deliver the messages at *places*."""
        if places:
            with transaction(self._engine) as connection:
                connection.execute(BEGIN, [{"place": place} for place in places])

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep other processes from what waits."""
        with claimed(self._engine, DELIVERIES):
            yield

    def count(self) -> int:
        """How many wait."""
        with transaction(self._engine) as connection:
            return connection.scalar(COUNT) or 0


def waiting_rows(acknowledged: Sequence[JSONObject]) -> list[dict[str, Any]]:
    """The rows of messages that are put aside; the database gives their places."""
    return [{"message": orjson.dumps(each).decode()} for each in acknowledged]
