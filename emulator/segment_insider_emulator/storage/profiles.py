"""Storage of Insider One profiles with their identifiers and events."""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

from sqlalchemy import (
    Connection,
    Engine,
    Text,
    bindparam,
    delete,
    exists,
    func,
    select,
    type_coerce,
)

from segment_insider_emulator.storage.database import open_rollback_transaction, transaction
from segment_insider_emulator.storage.profile_history import ProfileHistoryStore
from segment_insider_emulator.storage.profile_unit_of_work import (
    SELECT_PROFILE,
    ProfileUnitOfWork,
    TimeoutLock,
    UnitOfWorkFactory,
    escape_like_wildcards,
    get_current_unit_of_work,
    open_unit_of_work,
    profile_event_from_row,
    profile_from_row,
)
from segment_insider_emulator.storage.query_execution import (
    CompiledStatement,
    IdRange,
    split_id_range,
)
from segment_insider_emulator.storage.records import Profile, ProfileChanges, ProfileEvent
from segment_insider_emulator.storage.schema import (
    identifiers,
    profile_events,
    profile_history,
    profiles,
)

SELECT_PROFILES = (
    select(profiles).where(profiles.c.number > bindparam("after")).order_by(profiles.c.number)
)
SELECT_PROFILE_OF_IDENTIFIER = SELECT_PROFILES.where(
    profiles.c.id.in_(
        select(identifiers.c.profile_id).where(identifiers.c.identifier == bindparam("identifier"))
    )
)
SELECT_NEWEST_PROFILES = (
    select(profiles)
    .where(profiles.c.number < bindparam("before"))
    .order_by(profiles.c.number.desc())
    .limit(bindparam("limit"))
)
# Two subqueries: each is looked up in the index, where one query would scan for both.
SELECT_PROFILE_NUMBER_BOUNDS = select(
    select(func.min(profiles.c.number)).scalar_subquery(),
    select(func.max(profiles.c.number)).scalar_subquery(),
)
SELECT_NEWEST_PROFILES_CONTAINING = (
    select(profiles)
    .where(profiles.c.number.between(bindparam("low"), bindparam("high")))
    .where(
        type_coerce(profiles.c.attributes, Text).ilike(bindparam("like"), escape="\\")
        | exists().where(
            identifiers.c.profile_id == profiles.c.id,
            identifiers.c.identifier.ilike(bindparam("like"), escape="\\"),
        )
    )
    .order_by(profiles.c.number.desc())
    .limit(bindparam("limit"))
)
COUNT_EVENTS_BY_PROFILE = (
    select(profile_events.c.profile_id, func.count().label("number"))
    .where(profile_events.c.profile_id.in_(bindparam("ids", expanding=True)))
    .group_by(profile_events.c.profile_id)
)
SELECT_EVENTS_OF_PROFILE = CompiledStatement(
    select(profile_events)
    .where(profile_events.c.profile_id == bindparam("id"))
    .order_by(profile_events.c.number)
)
# Only the numbers are sorted: the index has them, and reading all events would take much longer.
_LATEST_EVENT_NUMBERS = (
    select(profile_events.c.number)
    .where(profile_events.c.profile_id == bindparam("id"))
    .order_by(profile_events.c.number.desc())
    .limit(bindparam("limit"))
)
SELECT_LATEST_EVENTS_OF_PROFILE = (
    select(profile_events)
    .where(profile_events.c.number.in_(_LATEST_EVENT_NUMBERS))
    .order_by(profile_events.c.number)
)
SELECT_EVENT_NUMBERS = (
    select(profile_events.c.number)
    .where(profile_events.c.profile_id == bindparam("id"))
    .order_by(profile_events.c.number)
)
SELECT_TIME_OF_EVENT = select(profile_events.c.received_at).where(
    profile_events.c.number == bindparam("number")
)
SELECT_EVENTS_BY_NUMBER = (
    select(profile_events)
    .where(profile_events.c.number.in_(bindparam("numbers", expanding=True)))
    .order_by(profile_events.c.number)
)
COUNT_EVENTS_OF_PROFILE = select(func.count()).where(profile_events.c.profile_id == bindparam("id"))
MAX_PROFILE_NUMBER = 2**63 - 1


class ProfileStore:
    """Stores Insider One profiles, their identifiers and their events."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Two requests about one person must not both find no profile and create two. Journeys use
        # the same lock: with one of their own, there could be a deadlock. PostgreSQL has the writer
        # lock, which excludes other processes, too.
        is_postgres = engine.dialect.name == "postgresql"
        self.write_lock: AbstractContextManager[object] = (
            nullcontext() if is_postgres else TimeoutLock()
        )
        self.history = ProfileHistoryStore(engine)
        self.unit_of_work: UnitOfWorkFactory = partial(open_unit_of_work, engine, self.write_lock)

    @contextmanager
    def begin_dry_run(self) -> Iterator[None]:
        """Run a with block in one exclusive transaction on profiles that is rolled back."""
        with self.write_lock, open_rollback_transaction(self._engine):
            yield

    def find_by_identifiers(
        self, identifiers: Collection[str], profile_ids: Collection[str] = ()
    ) -> list[Profile]:
        """Return the profiles that own any of *identifiers*, e.g. "uuid:u1", or have a given id.

        Their events are not loaded.
        """
        with transaction(self._engine) as connection:
            unit_of_work = get_current_unit_of_work(connection) or ProfileUnitOfWork(connection)
            return unit_of_work.find_by_identifiers(identifiers, profile_ids)

    def get_with_events(self, profile_id: str) -> Profile | None:
        """Return one profile with its events; None if there is none."""
        with self._begin_read_transaction() as connection:
            rows = SELECT_PROFILE.fetch_all(connection, {"id": profile_id})
            found = [_load_events_into_profile(connection, profile_from_row(row)) for row in rows]
        return found[0] if found else None

    def get_with_latest_events(
        self, profile_id: str, max_events: int, until: str | None = None
    ) -> tuple[Profile, int] | None:
        """Return a profile with at most *max_events* events, the latest ones, and how many it has.

        None if there is no such profile.

        Args:
            until: Only events that were received by then, ISO 8601.
        """
        with self._begin_read_transaction() as connection:
            rows = SELECT_PROFILE.fetch_all(connection, {"id": profile_id})
            if not rows:
                return None
            profile = profile_from_row(rows[0])
            if until is not None:
                return _load_events_until(connection, profile, max_events, until)
            values = {"id": profile_id, "limit": max_events}
            event_rows = connection.execute(SELECT_LATEST_EVENTS_OF_PROFILE, values)
            profile.events += map(profile_event_from_row, event_rows)
            event_count = connection.scalar(COUNT_EVENTS_OF_PROFILE, values) or 0
        return profile, event_count

    def list_events(self, profile_id: str) -> Sequence[ProfileEvent]:
        """Return the events of one profile, oldest first."""
        with self._begin_read_transaction() as connection:
            return _load_events_of_profile(connection, profile_id)

    def save_changes(self, changes: ProfileChanges) -> list[ProfileEvent]:
        """Save *changes* to profiles in one transaction; see ProfileUnitOfWork.save_changes."""
        with self.unit_of_work() as unit_of_work:
            return unit_of_work.save_changes(changes)

    def delete_all_profiles(self) -> None:
        """Delete all profiles with their identifiers and events."""
        with self.write_lock, transaction(self._engine) as connection:
            for table in (profile_events, identifiers, profiles, profile_history):
                connection.execute(delete(table))

    def list_newest_profiles(
        self, containing: str = "", *, before_number: int = MAX_PROFILE_NUMBER, limit: int = 100
    ) -> tuple[list[tuple[Profile, int]], int | None]:
        """Return profiles before *before_number* with their event counts, newest first.

        Args:
            containing: Only profiles with this text in an identifier or an attribute.
        Returns: The page, and the next page's `before_number` or None. A page may be short, and
            have a next one, when the search ran out of time.
        """
        with transaction(self._engine) as connection:
            if containing:
                newest, scan_limit = _find_newest_profiles_with_text(
                    connection, containing, before_number, limit + 1
                )
            else:
                values = {"before": before_number, "limit": limit + 1}
                rows = connection.execute(SELECT_NEWEST_PROFILES, values)
                newest, scan_limit = [profile_from_row(row) for row in rows], None
            page = newest[:limit]
            ids = {"ids": [profile.id for profile in page]}
            count_rows = connection.execute(COUNT_EVENTS_BY_PROFILE, ids)
            event_counts = {row.profile_id: row.number for row in count_rows}
        next_before = page[-1].number if len(newest) > limit else scan_limit
        return [(profile, event_counts.get(profile.id, 0)) for profile in page], next_before

    def list_profiles_with_events(
        self, identifier: str | None = None, *, after_number: int = 0, limit: int = 100
    ) -> tuple[list[Profile], int | None]:
        """Return profiles after *after_number* with their events, oldest first.

        Args:
            identifier: Only the profile that owns it, e.g. "uuid:u1".
        Returns: The page, and the next page's `after_number` or None.
        """
        statement = SELECT_PROFILE_OF_IDENTIFIER if identifier else SELECT_PROFILES
        values = {"after": after_number} | ({"identifier": identifier} if identifier else {})
        with self._begin_read_transaction() as connection:
            rows = connection.execute(statement.limit(limit + 1), values)
            oldest = [profile_from_row(row) for row in rows]
            page = [_load_events_into_profile(connection, profile) for profile in oldest[:limit]]
        return page, page[-1].number if len(oldest) > limit else None

    @contextmanager
    def _begin_read_transaction(self) -> Iterator[Connection]:
        """Open a transaction on profiles that sees the pending writes of this thread."""
        with transaction(self._engine) as connection:
            if unit_of_work := get_current_unit_of_work(connection):
                unit_of_work.write_pending_changes()
            yield connection


def _find_newest_profiles_with_text(
    connection: Connection, text: str, before_number: int, limit: int
) -> tuple[list[Profile], int | None]:
    """Return the newest profiles that contain *text*, and where the search ran out of time."""
    lowest, highest = connection.execute(SELECT_PROFILE_NUMBER_BOUNDS).one()
    if lowest is None:
        return [], None
    matches: list[Profile] = []
    chunk = numbers = IdRange(lowest, min(highest, before_number - 1))
    for chunk in split_id_range(numbers):
        values = {
            **chunk._asdict(),
            "like": f"%{escape_like_wildcards(text)}%",
            "limit": limit - len(matches),
        }
        matches += map(
            profile_from_row, connection.execute(SELECT_NEWEST_PROFILES_CONTAINING, values)
        )
        if len(matches) == limit:
            break
    return matches, None if chunk.low <= numbers.low else chunk.low


def _load_events_into_profile(connection: Connection, profile: Profile) -> Profile:
    profile.events += _load_events_of_profile(connection, profile.id)
    return profile


def _load_events_until(
    connection: Connection, profile: Profile, max_events: int, until: str
) -> tuple[Profile, int]:
    """Load the latest events that were received by a time; return how many there were by then.

    Events are stored in the order in which they are received: few of them are read to find the
    last one.
    """

    def get_time(number: int) -> str:
        return connection.scalar(SELECT_TIME_OF_EVENT, {"number": number}) or ""

    numbers = list(connection.scalars(SELECT_EVENT_NUMBERS, {"id": profile.id}))
    count = bisect_right(numbers, until, key=get_time)
    latest = numbers[max(count - max_events, 0) : count]
    rows = connection.execute(SELECT_EVENTS_BY_NUMBER, {"numbers": latest})
    profile.events += map(profile_event_from_row, rows)
    return profile, count


def _load_events_of_profile(connection: Connection, profile_id: str) -> list[ProfileEvent]:
    rows = SELECT_EVENTS_OF_PROFILE.fetch_all(connection, {"id": profile_id})
    return [profile_event_from_row(row) for row in rows]
