"""A running emulator for tests of its pages, and screen sizes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import requests
from playwright.sync_api import ViewportSize

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.web.services import SandboxServices
from segment_insider_emulator.workspace import Workspace, load_preset_workspace

DESK: Final[ViewportSize] = {"width": 1280, "height": 800}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}


@dataclass(frozen=True, slots=True)
class RunningEmulator:
    """A running emulator: its URL and its services."""

    url: str
    parts: SandboxServices

    def send(self, *calls: JSONObject) -> None:
        """Send *calls* as an SDK does, in one batch; they are delivered on return."""
        response = requests.post(
            f"{self.url}/v1/batch", json={"writeKey": "wk_demo", "batch": calls}, timeout=60
        )
        response.raise_for_status()


@contextmanager
def run_emulator(workspace: Workspace | None = None, **settings: Any) -> Iterator[RunningEmulator]:
    """Run an emulator during the block, with the preset `guide` by default."""
    config = Config(**{"db": ":memory:", **settings})
    app = create_app(config, workspace or load_preset_workspace("guide"))
    services: SandboxServices = app.extensions["emulator"]
    try:
        with serve_app_in_thread(app) as url:
            yield RunningEmulator(url, services)
    finally:
        services.close()
