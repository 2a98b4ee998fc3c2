"""Service objects of one sandbox (stores, pipeline, clock), and those of the current request."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from flask import current_app, has_request_context, request

from segment_insider_emulator.clock import SandboxClock
from segment_insider_emulator.config import Config
from segment_insider_emulator.delivery.destination_overrides import DestinationOverrides
from segment_insider_emulator.delivery.fault_injection import FaultInjector as InsiderFaults
from segment_insider_emulator.delivery.passthrough import PassThroughSender
from segment_insider_emulator.delivery.pipeline import DeliveryPipeline
from segment_insider_emulator.delivery.queue import DeliveryQueue
from segment_insider_emulator.insider.account import IntegrationPanel
from segment_insider_emulator.insider.api import InsiderApi
from segment_insider_emulator.insider.journey_runner import JourneyRunner
from segment_insider_emulator.segment.assets import AnalyticsJsAssets
from segment_insider_emulator.segment.faults import SegmentFaultQueue
from segment_insider_emulator.segment.oauth import TokenIssuer
from segment_insider_emulator.shared_state import StateGuardFactory, create_process_local_guard
from segment_insider_emulator.storage.database import Engine
from segment_insider_emulator.storage.journeys import JourneyStore
from segment_insider_emulator.storage.messages import MessageStore
from segment_insider_emulator.storage.profiles import ProfileStore
from segment_insider_emulator.storage.replicated_state import ReplicatedState
from segment_insider_emulator.storage.reports import ResponseDifferenceStore
from segment_insider_emulator.storage.retention import RetentionWorker
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import Workspace
from segment_insider_emulator.workspace.causes import KnownCauseChanges, KnownCauses
from segment_insider_emulator.workspace.model import SegmentSource

if TYPE_CHECKING:  # few workspaces have functions
    from segment_insider_emulator.functions.runner import FunctionRunner


class WorkspaceVersion:
    """Which workspace a sandbox has in this process, and the latest one that any process set.

    Args:
        applied: A document, the name of a preset, or None for the emulator's own.
        base_fingerprint: Fingerprint of the emulator's own workspace: a process that was started
            with another file keeps its own.
    """

    def __init__(
        self,
        applied: JSONObject | str | None,
        base_fingerprint: str = "",
        state_guards: StateGuardFactory = create_process_local_guard,
    ) -> None:
        self.applied = self.latest = applied
        self._base_fingerprint = base_fingerprint
        self._guard = state_guards("workspace", self)

    @property
    def is_stale(self) -> bool:
        """Return whether another process has set a newer workspace for the sandbox."""
        return self.latest != self.applied

    def publish_workspace(self) -> None:
        """Make this process's workspace the latest one for all processes."""
        with self._guard.lock_for_update:
            self.latest = self.applied

    def export_state(self) -> JSONObject:
        """Return the latest workspace for other processes, as {"basis", "wanted"}."""
        return {"basis": self._base_fingerprint, "wanted": self.latest}

    def load_state(self, state: JSONObject) -> None:
        """Load the latest workspace that `export_state` of another process returned."""
        self.latest = state["wanted"] if state["basis"] == self._base_fingerprint else self.applied


class SandboxState(NamedTuple):
    """The database, stores and clock of a sandbox, which stay when its workspace is replaced.

    So do the changes of its known causes.
    """

    engine: Engine
    store: MessageStore
    profiles: ProfileStore
    journey_runs: JourneyStore
    shared_state: ReplicatedState
    clock: SandboxClock
    known_cause_changes: KnownCauseChanges


@dataclass(frozen=True, slots=True)
class SandboxServices:
    """All service objects of one sandbox; those with state are never shared between sandboxes."""

    config: Config
    workspace: Workspace
    sources: tuple[SegmentSource, ...]  # of the workspace
    workspace_version: WorkspaceVersion
    engine: Engine
    store: MessageStore
    profiles: ProfileStore
    shared_state: ReplicatedState
    endpoint: InsiderApi
    insider_panel: IntegrationPanel
    pipeline: DeliveryPipeline
    destination_overrides: DestinationOverrides
    known_causes: KnownCauses
    clock: SandboxClock
    journeys: JourneyRunner
    token_issuer: TokenIssuer
    assets: AnalyticsJsAssets
    segment_faults: SegmentFaultQueue
    insider_faults: InsiderFaults
    differences: ResponseDifferenceStore
    pass_through: PassThroughSender | None  # None if deliveries go to the emulated account
    queue: DeliveryQueue
    message_sink: DeliveryPipeline | DeliveryQueue  # takes the messages of the source
    retention_worker: RetentionWorker | None  # None if nothing is deleted
    function_runner: "FunctionRunner | None"  # None if the workspace has no functions

    @property
    def sandbox_state(self) -> SandboxState:
        """Return the database, stores and clock, which stay when the workspace is replaced."""
        stores = self.store, self.profiles, self.journeys.run_store
        changes = self.known_causes.changes
        return SandboxState(self.engine, *stores, self.shared_state, self.clock, changes)

    def reset_sandbox(self, now: datetime | None = None) -> None:
        """Delete all data and faults of the sandbox; reset both panels to the workspace file.

        Args:
            now: Where the clock is frozen then; None makes it follow the machine's clock.
        """
        self.delete_traffic()
        self.clock.reset(now)
        self.delete_profiles_and_journey_runs()
        self.insider_panel.reset_integrations()
        self.destination_overrides.discard_all_changes()
        self.clear_all_faults()

    def delete_traffic(self) -> None:
        """Delete the sandbox's messages, deliveries and pending retries."""
        self.queue.wait_until_drained()
        self.store.delete_all_traffic()

    def delete_profiles_and_journey_runs(self) -> None:
        """Delete the sandbox's profiles and journey runs, and reset the account's rate limits."""
        self.journeys.delete_all_runs()
        self.profiles.delete_all_profiles()
        self.endpoint.reset_limits_and_retention()

    def clear_all_faults(self) -> None:
        """Remove all injected faults of Segment and Insider One."""
        self.segment_faults.clear_faults()
        self.insider_faults.clear_faults()

    def stop_workers(self) -> None:
        """Stop the background workers; queued work is left to other processes."""
        self.queue.close()
        if self.retention_worker:
            self.retention_worker.close()

    def close(self) -> None:
        """Stop the background workers of the sandbox and close its database."""
        self.stop_workers()
        self.store.close()


SERVICES_KEY: Final = (
    "emulator.parts"  # in a WSGI environment: the services of the selected sandbox
)
OVERLAY_KEY: Final = "emulator.overlay"  # in app.extensions: what builds the overlay's script
SCRATCH_KEY: Final = "emulator.scratch"  # in app.extensions: the factory of scratch services
# In a WSGI environment: whether a team's default sandbox answers a request that does not name it.
IMPLICIT_DEFAULT_KEY: Final = "emulator.unasked"


def current_services() -> SandboxServices:
    """Return the service objects of the current request's sandbox."""
    selected = request.environ.get(SERVICES_KEY) if has_request_context() else None
    return cast(SandboxServices, selected or current_app.extensions["emulator"])


@contextmanager
def open_scratch_services(workspace: Workspace) -> Iterator[SandboxServices]:
    """Open an empty emulator of *workspace* in memory during the block, for trying things out."""
    build: Callable[[Workspace], SandboxServices] = current_app.extensions[SCRATCH_KEY]
    services = build(workspace)
    try:
        yield services
    finally:
        services.close()
