"""Emulators that run during the tests: one for each workspace, in a thread, on a free port."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from emulator.app import create_app
from emulator.config import Config
from emulator.server import serve_in_thread
from emulator.workspace import PRESETS, Workspace, load, preset
from scenarios.client import ControlClient
from scenarios.shop import Shop


@dataclass(frozen=True, slots=True)
class RunningEmulator:
    """One emulator that answers at *url*, its control API and a shop that sends to it."""

    url: str
    workspace: Workspace
    client: ControlClient
    shop: Shop


@contextmanager
def running(workspace: Workspace, port: int = 0) -> Iterator[RunningEmulator]:
    """Run an emulator of *workspace*, its captures in memory, during the block."""
    app = create_app(Config(db=":memory:", port=port), workspace)
    try:
        with (
            serve_in_thread(app, port) as url,
            ControlClient(url) as client,
            Shop(url, workspace.write_key) as shop,
        ):
            yield RunningEmulator(url, workspace, client, shop)
    finally:
        app.extensions["emulator"].store.close()


class Emulators:
    """Runs an emulator the first time that a workspace is asked for; all end together."""

    def __init__(self) -> None:
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
            self._running[place] = self._stack.enter_context(running(chosen))
        self._running[place].client.reset()
        return self._running[place]
