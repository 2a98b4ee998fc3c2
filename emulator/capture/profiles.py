"""Where profiles, their identifiers and their events are kept."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Row, delete

from emulator.capture.database import transaction, undone
from emulator.capture.postgres import take_turn
from emulator.capture.profile import Changes, Profile, ProfileEvent
from emulator.capture.profile_tables import (
    ADD,
    AFTER,
    BY_ID,
    CHANGE,
    END,
    EVENT_COUNTS,
    EVENTS,
    GAIN,
    HAND_OVER,
    HAPPEN,
    KNOWN,
    LOSE,
    NEWEST,
    NEWEST_LIKE,
    NOT_UPDATED,
    OUTDATED,
    OUTDATED_OTHERS,
    OWNER,
    OWNING,
    identifiers,
    profile_events,
    profiles,
)

_MOST_VALUES = 10_000  # bound in one statement; SQLite takes 32,766
LAST = 2**63 - 1  # no profile has a larger number


class ProfileStore:
    """All profiles of one emulator."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Two requests about one person must not both find nobody and create them twice. Journeys
        # take the same lock: with one of their own, either could wait for what the other has.
        self.lock = RLock()

    @contextmanager
    def writing(self) -> Iterator["Writing"]:
        """One transaction, alone: committed at the end, undone by an exception. What is kept in
        the block, here or in another store, belongs to it."""
        with self.lock, transaction(self._engine) as connection:
            take_turn(connection)
            yield Writing(connection)

    @contextmanager
    def rehearsing(self) -> Iterator[None]:
        """One transaction, alone, and undone at its end: for what is tried and not kept."""
        with self.lock, undone(self._engine):
            yield

    def find(self, wanted: Collection[str], ids: Collection[str] = ()) -> list[Profile]:
        """The profiles that own any of *wanted*, such as "uuid:u1", or are one of *ids*, without
        their events."""
        with transaction(self._engine) as connection:
            return Writing(connection).find(wanted, ids)

    def get(self, id: str) -> Profile | None:
        """One profile with its events."""
        with transaction(self._engine) as connection:
            found = [_profile(row) for row in BY_ID.rows(connection, {"id": id})]
            return next(iter(_with_events(connection, found)), None)

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
        Returns: The page, and the `before` of the next one or None.
        """
        values = {"before": before, "most": limit + 1} | (
            {"like": f"%{_literal(containing)}%"} if containing else {}
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(NEWEST_LIKE if containing else NEWEST, values)
            found = [_profile(row) for row in rows]
            page = found[:limit]
            ids = {"ids": [each.id for each in page]}
            counts = {row.profile_id: row.number for row in connection.execute(EVENT_COUNTS, ids)}
        following = page[-1].number if len(found) > limit else None
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
        with transaction(self._engine) as connection:
            found = [_profile(row) for row in connection.execute(statement, values)]
            page = _with_events(connection, found[:limit])
        return page, page[-1].number if len(found) > limit else None


class Writing:
    """The profiles inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, wanted: Collection[str], ids: Collection[str] = ()) -> list[Profile]:
        """The profiles that own any of *wanted* or are one of *ids*, without their events."""
        owners = [
            row.profile_id
            for each in wanted
            for row in OWNER.rows(self._connection, {"identifier": each})
        ]
        return [
            _profile(row)
            for id in dict.fromkeys([*owners, *ids])
            for row in BY_ID.rows(self._connection, {"id": id})
        ]

    def save(self, changes: Changes) -> list[ProfileEvent]:
        """Write *changes*. Returns: the events that were kept already, and so not again."""
        for ended, survivor in changes.absorbed:
            for statement in HAND_OVER:
                self._connection.execute(statement, {"ended": ended, "survivor": survivor})
        if changes.deleted:
            self.end(changes.deleted)
        if changes.lost:
            self._connection.execute(LOSE, {"identifiers": changes.lost})
        if changes.created:
            ADD.run(self._connection, map(_row, changes.created))
        if changes.changed:
            rows = [{"which": each.id, **_row(each)} for each in changes.changed]
            CHANGE.run(self._connection, rows)
        if changes.gained:
            gained = changes.gained.items()
            rows = [{"identifier": key, "profile_id": owner} for key, owner in gained]
            GAIN.run(self._connection, rows)
        return self._add(changes.events)

    def end(self, ids: Collection[str]) -> None:
        """Delete profiles with their identifiers and events."""
        for part in _parts(list(ids)):
            for statement in END:
                self._connection.execute(statement, {"ids": part})

    def expire(self, events: Mapping[str, str], others: str, profiles: str) -> None:
        """Delete what is kept no longer; all times ISO 8601, UTC, milliseconds.

        Args:
            events: Name -> time before which an event of that name is outdated.
            others: The same for every other name.
            profiles: Time since which a profile must have been updated.
        """
        for name, before in events.items():
            self._connection.execute(OUTDATED, {"names": [name], "before": before})
        self._connection.execute(OUTDATED_OTHERS, {"names": list(events), "before": others})
        self.end(list(self._connection.scalars(NOT_UPDATED, {"before": profiles})))

    def _add(self, events: dict[str, list[ProfileEvent]]) -> list[ProfileEvent]:
        added: set[tuple[str, str]] = set()
        rows, repeated = [], []
        for owner, made in events.items():
            for event in made:
                if (owner, event.fingerprint) in added or self._has(owner, event):
                    repeated.append(event)
                    continue
                added.add((owner, event.fingerprint))
                rows.append(_event_row(owner, event))
        if rows:
            HAPPEN.run(self._connection, rows)
        return repeated

    def _has(self, owner: str, event: ProfileEvent) -> bool:
        values = {"id": owner, "fingerprint": event.fingerprint}
        return bool(KNOWN.rows(self._connection, values))


def _literal(text: str) -> str:
    """*text* in a pattern that stands for itself."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _parts(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[at : at + _MOST_VALUES] for at in range(0, len(values), _MOST_VALUES)]


def _with_events(connection: Connection, found: list[Profile]) -> list[Profile]:
    for profile in found:
        profile.events += map(_event, EVENTS.rows(connection, {"id": profile.id}))
    return found


def _row(profile: Profile) -> dict[str, Any]:
    return {
        "id": profile.id,
        "identifiers": orjson.dumps(profile.identifiers).decode(),
        "attributes": orjson.dumps(profile.attributes).decode(),
        "written": orjson.dumps(profile.written).decode(),
        "trail": orjson.dumps(profile.trail).decode(),
        "created_at": profile.created_at,
        "updated_at": profile.updated_at,
    }


def _profile(row: Row[Any]) -> Profile:
    return Profile(
        id=row.id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        identifiers=orjson.loads(row.identifiers),
        attributes=orjson.loads(row.attributes),
        written=orjson.loads(row.written),
        trail=orjson.loads(row.trail),
        number=row.number,
    )


def _event_row(owner: str, event: ProfileEvent) -> dict[str, Any]:
    return {
        "profile_id": owner,
        "fingerprint": event.fingerprint,
        "name": event.name,
        "sent_as": event.sent_as,
        "timestamp": event.timestamp,
        "occurred_at": event.occurred_at,
        "params": orjson.dumps(event.params).decode(),
        "received_at": event.received_at,
        "skip_hook": event.skip_hook,
    }


def _event(row: Row[Any]) -> ProfileEvent:
    return ProfileEvent(
        name=row.name,
        sent_as=row.sent_as,
        timestamp=row.timestamp,
        occurred_at=row.occurred_at,
        params=orjson.loads(row.params),
        received_at=row.received_at,
        skip_hook=bool(row.skip_hook),
    )
