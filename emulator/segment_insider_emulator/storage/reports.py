"""The last runs of Gherkin scenarios, each one JSON document."""

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Column, Engine, Row, Table, Text, bindparam, delete, insert, select
from sqlalchemy import update as change

from segment_insider_emulator.storage.database import transaction
from segment_insider_emulator.storage.schema import Int64, differences, metadata
from segment_insider_emulator.types import JSONObject

MAX_SCENARIO_RUNS = 50  # runs; an older one makes room

scenario_runs = Table(
    "scenario_runs",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("run", Text, nullable=False),  # JSON object
    sqlite_autoincrement=True,
)

SELECT_NEWEST_SCENARIO_RUNS = (
    select(scenario_runs).order_by(scenario_runs.c.id.desc()).limit(MAX_SCENARIO_RUNS)
)
SELECT_SCENARIO_RUN = select(scenario_runs).where(scenario_runs.c.id == bindparam("id"))
INSERT_SCENARIO_RUN = insert(scenario_runs).returning(scenario_runs.c.id)
DELETE_OLD_SCENARIO_RUNS = delete(scenario_runs).where(scenario_runs.c.id <= bindparam("last"))


@dataclass(frozen=True, slots=True)
class ScenarioRun:
    """One run as it was reported: {"startedAt", "features": [...]}."""

    id: int
    run: JSONObject


class ScenarioRunStore:
    """The runs of one emulator. Raises StorageFault when the database cannot be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, report: JSONObject) -> int:
        """Keep *run*; gives its id."""
        with transaction(self._engine) as connection:
            id: int = connection.scalars(
                INSERT_SCENARIO_RUN, [{"run": orjson.dumps(report).decode()}]
            ).one()
            connection.execute(DELETE_OLD_SCENARIO_RUNS, {"last": id - MAX_SCENARIO_RUNS})
        return id

    def list_newest(self) -> list[ScenarioRun]:
        """All that are kept, the newest first."""
        with transaction(self._engine) as connection:
            rows = connection.execute(SELECT_NEWEST_SCENARIO_RUNS)
            return [ScenarioRun(row.id, orjson.loads(row.run)) for row in rows]

    def get(self, run_id: int) -> ScenarioRun | None:
        """One run."""
        with transaction(self._engine) as connection:
            row = connection.execute(SELECT_SCENARIO_RUN, {"id": run_id}).first()
            return ScenarioRun(row.id, orjson.loads(row.run)) if row else None


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
