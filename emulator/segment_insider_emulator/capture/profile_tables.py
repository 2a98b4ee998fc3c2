"""Tables of profiles, their identifiers and their events, and the statements on them."""

from functools import cache

from sqlalchemy import (
    Boolean,
    Column,
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

from segment_insider_emulator.capture.database import Int64, JsonText, metadata
from segment_insider_emulator.capture.prepared import CompiledStatement, column_names

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
