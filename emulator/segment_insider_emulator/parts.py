"""What the blueprints of one sandbox share."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, cast

from flask import current_app, has_request_context, request

from segment_insider_emulator.capture.database import Engine
from segment_insider_emulator.capture.differences import Differences
from segment_insider_emulator.capture.journeys import JourneyStore
from segment_insider_emulator.capture.profiles import ProfileStore
from segment_insider_emulator.capture.pruning import Pruner
from segment_insider_emulator.capture.shared import Shared
from segment_insider_emulator.capture.store import Store
from segment_insider_emulator.clock import SandboxClock
from segment_insider_emulator.config import Config
from segment_insider_emulator.delivery.configuration import Configuration
from segment_insider_emulator.delivery.faults import Faults as InsiderFaults
from segment_insider_emulator.delivery.passthrough import PassThrough
from segment_insider_emulator.delivery.queue import Queue
from segment_insider_emulator.delivery.road import Road
from segment_insider_emulator.insider.endpoint import Endpoint
from segment_insider_emulator.insider.journeys.running import Journeys
from segment_insider_emulator.insider.panel import Panel
from segment_insider_emulator.segment.assets import Assets
from segment_insider_emulator.segment.faults import Faults
from segment_insider_emulator.segment.oauth import Tokens
from segment_insider_emulator.workspace import Workspace
from segment_insider_emulator.workspace.given import Given


class Kept(NamedTuple):
    """What a sandbox has whatever its workspace is."""

    engine: Engine
    store: Store
    profiles: ProfileStore
    runs: JourneyStore
    shared: Shared
    clock: SandboxClock


@dataclass(frozen=True, slots=True)
class Parts:
    """One sandbox's parts. Two sandboxes of one process share none that holds anything."""

    config: Config
    workspace: Workspace
    given: Given
    engine: Engine
    store: Store
    profiles: ProfileStore
    shared: Shared
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
    queue: Queue
    pruner: Pruner | None  # None where everything is kept

    @property
    def kept(self) -> Kept:
        """What goes on when the workspace is replaced."""
        stores = self.store, self.profiles, self.journeys.store
        return Kept(self.engine, *stores, self.shared, self.clock)

    @property
    def carrier(self) -> Road | Queue:
        """Who takes messages from the source."""
        return self.queue if self.config.asynchronous else self.road

    def reset(self, now: datetime | None = None) -> None:
        """Forget all that happened, and faults; both panels are set back to the workspace file.

        Args:
            now: Where the clock stands still then; None has it follow the machine.
        """
        self.reset_captures()
        self.clock.reset(now)
        self.reset_profiles()
        self.panel.reset()
        self.configuration.reset()
        self.reset_faults()

    def reset_captures(self) -> None:
        """Forget messages, deliveries and what waits to be tried again."""
        self.queue.drain()
        self.store.reset()

    def reset_profiles(self) -> None:
        """Forget profiles, their journeys, and how often anybody called the account."""
        self.journeys.reset()
        self.profiles.reset()
        self.endpoint.reset()

    def reset_faults(self) -> None:
        """Let nothing go wrong any more."""
        self.segment_faults.clear()
        self.faults.clear()

    def stop(self) -> None:
        """Finish what is under way; what waits is left to others of the same database."""
        self.queue.close()
        if self.pruner:
            self.pruner.close()

    def close(self) -> None:
        """Finish what is under way, and let go of the database."""
        self.stop()
        self.store.close()


ADDRESSED: Final = "emulator.parts"  # in a WSGI environment: those of another than the default
# There, too: whether they are a team's that nothing in the request names.
UNASKED: Final = "emulator.unasked"


def parts() -> Parts:
    """The parts of the sandbox that answers the current request."""
    addressed = request.environ.get(ADDRESSED) if has_request_context() else None
    return cast(Parts, addressed or current_app.extensions["emulator"])
