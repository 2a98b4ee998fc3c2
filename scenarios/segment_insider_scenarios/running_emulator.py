"""Emulators for tests: in this process, at a port, or as sandboxes of a running one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urljoin, urlsplit

from flask import Flask

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.errors import ConflictError, EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.sandbox_registry import SandboxRegistry
from segment_insider_emulator.workspace import PRESET_NAMES, Workspace, load_preset_workspace
from segment_insider_emulator.workspace.model import replace_write_key_and_account
from segment_insider_scenarios.client import ControlClient
from segment_insider_scenarios.client_http import SandboxLimitReached
from segment_insider_scenarios.context import load_named_workspace
from segment_insider_scenarios.transport import (
    InProcessAdapter,
    InProcessSession,
    SegmentShop,
    load_sdk,
)

# The name resolves to this machine alone, and nothing listens behind it.
IN_PROCESS_HOST = "emulator-{}.localhost"
_host_numbers = count(1)


@dataclass(frozen=True, slots=True)
class RunningEmulator:
    """A running emulator: its URL, workspace, control client and shop.

    Args:
        url: Its base URL, without a slash at the end.
        workspace: With the write key, account and key that it uses.
        client: Of its control API.
        shop: Sends calls with its write key.
        remains_after_run: Whether the sandbox still exists after the tests.
    """

    url: str
    workspace: Workspace
    client: ControlClient
    shop: SegmentShop
    remains_after_run: bool = False


@contextmanager
def serve_emulator(workspace: Workspace, port: int = 0) -> Iterator[RunningEmulator]:
    """Serve an emulator of *workspace* at a port during the block, with an in-memory database.

    Args:
        port: 0 takes any free one.
    Raises: EmulatorError, when the port is taken.
    """
    # Imported here because most tests open no port.
    from segment_insider_emulator.web.server import serve_app_in_thread

    with (
        _open_emulator_app(workspace, Config(db=":memory:", port=port)) as app,
        serve_app_in_thread(app, port) as url,
        ControlClient(url) as client,
    ):
        yield RunningEmulator(url, workspace, client, SegmentShop(url, workspace.write_key))


@contextmanager
def in_process(workspace: Workspace | str = "guide") -> Iterator[RunningEmulator]:
    """Run an emulator without a port or pages: requests to its URL are function calls.

    The control client and the SDK can reach it, and so can any `requests` session that mounts
    `InProcessAdapter`.

    Args:
        workspace: A Workspace, the name of a preset, or the path of a file.
    Raises: EmulatorError, when the workspace cannot be read.
    """
    if isinstance(workspace, str):
        workspace = load_named_workspace(workspace, Path())
    name = IN_PROCESS_HOST.format(next(_host_numbers))
    url = f"http://{name}"
    with (
        _open_emulator_app(workspace, Config(db=":memory:", host=name), pages=False) as app,
        ControlClient(url, session=InProcessSession(app, url)) as client,
    ):
        # The SDK has one session for all its clients, and no way to be given another.
        sdk_session = load_sdk().request._session
        sdk_session.mount(url, InProcessAdapter(app))
        try:
            yield RunningEmulator(url, workspace, client, SegmentShop(url, workspace.write_key))
        finally:
            del sdk_session.adapters[url]


@contextmanager
def _open_emulator_app(
    workspace: Workspace, config: Config, *, pages: bool = True
) -> Iterator[Flask]:
    app = create_app(config, workspace, pages=pages)
    sandboxes: SandboxRegistry = app.extensions["sandboxes"]
    try:
        yield app
    finally:
        sandboxes.close()


class SandboxProvider:
    """Provider of sandboxes for tests, one each; starts or connects to their emulator.

    Args:
        served: At a free port, so that programs in other processes reach it.
        url: Of a running emulator; its sandboxes get new keys.
        no_keep: Whether the sandboxes of failed scenarios are deleted there, too.
    """

    def __init__(
        self, *, served: bool = False, url: str | None = None, no_keep: bool = False
    ) -> None:
        self._start_emulator = serve_emulator if served else in_process
        self.url = url
        self.keeps_failed_sandboxes = bool(url) and not no_keep
        self._exit_stack = ExitStack()
        self._host_client: ControlClient | None = None
        self._used_write_keys: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exit_stack.close()

    @contextmanager
    def open_sandbox(
        self, workspace: Workspace, should_remain: Callable[[], bool] = lambda: False
    ) -> Iterator[RunningEmulator]:
        """Open an empty sandbox of a workspace during the block.

        Args:
            should_remain: Called at the end; returns whether the sandbox is not deleted.
        Raises: EmulatorError, when no emulator answers at the url; SandboxLimitReached.
        """
        if workspace.tracking_plan:  # a file of its own, which no sandbox can be sent
            self._refuse_tracking_plan(workspace)
            with self._start_emulator(workspace) as emulator:
                yield emulator
            return
        host = self._get_host_emulator_client()
        created = self._create_sandbox(host, workspace)
        try:
            yield self._connect_sandbox(host, created, workspace)
        finally:
            self._used_write_keys.discard(created["writeKey"])
            if not should_remain():
                host.delete_sandbox(created["id"])

    def _create_sandbox(self, host: ControlClient, workspace: Workspace) -> JSONObject:
        try:
            return host.create_sandbox(
                workspace=self._get_workspace_request_value(workspace),
                **self._reserve_workspace_keys(workspace),
            )
        except ConflictError as error:
            if self.url:  # no name was requested, so it cannot be taken
                raise SandboxLimitReached(error.what, self.url, error.remedy) from error
            raise

    def _connect_sandbox(
        self, host: ControlClient, created: JSONObject, workspace: Workspace
    ) -> RunningEmulator:
        sandbox_workspace = replace_write_key_and_account(
            workspace, created["writeKey"], created["account"], created["key"]
        )
        # An emulator behind a proxy may not know the public scheme and host name.
        url = urljoin(self.url, urlsplit(created["url"]).path) if self.url else created["url"]
        client = ControlClient(
            url, session=host.session, token=host.token, account_key=created["key"]
        )
        return RunningEmulator(
            url,
            sandbox_workspace,
            client,
            SegmentShop(url, sandbox_workspace.write_key),
            self.keeps_failed_sandboxes,
        )

    def _get_host_emulator_client(self) -> ControlClient:
        if self._host_client is None:
            if self.url:
                self._host_client = self._exit_stack.enter_context(ControlClient.connect(self.url))
            else:
                # The host has keys of its own, so that a sandbox can have those of its file.
                hosting = replace_write_key_and_account(
                    load_preset_workspace("guide"), *("of-the-host",) * 3
                )
                self._host_client = self._exit_stack.enter_context(
                    self._start_emulator(hosting)
                ).client
        return self._host_client

    def _reserve_workspace_keys(self, workspace: Workspace) -> dict[str, str]:
        """Reserve the workspace file's keys for a sandbox, if no other sandbox uses them."""
        if self.url or workspace.write_key in self._used_write_keys:
            return {}
        self._used_write_keys.add(workspace.write_key)
        return {
            "writeKey": workspace.write_key,
            "account": workspace.account_name,
            "key": workspace.account_key,
        }

    def _get_workspace_request_value(self, workspace: Workspace) -> JSONObject | str:
        """Return a workspace for the request that creates a sandbox: preset name or document."""
        presets = () if self.url else PRESET_NAMES
        preset_names = (name for name in presets if load_named_workspace(name, Path()) is workspace)
        return next(preset_names, workspace.document)

    def _refuse_tracking_plan(self, workspace: Workspace) -> None:
        if self.url:
            what = "a sandbox of a running emulator cannot have a tracking plan"
            remedy = "Run these scenarios without --emulator-url."
            raise EmulatorError(what, workspace.source_name, remedy)


_SANDBOX_PATH: Final = "/sandboxes/"


def check_emulator_url(option: str, url: str) -> None:
    """Check that an emulator at *url* answers and lists its sandboxes.

    Args:
        option: Which names the address.
    Raises: EmulatorError, when no emulator answers, or it refuses the token.
    """
    host, within, _ = url.partition(_SANDBOX_PATH)
    if within:
        what = "this is the address of one sandbox, but each scenario needs its own"
        raise EmulatorError(what, f"{option} {url}", f"Give the address of the emulator: {host}")
    _check_url_responds(option, url, ControlClient.list_sandboxes)


def check_sandbox_url(option: str, url: str) -> None:
    """Check that an emulator, or a sandbox of one, answers at *url*.

    Raises: EmulatorError, as above.
    """
    _check_url_responds(option, url, ControlClient.list_journeys)


def _check_url_responds(
    option: str, url: str, send_request: Callable[[ControlClient], object]
) -> None:
    where = f"{option} {url}"
    with ControlClient.connect(url) as client:
        try:
            send_request(client)
        except EmulatorError as error:
            raise EmulatorError(error.what, where, error.remedy) from error
        except (KeyError, TypeError) as error:  # JSON, but not from an emulator
            remedy = "Give the address of an emulator."
            raise EmulatorError("this is not an emulator", where, remedy) from error


@dataclass(frozen=True, slots=True)
class InsiderOneView:
    """Insider One's profiles, events and requests in one emulator, for tests without Gherkin.

    Identifiers have the form "uuid:ada".
    """

    client: ControlClient

    def profile(self, identifier: str) -> JSONObject | None:
        """Return the Insider One profile with *identifier*, e.g. "uuid:ada", or None."""
        return self.client.find_profile(identifier)

    def profiles(self) -> list[JSONObject]:
        """Return all Insider One profiles of the emulator, as `ControlClient.list_profiles`."""
        return self.client.list_profiles()

    def events(self, identifier: str) -> list[JSONObject]:
        """Return the Insider One events of a profile, oldest first; [] if it is unknown.

        Each has event_name, timestamp (ISO 8601) and the parameters that were sent.
        """
        events: list[JSONObject] = (self.profile(identifier) or {"events": []})["events"]
        return events

    def requests(self) -> list[JSONObject]:
        """Return all requests sent to the emulated Insider One, oldest first.

        Each has method, url, headers (the token redacted) and json.
        """
        return [
            delivery["request"] for delivery in self.client.list_deliveries() if delivery["request"]
        ]


@dataclass(frozen=True, slots=True)
class ClockControl:
    """Control of one emulator's clock, for tests without Gherkin."""

    client: ControlClient

    def start(self, now: str) -> None:
        """Delete all data of the emulator and stop its clock at *now*, ISO 8601 with a zone."""
        self.client.reset_sandbox(now)

    def advance(self, duration: str) -> None:
        """Advance the emulator's clock, e.g. by "45 minutes", and do everything due by then."""
        self.client.advance_clock(duration)
