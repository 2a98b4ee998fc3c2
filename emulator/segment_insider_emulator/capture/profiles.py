"""Where profiles, their identifiers and their events are kept."""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import RLock
from typing import Final

from sqlalchemy import Connection, Engine, delete

from segment_insider_emulator.capture.database import StorageFault, transaction, undone
from segment_insider_emulator.capture.postgres import take_turn
from segment_insider_emulator.capture.profile import Changes, Profile, ProfileEvent
from segment_insider_emulator.capture.profile_rows import event_of, profile_of
from segment_insider_emulator.capture.profile_tables import (
    AFTER,
    BY_ID,
    EVENT_COUNTS,
    EVENTS,
    NEWEST,
    NEWEST_LIKE,
    NUMBERS,
    OWNING,
    identifiers,
    profile_events,
    profiles,
)
from segment_insider_emulator.capture.walking import Stretch, stretches
from segment_insider_emulator.capture.writing import WRITING, Writing, writing_of

LAST = 2**63 - 1  # no profile has a larger number
PATIENCE: Final = 20.0  # seconds to wait for another who writes


class PatientLock:
    """A lock that a thread may take again, and that nobody waits for without end.

    Raises: StorageFault, when another thread keeps it for longer than *patience*, in seconds.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._lock = RLock()
        self._patience = patience

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=self._patience):
            raise StorageFault(f"something else has been writing for {self._patience:g} seconds")

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
        self.lock: AbstractContextManager[object] = nullcontext() if several else PatientLock()

    @contextmanager
    def writing(self, claimed: Collection[str] = ()) -> Iterator[Writing]:
        """One transaction, alone: committed at the end, undone by an exception. What is kept in
        the block, here or in another store, belongs to it.

        Args:
            claimed: What is not to be in other hands, as of database.claimed.
        """
        with self.lock, transaction(self._engine) as connection:
            if outer := writing_of(connection):
                yield outer
                return
            take_turn(connection, claimed)
            info = connection.info  # at hand, as a connection that is lost gives none
            made = info[WRITING] = Writing(connection)
            try:
                yield made
                made.flush()
            finally:
                del info[WRITING]

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A transaction that finds everything written, by itself too."""
        with transaction(self._engine) as connection:
            if writing := writing_of(connection):
                writing.flush()
            yield connection

    @contextmanager
    def rehearsing(self) -> Iterator[None]:
        """One transaction, alone, and undone at its end: for what is tried and not kept."""
        with self.lock, undone(self._engine):
            yield

    def find(self, wanted: Collection[str], ids: Collection[str] = ()) -> list[Profile]:
        """The profiles that own any of *wanted*, such as "uuid:u1", or are one of *ids*, without
        their events."""
        with transaction(self._engine) as connection:
            return (writing_of(connection) or Writing(connection)).find(wanted, ids)

    def get(self, id: str) -> Profile | None:
        """One profile with its events."""
        with self._reading() as connection:
            found = [profile_of(row) for row in BY_ID.rows(connection, {"id": id})]
            return next(iter(_with_events(connection, found)), None)

    def events(self, id: str) -> Sequence[ProfileEvent]:
        """What one profile did, the oldest write first."""
        with self._reading() as connection:
            return [event_of(row) for row in EVENTS.rows(connection, {"id": id})]

    def save(self, changes: Changes) -> list[ProfileEvent]:
        """Write *changes* in a transaction of their own; see Writing.save."""
        with self.writing() as writing:
            return writing.save(changes)

    def reset(self) -> None:
        """Forget every profile."""
        with self.lock, transaction(self._engine) as connection:
            for table in (profile_events, identifiers, profiles):
                connection.execute(delete(table))

    def newest(
        self, containing: str = "", *, before: int = LAST, limit: int = 100
    ) -> tuple[list[tuple[Profile, int]], int | None]:
        """Profiles before number *before*, newest first, each with how many events it has.

        Args:
            containing: Only those with this text in an identifier or an attribute.
        Returns: The page, and the `before` of the next one or None. A page may have room, and one
            follow it, when there was no time to look at all profiles.
        """
        with transaction(self._engine) as connection:
            if containing:
                found, reached = _containing(connection, containing, before, limit + 1)
            else:
                values = {"before": before, "most": limit + 1}
                found = [profile_of(row) for row in connection.execute(NEWEST, values)]
                reached = None
            page = found[:limit]
            ids = {"ids": [each.id for each in page]}
            counts = {row.profile_id: row.number for row in connection.execute(EVENT_COUNTS, ids)}
        following = page[-1].number if len(found) > limit else reached
        return [(each, counts.get(each.id, 0)) for each in page], following

    def list(
        self, identifier: str | None = None, *, after: int = 0, limit: int = 100
    ) -> tuple[list[Profile], int | None]:
        """Profiles after number *after*, oldest first, with their events.

        Args:
            identifier: Only the profile that owns it, e.g. "uuid:u1".
        Returns: The page, and the `after` of the next one or None.
        """
        statement = (OWNING if identifier else AFTER).limit(limit + 1)
        values = {"after": after} | ({"identifier": identifier} if identifier else {})
        with self._reading() as connection:
            found = [profile_of(row) for row in connection.execute(statement, values)]
            page = _with_events(connection, found[:limit])
        return page, page[-1].number if len(found) > limit else None


def _containing(
    connection: Connection, text: str, before: int, most: int
) -> tuple[list[Profile], int | None]:
    """The newest profiles with *text*, and how far was looked if there was no time for all."""
    lowest, highest = connection.execute(NUMBERS).one()
    if lowest is None:
        return [], None
    found: list[Profile] = []
    part = numbers = Stretch(lowest, min(highest, before - 1))
    for part in stretches(numbers):
        values = {**part._asdict(), "like": f"%{_literal(text)}%", "most": most - len(found)}
        found += map(profile_of, connection.execute(NEWEST_LIKE, values))
        if len(found) == most:
            break
    return found, None if part.low <= numbers.low else part.low


def _literal(text: str) -> str:
    """*text* in a pattern that stands for itself."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _with_events(connection: Connection, found: list[Profile]) -> list[Profile]:
    for profile in found:
        profile.events += map(event_of, EVENTS.rows(connection, {"id": profile.id}))
    return found
