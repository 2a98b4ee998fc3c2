"""What the blueprints of one emulator share."""

from dataclasses import dataclass
from typing import cast

from flask import current_app

from emulator.capture.differences import Differences
from emulator.capture.profiles import ProfileStore
from emulator.capture.store import Store
from emulator.clock import SandboxClock
from emulator.config import Config
from emulator.delivery.configuration import Configuration
from emulator.delivery.faults import Faults as InsiderFaults
from emulator.delivery.passthrough import PassThrough
from emulator.delivery.queue import Queue
from emulator.delivery.road import Road
from emulator.insider.endpoint import Endpoint
from emulator.insider.journeys.running import Journeys
from emulator.insider.panel import Panel
from emulator.segment.assets import Assets
from emulator.segment.faults import Faults
from emulator.segment.oauth import Tokens
from emulator.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Parts:
    """One emulator's parts. Two emulators in one process share none of them."""

    config: Config
    workspace: Workspace
    store: Store
    profiles: ProfileStore
    endpoint: Endpoint
    panel: Panel
    road: Road
    configuration: Configuration
    clock: SandboxClock
    journeys: Journeys
    tokens: Tokens
    assets: Assets
    segment_faults: Faults
    faults: InsiderFaults
    differences: Differences
    pass_through: PassThrough | None  # None where deliveries go to the emulated account
    queue: Queue | None  # None where a request is answered after its deliveries

    @property
    def carrier(self) -> Road | Queue:
        """Who takes messages from the source."""
        return self.queue or self.road

    def close(self) -> None:
        """Finish what is under way, and let go of the database."""
        if self.queue:
            self.queue.close()
        self.store.close()


def parts() -> Parts:
    """The parts of the emulator that answers the current request."""
    return cast(Parts, current_app.extensions["emulator"])
