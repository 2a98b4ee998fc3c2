"""What Insider One knows and was sent, for tests without Gherkin."""

from dataclasses import dataclass

from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.client import ControlClient


@dataclass(frozen=True, slots=True)
class InsiderOneView:
    """Insider One as one emulator has it. An identifier is such as "uuid:ada"."""

    client: ControlClient

    def profile(self, identifier: str) -> JSONObject | None:
        """Who owns *identifier*."""
        return self.client.find_profile(identifier)

    def profiles(self) -> list[JSONObject]:
        """Everybody."""
        return self.client.list_profiles()

    def events(self, identifier: str) -> list[JSONObject]:
        """The events of whoever owns *identifier*, oldest first; none of somebody unknown."""
        events: list[JSONObject] = (self.profile(identifier) or {"events": []})["events"]
        return events

    def requests(self) -> list[JSONObject]:
        """Every request that was sent, oldest first: method, url, headers, json."""
        return [each["request"] for each in self.client.list_deliveries() if each["request"]]
