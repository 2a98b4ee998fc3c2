"""Emulators that run during the tests: in this process, or at a port for programs in others."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from flask import Flask
from segment.analytics import request as sdk  # type: ignore[import-untyped]  # ships no types

from emulator.app import create_app
from emulator.config import Config
from emulator.parts import Parts
from emulator.server import serve_in_thread
from emulator.workspace import PRESETS, Workspace, load, preset
from scenarios.client import ControlClient
from scenarios.shop import Shop
from scenarios.transport import InProcess

# The name resolves to this machine alone, and nothing listens behind it.
NAME = "emulator-{}.localhost"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class RunningEmulator:
    """One emulator that answers at *url*, its control API and a shop that sends to it."""

    url: str
    workspace: Workspace
    client: ControlClient
    shop: Shop


@contextmanager
def running(workspace: Workspace, port: int = 0) -> Iterator[RunningEmulator]:
    """Serve an emulator of *workspace* at a port, its captures in memory, during the block.

    Args:
        port: 0 takes any free one.
    """
    with (
        _application(workspace, Config(db=":memory:", port=port)) as app,
        serve_in_thread(app, port) as url,
        ControlClient(url) as client,
    ):
        yield RunningEmulator(url, workspace, client, Shop(url, workspace.write_key))


@contextmanager
def in_process(workspace: Workspace) -> Iterator[RunningEmulator]:
    """An emulator of *workspace* without a port: requests to its URL are function calls.

    The control client and the SDK reach it, and so does a session of `requests` on which somebody
    mounts scenarios.transport.InProcess.
    """
    name = NAME.format(next(_numbers))
    url = f"http://{name}"
    with (
        _application(workspace, Config(db=":memory:", host=name)) as app,
        ControlClient(url) as client,
    ):
        client.session.mount(url, InProcess(app))
        # The SDK has one session for all its clients, and no way to be given another.
        sdk._session.mount(url, InProcess(app))
        try:
            yield RunningEmulator(url, workspace, client, Shop(url, workspace.write_key))
        finally:
            del sdk._session.adapters[url]


@contextmanager
def _application(workspace: Workspace, config: Config) -> Iterator[Flask]:
    app = create_app(config, workspace)
    parts: Parts = app.extensions["emulator"]
    try:
        yield app
    finally:
        parts.close()


class Emulators:
    """Runs an emulator the first time that a workspace is asked for; all end together.

    Args:
        served: At free ports, so that programs in other processes reach them.
    """

    def __init__(self, *, served: bool = False) -> None:
        self._run = running if served else in_process
        self._stack = ExitStack()
        self._running: dict[str, RunningEmulator] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def afresh(self, workspace: str, folder: Path = Path()) -> RunningEmulator:
        """The emulator of a preset, or of a file in *folder*, with nothing captured.

        Raises: EmulatorError, when there is no such workspace.
        """
        place = workspace if workspace in PRESETS else str((folder / workspace).resolve())
        if place not in self._running:
            chosen = preset(place) if place in PRESETS else load(place)
            self._running[place] = self._stack.enter_context(self._run(chosen))
        self._running[place].client.reset()
        return self._running[place]
