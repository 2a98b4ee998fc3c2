"""The InOne panel, Components > Integrations > External Integrations > Segment: keys and roles.

Source: Insider One, "Send Segment Events to Insider One": name, type Source, key and account name,
and who may change them (documented). Form of a key, revocation and lists are ours (assumed).
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
INTEGRATION_TYPE = "Source"  # events come from Segment: the one direction that the guide sets up
WORKSPACE_INTEGRATION_NAME = "Workspace file"
# Assumed: the form of a key is published nowhere.
API_KEY_BYTES = 24


class RoleNotPermitted(EmulatorError):
    """Somebody's role does not let them change integrations."""


class IntegrationPanel:
    """The integrations of one account.

    Args:
        account_key: The workspace file's key, which works until it is revoked.
        new_key: Makes integration keys.
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
        """All of them, oldest first, revoked ones among them."""
        return list(self._integrations_by_id.values())

    def create_integration(
        self, name: str, integration_type: str, role: str
    ) -> tuple[Integration, str]:
        """Save an integration.

        Returns: It, and its key, which nothing shows again.
        Raises: NotPermitted; EmulatorError, when the form would not let itself be saved.
        """
        _require_editor_role(role)
        if not name.strip():
            raise EmulatorError("the Integration Name is empty", "name", "Give it a name.")
        if integration_type != INTEGRATION_TYPE:
            what = f"no events come in through an integration of type {integration_type!r}"
            raise EmulatorError(
                what, "type", f"Select {INTEGRATION_TYPE!r} as the Integration Type."
            )
        key = self._generate_key()
        integration = self._build_integration(name.strip(), key, created_by=role)
        with self._state_guard.updating():
            integration = replace(integration, id=self._store.add(integration))
            self._reload()
        return integration, key

    def revoke_integration(self, integration_id: int, role: str) -> Integration | None:
        """End an integration's key; None when there is no such integration.

        Raises: NotPermitted.
        """
        _require_editor_role(role)
        with self._state_guard.updating():
            self._store.revoke(integration_id, format_iso_utc(self._clock()))
            self._reload()
            return self._integrations_by_id.get(integration_id)

    def explain_key_rejection(self, key: str) -> str | None:
        """Why *key* does not open the account, as a sentence that says what to do; None if it does.

        Digests are compared, so the time taken tells nothing of a key.
        """
        integration = self._integrations_by_digest.get(_digest_key(key))
        if integration is None:
            description = "another key than any of this account's" if key else "no key"
            return (
                f"X-REQUEST-TOKEN carried {description}: enter the one the panel showed as API Key."
            )
        if integration.revoked_at is None:
            return None
        return (
            f"The key of the integration {integration.name!r} was revoked at {integration.revoked_at}: "
            "create an integration in the panel and enter its key as API Key."
        )

    def reset(self) -> None:
        """Forget all integrations but the workspace file's, whose key works again."""
        with self._state_guard.updating():
            self._store.reset(self._build_workspace_integration())
            self._reload()

    def state(self) -> JSONObject:
        """For other processes: nothing but that it has changed; the rest is in the store."""
        return {}

    def restore(self, state: JSONObject) -> None:
        """Know what another process has stored."""
        self._reload()

    def _reload(self) -> None:
        # Read at each request, so kept at hand; assigned whole, so never seen half changed.
        integrations = self._store.list_integrations()
        self._integrations_by_id = {each.id: each for each in integrations}
        self._integrations_by_digest = {each.key_digest: each for each in integrations}

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
    """Source: the guide's first paragraph names the two roles. (documented)"""
    if role not in EDITOR_ROLES:
        role_text = f"the role {role!r}" if role else "no role"
        what = f"a user with {role_text} cannot make changes to External Platform Integrations"
        raise RoleNotPermitted(what, "role", f"Act as {' or '.join(EDITOR_ROLES)}.")


def _digest_key(key: str) -> str:
    return sha256(key.encode()).hexdigest()
