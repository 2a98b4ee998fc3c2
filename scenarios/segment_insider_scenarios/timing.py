"""Time, for tests without Gherkin."""

from dataclasses import dataclass
from datetime import datetime

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.formats import parse_rfc3339
from segment_insider_scenarios.client import ControlClient

EXAMPLE_TIME = "2026-11-23T12:00:00Z"
# How else people write times: the day before the month, as where the shops are.
OTHER_TIME_FORMATS = tuple(
    f"{day}{time}"
    for day in ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y-%m-%d", "%Y/%m/%d")
    for time in (" %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", "")
)


@dataclass(frozen=True, slots=True)
class ClockControl:
    """The clock of one emulator."""

    client: ControlClient

    def start(self, now: str) -> None:
        """Forget everything, and stand still at *now*, ISO 8601 with its zone."""
        self.client.reset_sandbox(now)

    def advance(self, duration: str) -> None:
        """Let time pass, e.g. "45 minutes"; what is due by then has been done on return."""
        self.client.advance_clock(duration)


def require_time(text: str) -> None:
    """Refuse what is not a time with its zone, and say how to write it. Raises: EmulatorError."""
    if parse_rfc3339(text) is not None:
        return
    parsed = next(
        filter(None, (_parse_time(text.strip(), form) for form in OTHER_TIME_FORMATS)), None
    )
    remedy = f"Write {parsed:%Y-%m-%dT%H:%M:%S}Z" if parsed else f"Write it as {EXAMPLE_TIME}"
    raise EmulatorError(f"{text!r} is not a time", "", f"{remedy}, or +03:00 in place of the Z.")


def _parse_time(text: str, time_format: str) -> datetime | None:
    try:
        return datetime.strptime(text, time_format)
    except ValueError:
        return None
