"""The last runs of Gherkin scenarios, each one JSON document."""

from dataclasses import dataclass

import orjson
from sqlalchemy import Column, Engine, Table, Text, bindparam, delete, insert, select

from segment_insider_emulator.capture.database import Int64, metadata, transaction
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
