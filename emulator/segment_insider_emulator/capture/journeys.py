"""Where journey runs and their trails are kept."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Engine, Row, Select, delete

from segment_insider_emulator.capture.database import transaction
from segment_insider_emulator.capture.journey import Entry, Run
from segment_insider_emulator.capture.journey_tables import (
    ADD,
    BY_ELEMENT,
    BY_STATUS,
    CHANGE,
    DUE,
    EARLIEST,
    GOALS,
    HAND_OVER,
    KNOWN,
    MESSAGES,
    NEWEST,
    NOTE,
    OF_PROFILE,
    RUN_FILTERS,
    RUNS,
    SENT,
    TRAILS,
    WAITING,
    WATCHED,
    journey_runs,
    journey_trails,
)
from segment_insider_emulator.capture.prepared import Prepared, without
from segment_insider_emulator.clock import NEVER, iso

LATEST = 2**63 - 1  # no run has a larger id
_RUN = without(journey_runs, "id")
_ENTRY = [name for name in without(journey_trails, "number") if name != "run_id"]


@dataclass(frozen=True, slots=True)
class Tally:
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
class Sent:
    """An arrival at a channel: what would be sent, or why it would not."""

    journey_id: int
    profile_id: str
    entry: Entry


class JourneyStore:
    """All runs of one emulator. Raises StorageFault when the database cannot be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # A file is one emulator's alone, which so knows without asking that nothing is due yet.
        # Where several share a database, each is told.
        self._alone = engine.dialect.name == "sqlite"
        self._quiet_until: str | None = None

    def save(self, steps: Iterable[tuple[Run, Sequence[Entry]]]) -> None:
        """Keep runs as they are now and what was added to their trails, all or none."""
        trails = []
        with transaction(self._engine) as connection:
            for run, entries in steps:
                self._expect(run)
                id = run.id or ADD.rows(connection, _row(run, _RUN))[0].id
                if run.id:
                    CHANGE.run(connection, [{"which": id, **_row(run, _RUN)}])
                trails += [{"run_id": id, **_row(each, _ENTRY)} for each in entries]
            NOTE.run(connection, trails)

    def due(self, now: datetime, limit: int) -> list[Run]:
        """The first *limit* runs that go on at *now* or earlier, in the order in which they do."""
        return [_run(row) for row in self._found(DUE, now=iso(now), limit=limit)]

    def is_quiet(self, now: datetime) -> bool:
        """Whether it is known that no run goes on at *now* or earlier."""
        return self._quiet_until is not None and iso(now) < self._quiet_until

    def look_ahead(self) -> None:
        """See when the first run goes on; not in a transaction that may still be undone."""
        if self._alone:
            self._quiet_until = next((row.due_at for row in self._found(EARLIEST)), NEVER)

    def told(self, due_at: str | None) -> None:
        """Know when the first run goes on, ISO 8601; None when none does."""
        self._quiet_until = due_at or NEVER

    def look_again(self) -> None:
        """Ask the database the next time: runs were brought there by another way."""
        self._quiet_until = None

    def _expect(self, run: Run) -> None:
        if self._quiet_until is not None and run.due_at:
            self._quiet_until = min(self._quiet_until, iso(run.due_at))

    def watched(self, profile_ids: Sequence[str], now: datetime) -> list[Run]:
        """Runs of these profiles that are in progress, or whose goals count at *now*."""
        at = iso(now)
        rows = [row for id in profile_ids for row in self._found(WATCHED, profile_id=id, now=at)]
        return sorted(map(_run, rows), key=lambda run: run.id)

    def known(self, profile_id: str, now: datetime) -> list[Run]:
        """The watched runs of one profile, see `watched`, and its last one in each journey."""
        return [_run(row) for row in self._found(KNOWN, profile_id=profile_id, now=iso(now))]

    def sent(self, journey_id: int, profile_id: str) -> dict[str, datetime]:
        """Place of a channel -> when it last sent to this profile."""
        rows = self._found(SENT, journey_id=journey_id, profile_id=profile_id)
        return {row.element: datetime.fromisoformat(row.at) for row in rows}

    def hand_over(self, ended: Sequence[str], survivor: str) -> None:
        """Give the runs of profiles that were merged to the one that goes on."""
        with transaction(self._engine) as connection:
            connection.execute(HAND_OVER, {"profile_ids": ended, "survivor": survivor})

    def runs(
        self,
        journey_id: int,
        filters: Mapping[str, str],
        *,
        after: int = 0,
        limit: int = 100,
    ) -> tuple[list[tuple[Run, list[Entry]]], int | None]:
        """Runs of a journey with their trails after id *after*, oldest first.

        Args:
            filters: Keys of RUN_FILTERS -> wanted value.
        Returns: The page, and the `after` of the next one or None.
        """
        statement = RUNS.where(*(RUN_FILTERS[name] for name in filters)).limit(limit + 1)
        rows = self._rows(statement, **filters, journey_id=journey_id, after=after)
        page = self._with_trails(rows[:limit])
        return page, page[-1][0].id if len(rows) > limit else None

    def newest(
        self, journey_id: int, status: str | None = None, *, before: int = LATEST, limit: int = 50
    ) -> tuple[list[tuple[Run, list[Entry]]], int | None]:
        """Runs of a journey with their trails before id *before*, newest first; and the `before`
        of the next page or None."""
        wanted = {"status": status} if status else {}
        statement = NEWEST.where(*(RUN_FILTERS[name] for name in wanted)).limit(limit + 1)
        rows = self._rows(statement, **wanted, journey_id=journey_id, before=before)
        page = self._with_trails(rows[:limit])
        return page, page[-1][0].id if len(rows) > limit else None

    def of_profile(self, profile_id: str, limit: int = 50) -> list[tuple[Run, list[Entry]]]:
        """The last runs of one profile with their trails, newest first."""
        return self._with_trails(self._rows(OF_PROFILE, profile_id=profile_id, limit=limit))

    def waiting(self, journey_id: int) -> dict[str, int]:
        """Place of a wait -> how many are in it now."""
        return {row.element: row.number for row in self._rows(WAITING, journey_id=journey_id)}

    def messages(self, limit: int = 50) -> list[Sent]:
        """The last arrivals at a channel, newest first."""
        rows = self._rows(MESSAGES, limit=limit)
        return [Sent(row.journey_id, row.profile_id, _entry(row)) for row in rows]

    def tally(self, journey_id: int) -> Tally:
        """Count what became of everybody in a journey."""
        statuses, elements, goals = (
            self._rows(statement, journey_id=journey_id)
            for statement in (BY_STATUS, BY_ELEMENT, GOALS)
        )
        return Tally(
            statuses={row.status: row.number for row in statuses},
            elements={(row.element, row.kind): row.number for row in elements},
            goals=Counter(name for row in goals for name in orjson.loads(row.goals)),
        )

    def reset(self) -> None:
        """Forget every run."""
        with transaction(self._engine) as connection:
            for table in (journey_trails, journey_runs):
                connection.execute(delete(table))

    def _with_trails(self, rows: Sequence[Row[Any]]) -> list[tuple[Run, list[Entry]]]:
        page = {row.id: (_run(row), _no_entries()) for row in rows}
        for row in self._rows(TRAILS, run_ids=list(page)):
            page[row.run_id][1].append(_entry(row))
        return list(page.values())

    def _rows(self, statement: Select[Any], **values: Any) -> list[Row[Any]]:
        with transaction(self._engine) as connection:
            return list(connection.execute(statement, values))

    def _found(self, statement: Prepared, **values: Any) -> list[Any]:
        with transaction(self._engine) as connection:
            return statement.rows(connection, values)


def _no_entries() -> list[Entry]:
    return []


def _row(record: Run | Entry, names: Sequence[str]) -> dict[str, Any]:
    """Column -> field of the same name; the database gives the numbers."""
    return {name: _stored(getattr(record, name)) for name in names}


def _stored(value: object) -> object:
    if isinstance(value, datetime):
        return iso(value)
    return orjson.dumps(value).decode() if isinstance(value, (dict, tuple)) else value


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _run(row: Any) -> Run:
    read = {name: _moment(getattr(row, name)) for name in ("due_at", "ended_at", "watched_until")}
    entered = datetime.fromisoformat(row.entered_at)
    goals = tuple(orjson.loads(row.goals))
    return Run(**{**row._asdict(), **read, "entered_at": entered, "goals": goals})


def _entry(row: Row[Any]) -> Entry:
    at, details = datetime.fromisoformat(row.at), orjson.loads(row.details)
    return Entry(at, row.kind, row.what, row.element, details)
