"""Unit of work on profiles: one transaction with cached reads and collected writes.

A batch brings a hundred requests in one transaction. Written one by one, their rows cost several
times what they cost together, and most of that is spent around SQLite, not in it.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from threading import RLock
from typing import Any, Final, Protocol

from sqlalchemy import (
    BindParameter,
    Connection,
    Engine,
    Text,
    bindparam,
    delete,
    insert,
    select,
    type_coerce,
    update,
)

from segment_insider_emulator.storage.database import (
    DatabaseUnavailable,
    get_open_connection,
    transaction,
)
from segment_insider_emulator.storage.json_conditions import extract_text
from segment_insider_emulator.storage.postgres import acquire_writer_lock
from segment_insider_emulator.storage.profile_history import (
    DELETE_HISTORIES,
    INSERT_HISTORY_ENTRY,
    MERGE_HISTORIES,
)
from segment_insider_emulator.storage.query_execution import (
    CompiledStatement,
    get_session,
    list_column_names,
)
from segment_insider_emulator.storage.records import (
    Profile,
    ProfileChanges,
    ProfileEvent,
    ProfileHistoryEntry,
)
from segment_insider_emulator.storage.schema import identifiers, profile_events, profiles

SELECT_PROFILE = CompiledStatement(select(profiles).where(profiles.c.id == bindparam("id")))
INSERT_PROFILE = CompiledStatement(insert(profiles), list_column_names(profiles, "number"))
UPDATE_PROFILE = CompiledStatement(
    update(profiles).where(profiles.c.id == bindparam("profile_id")),
    list_column_names(profiles, "number", "id"),  # with the id, SQLite would write its index anew
)
INSERT_IDENTIFIER = CompiledStatement(insert(identifiers), list_column_names(identifiers))
INSERT_EVENT = CompiledStatement(
    insert(profile_events), list_column_names(profile_events, "number")
)
SELECT_EVENT_BY_FINGERPRINT = CompiledStatement(
    select(profile_events.c.number).where(
        profile_events.c.profile_id == bindparam("id"),
        profile_events.c.fingerprint == bindparam("fingerprint"),
    )
)
# A limit, so that a profile with a hundred thousand purchases does not slow down each purchase.
MAX_EVENTS_SEARCHED = 200
_SEARCHED_EVENTS = (
    select(profile_events)
    .where(profile_events.c.profile_id == bindparam("id"))
    .limit(MAX_EVENTS_SEARCHED)
    .subquery()
)
SELECT_EVENTS_BY_NAME = CompiledStatement(
    select(_SEARCHED_EVENTS).where(
        _SEARCHED_EVENTS.c.name == bindparam("name"),
        type_coerce(_SEARCHED_EVENTS.c.params, Text).like(bindparam("like"), escape="\\"),
    )
)
DELETE_IDENTIFIERS = delete(identifiers).where(
    identifiers.c.identifier.in_(bindparam("identifiers", expanding=True))
)
DELETE_PROFILES = [
    DELETE_HISTORIES,
    *(
        delete(table).where(column.in_(bindparam("ids", expanding=True)))
        for table, column in (
            (profile_events, profile_events.c.profile_id),
            (identifiers, identifiers.c.profile_id),
            (profiles, profiles.c.id),
        )
    ),
]
MERGE_PROFILES = [
    # Of an event that both profiles have, the survivor's copy stays.
    delete(profile_events).where(
        profile_events.c.profile_id == bindparam("ended"),
        profile_events.c.fingerprint.in_(
            select(profile_events.c.fingerprint).where(
                profile_events.c.profile_id == bindparam("survivor")
            )
        ),
    ),
    *(
        update(table)
        .where(table.c.profile_id == bindparam("ended"))
        .values(profile_id=bindparam("survivor"))
        for table in (identifiers, profile_events)
    ),
    delete(profiles).where(profiles.c.id == bindparam("ended")),
    MERGE_HISTORIES,
]
DELETE_EXPIRED_EVENTS_BY_NAME = delete(profile_events).where(
    profile_events.c.name.in_(bindparam("names", expanding=True)),
    profile_events.c.occurred_at < bindparam("before"),
)
DELETE_EXPIRED_OTHER_EVENTS = delete(profile_events).where(
    profile_events.c.name.not_in(bindparam("names", expanding=True)),
    profile_events.c.occurred_at < bindparam("before"),
)
SELECT_EVENT_BEFORE = CompiledStatement(
    select(profile_events.c.profile_id)
    .where(profile_events.c.occurred_at < bindparam("before"))
    .limit(1)
)
SELECT_EXPIRED_PROFILE_IDS = CompiledStatement(
    select(profiles.c.id).where(profiles.c.updated_at < bindparam("before"))
)

UNIT_OF_WORK_KEY = "profile unit of work"  # in the info of a connection, during a transaction
_MAX_BOUND_VALUES = 10_000  # of one statement; SQLite allows 32,766


class ProfileUnitOfWork:
    """Reads and writes profiles within one exclusive transaction, and caches them until its end.

    All callers within the transaction get the same Profile object: changes to it must be saved, or
    the transaction rolled back.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._profiles: dict[str, Profile] = {}  # by id
        self._owner_ids: dict[str, str | None] = {}  # by identifier; None: no profile owns it
        self._saved_event_keys: set[tuple[str, str]] = set()  # profile id, fingerprint
        self._ids_without_events: set[str] = set()  # of profiles created here
        self._created_profiles: dict[str, Profile] = {}
        self._changed_profiles: dict[str, Profile] = {}
        self._added_identifiers: dict[str, str] = {}
        self._new_events: list[tuple[str, ProfileEvent]] = []
        self._new_history: list[ProfileHistoryEntry] = []

    def find_by_identifiers(
        self, identifiers: Collection[str], profile_ids: Collection[str] = ()
    ) -> list[Profile]:
        """Return the profiles that own any of *identifiers* or have one of *profile_ids*.

        Their events are not loaded.
        """
        self._load_identifier_owners(
            [identifier for identifier in identifiers if identifier not in self._owner_ids]
        )
        owner_ids = [
            owner_id for identifier in identifiers if (owner_id := self._owner_ids[identifier])
        ]
        candidates = map(self._load_profile, dict.fromkeys([*owner_ids, *profile_ids]))
        return [profile for profile in candidates if profile]

    def find_by_attribute(self, path: str, values: Collection[str]) -> list[Profile]:
        """Return the profiles whose attribute *path* is one of *values*, oldest first.

        It reads all profiles: attributes have no index. Their events are not loaded.
        """
        self.write_pending_changes()
        statement = (
            select(profiles.c.id)
            .where(extract_text(profiles.c.attributes, path).in_(list(values)))
            .order_by(profiles.c.number)
        )
        ids = list(self._connection.scalars(statement)) if values else []
        return [profile for id in ids if (profile := self._load_profile(id))]

    def save_changes(self, changes: ProfileChanges) -> list[ProfileEvent]:
        """Save *changes* to profiles; return the events that were stored before, so not again."""
        for profile in (*changes.created_profiles, *changes.changed_profiles):
            profile.change_count += 1
        if changes.merges or changes.deleted_profile_ids or changes.removed_identifiers:
            self._apply_merges_and_deletions(changes)
        for profile in changes.created_profiles:
            self._created_profiles[profile.id] = self._profiles[profile.id] = profile
            if not changes.merges:
                self._ids_without_events.add(profile.id)
        for profile in changes.changed_profiles:
            is_new = profile.id in self._created_profiles
            pending = self._created_profiles if is_new else self._changed_profiles
            pending[profile.id] = self._profiles[profile.id] = profile
        self._added_identifiers |= changes.added_identifiers
        self._owner_ids |= changes.added_identifiers
        known_events = [
            event
            for profile_id, events in changes.new_events.items()
            for event in events
            if not self._add_event_if_new(profile_id, event)
        ]
        if changes.merges:
            # Identifiers moved to a profile that may be new: look-ups have to find it.
            self.write_pending_changes()
        return known_events

    def add_history(self, entries: Iterable[ProfileHistoryEntry]) -> None:
        """Save entries of histories; their profiles must be saved, too."""
        self._new_history += entries

    def find_events_by_name(
        self, profile_id: str, event_name: str, params_text: str = ""
    ) -> list[ProfileEvent]:
        """Return a profile's events with this name, including those saved in this transaction.

        Of a profile with more than MAX_EVENTS_SEARCHED events, only that many are searched.

        Args:
            params_text: Only stored events with this text in the JSON of their parameters; letter
                case does not count.
        """
        stored_events: list[ProfileEvent] = []
        if profile_id not in self._ids_without_events:
            like = f"%{escape_like_wildcards(params_text)}%"
            values = {"id": profile_id, "name": event_name, "like": like}
            rows = SELECT_EVENTS_BY_NAME.fetch_all(self._connection, values)
            stored_events = [profile_event_from_row(row) for row in rows]
        pending_events = (
            event
            for owner_id, event in self._new_events
            if owner_id == profile_id and event.name == event_name
        )
        return [*stored_events, *pending_events]

    def delete_histories(self, profile_ids: Collection[str]) -> None:
        """Delete the histories of profiles, and those of the profiles merged into them."""
        self.write_pending_changes()
        self._connection.execute(DELETE_HISTORIES, {"ids": list(profile_ids)})

    def delete_profiles(self, profile_ids: Collection[str]) -> None:
        """Delete profiles with their identifiers and events."""
        self.write_pending_changes()
        self._clear_cache()
        for part in _split_values_into_chunks(list(profile_ids)):
            for statement in DELETE_PROFILES:
                self._connection.execute(statement, {"ids": part})

    def delete_expired_events_and_profiles(
        self, event_cutoffs: Mapping[str, str], other_events_cutoff: str, profile_cutoff: str
    ) -> None:
        """Delete profile events and profiles older than the cutoff times (ISO 8601, UTC).

        Args:
            event_cutoffs: Event name -> time before which such events expire.
            other_events_cutoff: The same for all other names.
            profile_cutoff: Profiles last updated before this time expire.
        """
        self.write_pending_changes()
        latest_cutoff = max(other_events_cutoff, *event_cutoffs.values())
        if SELECT_EVENT_BEFORE.fetch_all(self._connection, {"before": latest_cutoff}):
            self._delete_expired_events(event_cutoffs, other_events_cutoff)
        expired = SELECT_EXPIRED_PROFILE_IDS.fetch_all(self._connection, {"before": profile_cutoff})
        self.delete_profiles([row.id for row in expired])

    def _delete_expired_events(
        self, event_cutoffs: Mapping[str, str], other_events_cutoff: str
    ) -> None:
        for name, before in event_cutoffs.items():
            values = {"names": [name], "before": before}
            self._connection.execute(DELETE_EXPIRED_EVENTS_BY_NAME, values)
        self._connection.execute(
            DELETE_EXPIRED_OTHER_EVENTS,
            {"names": list(event_cutoffs), "before": other_events_cutoff},
        )

    def write_pending_changes(self) -> None:
        """Write all pending changes of profiles to the database, so that queries see them."""
        if self._created_profiles:
            INSERT_PROFILE.execute_many(
                self._connection, map(profile_to_row, self._created_profiles.values())
            )
        if self._changed_profiles:
            profile_rows = [
                {"profile_id": profile.id, **profile_to_row(profile)}
                for profile in self._changed_profiles.values()
            ]
            UPDATE_PROFILE.execute_many(self._connection, profile_rows)
        if self._added_identifiers:
            identifier_rows = [
                {"identifier": identifier, "profile_id": profile_id}
                for identifier, profile_id in self._added_identifiers.items()
            ]
            INSERT_IDENTIFIER.execute_many(self._connection, identifier_rows)
        if self._new_events:
            event_rows = [profile_event_to_row(*pair) for pair in self._new_events]
            INSERT_EVENT.execute_many(self._connection, event_rows)
        if self._new_history:
            INSERT_HISTORY_ENTRY.execute_many(
                self._connection, map(history_entry_to_row, self._new_history)
            )
        self._new_history.clear()
        self._created_profiles.clear()
        self._changed_profiles.clear()
        self._added_identifiers.clear()
        self._new_events.clear()

    def _apply_merges_and_deletions(self, changes: ProfileChanges) -> None:
        """Apply merges and deletions of profiles, which need all rows written first."""
        self.write_pending_changes()
        self._clear_cache()
        for ended, survivor in changes.merges:
            for statement in MERGE_PROFILES:
                self._connection.execute(statement, {"ended": ended, "survivor": survivor})
        if changes.deleted_profile_ids:
            self.delete_profiles(changes.deleted_profile_ids)
        if changes.removed_identifiers:
            values = {"identifiers": changes.removed_identifiers}
            self._connection.execute(DELETE_IDENTIFIERS, values)

    def _clear_cache(self) -> None:
        self._profiles.clear()
        self._owner_ids.clear()
        self._saved_event_keys.clear()
        self._ids_without_events.clear()

    def _load_identifier_owners(self, unknown_identifiers: Sequence[str]) -> None:
        if not unknown_identifiers:
            return
        self._owner_ids |= dict.fromkeys(unknown_identifiers)
        statement, names = build_identifier_owners_select(len(unknown_identifiers))
        values = dict(zip(names, unknown_identifiers, strict=True))
        for row in statement.fetch_all(self._connection, values):
            self._owner_ids[row.identifier] = row.profile_id

    def _load_profile(self, profile_id: str) -> Profile | None:
        if profile_id not in self._profiles:
            for row in SELECT_PROFILE.fetch_all(self._connection, {"id": profile_id}):
                self._profiles[profile_id] = profile_from_row(row)
        return self._profiles.get(profile_id)

    def _add_event_if_new(self, profile_id: str, event: ProfileEvent) -> bool:
        """Add *event* to a profile unless it has an equal one; return whether it was new."""
        key = profile_id, event.fingerprint
        if key in self._saved_event_keys:
            return False
        if profile_id not in self._ids_without_events and self._has_event(*key):
            return False
        self._saved_event_keys.add(key)
        self._new_events.append((profile_id, event))
        return True

    def _has_event(self, profile_id: str, fingerprint: str) -> bool:
        values = {"id": profile_id, "fingerprint": fingerprint}
        return bool(SELECT_EVENT_BY_FINGERPRINT.fetch_all(self._connection, values))


def escape_like_wildcards(text: str) -> str:
    """Escape the wildcards of SQL's LIKE in *text*."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def get_current_unit_of_work(connection: Connection) -> ProfileUnitOfWork | None:
    """Return the unit of work on profiles of *connection*'s transaction; None if it only reads."""
    return get_session(connection).info.get(UNIT_OF_WORK_KEY)


@cache
def build_identifier_owners_select(count: int) -> tuple[CompiledStatement, list[str]]:
    """Build the SELECT of the owners of *count* identifiers, and its parameter names.

    Without their profiles: a person has several identifiers, and each would bring the whole.
    """
    names = [f"identifier_{number}" for number in range(count)]
    parameters: list[BindParameter[str]] = [bindparam(name) for name in names]
    statement = select(identifiers.c.identifier, identifiers.c.profile_id).where(
        identifiers.c.identifier.in_(parameters)
    )
    return CompiledStatement(statement), names


def profile_to_row(profile: Profile) -> dict[str, Any]:
    """Convert a profile to a database row without number."""
    return {
        "id": profile.id,
        "identifiers": profile.identifiers,
        "attributes": profile.attributes,
        "written": profile.written,
        "trail": profile.trail,
        "created_at": profile.created_at,
        "updated_at": profile.updated_at,
        "change_count": profile.change_count,
    }


def profile_from_row(row: Any) -> Profile:
    """Convert a database row to a profile without events."""
    return Profile(
        id=row.id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        identifiers=row.identifiers,
        attributes=row.attributes,
        written=row.written,
        trail=row.trail,
        number=row.number,
        change_count=row.change_count or 0,
    )


def history_entry_to_row(entry: ProfileHistoryEntry) -> dict[str, Any]:
    """Convert an entry of a profile's history to a database row."""
    return {
        "profile_id": entry.profile_id,
        "number": entry.number,
        "at": entry.at,
        "changes": entry.changes,
        "state": entry.state,
        "merged_into": entry.merged_into,
    }


def profile_event_to_row(profile_id: str, event: ProfileEvent) -> dict[str, Any]:
    """Convert an event of a profile to a database row."""
    return {
        "profile_id": profile_id,
        "fingerprint": event.fingerprint,
        "name": event.name,
        "sent_as": event.sent_as,
        "timestamp": event.timestamp,
        "occurred_at": event.occurred_at,
        "params": event.params,
        "received_at": event.received_at,
        "skip_hook": event.skip_hook,
    }


def profile_event_from_row(row: Any) -> ProfileEvent:
    """Convert a database row to an event of a profile."""
    return ProfileEvent(
        name=row.name,
        sent_as=row.sent_as,
        timestamp=row.timestamp,
        occurred_at=row.occurred_at,
        params=row.params,
        received_at=row.received_at,
        skip_hook=bool(row.skip_hook),
    )


def _split_values_into_chunks(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[at : at + _MAX_BOUND_VALUES] for at in range(0, len(values), _MAX_BOUND_VALUES)]


WRITE_LOCK_TIMEOUT_S: Final = 20.0


class TimeoutLock:
    """A reentrant lock with a timeout.

    Raises: DatabaseUnavailable, when another thread has it for longer than *timeout_s*.
    """

    def __init__(self, timeout_s: float = WRITE_LOCK_TIMEOUT_S) -> None:
        self._lock = RLock()
        self._timeout_s = timeout_s

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=self._timeout_s):
            what = f"something else has been writing for {self._timeout_s:g} seconds"
            raise DatabaseUnavailable(what)

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class UnitOfWorkFactory(Protocol):
    """Callable that opens a unit of work: one exclusive transaction on profiles."""

    def __call__(
        self, lock_names: Collection[str] = ()
    ) -> AbstractContextManager[ProfileUnitOfWork]:
        """Open a unit of work on profiles; see `open_unit_of_work`."""


def open_unit_of_work(
    engine: Engine, write_lock: AbstractContextManager[object], lock_names: Collection[str] = ()
) -> AbstractContextManager[ProfileUnitOfWork]:
    """Open a unit of work on profiles: one exclusive transaction, rolled back on an error.

    Writes to other stores within the block belong to the same transaction. A nested call in the
    same thread joins the outer unit of work.

    Args:
        write_lock: Held during the block.
        lock_names: Named locks to acquire first, see `database.hold_advisory_locks`.
    """
    connection = get_open_connection(engine)
    outer = get_current_unit_of_work(connection) if connection else None
    return nullcontext(outer) if outer else _begin_unit_of_work(engine, write_lock, lock_names)


@contextmanager
def _begin_unit_of_work(
    engine: Engine, write_lock: AbstractContextManager[object], lock_names: Collection[str]
) -> Iterator[ProfileUnitOfWork]:
    with write_lock, transaction(engine) as connection:
        if connection.dialect.name == "postgresql":
            acquire_writer_lock(connection, lock_names)
        info = get_session(connection).info
        unit_of_work = info[UNIT_OF_WORK_KEY] = ProfileUnitOfWork(connection)
        try:
            yield unit_of_work
            unit_of_work.write_pending_changes()
        finally:
            del info[UNIT_OF_WORK_KEY]
