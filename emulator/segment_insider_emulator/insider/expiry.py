"""What is kept no longer: events past their retention, and profiles without news.

Source: Insider One, "Data Retention". Assumed: when it goes; here with the first request or look
after the clock has moved by an hour.
"""

from datetime import UTC, datetime, timedelta
from threading import Lock

from segment_insider_emulator.capture.profiles import ProfileStore
from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.insider.catalog import (
    CUSTOM_EVENT_RETENTION,
    PROFILE_RETENTION,
    list_nondefault_retentions,
)
from segment_insider_emulator.insider.options import InsiderOptions

_RUN_INTERVAL = timedelta(hours=1)
_EARLIEST_TIME = datetime.min.replace(tzinfo=UTC)


class DataRetention:
    """Deletes as time passes, by the emulator's clock."""

    def __init__(self, profiles: ProfileStore, options: InsiderOptions) -> None:
        self._profiles, self._lock = profiles, Lock()
        self._event_retentions = list_nondefault_retentions(options)
        self._last_run_at: datetime | None = None

    def delete_expired(self, now: datetime) -> None:
        """Delete what is outdated *now*, unless that was done within the hour."""
        with self._lock:
            if self._last_run_at and abs(now - self._last_run_at) < _RUN_INTERVAL:
                return
            self._last_run_at = now
        with self._profiles.unit_of_work() as unit_of_work:
            event_cutoffs = {
                name: _compute_cutoff(now, kept) for name, kept in self._event_retentions.items()
            }
            default_cutoff, profile_cutoff = (
                _compute_cutoff(now, CUSTOM_EVENT_RETENTION),
                _compute_cutoff(now, PROFILE_RETENTION),
            )
            unit_of_work.delete_expired(event_cutoffs, default_cutoff, profile_cutoff)

    def reset(self) -> None:
        """Run at the next occasion."""
        with self._lock:
            self._last_run_at = None


def _compute_cutoff(now: datetime, retention: timedelta) -> str:
    # Retentions of a century and clocks of the first years leave the calendar.
    return (
        format_iso_utc(now - retention)
        if now - _EARLIEST_TIME > retention
        else format_iso_utc(_EARLIEST_TIME)
    )
