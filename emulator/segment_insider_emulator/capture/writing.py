"""One transaction on profiles, which keeps what it reads and adds at hand until its end.

A batch brings a hundred requests in one transaction. Written one by one, their rows cost several
times what they cost together, and most of that is spent around SQLite, not in it.
"""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection

from segment_insider_emulator.capture.profile import Changes, Profile, ProfileEvent
from segment_insider_emulator.capture.profile_rows import (
    event_of,
    event_row,
    profile_of,
    profile_row,
)
from segment_insider_emulator.capture.profile_tables import (
    ADD,
    BY_ID,
    CHANGE,
    END,
    GAIN,
    HAND_OVER,
    HAPPEN,
    KNOWN,
    LOSE,
    NOT_UPDATED,
    OF_NAME,
    OUTDATED,
    OUTDATED_OTHERS,
    owned,
)

WRITING = "writing"  # in the info of a connection: the Writing of its transaction
_MOST_VALUES = 10_000  # bound in one statement; SQLite takes 32,766


class Writing:
    """The profiles inside one transaction, which nobody else writes to meanwhile.

    Whoever is given a profile is given the one that all others in the transaction have: what is
    changed of it has to be saved, or the transaction undone.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._profiles: dict[str, Profile] = {}  # known by now, by id
        self._owners: dict[str, str | None] = {}  # identifier -> id; None is nobody
        self._happened: set[tuple[str, str]] = set()  # id and fingerprint of events
        self._without_events: set[str] = set()  # ids of profiles that had none before
        self._created: dict[str, Profile] = {}
        self._changed: dict[str, Profile] = {}
        self._gained: dict[str, str] = {}
        self._events: list[tuple[str, ProfileEvent]] = []

    def find(self, wanted: Collection[str], ids: Collection[str] = ()) -> list[Profile]:
        """The profiles that own any of *wanted* or are one of *ids*, without their events."""
        self._look_up([each for each in wanted if each not in self._owners])
        owners = [owner for each in wanted if (owner := self._owners[each])]
        found = (self._profile(id) for id in dict.fromkeys([*owners, *ids]))
        return [each for each in found if each]

    def save(self, changes: Changes) -> list[ProfileEvent]:
        """Take *changes* in. Returns: the events that were kept already, and so not again."""
        if changes.absorbed or changes.deleted or changes.lost:
            self._end(changes)
        for each in changes.created:
            self._created[each.id] = self._profiles[each.id] = each
            if not changes.absorbed:
                self._without_events.add(each.id)
        for each in changes.changed:
            written = self._created if each.id in self._created else self._changed
            written[each.id] = self._profiles[each.id] = each
        self._gained |= changes.gained
        self._owners |= changes.gained
        known = [
            event
            for owner, made in changes.events.items()
            for event in made
            if not self._adds(owner, event)
        ]
        if changes.absorbed:
            # Identifiers were handed to a profile that may be new: a look-up has to find it.
            self.flush()
        return known

    def occurrences(self, owner: str, name: str) -> list[ProfileEvent]:
        """List the events of this name that the profile *owner* has, those just saved included.

        Of a profile with more than MOST_LOOKED_AT events, as many are looked at.
        """
        earlier: list[ProfileEvent] = []
        if owner not in self._without_events:
            rows = OF_NAME.rows(self._connection, {"id": owner, "name": name})
            earlier = [event_of(row) for row in rows]
        saved = (event for whose, event in self._events if whose == owner and event.name == name)
        return [*earlier, *saved]

    def end(self, ids: Collection[str]) -> None:
        """Delete profiles with their identifiers and events."""
        self.flush()
        self._forget()
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
        self.flush()
        for name, before in events.items():
            self._connection.execute(OUTDATED, {"names": [name], "before": before})
        self._connection.execute(OUTDATED_OTHERS, {"names": list(events), "before": others})
        self.end(list(self._connection.scalars(NOT_UPDATED, {"before": profiles})))

    def flush(self) -> None:
        """Write what was taken in, so that every statement finds it."""
        if self._created:
            ADD.run(self._connection, map(profile_row, self._created.values()))
        if self._changed:
            rows = [{"which": each.id, **profile_row(each)} for each in self._changed.values()]
            CHANGE.run(self._connection, rows)
        if self._gained:
            pairs = self._gained.items()
            GAIN.run(self._connection, [{"identifier": k, "profile_id": id} for k, id in pairs])
        if self._events:
            HAPPEN.run(self._connection, [event_row(*each) for each in self._events])
        for written in (self._created, self._changed, self._gained, self._events):
            written.clear()

    def _end(self, changes: Changes) -> None:
        """What takes rows from others, which are written for that."""
        self.flush()
        self._forget()
        for ended, survivor in changes.absorbed:
            for statement in HAND_OVER:
                self._connection.execute(statement, {"ended": ended, "survivor": survivor})
        if changes.deleted:
            self.end(changes.deleted)
        if changes.lost:
            self._connection.execute(LOSE, {"identifiers": changes.lost})

    def _forget(self) -> None:
        for known in (self._profiles, self._owners, self._happened, self._without_events):
            known.clear()

    def _look_up(self, unknown: Sequence[str]) -> None:
        if not unknown:
            return
        self._owners |= dict.fromkeys(unknown)
        statement, names = owned(len(unknown))
        for row in statement.rows(self._connection, dict(zip(names, unknown, strict=True))):
            self._owners[row.identifier] = row.id
            if row.id not in self._profiles:
                self._profiles[row.id] = profile_of(row)

    def _profile(self, id: str) -> Profile | None:
        if id not in self._profiles:
            for row in BY_ID.rows(self._connection, {"id": id}):
                self._profiles[id] = profile_of(row)
        return self._profiles.get(id)

    def _adds(self, owner: str, event: ProfileEvent) -> bool:
        """Whether *event* is a new one of *owner*, who has it from now on."""
        occurrence = owner, event.fingerprint
        if occurrence in self._happened:
            return False
        if owner not in self._without_events and self._has(*occurrence):
            return False
        self._happened.add(occurrence)
        self._events.append((owner, event))
        return True

    def _has(self, owner: str, fingerprint: str) -> bool:
        return bool(KNOWN.rows(self._connection, {"id": owner, "fingerprint": fingerprint}))


def writing_of(connection: Connection) -> Writing | None:
    """What is written in the transaction of *connection*; None where it only reads."""
    return connection.info.get(WRITING)


def _parts(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[at : at + _MOST_VALUES] for at in range(0, len(values), _MOST_VALUES)]
