"""Storage of the histories of profiles: what each request changed, and profiles as they were."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, bindparam, delete, func, insert, select, update

from segment_insider_emulator.storage.database import transaction
from segment_insider_emulator.storage.query_execution import CompiledStatement, list_column_names
from segment_insider_emulator.storage.records import Profile, ProfileHistoryEntry, Verdict
from segment_insider_emulator.storage.schema import deliveries, messages, profile_history
from segment_insider_emulator.types import JSON, JSONObject

INSERT_HISTORY_ENTRY = CompiledStatement(
    insert(profile_history), list_column_names(profile_history, "id")
)
# With the histories of all profiles that were merged into them.
DELETE_HISTORIES = delete(profile_history).where(
    profile_history.c.profile_id.in_(bindparam("ids", expanding=True))
    | profile_history.c.profile_id.in_(
        select(profile_history.c.profile_id).where(
            profile_history.c.merged_into.in_(bindparam("ids", expanding=True))
        )
    )
)
MERGE_HISTORIES = (
    update(profile_history)
    .where(profile_history.c.merged_into == bindparam("ended"))
    .values(merged_into=bindparam("survivor"))
)
_OF_PROFILE = profile_history.c.profile_id == bindparam("profile_id")
SELECT_ENTRIES_BEFORE = (
    select(profile_history)
    .where(_OF_PROFILE, profile_history.c.number < bindparam("before"))
    .order_by(profile_history.c.number.desc())
    .limit(bindparam("limit"))
)
SELECT_ENTRIES_AFTER = (
    select(profile_history)
    .where(_OF_PROFILE, profile_history.c.number > bindparam("after"))
    .order_by(profile_history.c.number)
    .limit(bindparam("limit"))
)
SELECT_TIME = select(profile_history.c.at).where(
    _OF_PROFILE, profile_history.c.number == bindparam("number")
)
# Two subqueries: each is looked up in the index.
SELECT_NUMBER_BOUNDS = select(
    select(func.min(profile_history.c.number)).where(_OF_PROFILE).scalar_subquery(),
    select(func.max(profile_history.c.number)).where(_OF_PROFILE).scalar_subquery(),
)
SELECT_MESSAGES_OF_CHANGES = (
    select(
        deliveries.c.profile_change,
        deliveries.c.subscription,
        messages.c.id,
        messages.c.event,
        messages.c.type,
        messages.c.verdict,
    )
    .join(messages, messages.c.message_id == deliveries.c.message_id)
    .where(
        deliveries.c.profile_id == bindparam("profile_id"),
        deliveries.c.profile_change.between(bindparam("first"), bindparam("last")),
        messages.c.verdict != "rejected",  # a duplicate has the messageId of the delivered message
    )
    .order_by(deliveries.c.id)
    .limit(bindparam("limit"))
)
# Every so many changes, the whole profile is stored: few changes lead from there to any other.
CHANGES_PER_STATE: Final = 50
MAX_MESSAGES_OF_CHANGES: Final = 1000


class MessageOfChange(NamedTuple):
    """A message whose delivery made one change of a profile."""

    change_number: int
    subscription: str
    id: int
    event: str | None
    type: str | None
    verdict: Verdict

    @property
    def title(self) -> str:
        """Return the name of the message's event, or its type."""
        return self.event or self.type or "message"


def history_entry_from_row(row: Any) -> ProfileHistoryEntry:
    """Convert a database row to an entry of a profile's history."""
    return ProfileHistoryEntry(
        profile_id=row.profile_id,
        number=row.number,
        at=row.at,
        changes=row.changes,
        state=row.state,
        merged_into=row.merged_into,
    )


class RestoredState(NamedTuple):
    """Identifiers, oldest first, and attributes of a profile as they were after one change."""

    identifiers: dict[str, list[str]]
    attributes: dict[str, JSON]


def _undo_entry(state: RestoredState, entry: ProfileHistoryEntry) -> None:
    """Change *state*, after an entry of the history, to what it was before."""
    for path, (old, _) in entry.changes.get("attributes", {}).items():
        if old is None:
            state.attributes.pop(path, None)
        else:
            state.attributes[path] = old
    for identifier_type, value in entry.changes.get("added", ()):
        values = state.identifiers.get(identifier_type, [])
        if value in values:
            values.remove(value)
        if not values:
            state.identifiers.pop(identifier_type, None)
    for identifier_type, value in entry.changes.get("removed", ()):
        state.identifiers.setdefault(identifier_type, []).append(value)


class ProfileHistoryStore:
    """Reads the histories of profiles. Raises: DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get_number_bounds(self, profile_id: str) -> tuple[int, int] | None:
        """Return the first and the last number of a profile's history; None without a history."""
        with transaction(self._engine) as connection:
            bounds = connection.execute(SELECT_NUMBER_BOUNDS, {"profile_id": profile_id}).one()
        return (bounds[0], bounds[1]) if bounds[0] is not None else None

    def list_entries_before(
        self, profile_id: str, before_number: int, limit: int
    ) -> list[ProfileHistoryEntry]:
        """Return the last entries of a history before *before_number*, newest first."""
        values = {"profile_id": profile_id, "before": before_number, "limit": limit}
        with transaction(self._engine) as connection:
            rows = connection.execute(SELECT_ENTRIES_BEFORE, values)
            return [history_entry_from_row(row) for row in rows]

    def list_entries_after(
        self, profile_id: str, after_number: int, limit: int = CHANGES_PER_STATE
    ) -> list[ProfileHistoryEntry]:
        """Return the first entries of a history after *after_number*, oldest first."""
        values = {"profile_id": profile_id, "after": after_number, "limit": limit}
        with transaction(self._engine) as connection:
            rows = connection.execute(SELECT_ENTRIES_AFTER, values)
            return [history_entry_from_row(row) for row in rows]

    def restore_state(
        self, profile_id: str, number: int, current: Profile | None
    ) -> RestoredState | None:
        """Return a profile as it was after one change of its history; None if that is unknown.

        The changes after it are undone, from the next stored state or the current one back.

        Args:
            current: The profile as it is; None when it was merged into another one.
        """
        entries: list[ProfileHistoryEntry] = []
        base: JSONObject | None = None
        if current:
            base = {"identifiers": current.identifiers, "attributes": current.attributes}
        for entry in self.list_entries_after(profile_id, number - 1, CHANGES_PER_STATE + 1):
            if current and entry.number > current.change_count:  # made since it was read
                break
            entries.append(entry)
            if entry.state is not None:
                base = entry.state
                break
        if base is None:
            return None
        identifiers = {name: list(values) for name, values in base["identifiers"].items()}
        state = RestoredState(identifiers, dict(base["attributes"]))
        for entry in reversed(entries[1:]):
            _undo_entry(state, entry)
        return state

    def find_last_number_at(self, profile_id: str, at: str, bounds: tuple[int, int]) -> int:
        """Return the number of the last change at or before a time, ISO 8601; else the first one.

        Args:
            bounds: Of the history; its times are in the order of its numbers.
        """
        low, high = bounds
        with transaction(self._engine) as connection:
            while low < high:
                middle = (low + high + 1) // 2
                values = {"profile_id": profile_id, "number": middle}
                found = connection.scalar(SELECT_TIME, values)
                if found is not None and found > at:
                    high = middle - 1
                else:
                    low = middle
        return low

    def list_messages_of_changes(
        self, profile_id: str, numbers: Sequence[int]
    ) -> list[MessageOfChange]:
        """Return the messages whose deliveries made the changes with these numbers."""
        if not numbers:
            return []
        values = {
            "profile_id": profile_id,
            "first": min(numbers),
            "last": max(numbers),
            "limit": MAX_MESSAGES_OF_CHANGES,
        }
        with transaction(self._engine) as connection:
            rows = connection.execute(SELECT_MESSAGES_OF_CHANGES, values)
            return [MessageOfChange(*row) for row in rows]
