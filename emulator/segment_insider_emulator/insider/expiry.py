"""What is kept no longer: events past their retention, and profiles without news.

Source: Insider One, "Data Retention". Assumed: when it goes; here with the first request or look
after the clock has moved by an hour.
"""

from datetime import UTC, datetime, timedelta
from threading import Lock

from segment_insider_emulator.capture.profiles import ProfileStore
from segment_insider_emulator.clock import iso
from segment_insider_emulator.insider.catalog import CUSTOM_EVENT_KEPT, PROFILE_KEPT, retentions
from segment_insider_emulator.insider.options import Options

_EVERY = timedelta(hours=1)
_BEGINNING = datetime.min.replace(tzinfo=UTC)


class Expiry:
    """Deletes as time passes, by the emulator's clock."""

    def __init__(self, profiles: ProfileStore, options: Options) -> None:
        self._profiles, self._lock = profiles, Lock()
        self._kept = retentions(options)
        self._ran: datetime | None = None

    def run(self, now: datetime) -> None:
        """Delete what is outdated *now*, unless that was done within the hour."""
        with self._lock:
            if self._ran and abs(now - self._ran) < _EVERY:
                return
            self._ran = now
        with self._profiles.writing() as writing:
            events = {name: _before(now, kept) for name, kept in self._kept.items()}
            others, profiles = _before(now, CUSTOM_EVENT_KEPT), _before(now, PROFILE_KEPT)
            writing.expire(events, others, profiles)

    def reset(self) -> None:
        """Run at the next occasion."""
        with self._lock:
            self._ran = None


def _before(now: datetime, kept: timedelta) -> str:
    # Retentions of a century and clocks of the first years leave the calendar.
    return iso(now - kept) if now - _BEGINNING > kept else iso(_BEGINNING)
