"""Where a real account and the emulated one answered differently, each kind of it once."""

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Engine, Row, bindparam, insert, select
from sqlalchemy import update as change

from segment_insider_emulator.capture.database import transaction
from segment_insider_emulator.capture.tables import differences
from segment_insider_emulator.types import JSONObject

AFTER = (
    select(differences)
    .where(differences.c.id > bindparam("after"))
    .order_by(differences.c.id)
    .limit(bindparam("most"))
)
AGAIN = (
    change(differences)
    .where(differences.c.signature == bindparam("which"))
    .values(times=differences.c.times + 1)
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One kind of difference: how often, when first, and the exchange that showed it."""

    id: int
    times: int
    at: str
    document: JSONObject


class Differences:
    """The differences of one emulator."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, signature: str, at: str, document: JSONObject) -> None:
        """Keep *document* unless one with this signature is there; count it in any case."""
        with transaction(self._engine) as connection:
            if connection.execute(AGAIN, {"which": signature}).rowcount:
                return
            row = {"signature": signature, "times": 1, "at": at, "document": _text(document)}
            connection.execute(insert(differences), [row])

    def list(self, *, after: int = 0, limit: int = 100) -> tuple[list[Difference], int | None]:
        """Those after id *after*, oldest first, and the `after` of the next page or None."""
        with transaction(self._engine) as connection:
            rows = connection.execute(AFTER, {"after": after, "most": limit + 1})
            found = [_difference(row) for row in rows]
        page = found[:limit]
        return page, page[-1].id if len(found) > limit else None


def _difference(row: Row[Any]) -> Difference:
    return Difference(row.id, row.times, row.at, orjson.loads(row.document))


def _text(value: object) -> str:
    return orjson.dumps(value).decode()
