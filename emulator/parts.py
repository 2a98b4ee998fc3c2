"""What the blueprints of one emulator share."""

from dataclasses import dataclass
from typing import cast

from flask import current_app

from emulator.capture.profiles import ProfileStore
from emulator.capture.store import Store
from emulator.clock import Clock
from emulator.config import Config
from emulator.delivery.road import Road
from emulator.insider.endpoint import Endpoint
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
    road: Road
    clock: Clock
    tokens: Tokens
    assets: Assets
    segment_faults: Faults


def parts() -> Parts:
    """The parts of the emulator that answers the current request."""
    return cast(Parts, current_app.extensions["emulator"])
