"""The emulator whose pages are looked at, and the sizes at which they are."""

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
class Running:
    """An emulator whose pages are looked at."""

    url: str
    parts: SandboxServices

    def send(self, *calls: JSONObject) -> None:
        """Send *calls* as an SDK does, in one batch; they are delivered on return."""
        answer = requests.post(
            f"{self.url}/v1/batch", json={"writeKey": "wk_demo", "batch": calls}, timeout=10
        )
        answer.raise_for_status()


@contextmanager
def running(workspace: Workspace | None = None, **settings: Any) -> Iterator[Running]:
    """An emulator during the block, of the preset `guide` unless told otherwise."""
    config = Config(**{"db": ":memory:", **settings})
    app = create_app(config, workspace or load_preset_workspace("guide"))
    own: SandboxServices = app.extensions["emulator"]
    try:
        with serve_app_in_thread(app) as url:
            yield Running(url, own)
    finally:
        own.close()
