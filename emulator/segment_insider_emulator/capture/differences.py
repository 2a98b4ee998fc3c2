"""Where a real account and the emulated one answered differently, each kind of it once."""

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Engine, Row, bindparam, insert, select
from sqlalchemy import update as change

from segment_insider_emulator.capture.database import transaction
from segment_insider_emulator.capture.tables import differences
from segment_insider_emulator.types import JSONObject

SELECT_DIFFERENCES = (
    select(differences)
    .where(differences.c.id > bindparam("after"))
    .order_by(differences.c.id)
    .limit(bindparam("most"))
)
INCREMENT_DIFFERENCE_COUNT = (
    change(differences)
    .where(differences.c.signature == bindparam("which"))
    .values(times=differences.c.times + 1)
)


@dataclass(frozen=True, slots=True)
class ResponseDifference:
    """One kind of difference: how often, when first, and the exchange that showed it."""

    id: int
    times: int
    at: str
    document: JSONObject


class ResponseDifferenceStore:
    """The differences of one emulator."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record_difference(self, signature: str, at: str, document: JSONObject) -> None:
        """Keep *document* unless one with this signature is there; count it in any case."""
        with transaction(self._engine) as connection:
            if connection.execute(INCREMENT_DIFFERENCE_COUNT, {"which": signature}).rowcount:
                return
            row = {
                "signature": signature,
                "times": 1,
                "at": at,
                "document": _to_json_text(document),
            }
            connection.execute(insert(differences), [row])

    def list_differences(
        self, *, after_id: int = 0, limit: int = 100
    ) -> tuple[list[ResponseDifference], int | None]:
        """Those after id *after*, oldest first, and the `after` of the next page or None."""
        with transaction(self._engine) as connection:
            rows = connection.execute(SELECT_DIFFERENCES, {"after": after_id, "most": limit + 1})
            found = [_difference_from_row(row) for row in rows]
        page = found[:limit]
        return page, page[-1].id if len(found) > limit else None


def _difference_from_row(row: Row[Any]) -> ResponseDifference:
    return ResponseDifference(row.id, row.times, row.at, orjson.loads(row.document))


def _to_json_text(value: object) -> str:
    return orjson.dumps(value).decode()
