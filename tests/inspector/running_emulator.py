"""A running emulator for tests of its pages, and screen sizes.

All emulators of a process take turns at one address: Chromium starts a process for each new one.
"""

import atexit
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import requests
from flask import Flask, Response
from playwright.sync_api import ViewportSize

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.long_requests import ONE_CALL_AT_A_TIME
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.web.services import SandboxServices
from segment_insider_emulator.workspace import Workspace, load_preset_workspace

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

BLANK_PAGE: Final = "/blank-page-of-tests"
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


class SharedAddress(Flask):
    """One address at which one app after the other is served."""

    def __init__(self) -> None:
        super().__init__(__name__, static_folder=None)
        self.config[ONE_CALL_AT_A_TIME] = True
        self.app: Flask | None = None
        stack = ExitStack()
        atexit.register(stack.close)
        self.url = stack.enter_context(serve_app_in_thread(self))

    def wsgi_app(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if self.app and environ["PATH_INFO"] != BLANK_PAGE:
            return self.app(environ, start_response)
        blank = Response("<!doctype html><title>Blank</title>", mimetype="text/html")
        return blank(environ, start_response)

    def can_serve(self, app: Flask) -> bool:
        return self.app is None and app.config[ONE_CALL_AT_A_TIME]

    @contextmanager
    def serve(self, app: Flask) -> Iterator[str]:
        """Serve *app* during the block and yield the URL."""
        self.app = app
        try:
            yield self.url
        finally:
            self.app = None


get_shared_address = cache(SharedAddress)


@contextmanager
def run_emulator(workspace: Workspace | None = None, **settings: Any) -> Iterator[RunningEmulator]:
    """Run an emulator during the block, with the preset `guide` by default."""
    config = Config(**{"db": ":memory:", **settings})
    app = create_app(config, workspace or load_preset_workspace("guide"))
    services: SandboxServices = app.extensions["emulator"]
    address = get_shared_address()
    serve = address.serve if address.can_serve(app) else serve_app_in_thread
    try:
        with serve(app) as url:
            yield RunningEmulator(url, services)
    finally:
        services.close()
