"""Time, for tests without Gherkin."""

from dataclasses import dataclass
from datetime import datetime

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.formats import instant
from segment_insider_scenarios.client import ControlClient

EXAMPLE = "2026-11-23T12:00:00Z"
# How else people write times: the day before the month, as where the shops are.
FORMS = tuple(
    f"{day}{time}"
    for day in ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y-%m-%d", "%Y/%m/%d")
    for time in (" %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", "")
)


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of one emulator."""

    client: ControlClient

    def start(self, now: str) -> None:
        """Forget everything, and stand still at *now*, ISO 8601 with its zone."""
        self.client.reset(now)

    def advance(self, length: str) -> None:
        """Let time pass, e.g. "45 minutes"; what is due by then has been done on return."""
        self.client.advance(length)


def expect_time(text: str) -> None:
    """Refuse what is not a time with its zone, and say how to write it. Raises: EmulatorError."""
    if instant(text) is not None:
        return
    found = next(filter(None, (_read(text.strip(), form) for form in FORMS)), None)
    remedy = f"Write {found:%Y-%m-%dT%H:%M:%S}Z" if found else f"Write it as {EXAMPLE}"
    raise EmulatorError(f"{text!r} is not a time", "", f"{remedy}, or +03:00 in place of the Z.")


def _read(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None
