"""The InOne panel, Components > Integrations > External Integrations > Segment: keys and roles.

Source: Insider One, "Send Segment Events to Insider One": name, type Source, key, account name and
the roles that may change them (documented). Assumed: the format of a key, revocation and lists.
"""

import secrets
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

from segment_insider_emulator.clock import Clock, format_iso_utc
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.shared_state import StateGuardFactory, process_local
from segment_insider_emulator.storage.panel_settings import Integration, IntegrationStore
from segment_insider_emulator.storage.records import redact_secret
from segment_insider_emulator.types import JSONObject

EDITOR_ROLES = ("Administrator", "Editor with PII access")
INTEGRATION_TYPE = "Source"  # events come from Segment: the only direction in the guide
WORKSPACE_INTEGRATION_NAME = "Workspace file"
API_KEY_BYTES = 24  # assumed: the format of a key is not published


class RoleNotPermitted(EmulatorError):
    """The user's role must not change integrations."""


class IntegrationPanel:
    """The integrations and API keys of one account, as in the InOne panel.

    Args:
        account_key: The key in the workspace file, which is valid until it is revoked.
        generate_key: Returns a new API key.
        guard_factory: Shares changes with other processes.
    """

    def __init__(
        self,
        account_name: str,
        account_key: str,
        store: IntegrationStore,
        clock: Clock,
        *,
        generate_key: Callable[[], str] = lambda: secrets.token_hex(API_KEY_BYTES),
        guard_factory: StateGuardFactory = process_local,
    ) -> None:
        self.account_name = account_name
        self._account_key, self._store = account_key, store
        self._clock, self._generate_key = clock, generate_key
        store.replace_workspace_integration(self._build_workspace_integration())
        self._reload()
        self._state_guard = guard_factory("panel", self)

    def list_integrations(self) -> list[Integration]:
        """List all integrations, oldest first, with the revoked ones."""
        return list(self._integrations_by_id.values())

    def create_integration(
        self, name: str, integration_type: str, role: str
    ) -> tuple[Integration, str]:
        """Create an integration and its API key.

        Returns: The integration and its key, which is not shown again.
        Raises: RoleNotPermitted; EmulatorError, when the name or type is not valid.
        """
        _require_editor_role(role)
        if not name.strip():
            raise EmulatorError("the Integration Name is empty", "name", "Give it a name.")
        if integration_type != INTEGRATION_TYPE:
            what = f"an integration of type {integration_type!r} does not receive events"
            remedy = f"Select {INTEGRATION_TYPE!r} as the Integration Type."
            raise EmulatorError(what, "type", remedy)
        key = self._generate_key()
        integration = self._build_integration(name.strip(), key, created_by=role)
        with self._state_guard.updating:
            integration = replace(integration, id=self._store.add(integration))
            self._reload()
        return integration, key

    def revoke_integration(self, integration_id: int, role: str) -> Integration | None:
        """Revoke an integration's key; None when there is no such integration.

        Raises: RoleNotPermitted.
        """
        _require_editor_role(role)
        with self._state_guard.updating:
            self._store.revoke(integration_id, format_iso_utc(self._clock()))
            self._reload()
            return self._integrations_by_id.get(integration_id)

    def explain_key_rejection(self, key: str) -> str | None:
        """Explain why *key* is rejected and what to do; None if it is valid.

        Digests are compared, so the response time reveals nothing about a key.
        """
        integration = self._integrations_by_digest.get(_digest_key(key))
        if integration is None:
            problem = "is not a key of this account" if key else "is empty"
            return f"X-REQUEST-TOKEN {problem}: enter the API Key that the panel showed."
        if integration.revoked_at is None:
            return None
        return (
            f"The key of integration {integration.name!r} was revoked at {integration.revoked_at}: "
            "create an integration in the panel and enter its key as API Key."
        )

    def reset(self) -> None:
        """Delete all integrations but the workspace file's and make its key valid again."""
        with self._state_guard.updating:
            self._store.reset(self._build_workspace_integration())
            self._reload()

    def state(self) -> JSONObject:
        """Return an empty state: other processes reload the integrations from the store."""
        return {}

    def restore(self, state: JSONObject) -> None:
        """Reload the integrations that another process stored."""
        self._reload()

    def _reload(self) -> None:
        # Cached, because each request needs them. Assigned at once, so that no other thread sees
        # a partial change.
        integrations = self._store.list_integrations()
        self._integrations_by_id = {entry.id: entry for entry in integrations}
        self._integrations_by_digest = {entry.key_digest: entry for entry in integrations}

    def _build_workspace_integration(self) -> Integration:
        return self._build_integration(
            WORKSPACE_INTEGRATION_NAME, self._account_key, created_by=None
        )

    def _build_integration(self, name: str, key: str, *, created_by: str | None) -> Integration:
        return Integration(
            name=name,
            type=INTEGRATION_TYPE,
            origin="panel" if created_by else "workspace",
            key_digest=_digest_key(key),
            key_shown=redact_secret(key),
            created_at=format_iso_utc(self._clock()),
            created_by=created_by,
        )


def _require_editor_role(role: str) -> None:
    """Reject roles that must not edit. Source: the guide's first paragraph (documented)."""
    if role not in EDITOR_ROLES:
        role_text = f"the role {role!r}" if role else "no role"
        what = f"a user with {role_text} cannot make changes to External Platform Integrations"
        raise RoleNotPermitted(what, "role", f"Use the role {' or '.join(EDITOR_ROLES)}.")


def _digest_key(key: str) -> str:
    return sha256(key.encode()).hexdigest()
