"""Tables of profiles, their identifiers and their events, and the statements on them."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Table,
    Text,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from segment_insider_emulator.storage.query_execution import CompiledStatement, column_names
from segment_insider_emulator.storage.records import Profile, ProfileChanges, ProfileEvent
from segment_insider_emulator.storage.row_mapping import (
    profile_event_from_row,
    profile_event_to_row,
    profile_from_row,
    profile_to_row,
)
from segment_insider_emulator.storage.schema import Int64, JsonText, metadata

profiles = Table(
    "profiles",
    metadata,
    Column("number", Int64, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("identifiers", JsonText, nullable=False),  # JSON: type -> values
    Column("attributes", JsonText, nullable=False),  # JSON: place -> value
    Column("written", JsonText, nullable=False),  # JSON: place -> ISO 8601
    Column("trail", JsonText, nullable=False),  # JSON list
    Column("created_at", Text, nullable=False),  # ISO 8601, UTC, milliseconds
    Column("updated_at", Text, nullable=False),
    sqlite_autoincrement=True,
)
identifiers = Table(
    "identifiers",
    metadata,
    Column("identifier", Text, primary_key=True),  # "uuid:u1": one owner in the whole account
    Column("profile_id", Text, nullable=False, index=True),
)
profile_events = Table(
    "profile_events",
    metadata,
    Column("number", Int64, primary_key=True),
    Column("profile_id", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sent_as", Text, nullable=False),
    Column("timestamp", Text, nullable=False),  # as sent
    Column("occurred_at", Text, nullable=False),  # ISO 8601, UTC, milliseconds
    Column("params", JsonText, nullable=False),  # JSON object
    Column("received_at", Text, nullable=False),
    Column("skip_hook", Boolean, nullable=False),
    Index("profile_events_once", "profile_id", "fingerprint", unique=True),
    sqlite_autoincrement=True,
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
    .limit(bindparam("most"))
)
SELECT_PROFILE_NUMBER_BOUNDS = select(
    *(select(each(profiles.c.number)).scalar_subquery() for each in (func.min, func.max))
)
SELECT_NEWEST_PROFILES_CONTAINING = (
    select(profiles)
    .where(profiles.c.number.between(bindparam("low"), bindparam("high")))
    .where(
        profiles.c.attributes.ilike(bindparam("like"), escape="\\")
        | exists().where(
            identifiers.c.profile_id == profiles.c.id,
            identifiers.c.identifier.ilike(bindparam("like"), escape="\\"),
        )
    )
    .order_by(profiles.c.number.desc())
    .limit(bindparam("most"))
)
COUNT_EVENTS_BY_PROFILE = (
    select(profile_events.c.profile_id, func.count().label("number"))
    .where(profile_events.c.profile_id.in_(bindparam("ids", expanding=True)))
    .group_by(profile_events.c.profile_id)
)
SELECT_PROFILE = CompiledStatement(select(profiles).where(profiles.c.id == bindparam("id")))


@cache
def select_identifier_owners(count: int) -> tuple[CompiledStatement, list[str]]:
    """The profiles that own any of *count* identifiers, each beside the `identifier` that it owns;
    and the names of the values."""
    names = [f"identifier_{number}" for number in range(count)]
    wanted = identifiers.c.identifier.in_([bindparam(name) for name in names])
    joined = identifiers.join(profiles, profiles.c.id == identifiers.c.profile_id)
    return CompiledStatement(
        select(identifiers.c.identifier, profiles).select_from(joined).where(wanted)
    ), names


INSERT_PROFILE = CompiledStatement(insert(profiles), column_names(profiles, "number"))
INSERT_IDENTIFIER = CompiledStatement(insert(identifiers), column_names(identifiers))
INSERT_EVENT = CompiledStatement(insert(profile_events), column_names(profile_events, "number"))
SELECT_EVENTS_OF_PROFILE = CompiledStatement(
    select(profile_events)
    .where(profile_events.c.profile_id == bindparam("id"))
    .order_by(profile_events.c.number)
)
SELECT_EVENT_BY_FINGERPRINT = CompiledStatement(
    select(profile_events.c.number).where(
        profile_events.c.profile_id == bindparam("id"),
        profile_events.c.fingerprint == bindparam("fingerprint"),
    )
)
# Bounded: somebody who buys a hundred thousand times must not make each purchase slower.
MAX_EVENTS_SEARCHED = 200
_SEARCHED_EVENTS = (
    select(profile_events)
    .where(profile_events.c.profile_id == bindparam("id"))
    .limit(MAX_EVENTS_SEARCHED)
    .subquery()
)
SELECT_EVENTS_BY_NAME = CompiledStatement(
    select(_SEARCHED_EVENTS).where(_SEARCHED_EVENTS.c.name == bindparam("name"))
)
UPDATE_PROFILE = CompiledStatement(
    update(profiles).where(profiles.c.id == bindparam("which")), column_names(profiles, "number")
)
# Of an event that both profiles have, the survivor's copy stays.
DELETE_DUPLICATE_EVENTS = delete(profile_events).where(
    profile_events.c.profile_id == bindparam("ended"),
    profile_events.c.fingerprint.in_(
        select(profile_events.c.fingerprint).where(
            profile_events.c.profile_id == bindparam("survivor")
        )
    ),
)
DELETE_IDENTIFIERS = delete(identifiers).where(
    identifiers.c.identifier.in_(bindparam("identifiers", expanding=True))
)
DELETE_PROFILES = [
    delete(table).where(column.in_(bindparam("ids", expanding=True)))
    for table, column in (
        (profile_events, profile_events.c.profile_id),
        (identifiers, identifiers.c.profile_id),
        (profiles, profiles.c.id),
    )
]
# Events kept for a time of their own, and all others.
DELETE_EXPIRED_EVENTS_BY_NAME = delete(profile_events).where(
    profile_events.c.name.in_(bindparam("names", expanding=True)),
    profile_events.c.occurred_at < bindparam("before"),
)
DELETE_EXPIRED_OTHER_EVENTS = delete(profile_events).where(
    profile_events.c.name.not_in(bindparam("names", expanding=True)),
    profile_events.c.occurred_at < bindparam("before"),
)
SELECT_EXPIRED_PROFILE_IDS = select(profiles.c.id).where(
    profiles.c.updated_at < bindparam("before")
)
MERGE_PROFILES = [
    DELETE_DUPLICATE_EVENTS,
    *(
        update(table)
        .where(table.c.profile_id == bindparam("ended"))
        .values(profile_id=bindparam("survivor"))
        for table in (identifiers, profile_events)
    ),
    delete(profiles).where(profiles.c.id == bindparam("ended")),
]

UNIT_OF_WORK_KEY = "writing"  # in the info of a connection: the Writing of its transaction
_MAX_BOUND_VALUES = 10_000  # bound in one statement; SQLite takes 32,766


class ProfileUnitOfWork:
    """The profiles inside one transaction, which nobody else writes to meanwhile.

    Whoever is given a profile is given the one that all others in the transaction have: what is
    changed of it has to be saved, or the transaction undone.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._profiles: dict[str, Profile] = {}  # known by now, by id
        self._owner_ids: dict[str, str | None] = {}  # identifier -> id; None is nobody
        self._saved_event_keys: set[tuple[str, str]] = set()  # id and fingerprint of events
        self._ids_without_events: set[str] = set()  # ids of profiles that had none before
        self._created_profiles: dict[str, Profile] = {}
        self._changed_profiles: dict[str, Profile] = {}
        self._added_identifiers: dict[str, str] = {}
        self._new_events: list[tuple[str, ProfileEvent]] = []

    def find_by_identifiers(
        self, identifiers: Collection[str], profile_ids: Collection[str] = ()
    ) -> list[Profile]:
        """The profiles that own any of *wanted* or are one of *ids*, without their events."""
        self._load_owners([each for each in identifiers if each not in self._owner_ids])
        owners = [owner for each in identifiers if (owner := self._owner_ids[each])]
        found = (self._load_profile(id) for id in dict.fromkeys([*owners, *profile_ids]))
        return [each for each in found if each]

    def save_changes(self, changes: ProfileChanges) -> list[ProfileEvent]:
        """Take *changes* in. Returns: the events that were kept already, and so not again."""
        if changes.merges or changes.deleted_profile_ids or changes.removed_identifiers:
            self._apply_removals(changes)
        for each in changes.created_profiles:
            self._created_profiles[each.id] = self._profiles[each.id] = each
            if not changes.merges:
                self._ids_without_events.add(each.id)
        for each in changes.changed_profiles:
            written = (
                self._created_profiles
                if each.id in self._created_profiles
                else self._changed_profiles
            )
            written[each.id] = self._profiles[each.id] = each
        self._added_identifiers |= changes.added_identifiers
        self._owner_ids |= changes.added_identifiers
        known = [
            event
            for owner, made in changes.new_events.items()
            for event in made
            if not self._add_if_new(owner, event)
        ]
        if changes.merges:
            # Identifiers were handed to a profile that may be new: a look-up has to find it.
            self.flush()
        return known

    def find_events_by_name(self, profile_id: str, event_name: str) -> list[ProfileEvent]:
        """List the events of this name that the profile *owner* has, those just saved included.

        Of a profile with more than MOST_LOOKED_AT events, as many are looked at.
        """
        earlier: list[ProfileEvent] = []
        if profile_id not in self._ids_without_events:
            rows = SELECT_EVENTS_BY_NAME.fetch_all(
                self._connection, {"id": profile_id, "name": event_name}
            )
            earlier = [profile_event_from_row(row) for row in rows]
        saved = (
            event
            for whose, event in self._new_events
            if whose == profile_id and event.name == event_name
        )
        return [*earlier, *saved]

    def delete_profiles(self, profile_ids: Collection[str]) -> None:
        """Delete profiles with their identifiers and events."""
        self.flush()
        self._clear_cache()
        for part in _split_values(list(profile_ids)):
            for statement in DELETE_PROFILES:
                self._connection.execute(statement, {"ids": part})

    def delete_expired(
        self, event_cutoffs: Mapping[str, str], other_events_cutoff: str, profile_cutoff: str
    ) -> None:
        """Delete what is kept no longer; all times ISO 8601, UTC, milliseconds.

        Args:
            events: Name -> time before which an event of that name is outdated.
            others: The same for every other name.
            profiles: Time since which a profile must have been updated.
        """
        self.flush()
        for name, before in event_cutoffs.items():
            self._connection.execute(
                DELETE_EXPIRED_EVENTS_BY_NAME, {"names": [name], "before": before}
            )
        self._connection.execute(
            DELETE_EXPIRED_OTHER_EVENTS,
            {"names": list(event_cutoffs), "before": other_events_cutoff},
        )
        self.delete_profiles(
            list(self._connection.scalars(SELECT_EXPIRED_PROFILE_IDS, {"before": profile_cutoff}))
        )

    def flush(self) -> None:
        """Write what was taken in, so that every statement finds it."""
        if self._created_profiles:
            INSERT_PROFILE.execute_many(
                self._connection, map(profile_to_row, self._created_profiles.values())
            )
        if self._changed_profiles:
            rows = [
                {"which": each.id, **profile_to_row(each)}
                for each in self._changed_profiles.values()
            ]
            UPDATE_PROFILE.execute_many(self._connection, rows)
        if self._added_identifiers:
            pairs = self._added_identifiers.items()
            INSERT_IDENTIFIER.execute_many(
                self._connection, [{"identifier": k, "profile_id": id} for k, id in pairs]
            )
        if self._new_events:
            INSERT_EVENT.execute_many(
                self._connection, [profile_event_to_row(*each) for each in self._new_events]
            )
        for written in (
            self._created_profiles,
            self._changed_profiles,
            self._added_identifiers,
            self._new_events,
        ):
            written.clear()

    def _apply_removals(self, changes: ProfileChanges) -> None:
        """What takes rows from others, which are written for that."""
        self.flush()
        self._clear_cache()
        for ended, survivor in changes.merges:
            for statement in MERGE_PROFILES:
                self._connection.execute(statement, {"ended": ended, "survivor": survivor})
        if changes.deleted_profile_ids:
            self.delete_profiles(changes.deleted_profile_ids)
        if changes.removed_identifiers:
            self._connection.execute(
                DELETE_IDENTIFIERS, {"identifiers": changes.removed_identifiers}
            )

    def _clear_cache(self) -> None:
        for known in (
            self._profiles,
            self._owner_ids,
            self._saved_event_keys,
            self._ids_without_events,
        ):
            known.clear()

    def _load_owners(self, unknown_identifiers: Sequence[str]) -> None:
        if not unknown_identifiers:
            return
        self._owner_ids |= dict.fromkeys(unknown_identifiers)
        statement, names = select_identifier_owners(len(unknown_identifiers))
        for row in statement.fetch_all(
            self._connection, dict(zip(names, unknown_identifiers, strict=True))
        ):
            self._owner_ids[row.identifier] = row.id
            if row.id not in self._profiles:
                self._profiles[row.id] = profile_from_row(row)

    def _load_profile(self, profile_id: str) -> Profile | None:
        if profile_id not in self._profiles:
            for row in SELECT_PROFILE.fetch_all(self._connection, {"id": profile_id}):
                self._profiles[profile_id] = profile_from_row(row)
        return self._profiles.get(profile_id)

    def _add_if_new(self, profile_id: str, event: ProfileEvent) -> bool:
        """Whether *event* is a new one of *owner*, who has it from now on."""
        occurrence = profile_id, event.fingerprint
        if occurrence in self._saved_event_keys:
            return False
        if profile_id not in self._ids_without_events and self._has_event(*occurrence):
            return False
        self._saved_event_keys.add(occurrence)
        self._new_events.append((profile_id, event))
        return True

    def _has_event(self, profile_id: str, fingerprint: str) -> bool:
        return bool(
            SELECT_EVENT_BY_FINGERPRINT.fetch_all(
                self._connection, {"id": profile_id, "fingerprint": fingerprint}
            )
        )


def current_unit_of_work(connection: Connection) -> ProfileUnitOfWork | None:
    """What is written in the transaction of *connection*; None where it only reads."""
    return connection.info.get(UNIT_OF_WORK_KEY)


def _split_values(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[at : at + _MAX_BOUND_VALUES] for at in range(0, len(values), _MAX_BOUND_VALUES)]
