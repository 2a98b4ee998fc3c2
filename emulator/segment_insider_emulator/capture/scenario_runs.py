"""The last runs of Gherkin scenarios, each one JSON document."""

from dataclasses import dataclass

import orjson
from sqlalchemy import Column, Engine, Table, Text, bindparam, delete, insert, select

from segment_insider_emulator.capture.database import Whole, metadata, transaction
from segment_insider_emulator.types import JSONObject

KEPT = 50  # runs; an older one makes room

scenario_runs = Table(
    "scenario_runs",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("run", Text, nullable=False),  # JSON object
    sqlite_autoincrement=True,
)

NEWEST = select(scenario_runs).order_by(scenario_runs.c.id.desc()).limit(KEPT)
ONE = select(scenario_runs).where(scenario_runs.c.id == bindparam("id"))
ADD = insert(scenario_runs).returning(scenario_runs.c.id)
OUTDATED = delete(scenario_runs).where(scenario_runs.c.id <= bindparam("last"))


@dataclass(frozen=True, slots=True)
class ScenarioRun:
    """One run as it was reported: {"startedAt", "features": [...]}."""

    id: int
    run: JSONObject


class ScenarioRuns:
    """The runs of one emulator. Raises StorageFault when the database cannot be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, run: JSONObject) -> int:
        """Keep *run*; gives its id."""
        with transaction(self._engine) as connection:
            id: int = connection.scalars(ADD, [{"run": orjson.dumps(run).decode()}]).one()
            connection.execute(OUTDATED, {"last": id - KEPT})
        return id

    def newest(self) -> list[ScenarioRun]:
        """All that are kept, the newest first."""
        with transaction(self._engine) as connection:
            rows = connection.execute(NEWEST)
            return [ScenarioRun(row.id, orjson.loads(row.run)) for row in rows]

    def get(self, id: int) -> ScenarioRun | None:
        """One run."""
        with transaction(self._engine) as connection:
            row = connection.execute(ONE, {"id": id}).first()
            return ScenarioRun(row.id, orjson.loads(row.run)) if row else None
