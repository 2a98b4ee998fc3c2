"""Storage of reported scenario runs, and of differences between real and emulated responses."""

from dataclasses import dataclass

from sqlalchemy import Engine, bindparam, delete, insert, select, update

from segment_insider_emulator.storage.database import transaction
from segment_insider_emulator.storage.schema import differences, scenario_runs
from segment_insider_emulator.types import JSONObject

MAX_SCENARIO_RUNS = 50  # the oldest are deleted
SELECT_NEWEST_SCENARIO_RUNS = (
    select(scenario_runs).order_by(scenario_runs.c.id.desc()).limit(MAX_SCENARIO_RUNS)
)
SELECT_SCENARIO_RUN = select(scenario_runs).where(scenario_runs.c.id == bindparam("id"))
INSERT_SCENARIO_RUN = insert(scenario_runs).returning(scenario_runs.c.id)
DELETE_OLD_SCENARIO_RUNS = delete(scenario_runs).where(scenario_runs.c.id <= bindparam("last_id"))

SELECT_DIFFERENCES = (
    select(differences)
    .where(differences.c.id > bindparam("after"))
    .order_by(differences.c.id)
    .limit(bindparam("limit"))
)
INCREMENT_DIFFERENCE_COUNT = (
    update(differences)
    .where(differences.c.signature == bindparam("same_signature"))
    .values(times=differences.c.times + 1)
)


@dataclass(frozen=True, slots=True)
class ScenarioRun:
    """Record of one reported run of scenarios: {"startedAt", "features": [...]}."""

    id: int
    run: JSONObject


class ScenarioRunStore:
    """Stores the latest reported runs of scenarios. Raises: DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add_scenario_run(self, report: JSONObject) -> int:
        """Store the report of a scenario run and delete the oldest ones; return its id."""
        with transaction(self._engine) as connection:
            id: int = connection.scalars(INSERT_SCENARIO_RUN, [{"run": report}]).one()
            connection.execute(DELETE_OLD_SCENARIO_RUNS, {"last_id": id - MAX_SCENARIO_RUNS})
        return id

    def list_newest_scenario_runs(self) -> list[ScenarioRun]:
        """Return all stored scenario runs, newest first."""
        with transaction(self._engine) as connection:
            rows = connection.execute(SELECT_NEWEST_SCENARIO_RUNS)
            return [ScenarioRun(row.id, row.run) for row in rows]

    def get_scenario_run(self, run_id: int) -> ScenarioRun | None:
        """Return one stored scenario run; None if there is none."""
        with transaction(self._engine) as connection:
            row = connection.execute(SELECT_SCENARIO_RUN, {"id": run_id}).first()
            return ScenarioRun(row.id, row.run) if row else None


@dataclass(frozen=True, slots=True)
class ResponseDifference:
    """A difference between real and emulated responses: how often, when first, an example."""

    id: int
    times: int
    at: str
    document: JSONObject


class ResponseDifferenceStore:
    """Stores differences between the real account's responses and the emulated ones."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record_difference(self, signature: str, at: str, document: JSONObject) -> None:
        """Count a difference between responses; store *document* when its *signature* is new."""
        with transaction(self._engine) as connection:
            values = {"same_signature": signature}
            if connection.execute(INCREMENT_DIFFERENCE_COUNT, values).rowcount:
                return
            row = {"signature": signature, "times": 1, "at": at, "document": document}
            connection.execute(insert(differences), [row])

    def list_differences(
        self, *, after_id: int = 0, limit: int = 100
    ) -> tuple[list[ResponseDifference], int | None]:
        """Return response differences after *after_id*, and the next `after_id` or None."""
        with transaction(self._engine) as connection:
            values = {"after": after_id, "limit": limit + 1}
            rows = connection.execute(SELECT_DIFFERENCES, values)
            oldest = [ResponseDifference(row.id, row.times, row.at, row.document) for row in rows]
        page = oldest[:limit]
        return page, page[-1].id if len(oldest) > limit else None
