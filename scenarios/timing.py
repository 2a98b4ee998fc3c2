"""Time, for tests without Gherkin."""

from dataclasses import dataclass

from scenarios.client import ControlClient


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
