"""Tables of journey runs and their trails, and the statements on them. Times are ISO 8601, UTC,
with milliseconds, so that they sort as text."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    Column,
    Engine,
    Index,
    Row,
    Select,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from segment_insider_emulator.clock import NEVER_DUE, format_iso_utc
from segment_insider_emulator.storage.database import transaction
from segment_insider_emulator.storage.query_execution import CompiledStatement, column_names
from segment_insider_emulator.storage.records import JourneyRun, TrailEntry
from segment_insider_emulator.storage.schema import Int64, JsonText, metadata

journey_runs = Table(
    "journey_runs",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("journey_id", Int64, nullable=False),
    Column("profile_id", Text, nullable=False),
    Column("entered_at", Text, nullable=False),
    Column("mark", Text, nullable=False),
    Column("element", Text),  # NULL is the end
    Column("due_at", Text, index=True),  # NULL once ended
    Column("status", Text, nullable=False),
    Column("ended_at", Text),
    Column("watched_until", Text),
    Column("goals", JsonText, nullable=False),  # JSON list
    Index("journey_runs_of", "profile_id", "journey_id"),
    Index("journey_runs_in", "journey_id", "status"),
    sqlite_autoincrement=True,
)
journey_trails = Table(
    "journey_trails",
    metadata,
    Column("number", Int64, primary_key=True),
    Column("run_id", Int64, nullable=False, index=True),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("element", Text),
    Column("details", JsonText, nullable=False),  # JSON object
    sqlite_autoincrement=True,
)

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
# The last run in each journey besides, which says whether the person may enter again.
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
    insert(journey_runs).returning(journey_runs.c.id), column_names(journey_runs, "id")
)
UPDATE_RUN = CompiledStatement(
    update(journey_runs).where(journey_runs.c.id == bindparam("which")),
    column_names(journey_runs, "id"),
)
INSERT_TRAIL_ENTRY = CompiledStatement(
    insert(journey_trails), column_names(journey_trails, "number")
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
    journey_runs.c.journey_id == bindparam("journey_id"), journey_runs.c.goals != "[]"
)

_LAST_ENTRY_NUMBER = select(func.max(journey_trails.c.number)).join(
    journey_runs, journey_runs.c.id == journey_trails.c.run_id
)
# Whoever is in progress waits where the last entry about a wait says.
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
SELECT_CHANNEL_ENTRIES = (
    select(journey_trails, journey_runs.c.journey_id, journey_runs.c.profile_id)
    .join(journey_runs, journey_runs.c.id == journey_trails.c.run_id)
    .where(journey_trails.c.kind.in_(("would_send", "held_back", "skipped")))
    .order_by(journey_trails.c.number.desc())
    .limit(bindparam("limit"))
)

MAX_RUN_ID = 2**63 - 1  # no run has a larger id
_RUN_COLUMNS = column_names(journey_runs, "id")
_ENTRY_COLUMNS = [name for name in column_names(journey_trails, "number") if name != "run_id"]


@dataclass(frozen=True, slots=True)
class JourneyCounts:
    """What became of everybody in one journey.

    Args:
        statuses: Status -> runs.
        elements: (place, kind of entry) -> entries.
        goals: Name -> runs that reached it.
    """

    statuses: Mapping[str, int]
    elements: Mapping[tuple[str | None, str], int]
    goals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ChannelArrival:
    """An arrival at a channel: what would be sent, or why it would not."""

    journey_id: int
    profile_id: str
    entry: TrailEntry


class JourneyStore:
    """All runs of one emulator. Raises StorageFault when the database cannot be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # A file is one emulator's alone, which so knows without asking that nothing is due yet.
        # Where several share a database, each is told.
        self._is_single_process = engine.dialect.name == "sqlite"
        self._next_due_at: str | None = None

    def save_steps(self, steps: Iterable[tuple[JourneyRun, Sequence[TrailEntry]]]) -> None:
        """Keep runs as they are now and what was added to their trails, all or none."""
        trails = []
        with transaction(self._engine) as connection:
            for run, entries in steps:
                self._note_due(run)
                id = run.id or INSERT_RUN.fetch_all(connection, _to_row(run, _RUN_COLUMNS))[0].id
                if run.id:
                    UPDATE_RUN.execute_many(
                        connection, [{"which": id, **_to_row(run, _RUN_COLUMNS)}]
                    )
                trails += [{"run_id": id, **_to_row(each, _ENTRY_COLUMNS)} for each in entries]
            INSERT_TRAIL_ENTRY.execute_many(connection, trails)

    def list_due_runs(self, now: datetime, limit: int) -> list[JourneyRun]:
        """The first *limit* runs that go on at *now* or earlier, in the order in which they do."""
        return [
            _run_from_row(row)
            for row in self._execute_compiled(SELECT_DUE_RUNS, now=format_iso_utc(now), limit=limit)
        ]

    def has_nothing_due(self, now: datetime) -> bool:
        """Whether it is known that no run goes on at *now* or earlier."""
        return self._next_due_at is not None and format_iso_utc(now) < self._next_due_at

    def reload_next_due(self) -> None:
        """See when the first run goes on; not in a transaction that may still be undone."""
        if self._is_single_process:
            self._next_due_at = next(
                (row.due_at for row in self._execute_compiled(SELECT_EARLIEST_DUE_AT)), NEVER_DUE
            )

    def set_next_due(self, due_at: str | None) -> None:
        """Know when the first run goes on, ISO 8601; None when none does."""
        self._next_due_at = due_at or NEVER_DUE

    def clear_next_due(self) -> None:
        """Ask the database the next time: runs were brought there by another way."""
        self._next_due_at = None

    def _note_due(self, run: JourneyRun) -> None:
        if self._next_due_at is not None and run.due_at:
            self._next_due_at = min(self._next_due_at, format_iso_utc(run.due_at))

    def list_watched_runs(self, profile_ids: Sequence[str], now: datetime) -> list[JourneyRun]:
        """Runs of these profiles that are in progress, or whose goals count at *now*."""
        at = format_iso_utc(now)
        rows = [
            row
            for id in profile_ids
            for row in self._execute_compiled(SELECT_WATCHED_RUNS, profile_id=id, now=at)
        ]
        return sorted(map(_run_from_row, rows), key=lambda run: run.id)

    def list_watched_and_last_runs(self, profile_id: str, now: datetime) -> list[JourneyRun]:
        """The watched runs of one profile, see `watched`, and its last one in each journey."""
        return [
            _run_from_row(row)
            for row in self._execute_compiled(
                SELECT_WATCHED_AND_LAST_RUNS, profile_id=profile_id, now=format_iso_utc(now)
            )
        ]

    def find_last_sent_times(self, journey_id: int, profile_id: str) -> dict[str, datetime]:
        """Place of a channel -> when it last sent to this profile."""
        rows = self._execute_compiled(
            SELECT_LAST_SENT_TIMES, journey_id=journey_id, profile_id=profile_id
        )
        return {row.element: datetime.fromisoformat(row.at) for row in rows}

    def reassign_runs(self, from_profile_ids: Sequence[str], to_profile_id: str) -> None:
        """Give the runs of profiles that were merged to the one that goes on."""
        with transaction(self._engine) as connection:
            connection.execute(
                REASSIGN_RUNS, {"profile_ids": from_profile_ids, "survivor": to_profile_id}
            )

    def list_runs(
        self,
        journey_id: int,
        filters: Mapping[str, str],
        *,
        after_id: int = 0,
        limit: int = 100,
    ) -> tuple[list[tuple[JourneyRun, list[TrailEntry]]], int | None]:
        """Runs of a journey with their trails after id *after*, oldest first.

        Args:
            filters: Keys of RUN_FILTERS -> wanted value.
        Returns: The page, and the `after` of the next one or None.
        """
        statement = SELECT_RUNS.where(*(RUN_FILTERS[name] for name in filters)).limit(limit + 1)
        rows = self._execute(statement, **filters, journey_id=journey_id, after=after_id)
        page = self._load_trails(rows[:limit])
        return page, page[-1][0].id if len(rows) > limit else None

    def list_newest_runs(
        self,
        journey_id: int,
        status: str | None = None,
        *,
        before_id: int = MAX_RUN_ID,
        limit: int = 50,
    ) -> tuple[list[tuple[JourneyRun, list[TrailEntry]]], int | None]:
        """Runs of a journey with their trails before id *before*, newest first; and the `before`
        of the next page or None."""
        wanted = {"status": status} if status else {}
        statement = SELECT_NEWEST_RUNS.where(*(RUN_FILTERS[name] for name in wanted)).limit(
            limit + 1
        )
        rows = self._execute(statement, **wanted, journey_id=journey_id, before=before_id)
        page = self._load_trails(rows[:limit])
        return page, page[-1][0].id if len(rows) > limit else None

    def list_runs_of_profile(
        self, profile_id: str, limit: int = 50
    ) -> list[tuple[JourneyRun, list[TrailEntry]]]:
        """The last runs of one profile with their trails, newest first."""
        return self._load_trails(
            self._execute(SELECT_RUNS_OF_PROFILE, profile_id=profile_id, limit=limit)
        )

    def count_waiting_by_element(self, journey_id: int) -> dict[str, int]:
        """Place of a wait -> how many are in it now."""
        return {
            row.element: row.number
            for row in self._execute(COUNT_WAITING_BY_ELEMENT, journey_id=journey_id)
        }

    def list_channel_arrivals(self, limit: int = 50) -> list[ChannelArrival]:
        """The last arrivals at a channel, newest first."""
        rows = self._execute(SELECT_CHANNEL_ENTRIES, limit=limit)
        return [
            ChannelArrival(row.journey_id, row.profile_id, _entry_from_row(row)) for row in rows
        ]

    def count_outcomes(self, journey_id: int) -> JourneyCounts:
        """Count what became of everybody in a journey."""
        statuses, elements, goals = (
            self._execute(statement, journey_id=journey_id)
            for statement in (COUNT_RUNS_BY_STATUS, COUNT_ENTRIES_BY_ELEMENT, SELECT_REACHED_GOALS)
        )
        return JourneyCounts(
            statuses={row.status: row.number for row in statuses},
            elements={(row.element, row.kind): row.number for row in elements},
            goals=Counter(name for row in goals for name in orjson.loads(row.goals)),
        )

    def reset(self) -> None:
        """Forget every run."""
        with transaction(self._engine) as connection:
            for table in (journey_trails, journey_runs):
                connection.execute(delete(table))

    def _load_trails(self, rows: Sequence[Row[Any]]) -> list[tuple[JourneyRun, list[TrailEntry]]]:
        page = {row.id: (_run_from_row(row), _empty_entries()) for row in rows}
        for row in self._execute(SELECT_TRAIL_ENTRIES, run_ids=list(page)):
            page[row.run_id][1].append(_entry_from_row(row))
        return list(page.values())

    def _execute(self, statement: Select[Any], **values: Any) -> list[Row[Any]]:
        with transaction(self._engine) as connection:
            return list(connection.execute(statement, values))

    def _execute_compiled(self, statement: CompiledStatement, **values: Any) -> list[Any]:
        with transaction(self._engine) as connection:
            return statement.fetch_all(connection, values)


def _empty_entries() -> list[TrailEntry]:
    return []


def _to_row(record: JourneyRun | TrailEntry, columns: Sequence[str]) -> dict[str, Any]:
    """Column -> field of the same name; the database gives the numbers."""
    return {name: _to_column_value(getattr(record, name)) for name in columns}


def _to_column_value(value: object) -> object:
    if isinstance(value, datetime):
        return format_iso_utc(value)
    return orjson.dumps(value).decode() if isinstance(value, (dict, tuple)) else value


def _parse_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _run_from_row(row: Any) -> JourneyRun:
    read = {
        name: _parse_time(getattr(row, name)) for name in ("due_at", "ended_at", "watched_until")
    }
    entered = datetime.fromisoformat(row.entered_at)
    goals = tuple(orjson.loads(row.goals))
    return JourneyRun(**{**row._asdict(), **read, "entered_at": entered, "goals": goals})


def _entry_from_row(row: Row[Any]) -> TrailEntry:
    at, details = datetime.fromisoformat(row.at), orjson.loads(row.details)
    return TrailEntry(at, row.kind, row.what, row.element, details)
