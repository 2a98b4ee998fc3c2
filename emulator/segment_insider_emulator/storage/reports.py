"""Storage of reported scenario runs and of response differences, and search for problems."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from sqlalchemy import (
    Engine,
    Row,
    Text,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    type_coerce,
    update,
)

from segment_insider_emulator.storage.database import transaction
from segment_insider_emulator.storage.message_filters import MessageFilters
from segment_insider_emulator.storage.message_search import (
    OldestScannedMessage,
    find_id_range_of_matches,
    load_oldest_scanned_message,
)
from segment_insider_emulator.storage.query_execution import DEFAULT_TIME_BUDGET_S, split_id_range
from segment_insider_emulator.storage.records import Verdict
from segment_insider_emulator.storage.schema import deliveries, differences, messages, scenario_runs
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


MAX_PROBLEM_ROWS: Final = 20_000  # deliveries of messages with a problem
_SELECT_PROBLEMS = (
    select(
        *(messages.c[name] for name in ("id", "type", "event", "received_at", "verdict", "reason")),
        messages.c.filtering,
        deliveries.c.subscription,
        deliveries.c.verdict.label("delivery_verdict"),
        deliveries.c.reason.label("delivery_reason"),
        deliveries.c.request.is_not(None).label("requested"),
        deliveries.c.code,
        deliveries.c.findings,
    )
    .outerjoin(
        deliveries,
        # A rejected duplicate has the messageId of a delivered message, but no deliveries.
        and_(deliveries.c.message_id == messages.c.message_id, messages.c.verdict != "rejected"),
    )
    .where(
        or_(messages.c.verdict != "accepted", type_coerce(deliveries.c.findings, Text) != "[]"),
        messages.c.id.between(bindparam("low"), bindparam("high")),
    )
    .order_by(messages.c.id.desc(), deliveries.c.id)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class ProblemDelivery:
    """A delivery of a message with a problem; `requested` is false when the mapping failed."""

    subscription: str
    verdict: Verdict
    reason: str | None
    requested: bool
    code: str | None
    findings: list[JSONObject]


@dataclass(frozen=True, slots=True)
class ProblemMessage:
    """A message that is not accepted, or that has findings."""

    id: int
    type: str | None
    event: str | None
    received_at: str
    verdict: Verdict
    reason: str | None
    filtering: JSONObject | None
    deliveries: list[ProblemDelivery]


def find_problem_messages(
    engine: Engine, *, time_budget_s: float = DEFAULT_TIME_BUDGET_S
) -> tuple[list[ProblemMessage], OldestScannedMessage | None]:
    """Find the messages with a problem, newest first, and how far back that reached.

    Returns: None after the messages when all were searched.
    """
    rows: list[Row[Any]] = []
    with transaction(engine) as connection:
        chunk = ids = find_id_range_of_matches(connection, MessageFilters())
        for chunk in split_id_range(ids, time_budget_s=time_budget_s):
            values = {"low": chunk.low, "high": chunk.high, "limit": MAX_PROBLEM_ROWS - len(rows)}
            rows += connection.execute(_SELECT_PROBLEMS, values)
            if len(rows) >= MAX_PROBLEM_ROWS:
                return _group_problem_rows(rows), OldestScannedMessage(
                    rows[-1].id, rows[-1].received_at
                )
        oldest = load_oldest_scanned_message(connection, chunk.low) if chunk.low > ids.low else None
    return _group_problem_rows(rows), oldest


def _group_problem_rows(rows: list[Row[Any]]) -> list[ProblemMessage]:
    found = []
    for _, group in groupby(rows, key=lambda row: row.id):
        of_message = list(group)
        first = of_message[0]
        found.append(
            ProblemMessage(
                first.id,
                first.type,
                first.event,
                first.received_at,
                first.verdict,
                first.reason,
                first.filtering,
                [
                    ProblemDelivery(
                        row.subscription,
                        row.delivery_verdict,
                        row.delivery_reason,
                        row.requested,
                        row.code,
                        row.findings or [],
                    )
                    for row in of_message
                    if row.subscription is not None
                ],
            )
        )
    return found
