"""Messages that were acknowledged before they were delivered, oldest first."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Engine, bindparam, func, select

from emulator.capture.database import transaction
from emulator.capture.tables import waiting
from emulator.types import JSONObject

FIRST = select(waiting).order_by(waiting.c.id).limit(bindparam("most"))
COUNT = select(func.count()).select_from(waiting)


class Waiting:
    """What `Store.record` put aside; `Store.conclude` takes it away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def first(self, most: int) -> list[tuple[int, JSONObject]]:
        """At most *most* messages, each with its place."""
        with transaction(self._engine) as connection:
            rows = connection.execute(FIRST, {"most": most})
            return [(row.id, orjson.loads(row.message)) for row in rows]

    def count(self) -> int:
        """How many wait."""
        with transaction(self._engine) as connection:
            return connection.scalar(COUNT) or 0


def waiting_rows(acknowledged: Sequence[JSONObject]) -> list[dict[str, Any]]:
    """The rows of messages that are put aside; the database gives their places."""
    return [{"message": orjson.dumps(each).decode()} for each in acknowledged]
