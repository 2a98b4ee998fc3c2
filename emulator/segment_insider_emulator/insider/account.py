"""One emulated Insider One account: its integrations, settings, rate limits and data retention.

Source: Insider One, "Data Retention". Assumed: rate limits are published, but not when a minute
begins; here it is the minute of the clock. Also assumed: when expired data is deleted; here with
the first request or page view after the clock has advanced by an hour.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from math import ceil, floor
from threading import Lock

from segment_insider_emulator.clock import Clock, format_iso_utc
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.account_options import InsiderAccountOptions
from segment_insider_emulator.insider.catalog import (
    CUSTOM_EVENT_RETENTION,
    PROFILE_RETENTION,
    list_nondefault_retentions,
)
from segment_insider_emulator.insider.error_callbacks import CallbackHosts
from segment_insider_emulator.insider.identity import IdentityRules
from segment_insider_emulator.insider.profile_changes import ProfileChangeListener
from segment_insider_emulator.insider.responses import build_rate_limit_rejection
from segment_insider_emulator.shared_state import StateGuardFactory, create_process_local_guard
from segment_insider_emulator.storage.panel_settings import Integration, IntegrationStore
from segment_insider_emulator.storage.profiles import ProfileStore
from segment_insider_emulator.storage.records import redact_secret
from segment_insider_emulator.types import JSONObject

RATE_WINDOW_S = 60


class RateLimiter:
    """Counts the units used of each rate limit of an Insider One account in the current minute.

    Args:
        limits: Units per minute of each budget; None is no limit.
    """

    def __init__(
        self,
        limits: Mapping[str, int | None],
        guard_factory: StateGuardFactory = create_process_local_guard,
    ) -> None:
        self._limits = limits
        self._current_minute = 0
        self._used_units: dict[str, float] = {}
        self._state_guard = guard_factory("rates", self, refresh_on_read=False)

    def consume_units(self, budget: str, now: datetime, units: float = 1) -> float:
        """Count *units* as used of the rate limit *budget*.

        Returns: The units used in this minute, these included.
        Raises: RequestRejected, when fewer units are left.
        """
        now_s = now.timestamp()
        minute = floor(now_s / RATE_WINDOW_S)
        limit = self._limits[budget]
        with self._state_guard.lock_for_update:
            if minute > self._current_minute:  # a slower thread may bring an older time
                self._current_minute, self._used_units = minute, {}
            used_units = self._used_units.get(budget, 0) + units
            if limit is None or used_units <= limit:
                self._used_units[budget] = used_units
                return used_units
        raise build_rate_limit_rejection(ceil((minute + 1) * RATE_WINDOW_S - now_s))

    def reset_counters(self) -> None:
        """Set the counters of all rate limits to zero."""
        with self._state_guard.lock_for_update:
            self._current_minute, self._used_units = 0, {}

    def export_state(self) -> JSONObject:
        """Return the rate limit counters for other processes: {"minute", "used"}."""
        return {"minute": self._current_minute, "used": self._used_units}

    def load_state(self, state: JSONObject) -> None:
        """Load the rate limit counters that `export_state` returned in another process."""
        self._current_minute, self._used_units = state["minute"], state["used"]


_RUN_INTERVAL = timedelta(hours=1)
_EARLIEST_TIME = datetime.min.replace(tzinfo=UTC)


class DataRetention:
    """Deletes an account's expired events and profiles as the emulator's clock advances."""

    def __init__(self, profiles: ProfileStore, options: InsiderAccountOptions) -> None:
        self._profiles, self._lock = profiles, Lock()
        self._event_retentions = list_nondefault_retentions(options)
        self._last_run_at: datetime | None = None

    def delete_expired_data(self, now: datetime) -> None:
        """Delete the account's events and profiles that expired by *now*, at most once an hour."""
        with self._lock:
            if self._last_run_at and abs(now - self._last_run_at) < _RUN_INTERVAL:
                return
            self._last_run_at = now
        with self._profiles.unit_of_work() as unit_of_work:
            event_cutoffs = {
                name: _compute_expiry_cutoff(now, retention)
                for name, retention in self._event_retentions.items()
            }
            default_cutoff = _compute_expiry_cutoff(now, CUSTOM_EVENT_RETENTION)
            profile_cutoff = _compute_expiry_cutoff(now, PROFILE_RETENTION)
            unit_of_work.delete_expired_events_and_profiles(
                event_cutoffs, default_cutoff, profile_cutoff
            )

    def forget_last_deletion(self) -> None:
        """Forget when expired data was last deleted, so that the next call deletes at once."""
        with self._lock:
            self._last_run_at = None


def _compute_expiry_cutoff(now: datetime, retention: timedelta) -> str:
    # A long retention or an early clock can lead to a time before year 1.
    if now - _EARLIEST_TIME > retention:
        return format_iso_utc(now - retention)
    return format_iso_utc(_EARLIEST_TIME)


@dataclass(frozen=True, slots=True)
class InsiderAccount:
    """One emulated Insider One account: its settings, profiles and callbacks.

    Args:
        generate_profile_id: Returns a new Profile ID.
        on_change: Called with the changes of a request, in the transaction that stores them.
        callback_hosts: Hosts that callbacks may call.
        send_callback: Takes a URL and the body to post there; returns at once.
    """

    identity_rules: IdentityRules
    options: InsiderAccountOptions
    profiles: ProfileStore
    generate_profile_id: Callable[[], str]
    on_change: ProfileChangeListener
    callback_hosts: CallbackHosts
    send_callback: Callable[[str, bytes], None]


EDITOR_ROLES = ("Administrator", "Editor with PII access")
INTEGRATION_TYPE = "Source"  # events come from Segment: the only direction in the guide
WORKSPACE_INTEGRATION_NAME = "Workspace file"
API_KEY_BYTES = 24  # assumed: the format of a key is not published


class RoleNotPermitted(EmulatorError):
    """Error: the panel user's role must not create or revoke integrations."""


class IntegrationPanel:
    """The integrations and API keys of one Insider One account, as in the InOne panel.

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
        guard_factory: StateGuardFactory = create_process_local_guard,
    ) -> None:
        self.account_name = account_name
        self._account_key, self._store = account_key, store
        self._clock, self._generate_key = clock, generate_key
        store.replace_workspace_integration(self._build_workspace_integration())
        self._reload_integrations()
        self._state_guard = guard_factory("panel", self)

    def list_integrations(self) -> list[Integration]:
        """List all integrations of the account, oldest first, including the revoked ones."""
        return list(self._integrations_by_id.values())

    def create_integration(
        self, name: str, integration_type: str, role: str
    ) -> tuple[Integration, str]:
        """Create an integration in the panel; return it with its new API key.

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
        with self._state_guard.lock_for_update:
            integration = replace(integration, id=self._store.add_integration(integration))
            self._reload_integrations()
        return integration, key

    def revoke_integration(self, integration_id: int, role: str) -> Integration | None:
        """Revoke an integration's API key; return None when there is no such integration.

        Raises: RoleNotPermitted.
        """
        _require_editor_role(role)
        with self._state_guard.lock_for_update:
            self._store.revoke_integration(integration_id, format_iso_utc(self._clock()))
            self._reload_integrations()
            return self._integrations_by_id.get(integration_id)

    def explain_key_rejection(self, key: str) -> str | None:
        """Explain why the Insider One API rejects the API key *key*; return None if it is valid.

        Digests are compared, so the response time reveals nothing about a key.
        """
        integration = self._integrations_by_digest.get(_hash_api_key(key))
        if integration is None:
            problem = "is not a key of this account" if key else "is empty"
            return f"X-REQUEST-TOKEN {problem}: enter the API Key that the panel showed."
        if integration.revoked_at is None:
            return None
        return (
            f"The key of integration {integration.name!r} was revoked at {integration.revoked_at}: "
            "create an integration in the panel and enter its key as API Key."
        )

    def reset_integrations(self) -> None:
        """Delete all integrations but the workspace file's and make its API key valid again."""
        with self._state_guard.lock_for_update:
            self._store.delete_added_integrations(self._build_workspace_integration())
            self._reload_integrations()

    def export_state(self) -> JSONObject:
        """Return an empty state: other processes reload the integrations from the store."""
        return {}

    def load_state(self, state: JSONObject) -> None:
        """Reload from the store the integrations that another process stored."""
        self._reload_integrations()

    def _reload_integrations(self) -> None:
        # Cached, because each request needs them. Assigned at once, so that no other thread sees
        # a partial change.
        integrations = self._store.list_panel_integrations()
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
            key_digest=_hash_api_key(key),
            key_shown=redact_secret(key),
            created_at=format_iso_utc(self._clock()),
            created_by=created_by,
        )


def _require_editor_role(role: str) -> None:
    """Raise an error if the panel user's *role* must not edit integrations.

    Source: the guide's first paragraph (documented).
    """
    if role not in EDITOR_ROLES:
        role_text = f"the role {role!r}" if role else "no role"
        what = f"a user with {role_text} cannot make changes to External Platform Integrations"
        raise RoleNotPermitted(what, "role", f"Use the role {' or '.join(EDITOR_ROLES)}.")


def _hash_api_key(key: str) -> str:
    return sha256(key.encode()).hexdigest()
