"""One Insider One account: settings and stores, rate limits and data retention.

Source: Insider One, "Data Retention". Assumed: rate limits are published, but not when a minute
begins; here it is the minute of the clock. Also assumed: when expired data is deleted; here with
the first request or page view after the clock has advanced by an hour.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, floor
from threading import Lock

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.insider.callbacks import CallbackHosts
from segment_insider_emulator.insider.catalog import (
    CUSTOM_EVENT_RETENTION,
    PROFILE_RETENTION,
    list_nondefault_retentions,
)
from segment_insider_emulator.insider.identity import IdentityRules
from segment_insider_emulator.insider.options import InsiderOptions
from segment_insider_emulator.insider.profile_changes import ProfileChangeListener
from segment_insider_emulator.insider.responses import reject_too_many_requests
from segment_insider_emulator.shared_state import StateGuardFactory, process_local
from segment_insider_emulator.storage.profiles import ProfileStore
from segment_insider_emulator.types import JSONObject

RATE_WINDOW_S = 60


class RateLimiter:
    """Counts the units used of each rate limit in the current minute.

    Args:
        get_limit: Returns the units per minute of a budget; None is no limit.
    """

    def __init__(
        self,
        get_limit: Callable[[str], int | None],
        guard_factory: StateGuardFactory = process_local,
    ) -> None:
        self._get_limit = get_limit
        self._current_minute = 0
        self._used_units: dict[str, float] = {}
        self._state_guard = guard_factory("rates", self, refresh_on_read=False)

    def consume(self, budget: str, now: datetime, units: float = 1) -> float:
        """Use *units* of *budget*.

        Returns: The units used in this minute, these included.
        Raises: RequestRejected, when fewer units are left.
        """
        now_s = now.timestamp()
        minute = floor(now_s / RATE_WINDOW_S)
        limit = self._get_limit(budget)
        with self._state_guard.updating:
            if minute > self._current_minute:  # a slower thread may bring an older time
                self._current_minute, self._used_units = minute, {}
            used_units = self._used_units.get(budget, 0) + units
            if limit is None or used_units <= limit:
                self._used_units[budget] = used_units
                return used_units
        raise reject_too_many_requests(ceil((minute + 1) * RATE_WINDOW_S - now_s))

    def reset(self) -> None:
        """Set all counters to zero."""
        with self._state_guard.updating:
            self._current_minute, self._used_units = 0, {}

    def state(self) -> JSONObject:
        """Return the state for other processes: {"minute": number, "used": units by budget}."""
        return {"minute": self._current_minute, "used": self._used_units}

    def restore(self, state: JSONObject) -> None:
        """Load a state that `state` returned."""
        self._current_minute, self._used_units = state["minute"], state["used"]


_RUN_INTERVAL = timedelta(hours=1)
_EARLIEST_TIME = datetime.min.replace(tzinfo=UTC)


class DataRetention:
    """Deletes expired events and profiles as the emulator's clock advances."""

    def __init__(self, profiles: ProfileStore, options: InsiderOptions) -> None:
        self._profiles, self._lock = profiles, Lock()
        self._event_retentions = list_nondefault_retentions(options)
        self._last_run_at: datetime | None = None

    def delete_expired(self, now: datetime) -> None:
        """Delete events and profiles that expired before *now*, at most once an hour."""
        with self._lock:
            if self._last_run_at and abs(now - self._last_run_at) < _RUN_INTERVAL:
                return
            self._last_run_at = now
        with self._profiles.unit_of_work() as unit_of_work:
            event_cutoffs = {
                name: _compute_cutoff(now, retention)
                for name, retention in self._event_retentions.items()
            }
            default_cutoff = _compute_cutoff(now, CUSTOM_EVENT_RETENTION)
            profile_cutoff = _compute_cutoff(now, PROFILE_RETENTION)
            unit_of_work.delete_expired(event_cutoffs, default_cutoff, profile_cutoff)

    def reset(self) -> None:
        """Make the next call delete expired data again."""
        with self._lock:
            self._last_run_at = None


def _compute_cutoff(now: datetime, retention: timedelta) -> str:
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
    options: InsiderOptions
    profiles: ProfileStore
    generate_profile_id: Callable[[], str]
    on_change: ProfileChangeListener
    callback_hosts: CallbackHosts
    send_callback: Callable[[str, bytes], None]
