"""Where profiles, their identifiers and their events are kept."""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import RLock
from typing import Final

from sqlalchemy import Connection, Engine, delete

from segment_insider_emulator.storage.database import (
    DatabaseUnavailable,
    rollback_transaction,
    transaction,
)
from segment_insider_emulator.storage.postgres import acquire_writer_lock
from segment_insider_emulator.storage.profile_unit_of_work import (
    COUNT_EVENTS_BY_PROFILE,
    SELECT_EVENTS_OF_PROFILE,
    SELECT_NEWEST_PROFILES,
    SELECT_NEWEST_PROFILES_CONTAINING,
    SELECT_PROFILE,
    SELECT_PROFILE_NUMBER_BOUNDS,
    SELECT_PROFILE_OF_IDENTIFIER,
    SELECT_PROFILES,
    UNIT_OF_WORK_KEY,
    ProfileUnitOfWork,
    current_unit_of_work,
    identifiers,
    profile_events,
    profiles,
)
from segment_insider_emulator.storage.query_execution import IdRange, split_into_chunks
from segment_insider_emulator.storage.records import Profile, ProfileChanges, ProfileEvent
from segment_insider_emulator.storage.row_mapping import profile_event_from_row, profile_from_row

MAX_PROFILE_NUMBER = 2**63 - 1  # no profile has a larger number
WRITE_LOCK_TIMEOUT_S: Final = 20.0  # seconds to wait for another who writes


class TimeoutLock:
    """A lock that a thread may take again, and that nobody waits for without end.

    Raises: StorageFault, when another thread keeps it for longer than *patience*, in seconds.
    """

    def __init__(self, timeout_s: float = WRITE_LOCK_TIMEOUT_S) -> None:
        self._lock = RLock()
        self._timeout_s = timeout_s

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=self._timeout_s):
            raise DatabaseUnavailable(
                f"something else has been writing for {self._timeout_s:g} seconds"
            )

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class ProfileStore:
    """All profiles of one emulator."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Two requests about one person must not both find nobody and create them twice. Journeys
        # take the same lock: with one of their own, either could wait for what the other has.
        # PostgreSQL has the writer's turn, which other processes wait for as well.
        several = engine.dialect.name == "postgresql"
        self.write_lock: AbstractContextManager[object] = (
            nullcontext() if several else TimeoutLock()
        )

    @contextmanager
    def unit_of_work(self, lock_names: Collection[str] = ()) -> Iterator[ProfileUnitOfWork]:
        """One transaction, alone: committed at the end, undone by an exception. What is kept in
        the block, here or in another store, belongs to it.

        Args:
            claimed: What is not to be in other hands, as of database.claimed.
        """
        with self.write_lock, transaction(self._engine) as connection:
            if outer := current_unit_of_work(connection):
                yield outer
                return
            acquire_writer_lock(connection, lock_names)
            info = connection.info  # at hand, as a connection that is lost gives none
            made = info[UNIT_OF_WORK_KEY] = ProfileUnitOfWork(connection)
            try:
                yield made
                made.flush()
            finally:
                del info[UNIT_OF_WORK_KEY]

    @contextmanager
    def _read_transaction(self) -> Iterator[Connection]:
        """A transaction that finds everything written, by itself too."""
        with transaction(self._engine) as connection:
            if writing := current_unit_of_work(connection):
                writing.flush()
            yield connection

    @contextmanager
    def dry_run(self) -> Iterator[None]:
        """One transaction, alone, and undone at its end: for what is tried and not kept."""
        with self.write_lock, rollback_transaction(self._engine):
            yield

    def find_by_identifiers(
        self, identifiers: Collection[str], profile_ids: Collection[str] = ()
    ) -> list[Profile]:
        """The profiles that own any of *wanted*, such as "uuid:u1", or are one of *ids*, without
        their events."""
        with transaction(self._engine) as connection:
            return (
                current_unit_of_work(connection) or ProfileUnitOfWork(connection)
            ).find_by_identifiers(identifiers, profile_ids)

    def get_with_events(self, profile_id: str) -> Profile | None:
        """One profile with its events."""
        with self._read_transaction() as connection:
            found = [
                profile_from_row(row)
                for row in SELECT_PROFILE.fetch_all(connection, {"id": profile_id})
            ]
            return next(iter(_load_events(connection, found)), None)

    def list_events(self, profile_id: str) -> Sequence[ProfileEvent]:
        """What one profile did, the oldest write first."""
        with self._read_transaction() as connection:
            return [
                profile_event_from_row(row)
                for row in SELECT_EVENTS_OF_PROFILE.fetch_all(connection, {"id": profile_id})
            ]

    def save(self, changes: ProfileChanges) -> list[ProfileEvent]:
        """Write *changes* in a transaction of their own; see Writing.save."""
        with self.unit_of_work() as writing:
            return writing.save_changes(changes)

    def reset(self) -> None:
        """Forget every profile."""
        with self.write_lock, transaction(self._engine) as connection:
            for table in (profile_events, identifiers, profiles):
                connection.execute(delete(table))

    def list_newest(
        self, containing: str = "", *, before_number: int = MAX_PROFILE_NUMBER, limit: int = 100
    ) -> tuple[list[tuple[Profile, int]], int | None]:
        """Profiles before number *before*, newest first, each with how many events it has.

        Args:
            containing: Only those with this text in an identifier or an attribute.
        Returns: The page, and the `before` of the next one or None. A page may have room, and one
            follow it, when there was no time to look at all profiles.
        """
        with transaction(self._engine) as connection:
            if containing:
                found, reached = _find_newest_containing(
                    connection, containing, before_number, limit + 1
                )
            else:
                values = {"before": before_number, "most": limit + 1}
                found = [
                    profile_from_row(row)
                    for row in connection.execute(SELECT_NEWEST_PROFILES, values)
                ]
                reached = None
            page = found[:limit]
            ids = {"ids": [each.id for each in page]}
            counts = {
                row.profile_id: row.number
                for row in connection.execute(COUNT_EVENTS_BY_PROFILE, ids)
            }
        following = page[-1].number if len(found) > limit else reached
        return [(each, counts.get(each.id, 0)) for each in page], following

    def list_with_events(
        self, identifier: str | None = None, *, after_number: int = 0, limit: int = 100
    ) -> tuple[list[Profile], int | None]:
        """Profiles after number *after*, oldest first, with their events.

        Args:
            identifier: Only the profile that owns it, e.g. "uuid:u1".
        Returns: The page, and the `after` of the next one or None.
        """
        statement = (SELECT_PROFILE_OF_IDENTIFIER if identifier else SELECT_PROFILES).limit(
            limit + 1
        )
        values = {"after": after_number} | ({"identifier": identifier} if identifier else {})
        with self._read_transaction() as connection:
            found = [profile_from_row(row) for row in connection.execute(statement, values)]
            page = _load_events(connection, found[:limit])
        return page, page[-1].number if len(found) > limit else None


def _find_newest_containing(
    connection: Connection, text: str, before_number: int, limit: int
) -> tuple[list[Profile], int | None]:
    """The newest profiles with *text*, and how far was looked if there was no time for all."""
    lowest, highest = connection.execute(SELECT_PROFILE_NUMBER_BOUNDS).one()
    if lowest is None:
        return [], None
    found: list[Profile] = []
    part = numbers = IdRange(lowest, min(highest, before_number - 1))
    for part in split_into_chunks(numbers):
        values = {**part._asdict(), "like": f"%{_escape_like(text)}%", "most": limit - len(found)}
        found += map(
            profile_from_row, connection.execute(SELECT_NEWEST_PROFILES_CONTAINING, values)
        )
        if len(found) == limit:
            break
    return found, None if part.low <= numbers.low else part.low


def _escape_like(text: str) -> str:
    """*text* in a pattern that stands for itself."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _load_events(connection: Connection, profiles_without_events: list[Profile]) -> list[Profile]:
    for profile in profiles_without_events:
        profile.events += map(
            profile_event_from_row,
            SELECT_EVENTS_OF_PROFILE.fetch_all(connection, {"id": profile.id}),
        )
    return profiles_without_events
