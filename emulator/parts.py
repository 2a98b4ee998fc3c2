"""What the blueprints of one emulator share."""

from dataclasses import dataclass
from typing import cast

from flask import current_app

from emulator.capture.profiles import ProfileStore
from emulator.capture.store import Store
from emulator.clock import SandboxClock
from emulator.config import Config
from emulator.delivery.configuration import Configuration
from emulator.delivery.road import Road
from emulator.insider.endpoint import Endpoint
from emulator.insider.journeys.running import Journeys
from emulator.insider.panel import Panel
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


def parts() -> Parts:
    """The parts of the emulator that answers the current request."""
    return cast(Parts, current_app.extensions["emulator"])
