"""Integrations of the InOne panel and changes of the destination: kept over a restart."""

from dataclasses import dataclass
from typing import Any, Literal

import orjson
from sqlalchemy import Engine, bindparam, delete, insert, select, update

from segment_insider_emulator.storage.database import transaction
from segment_insider_emulator.storage.schema import destination_changes, integrations
from segment_insider_emulator.types import JSONObject

IntegrationOrigin = Literal["panel", "workspace"]

SELECT_INTEGRATIONS = select(integrations).order_by(integrations.c.id)
INSERT_INTEGRATION = insert(integrations).returning(integrations.c.id)
SELECT_INTEGRATION_ID_BY_KEY = select(integrations.c.id).where(
    integrations.c.key_digest == bindparam("digest")
)
# A key that the workspace file no longer has must not open the account any more.
DELETE_OLD_WORKSPACE_INTEGRATIONS = delete(integrations).where(
    integrations.c.origin == "workspace", integrations.c.key_digest != bindparam("digest")
)
REVOKE_INTEGRATION = (
    update(integrations)
    .where(integrations.c.id == bindparam("which"), integrations.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
)
SELECT_DESTINATION_CHANGES = select(destination_changes.c.changes).where(
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
    origin: IntegrationOrigin
    key_digest: str
    key_shown: str
    created_at: str
    created_by: str | None = None
    revoked_at: str | None = None
    id: int = 0


class IntegrationStore:
    """All integrations of one emulator. Raises StorageFault when the database cannot be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list_integrations(self) -> list[Integration]:
        """Every integration, oldest first, revoked ones among them."""
        with transaction(self._engine) as connection:
            return [Integration(**row._mapping) for row in connection.execute(SELECT_INTEGRATIONS)]

    def add(self, integration: Integration) -> int:
        """Keep a new one; gives its id."""
        with transaction(self._engine) as connection:
            id: int = connection.scalars(
                INSERT_INTEGRATION, [_integration_to_row(integration)]
            ).one()
        return id

    def replace_workspace_integration(self, integration: Integration) -> None:
        """Keep the workspace file's one in place of any from an earlier file."""
        digest = {"digest": integration.key_digest}
        with transaction(self._engine) as connection:
            connection.execute(DELETE_OLD_WORKSPACE_INTEGRATIONS, digest)
            if connection.scalar(SELECT_INTEGRATION_ID_BY_KEY, digest) is None:
                connection.execute(insert(integrations), [_integration_to_row(integration)])

    def revoke(self, id: int, at: str) -> None:
        """Note that a key ends at *at*; one that has ended keeps its time."""
        with transaction(self._engine) as connection:
            connection.execute(REVOKE_INTEGRATION, {"which": id, "at": at})

    def reset(self, workspace_integration: Integration) -> None:
        """Forget all but the workspace file's one."""
        with transaction(self._engine) as connection:
            connection.execute(delete(integrations))
            connection.execute(insert(integrations), [_integration_to_row(workspace_integration)])


class DestinationChangesStore:
    """What was changed of a destination. Raises StorageFault when the database cannot be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self, workspace_fingerprint: str) -> JSONObject:
        """The changes that were made to *basis*, a fingerprint; {} when there are none."""
        with transaction(self._engine) as connection:
            found = connection.scalar(SELECT_DESTINATION_CHANGES, {"basis": workspace_fingerprint})
        changes: JSONObject = orjson.loads(found) if found else {}
        return changes

    def replace(self, workspace_fingerprint: str, changes: JSONObject) -> None:
        """Keep *changes* in place of all earlier ones."""
        row = {"basis": workspace_fingerprint, "changes": orjson.dumps(changes).decode()}
        with transaction(self._engine) as connection:
            connection.execute(delete(destination_changes))
            connection.execute(insert(destination_changes), [row])

    def reset(self) -> None:
        """Forget every change."""
        with transaction(self._engine) as connection:
            connection.execute(delete(destination_changes))


def _integration_to_row(integration: Integration) -> dict[str, Any]:
    columns = (column.name for column in integrations.c if column.name != "id")
    return {name: getattr(integration, name) for name in columns}
