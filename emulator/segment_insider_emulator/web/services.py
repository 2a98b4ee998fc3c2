"""What the blueprints of one sandbox share."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, cast

from flask import current_app, has_request_context, request

from segment_insider_emulator.clock import SandboxClock
from segment_insider_emulator.config import Config
from segment_insider_emulator.delivery.destination_overrides import DestinationOverrides
from segment_insider_emulator.delivery.fault_injection import FaultInjector as InsiderFaults
from segment_insider_emulator.delivery.passthrough import PassThroughSender
from segment_insider_emulator.delivery.pipeline import DeliveryPipeline
from segment_insider_emulator.delivery.queue import DeliveryQueue
from segment_insider_emulator.insider.api import InsiderApi
from segment_insider_emulator.insider.journey_runner import JourneyRunner
from segment_insider_emulator.insider.panel import IntegrationPanel
from segment_insider_emulator.segment.assets import AnalyticsJsAssets
from segment_insider_emulator.segment.faults import SegmentFaultQueue
from segment_insider_emulator.segment.oauth import TokenIssuer
from segment_insider_emulator.shared_state import StateGuardFactory, process_local
from segment_insider_emulator.storage.database import Engine
from segment_insider_emulator.storage.journeys import JourneyStore
from segment_insider_emulator.storage.messages import MessageStore
from segment_insider_emulator.storage.profiles import ProfileStore
from segment_insider_emulator.storage.replicated_state import ReplicatedState
from segment_insider_emulator.storage.reports import ResponseDifferenceStore
from segment_insider_emulator.storage.retention import RetentionWorker
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import Workspace


class WorkspaceVersion:
    """What a sandbox was made of in this process, and what another has given it since.

    Args:
        asked: A document, the name of a preset, or None for the emulator's own.
        basis: Fingerprint of the emulator's own, without which None says nothing: a process that
            was started with another file goes by that file.
    """

    def __init__(
        self,
        applied: JSONObject | str | None,
        base_fingerprint: str = "",
        state_guards: StateGuardFactory = process_local,
    ) -> None:
        self.applied = self.latest = applied
        self._base_fingerprint = base_fingerprint
        self._guard = state_guards("workspace", self)

    @property
    def is_stale(self) -> bool:
        """Whether another one is wanted by now."""
        return self.latest != self.applied

    def publish(self) -> None:
        """Have other processes give the sandbox this one, too."""
        with self._guard.updating():
            self.latest = self.applied

    def state(self) -> JSONObject:
        """For other processes: {"basis", "wanted"}."""
        return {"basis": self._base_fingerprint, "wanted": self.latest}

    def restore(self, state: JSONObject) -> None:
        """Know what another process has announced."""
        self.latest = state["wanted"] if state["basis"] == self._base_fingerprint else self.applied


class SandboxState(NamedTuple):
    """What a sandbox has whatever its workspace is."""

    engine: Engine
    store: MessageStore
    profiles: ProfileStore
    journey_runs: JourneyStore
    shared_state: ReplicatedState
    clock: SandboxClock


@dataclass(frozen=True, slots=True)
class SandboxServices:
    """One sandbox's parts. Two sandboxes of one process share none that holds anything."""

    config: Config
    workspace: Workspace
    workspace_version: WorkspaceVersion
    engine: Engine
    store: MessageStore
    profiles: ProfileStore
    shared_state: ReplicatedState
    endpoint: InsiderApi
    insider_panel: IntegrationPanel
    pipeline: DeliveryPipeline
    destination_overrides: DestinationOverrides
    clock: SandboxClock
    journeys: JourneyRunner
    token_issuer: TokenIssuer
    assets: AnalyticsJsAssets
    segment_faults: SegmentFaultQueue
    insider_faults: InsiderFaults
    differences: ResponseDifferenceStore
    pass_through: PassThroughSender | None  # None where deliveries go to the emulated account
    queue: DeliveryQueue
    retention_worker: RetentionWorker | None  # None where everything is kept

    @property
    def state(self) -> SandboxState:
        """What goes on when the workspace is replaced."""
        stores = self.store, self.profiles, self.journeys.run_store
        return SandboxState(self.engine, *stores, self.shared_state, self.clock)

    @property
    def message_sink(self) -> DeliveryPipeline | DeliveryQueue:
        """Who takes messages from the source."""
        return self.queue if self.config.asynchronous else self.pipeline

    def reset(self, now: datetime | None = None) -> None:
        """Forget all that happened, and faults; both panels are set back to the workspace file.

        Args:
            now: Where the clock stands still then; None has it follow the machine.
        """
        self.reset_traffic()
        self.clock.reset(now)
        self.reset_profiles()
        self.insider_panel.reset()
        self.destination_overrides.reset()
        self.reset_faults()

    def reset_traffic(self) -> None:
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
        self.insider_faults.clear()

    def stop(self) -> None:
        """Finish what is under way; what waits is left to others of the same database."""
        self.queue.close()
        if self.retention_worker:
            self.retention_worker.close()

    def close(self) -> None:
        """Finish what is under way, and let go of the database."""
        self.stop()
        self.store.close()


SERVICES_KEY: Final = "emulator.parts"  # in a WSGI environment: those of another than the default
# There, too: whether they are a team's that nothing in the request names.
IMPLICIT_DEFAULT_KEY: Final = "emulator.unasked"


def current_services() -> SandboxServices:
    """The parts of the sandbox that answers the current request."""
    addressed = request.environ.get(SERVICES_KEY) if has_request_context() else None
    return cast(SandboxServices, addressed or current_app.extensions["emulator"])
