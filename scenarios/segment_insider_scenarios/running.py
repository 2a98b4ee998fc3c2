"""Emulators that run during the tests: in this process, or at a port for programs in others."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

from flask import Flask
from segment.analytics import request as sdk  # type: ignore[import-untyped]  # ships no types

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.errors import Conflict, EmulatorError
from segment_insider_emulator.sandboxes import Sandboxes
from segment_insider_emulator.server import serve_in_thread
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import PRESETS, Workspace, preset
from segment_insider_emulator.workspace.model import with_keys
from segment_insider_scenarios.client import ControlClient
from segment_insider_scenarios.shop import Shop
from segment_insider_scenarios.transport import InProcess
from segment_insider_scenarios.unreachable import NoMoreSandboxes
from segment_insider_scenarios.workspaces import workspace_at

# The name resolves to this machine alone, and nothing listens behind it.
NAME = "emulator-{}.localhost"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class RunningEmulator:
    """One emulator that answers at *url*, its control API and a shop that sends to it.

    Args:
        stays: Whether somebody can look at it when the tests are over.
    """

    url: str
    workspace: Workspace
    client: ControlClient
    shop: Shop
    stays: bool = False


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
def in_process(workspace: Workspace | str = "guide") -> Iterator[RunningEmulator]:
    """An emulator of *workspace* without a port: requests to its URL are function calls.

    The control client and the SDK reach it, and so does a session of `requests` on which somebody
    mounts scenarios.transport.InProcess.

    Args:
        workspace: One that is read, the name of a preset, or the path of a file.
    Raises: EmulatorError, when the workspace cannot be read.
    """
    if isinstance(workspace, str):
        workspace = workspace_at(workspace, Path())
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
    sandboxes: Sandboxes = app.extensions["sandboxes"]
    try:
        yield app
    finally:
        sandboxes.close()


class Emulators:
    """Sandboxes, each an emulator of its own: of one that starts when the first is asked for.

    Args:
        served: At a free port, so that programs in other processes reach it.
        url: Of an emulator that runs elsewhere; its sandboxes have keys that nobody else has.
        no_keep: Whether none of those may stay.
    """

    def __init__(
        self, *, served: bool = False, url: str | None = None, no_keep: bool = False
    ) -> None:
        self._run = running if served else in_process
        self.url = url
        self.keeps = bool(url) and not no_keep
        self._stack = ExitStack()
        self._host: ControlClient | None = None
        self._taken: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @contextmanager
    def sandbox(
        self, workspace: Workspace, kept: Callable[[], bool] = lambda: False
    ) -> Iterator[RunningEmulator]:
        """An emulator of *workspace* in which nothing has happened, during the block.

        Args:
            kept: Asked at the end whether it shall stay, for somebody who looks at it.
        Raises: EmulatorError, when no emulator answers at the url; NoMoreSandboxes.
        """
        if workspace.plan:  # a file of its own, which no sandbox can be sent
            self._expect_here(workspace)
            with self._run(workspace) as emulator:
                yield emulator
            return
        host = self._started()
        made = self._made(host, workspace)
        try:
            yield self._reached(host, made, workspace)
        finally:
            self._taken.discard(made["writeKey"])
            if not kept():
                host.delete_sandbox(made["id"])

    def _made(self, host: ControlClient, workspace: Workspace) -> JSONObject:
        try:
            return host.create_sandbox(workspace=self._asked(workspace), **self._keys(workspace))
        except Conflict as error:
            if self.url:  # nothing was named that somebody may have
                raise NoMoreSandboxes(error.what, self.url, error.remedy) from error
            raise

    def _reached(
        self, host: ControlClient, made: JSONObject, workspace: Workspace
    ) -> RunningEmulator:
        own = with_keys(workspace, made["writeKey"], made["account"], made["key"])
        # Whoever is reached through a proxy need not know of its https, or its name.
        url = urljoin(self.url, urlsplit(made["url"]).path) if self.url else made["url"]
        client = ControlClient(url, session=host.session, token=host.token)
        return RunningEmulator(url, own, client, Shop(url, own.write_key), self.keeps)

    def _started(self) -> ControlClient:
        if self._host is None:
            if self.url:
                self._host = self._stack.enter_context(ControlClient.elsewhere(self.url))
            else:
                # Whose keys no workspace file has, so that a sandbox may have those of its own.
                hosting = with_keys(preset("guide"), *("of-the-host",) * 3)
                self._host = self._stack.enter_context(self._run(hosting)).client
        return self._host

    def _keys(self, workspace: Workspace) -> dict[str, str]:
        """Those of the file, while nobody else has them."""
        if self.url or workspace.write_key in self._taken:
            return {}
        self._taken.add(workspace.write_key)
        return {
            "writeKey": workspace.write_key,
            "account": workspace.account_name,
            "key": workspace.account_key,
        }

    def _asked(self, workspace: Workspace) -> JSONObject | str:
        """What tells *workspace*: the name of a preset, which the host has read, is shorter than
        its document; elsewhere it may stand for another one."""
        presets = () if self.url else PRESETS
        own = (name for name in presets if workspace_at(name, Path()) is workspace)
        return next(own, workspace.document)

    def _expect_here(self, workspace: Workspace) -> None:
        if self.url:
            what = "a sandbox elsewhere cannot be given a tracking plan"
            remedy = "Run these scenarios without --emulator-url."
            raise EmulatorError(what, workspace.name, remedy)
