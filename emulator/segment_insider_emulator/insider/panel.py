"""The InOne panel, Components > Integrations > External Integrations > Segment: keys and roles.

Source: Insider One, "Send Segment Events to Insider One": name, type Source, key and account name,
and who may change them (documented). Form of a key, revocation and lists are ours (assumed).
"""

import secrets
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

from segment_insider_emulator.capture.panel import Integration, PanelStore
from segment_insider_emulator.capture.records import redacted
from segment_insider_emulator.clock import Clock, iso
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.held import Hold, alone
from segment_insider_emulator.types import JSONObject

ROLES = ("Administrator", "Editor with PII access")
TYPE = "Source"  # events come from Segment: the one direction that the guide sets up
WORKSPACE = "Workspace file"
# Assumed: the form of a key is published nowhere.
KEY_BYTES = 24


class NotPermitted(EmulatorError):
    """Somebody's role does not let them change integrations."""


class Panel:
    """The integrations of one account.

    Args:
        account_key: The workspace file's key, which works until it is revoked.
        new_key: Makes integration keys.
    """

    def __init__(
        self,
        account_name: str,
        account_key: str,
        store: PanelStore,
        clock: Clock,
        *,
        new_key: Callable[[], str] = lambda: secrets.token_hex(KEY_BYTES),
        hold: Hold = alone,
    ) -> None:
        self.account_name = account_name
        self._account_key, self._store = account_key, store
        self._clock, self._new_key = clock, new_key
        store.seed(self._of_workspace())
        self._load()
        self._held = hold("panel", self)

    def integrations(self) -> list[Integration]:
        """All of them, oldest first, revoked ones among them."""
        return list(self._by_id.values())

    def create(self, name: str, type: str, role: str) -> tuple[Integration, str]:
        """Save an integration.

        Returns: It, and its key, which nothing shows again.
        Raises: NotPermitted; EmulatorError, when the form would not let itself be saved.
        """
        _permit(role)
        if not name.strip():
            raise EmulatorError("the Integration Name is empty", "name", "Give it a name.")
        if type != TYPE:
            what = f"no events come in through an integration of type {type!r}"
            raise EmulatorError(what, "type", f"Select {TYPE!r} as the Integration Type.")
        key = self._new_key()
        made = self._integration(name.strip(), key, created_by=role)
        with self._held.changing():
            made = replace(made, id=self._store.add(made))
            self._load()
        return made, key

    def revoke(self, id: int, role: str) -> Integration | None:
        """End an integration's key; None when there is no such integration.

        Raises: NotPermitted.
        """
        _permit(role)
        with self._held.changing():
            self._store.revoke(id, iso(self._clock()))
            self._load()
            return self._by_id.get(id)

    def refusal(self, key: str) -> str | None:
        """Why *key* does not open the account, as a sentence that says what to do; None if it does.

        Digests are compared, so the time taken tells nothing of a key.
        """
        found = self._by_digest.get(_digest(key))
        if found is None:
            kind = "another key than any of this account's" if key else "no key"
            return f"X-REQUEST-TOKEN carried {kind}: enter the one the panel showed as API Key."
        if found.revoked_at is None:
            return None
        return (
            f"The key of the integration {found.name!r} was revoked at {found.revoked_at}: "
            "create an integration in the panel and enter its key as API Key."
        )

    def reset(self) -> None:
        """Forget all integrations but the workspace file's, whose key works again."""
        with self._held.changing():
            self._store.reset(self._of_workspace())
            self._load()

    def state(self) -> JSONObject:
        """For other processes: nothing but that it has changed; the rest is in the store."""
        return {}

    def restore(self, state: JSONObject) -> None:
        """Know what another process has stored."""
        self._load()

    def _load(self) -> None:
        # Read at each request, so kept at hand; assigned whole, so never seen half changed.
        known = self._store.all()
        self._by_id = {each.id: each for each in known}
        self._by_digest = {each.key_digest: each for each in known}

    def _of_workspace(self) -> Integration:
        return self._integration(WORKSPACE, self._account_key, created_by=None)

    def _integration(self, name: str, key: str, *, created_by: str | None) -> Integration:
        return Integration(
            name=name,
            type=TYPE,
            origin="panel" if created_by else "workspace",
            key_digest=_digest(key),
            key_shown=redacted(key),
            created_at=iso(self._clock()),
            created_by=created_by,
        )


def _permit(role: str) -> None:
    """Source: the guide's first paragraph names the two roles. (documented)"""
    if role not in ROLES:
        who = f"the role {role!r}" if role else "no role"
        what = f"a user with {who} cannot make changes to External Platform Integrations"
        raise NotPermitted(what, "role", f"Act as {' or '.join(ROLES)}.")


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()
