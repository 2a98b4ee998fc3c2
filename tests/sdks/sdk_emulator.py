"""The emulator that the SDKs send to, and what it received."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from sdks.guide_calls import InsiderEvent
from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import Workspace, load_preset_workspace
from segment_insider_scenarios.client import ControlClient

FAULTS_PATH = "/emulator/v1/faults/segment"


@dataclass(frozen=True, slots=True)
class SdkEmulator:
    """A running emulator with the preset `guide`."""

    url: str
    client: ControlClient

    def list_insider_events(self) -> dict[str, list[InsiderEvent]]:
        """Return the Insider One events of each received call, by the call's name."""
        return {
            message["event"] or message["message"].get("name") or "": self._list_events_of_message(
                message
            )
            for message in self.client.list_messages()
        }

    def list_verdicts(self) -> list[str]:
        """Return the verdict of each message in order, with its reason if any."""
        return [
            ": ".join(filter(None, (message["verdict"], message["reason"])))
            for message in self.client.list_messages()
        ]

    def count_events(self) -> int:
        """Return how many events all profiles have."""
        return sum(len(profile["events"]) for profile in self.client.list_profiles())

    def create_fault(self, **fault: object) -> None:
        """Create a fault for the next requests."""
        requests.post(self.url + FAULTS_PATH, json=fault, timeout=60).raise_for_status()

    def count_remaining_faults(self) -> int:
        """Return how many requests will still get a fault."""
        faults = requests.get(self.url + FAULTS_PATH, timeout=60).json()["faults"]
        return sum(fault["times"] for fault in faults)

    def _list_events_of_message(self, message: JSONObject) -> list[InsiderEvent]:
        deliveries = self.client.list_deliveries(messageId=message["messageId"])
        events = (
            event
            for delivery in deliveries
            for user in delivery["request"]["json"]["users"]
            for event in user.get("events", [])
        )
        return [(event["event_name"], *_get_ids(event["event_params"])) for event in events]


@contextmanager
def run_emulator(
    cache: Path, workspace: Workspace | None = None, *, overlay: bool = False
) -> Iterator[SdkEmulator]:
    """Run an emulator during the block; analytics.js comes from *cache*."""
    app = create_app(
        Config(db=":memory:", cache=str(cache), overlay=overlay),
        workspace or load_preset_workspace("guide"),
    )
    try:
        with serve_app_in_thread(app) as url, ControlClient(url) as client:
            yield SdkEmulator(url, client)
    finally:
        app.extensions["emulator"].store.close()


def _get_ids(parameters: JSONObject) -> tuple[str | None, str | None]:
    return parameters.get("event_group_id"), parameters.get("product_id")
