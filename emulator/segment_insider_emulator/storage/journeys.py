"""Storage of journey runs and their trails: due runs, runs by page, and counts of outcomes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Engine,
    Row,
    Select,
    Text,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    type_coerce,
    update,
)

from segment_insider_emulator.clock import NEVER_DUE, format_iso_utc
from segment_insider_emulator.storage.database import transaction
from segment_insider_emulator.storage.query_execution import CompiledStatement, list_column_names
from segment_insider_emulator.storage.records import JourneyRun, TrailEntry
from segment_insider_emulator.storage.schema import journey_runs, journey_trails

_IN_PROGRESS = journey_runs.c.status == "in_progress"
_OF_PROFILES = journey_runs.c.profile_id.in_(bindparam("profile_ids", expanding=True))
_OF_PROFILE = journey_runs.c.profile_id == bindparam("profile_id")

SELECT_DUE_RUNS = CompiledStatement(
    select(journey_runs)
    .where(journey_runs.c.due_at <= bindparam("now"))
    .order_by(journey_runs.c.due_at, journey_runs.c.id)
    .limit(bindparam("limit"))
)
SELECT_WATCHED_RUNS = CompiledStatement(
    select(journey_runs)
    .where(_OF_PROFILE, or_(_IN_PROGRESS, journey_runs.c.watched_until >= bindparam("now")))
    .order_by(journey_runs.c.id)
)
_LAST_RUN_IDS = (
    select(func.max(journey_runs.c.id)).where(_OF_PROFILE).group_by(journey_runs.c.journey_id)
)
# Also the last run in each journey: it decides whether the profile may enter again.
SELECT_WATCHED_AND_LAST_RUNS = CompiledStatement(
    select(journey_runs)
    .where(
        _OF_PROFILE,
        or_(
            _IN_PROGRESS,
            journey_runs.c.watched_until >= bindparam("now"),
            journey_runs.c.id.in_(_LAST_RUN_IDS),
        ),
    )
    .order_by(journey_runs.c.id)
)
SELECT_EARLIEST_DUE_AT = CompiledStatement(
    select(journey_runs.c.due_at)
    .where(journey_runs.c.due_at.is_not(None))
    .order_by(journey_runs.c.due_at)
    .limit(1)
)
INSERT_RUN = CompiledStatement(
    insert(journey_runs).returning(journey_runs.c.id), list_column_names(journey_runs, "id")
)
UPDATE_RUN = CompiledStatement(
    update(journey_runs).where(journey_runs.c.id == bindparam("run_id")),
    # The others never change; SQLite would write their indexes anew.
    list_column_names(journey_runs, "id", "journey_id", "profile_id", "entered_at", "mark"),
)
INSERT_TRAIL_ENTRY = CompiledStatement(
    insert(journey_trails), list_column_names(journey_trails, "number")
)
REASSIGN_RUNS = update(journey_runs).where(_OF_PROFILES).values(profile_id=bindparam("survivor"))
SELECT_RUNS = (
    select(journey_runs)
    .where(
        journey_runs.c.journey_id == bindparam("journey_id"),
        journey_runs.c.id > bindparam("after"),
    )
    .order_by(journey_runs.c.id)
)
RUN_FILTERS = {
    "profile_id": _OF_PROFILE,
    "status": journey_runs.c.status == bindparam("status"),
}
SELECT_TRAIL_ENTRIES = (
    select(journey_trails)
    .where(journey_trails.c.run_id.in_(bindparam("run_ids", expanding=True)))
    .order_by(journey_trails.c.number)
)
SELECT_LAST_SENT_TIMES = CompiledStatement(
    select(journey_trails.c.element, func.max(journey_trails.c.at).label("at"))
    .join(journey_runs, journey_runs.c.id == journey_trails.c.run_id)
    .where(
        journey_runs.c.profile_id == bindparam("profile_id"),
        journey_runs.c.journey_id == bindparam("journey_id"),
        journey_trails.c.kind == "would_send",
    )
    .group_by(journey_trails.c.element)
)
COUNT_RUNS_BY_STATUS = (
    select(journey_runs.c.status, func.count().label("number"))
    .where(journey_runs.c.journey_id == bindparam("journey_id"))
    .group_by(journey_runs.c.status)
)
COUNT_ENTRIES_BY_ELEMENT = (
    select(journey_trails.c.element, journey_trails.c.kind, func.count().label("number"))
    .join(journey_runs, journey_runs.c.id == journey_trails.c.run_id)
    .where(journey_runs.c.journey_id == bindparam("journey_id"))
    .group_by(journey_trails.c.element, journey_trails.c.kind)
)
SELECT_REACHED_GOALS = select(journey_runs.c.goals).where(
    journey_runs.c.journey_id == bindparam("journey_id"),
    type_coerce(journey_runs.c.goals, Text) != "[]",
)

_LAST_ENTRY_NUMBER = select(func.max(journey_trails.c.number)).join(
    journey_runs, journey_runs.c.id == journey_trails.c.run_id
)
# A run in progress is at the wait of its last "waiting" entry.
COUNT_WAITING_BY_ELEMENT = (
    select(journey_trails.c.element, func.count().label("number"))
    .where(
        journey_trails.c.number.in_(
            _LAST_ENTRY_NUMBER.where(
                _IN_PROGRESS,
                journey_runs.c.journey_id == bindparam("journey_id"),
                journey_trails.c.kind == "waiting",
            ).group_by(journey_trails.c.run_id)
        )
    )
    .group_by(journey_trails.c.element)
)
SELECT_NEWEST_RUNS = (
    select(journey_runs)
    .where(
        journey_runs.c.journey_id == bindparam("journey_id"),
        journey_runs.c.id < bindparam("before"),
    )
    .order_by(journey_runs.c.id.desc())
)
SELECT_RUNS_OF_PROFILE = (
    select(journey_runs)
    .where(journey_runs.c.profile_id == bindparam("profile_id"))
    .order_by(journey_runs.c.id.desc())
    .limit(bindparam("limit"))
)
_held_back = journey_trails.alias("held_back")
# A check of reachability also drops people; a channel says so itself.
_DROPPED_BEFORE_A_CHANNEL = and_(
    journey_trails.c.kind == "dropped",
    ~exists().where(
        _held_back.c.run_id == journey_trails.c.run_id, _held_back.c.kind == "held_back"
    ),
)
SELECT_CHANNEL_ENTRIES = (
    select(journey_trails, journey_runs.c.journey_id, journey_runs.c.profile_id)
    .join(journey_runs, journey_runs.c.id == journey_trails.c.run_id)
    .where(
        or_(
            journey_trails.c.kind.in_(("would_send", "held_back", "skipped")),
            _DROPPED_BEFORE_A_CHANNEL,
        )
    )
    .order_by(journey_trails.c.number.desc())
    .limit(bindparam("limit"))
)

MAX_RUN_ID = 2**63 - 1
_RUN_COLUMNS = list_column_names(journey_runs, "id")
_ENTRY_COLUMNS = [name for name in list_column_names(journey_trails, "number") if name != "run_id"]


@dataclass(frozen=True, slots=True)
class JourneyCounts:
    """Counts of all runs of one journey, by status, element and goal.

    Args:
        statuses: Status -> runs.
        elements: (element path, kind of entry) -> entries.
        goals: Name -> runs that reached it.
    """

    statuses: Mapping[str, int]
    elements: Mapping[tuple[str | None, str], int]
    goals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ChannelArrival:
    """A journey run at a channel or dropped before: the message, or why none would be sent."""

    journey_id: int
    profile_id: str
    entry: TrailEntry


class JourneyStore:
    """Stores journey runs and their trails. Raises: DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # One process alone uses an SQLite file, so it knows the next due time without a query.
        # Processes that share a database are notified of it, see `cache_next_due_time`.
        self._is_single_process = engine.dialect.name == "sqlite"
        self._next_due_at: str | None = None

    def save_run_progress(self, steps: Iterable[tuple[JourneyRun, Sequence[TrailEntry]]]) -> None:
        """Save journey runs and their new trail entries in one transaction."""
        trail_rows = []
        with transaction(self._engine) as connection:
            for run, entries in steps:
                self._update_cached_due_time(run)
                row = _record_to_row(run, _RUN_COLUMNS)
                run_id = run.id or INSERT_RUN.fetch_all(connection, row)[0].id
                if run.id:
                    UPDATE_RUN.execute_many(connection, [{"run_id": run_id, **row}])
                trail_rows += [
                    {"run_id": run_id, **_record_to_row(entry, _ENTRY_COLUMNS)} for entry in entries
                ]
            INSERT_TRAIL_ENTRY.execute_many(connection, trail_rows)

    def list_due_runs(self, now: datetime, limit: int) -> list[JourneyRun]:
        """Return the first *limit* journey runs due at *now*, ordered by due time."""
        rows = self._fetch_rows_of_compiled_statement(
            SELECT_DUE_RUNS, now=format_iso_utc(now), limit=limit
        )
        return [_journey_run_from_row(row) for row in rows]

    def has_no_due_run(self, now: datetime) -> bool:
        """Return whether no journey run is due at *now*, as far as is known without a query.

        False where the next due time is not known.
        """
        return self._next_due_at is not None and format_iso_utc(now) < self._next_due_at

    @property
    def known_next_due_time(self) -> str:
        """Return the next due time (ISO 8601) of journey runs; NEVER_DUE if it is not known."""
        return self._next_due_at or NEVER_DUE

    def reload_next_due_time(self) -> None:
        """Cache the next due time of journey runs from the database; only outside transactions."""
        if self._is_single_process:
            rows = self._fetch_rows_of_compiled_statement(SELECT_EARLIEST_DUE_AT)
            self._next_due_at = rows[0].due_at if rows else NEVER_DUE

    def cache_next_due_time(self, due_at: str | None) -> None:
        """Cache when the next journey run is due, as other processes report it; None if none is."""
        self._next_due_at = due_at or NEVER_DUE

    def forget_cached_due_time(self) -> None:
        """Forget the cached due time of journey runs, after rows were imported."""
        self._next_due_at = None

    def _update_cached_due_time(self, run: JourneyRun) -> None:
        if self._next_due_at is not None and run.due_at:
            self._next_due_at = min(self._next_due_at, format_iso_utc(run.due_at))

    def list_active_runs(self, profile_ids: Sequence[str], now: datetime) -> list[JourneyRun]:
        """Return these profiles' journey runs in progress, and those whose goals still count."""
        at = format_iso_utc(now)
        runs = [
            _journey_run_from_row(row)
            for profile_id in profile_ids
            for row in self._fetch_rows_of_compiled_statement(
                SELECT_WATCHED_RUNS, profile_id=profile_id, now=at
            )
        ]
        return sorted(runs, key=lambda run: run.id)

    def list_active_and_last_runs(self, profile_id: str, now: datetime) -> list[JourneyRun]:
        """Return a profile's active journey runs, and its last run in each journey."""
        rows = self._fetch_rows_of_compiled_statement(
            SELECT_WATCHED_AND_LAST_RUNS, profile_id=profile_id, now=format_iso_utc(now)
        )
        return [_journey_run_from_row(row) for row in rows]

    def find_last_sent_times(self, journey_id: int, profile_id: str) -> dict[str, datetime]:
        """Return when each channel of a journey last sent to a profile: element path -> time."""
        rows = self._fetch_rows_of_compiled_statement(
            SELECT_LAST_SENT_TIMES, journey_id=journey_id, profile_id=profile_id
        )
        return {row.element: datetime.fromisoformat(row.at) for row in rows}

    def reassign_runs(self, from_profile_ids: Sequence[str], to_profile_id: str) -> None:
        """Move the journey runs of merged profiles to the surviving profile."""
        values = {"profile_ids": from_profile_ids, "survivor": to_profile_id}
        with transaction(self._engine) as connection:
            connection.execute(REASSIGN_RUNS, values)

    def list_runs(
        self,
        journey_id: int,
        filters: Mapping[str, str],
        *,
        after_id: int = 0,
        limit: int = 100,
    ) -> tuple[list[tuple[JourneyRun, list[TrailEntry]]], int | None]:
        """Return runs of a journey with their trails after *after_id*, oldest first.

        Args:
            filters: Keys of RUN_FILTERS -> value.
        Returns: The page, and the next page's `after_id` or None.
        """
        statement = SELECT_RUNS.where(*(RUN_FILTERS[name] for name in filters)).limit(limit + 1)
        rows = self._fetch_rows(statement, **filters, journey_id=journey_id, after=after_id)
        page = self._load_runs_with_trails(rows[:limit])
        return page, page[-1][0].id if len(rows) > limit else None

    def list_newest_runs(
        self,
        journey_id: int,
        status: str | None = None,
        *,
        before_id: int = MAX_RUN_ID,
        limit: int = 50,
    ) -> tuple[list[tuple[JourneyRun, list[TrailEntry]]], int | None]:
        """Return runs of a journey with their trails before *before_id*, newest first.

        Returns: The page, and the next page's `before_id` or None.
        """
        filters = {"status": status} if status else {}
        conditions = [RUN_FILTERS[name] for name in filters]
        statement = SELECT_NEWEST_RUNS.where(*conditions).limit(limit + 1)
        rows = self._fetch_rows(statement, **filters, journey_id=journey_id, before=before_id)
        page = self._load_runs_with_trails(rows[:limit])
        return page, page[-1][0].id if len(rows) > limit else None

    def list_runs_of_profile(
        self, profile_id: str, limit: int = 50
    ) -> list[tuple[JourneyRun, list[TrailEntry]]]:
        """Return the latest journey runs of one profile with their trails, newest first."""
        rows = self._fetch_rows(SELECT_RUNS_OF_PROFILE, profile_id=profile_id, limit=limit)
        return self._load_runs_with_trails(rows)

    def count_waiting_runs_by_element(self, journey_id: int) -> dict[str, int]:
        """Return how many journey runs wait at each wait element, by element path."""
        rows = self._fetch_rows(COUNT_WAITING_BY_ELEMENT, journey_id=journey_id)
        return {row.element: row.number for row in rows}

    def list_channel_arrivals(self, limit: int = 50) -> list[ChannelArrival]:
        """Return the latest arrivals at a channel, and drops before one, newest first."""
        rows = self._fetch_rows(SELECT_CHANNEL_ENTRIES, limit=limit)
        return [
            ChannelArrival(row.journey_id, row.profile_id, _trail_entry_from_row(row))
            for row in rows
        ]

    def count_run_outcomes(self, journey_id: int) -> JourneyCounts:
        """Count the runs of a journey by status, element and goal."""
        statuses, elements, goals = (
            self._fetch_rows(statement, journey_id=journey_id)
            for statement in (COUNT_RUNS_BY_STATUS, COUNT_ENTRIES_BY_ELEMENT, SELECT_REACHED_GOALS)
        )
        return JourneyCounts(
            statuses={row.status: row.number for row in statuses},
            elements={(row.element, row.kind): row.number for row in elements},
            goals=Counter(name for row in goals for name in row.goals),
        )

    def delete_all_runs(self) -> None:
        """Delete all journey runs and their trails."""
        with transaction(self._engine) as connection:
            for table in (journey_trails, journey_runs):
                connection.execute(delete(table))

    def _load_runs_with_trails(
        self, rows: Sequence[Row[Any]]
    ) -> list[tuple[JourneyRun, list[TrailEntry]]]:
        trails: dict[int, list[TrailEntry]] = {row.id: [] for row in rows}
        for row in self._fetch_rows(SELECT_TRAIL_ENTRIES, run_ids=list(trails)):
            trails[row.run_id].append(_trail_entry_from_row(row))
        return [(_journey_run_from_row(row), trails[row.id]) for row in rows]

    def _fetch_rows(self, statement: Select[Any], **values: Any) -> list[Row[Any]]:
        with transaction(self._engine) as connection:
            return list(connection.execute(statement, values))

    def _fetch_rows_of_compiled_statement(
        self, statement: CompiledStatement, **values: Any
    ) -> list[Any]:
        with transaction(self._engine) as connection:
            return statement.fetch_all(connection, values)


def _record_to_row(record: JourneyRun | TrailEntry, columns: Sequence[str]) -> dict[str, Any]:
    """Convert a journey run or trail entry to a database row with these *columns*."""
    return {
        name: format_iso_utc(value)
        if isinstance(value := getattr(record, name), datetime)
        else value
        for name in columns
    }


def _parse_optional_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _journey_run_from_row(row: Any) -> JourneyRun:
    parsed = {
        "entered_at": datetime.fromisoformat(row.entered_at),
        "due_at": _parse_optional_time(row.due_at),
        "ended_at": _parse_optional_time(row.ended_at),
        "watched_until": _parse_optional_time(row.watched_until),
        "goals": tuple(row.goals),
    }
    return JourneyRun(**{**row._asdict(), **parsed})


def _trail_entry_from_row(row: Row[Any]) -> TrailEntry:
    at = datetime.fromisoformat(row.at)
    return TrailEntry(at, row.kind, row.what, row.element, row.details)
