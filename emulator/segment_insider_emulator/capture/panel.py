"""Integrations of the InOne panel and changes of the destination: kept over a restart."""

from dataclasses import dataclass
from typing import Any, Literal

import orjson
from sqlalchemy import Engine, bindparam, delete, insert, select, update

from segment_insider_emulator.capture.database import transaction
from segment_insider_emulator.capture.panel_tables import destination_changes, integrations
from segment_insider_emulator.types import JSONObject

Origin = Literal["panel", "workspace"]

INTEGRATIONS = select(integrations).order_by(integrations.c.id)
ADD = insert(integrations).returning(integrations.c.id)
SAME_KEY = select(integrations.c.id).where(integrations.c.key_digest == bindparam("digest"))
# A key that the workspace file no longer has must not open the account any more.
OUTDATED = delete(integrations).where(
    integrations.c.origin == "workspace", integrations.c.key_digest != bindparam("digest")
)
REVOKE = (
    update(integrations)
    .where(integrations.c.id == bindparam("which"), integrations.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
)
CHANGES = select(destination_changes.c.changes).where(
    destination_changes.c.basis == bindparam("basis")
)


@dataclass(frozen=True, slots=True)
class Integration:
    """One integration of the InOne panel.

    Args:
        type: Integration Type, e.g. "Source".
        origin: "workspace" for the one whose key stands in the workspace file.
        key_digest: SHA-256 of its key, hexadecimal; the key itself is not kept.
        key_shown: The key, redacted.
        created_at, revoked_at: ISO 8601, UTC, milliseconds; revoked_at is None while it works.
        created_by: Role of who created it; None for the workspace file's.
        id: Order of creation; 0 until stored.
    """

    name: str
    type: str
    origin: Origin
    key_digest: str
    key_shown: str
    created_at: str
    created_by: str | None = None
    revoked_at: str | None = None
    id: int = 0


class PanelStore:
    """All integrations of one emulator. Raises StorageFault when the database cannot be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Integration]:
        """Every integration, oldest first, revoked ones among them."""
        with transaction(self._engine) as connection:
            return [Integration(**row._mapping) for row in connection.execute(INTEGRATIONS)]

    def add(self, integration: Integration) -> int:
        """Keep a new one; gives its id."""
        with transaction(self._engine) as connection:
            id: int = connection.scalars(ADD, [_row(integration)]).one()
        return id

    def seed(self, integration: Integration) -> None:
        """Keep the workspace file's one in place of any from an earlier file."""
        digest = {"digest": integration.key_digest}
        with transaction(self._engine) as connection:
            connection.execute(OUTDATED, digest)
            if connection.scalar(SAME_KEY, digest) is None:
                connection.execute(insert(integrations), [_row(integration)])

    def revoke(self, id: int, at: str) -> None:
        """Note that a key ends at *at*; one that has ended keeps its time."""
        with transaction(self._engine) as connection:
            connection.execute(REVOKE, {"which": id, "at": at})

    def reset(self, integration: Integration) -> None:
        """Forget all but the workspace file's one."""
        with transaction(self._engine) as connection:
            connection.execute(delete(integrations))
            connection.execute(insert(integrations), [_row(integration)])


class ChangesStore:
    """What was changed of a destination. Raises StorageFault when the database cannot be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, basis: str) -> JSONObject:
        """The changes that were made to *basis*, a fingerprint; {} when there are none."""
        with transaction(self._engine) as connection:
            found = connection.scalar(CHANGES, {"basis": basis})
        changes: JSONObject = orjson.loads(found) if found else {}
        return changes

    def write(self, basis: str, changes: JSONObject) -> None:
        """Keep *changes* in place of all earlier ones."""
        row = {"basis": basis, "changes": orjson.dumps(changes).decode()}
        with transaction(self._engine) as connection:
            connection.execute(delete(destination_changes))
            connection.execute(insert(destination_changes), [row])

    def reset(self) -> None:
        """Forget every change."""
        with transaction(self._engine) as connection:
            connection.execute(delete(destination_changes))


def _row(integration: Integration) -> dict[str, Any]:
    columns = (column.name for column in integrations.c if column.name != "id")
    return {name: getattr(integration, name) for name in columns}
