"""Storage of the InOne panel's integrations, and of changes to the destination."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Engine, bindparam, delete, insert, select, update

from segment_insider_emulator.storage.database import transaction
from segment_insider_emulator.storage.query_execution import CompiledStatement, list_column_names
from segment_insider_emulator.storage.schema import destination_changes, integrations
from segment_insider_emulator.types import JSONObject

IntegrationOrigin = Literal["panel", "workspace"]

# Compiled: each new sandbox runs them.
SELECT_INTEGRATIONS = CompiledStatement(select(integrations).order_by(integrations.c.id))
INSERT_INTEGRATION = insert(integrations).returning(integrations.c.id)
INSERT_WORKSPACE_INTEGRATION = CompiledStatement(
    insert(integrations), list_column_names(integrations, "id")
)
SELECT_INTEGRATION_ID_BY_KEY = CompiledStatement(
    select(integrations.c.id).where(integrations.c.key_digest == bindparam("digest"))
)
# A key that was removed from the workspace file must not work any more.
DELETE_OLD_WORKSPACE_INTEGRATIONS = CompiledStatement(
    delete(integrations).where(
        integrations.c.origin == "workspace", integrations.c.key_digest != bindparam("digest")
    )
)
REVOKE_INTEGRATION = (
    update(integrations)
    .where(integrations.c.id == bindparam("integration_id"), integrations.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
)
SELECT_DESTINATION_CHANGES = CompiledStatement(
    select(destination_changes.c.changes).where(destination_changes.c.basis == bindparam("basis"))
)


@dataclass(frozen=True, slots=True)
class Integration:
    """Record of one integration of the InOne panel, with its API key.

    Args:
        type: Integration Type, e.g. "Source".
        origin: "workspace" for the one from the workspace file.
        key_digest: SHA-256 of its API key, hexadecimal; the key itself is not stored.
        key_shown: The redacted key.
        created_at, revoked_at: ISO 8601, UTC, milliseconds; revoked_at is None while it is active.
        created_by: Role of its creator; None for the workspace file's.
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
    """Stores integrations of the InOne panel. Raises: DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list_panel_integrations(self) -> list[Integration]:
        """Return all integrations of the InOne panel, oldest first, revoked ones included."""
        with transaction(self._engine) as connection:
            rows = SELECT_INTEGRATIONS.fetch_all(connection, {})
        return [Integration(**row._asdict()) for row in rows]

    def add_integration(self, integration: Integration) -> int:
        """Store a new integration of the InOne panel; return its id."""
        with transaction(self._engine) as connection:
            rows = [_integration_to_row(integration)]
            id: int = connection.scalars(INSERT_INTEGRATION, rows).one()
        return id

    def replace_workspace_integration(self, integration: Integration) -> None:
        """Replace the integration of an earlier workspace file by that of the current file."""
        digest = {"digest": integration.key_digest}
        with transaction(self._engine) as connection:
            DELETE_OLD_WORKSPACE_INTEGRATIONS.execute_many(connection, [digest])
            if not SELECT_INTEGRATION_ID_BY_KEY.fetch_all(connection, digest):
                row = _integration_to_row(integration)
                INSERT_WORKSPACE_INTEGRATION.execute_many(connection, [row])

    def revoke_integration(self, id: int, at: str) -> None:
        """Revoke an integration's key at the time *at*; an earlier revocation stays."""
        with transaction(self._engine) as connection:
            connection.execute(REVOKE_INTEGRATION, {"integration_id": id, "at": at})

    def delete_added_integrations(self, workspace_integration: Integration) -> None:
        """Delete all integrations of the InOne panel except the workspace file's."""
        with transaction(self._engine) as connection:
            connection.execute(delete(integrations))
            row = _integration_to_row(workspace_integration)
            INSERT_WORKSPACE_INTEGRATION.execute_many(connection, [row])


class DestinationChangesStore:
    """Stores changes made to the workspace file's destination. Raises: DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load_changes(self, workspace_fingerprint: str) -> JSONObject:
        """Return the stored changes to the destination with this fingerprint; {} if none."""
        with transaction(self._engine) as connection:
            values = {"basis": workspace_fingerprint}
            rows = SELECT_DESTINATION_CHANGES.fetch_all(connection, values)
        return rows[0].changes if rows else {}

    def has_changes_of_other_workspace(self, workspace_fingerprint: str) -> bool:
        """Return whether changes to a destination with another fingerprint are stored."""
        others = destination_changes.c.basis != workspace_fingerprint
        with transaction(self._engine) as connection:
            return (
                connection.execute(select(destination_changes.c.basis).where(others)).first()
                is not None
            )

    def replace_changes(self, workspace_fingerprint: str, changes: JSONObject) -> None:
        """Replace all stored changes to the destination."""
        row = {"basis": workspace_fingerprint, "changes": changes}
        with transaction(self._engine) as connection:
            connection.execute(delete(destination_changes))
            connection.execute(insert(destination_changes), [row])

    def delete_all_changes(self) -> None:
        """Delete all stored changes to the destination."""
        with transaction(self._engine) as connection:
            connection.execute(delete(destination_changes))


def _integration_to_row(integration: Integration) -> dict[str, Any]:
    return {name: getattr(integration, name) for name in list_column_names(integrations, "id")}
