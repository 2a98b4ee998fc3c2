"""`emulator serve --watch`: the default sandbox follows its workspace file."""

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Final, Self

from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.sandbox_registry import SandboxRegistry
from segment_insider_emulator.workspace.loading import (
    list_function_files,
    load_workspace_or_preset,
)
from segment_insider_emulator.workspace.model import Workspace

POLL_INTERVAL_S: Final = 0.3
WORKSPACE_WATCHER_KEY: Final = "workspace_watcher"  # in an app's extensions


class WorkspaceWatcher:
    """Loads a workspace file again when it, or the file of its tracking plan, changes.

    Captured data stays, and so do journeys that people are in, unless the file's journeys change.
    A file with an error leaves the old workspace in place. Files are looked at again and again,
    which also works in containers and when a folder is replaced.

    Args:
        path: The workspace file.
        registry: Whose default sandbox follows the file.
        report: Prints one line for people.
    """

    def __init__(self, path: str, registry: SandboxRegistry, report: Callable[[str], None]) -> None:
        self._path, self._registry, self._report = path, registry, report
        self._stopping = Event()
        self._thread = Thread(target=self._follow_changes, name="workspace-watcher", daemon=True)
        self.problem: str | None = None  # why the file in its present form is not used

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _follow_changes(self) -> None:
        loaded = None  # the first time, too: the file may have changed since the start
        while not self._stopping.is_set():
            found = self._read_file_states()
            if found != loaded:
                loaded = found  # taken before loading: a save during it is seen the next time
                self._load_file()
            self._stopping.wait(POLL_INTERVAL_S)

    def _read_file_states(self) -> list[tuple[int, int, int] | None]:
        workspace = self._registry.default.services.workspace
        return [_read_file_state(file) for file in _list_watched_files(self._path, workspace)]

    def _load_file(self) -> None:
        """Load the file and use it, or keep the old workspace and say why."""
        old = self._registry.default.services
        try:
            workspace = load_workspace_or_preset(self._path)
            if (workspace.document, workspace.tracking_plan, workspace.functions) == (
                old.workspace.document,
                old.workspace.tracking_plan,
                old.workspace.functions,
            ) and not self.problem:
                return
            with self._registry.replace_workspace(old, workspace, None) as services:
                if _get_journeys(workspace) != _get_journeys(old.workspace):
                    services.journeys.delete_all_runs()
        except Exception as error:  # noqa: BLE001  # the next save must be loaded all the same
            self.problem = str(error) or type(error).__name__
            self._report(f"kept the workspace as it was: {self.problem}")
        else:
            self.problem = None
            self._report(f"loaded {self._path} again")


def _get_journeys(workspace: Workspace) -> JSONObject | None:
    insider: JSONObject = workspace.document.get("insider") or {}
    return insider.get("journeys")


def _list_watched_files(path: str, workspace: Workspace) -> list[Path]:
    """Return the paths of a workspace file, and of the plan and functions that it names."""
    file = Path(path)
    plan = workspace.document.get("trackingPlan")
    functions = list_function_files(file) if "functions" in workspace.document else []
    return [file, *([file.parent / plan] if isinstance(plan, str) else []), *functions]


def _read_file_state(file: Path) -> tuple[int, int, int] | None:
    """Return what differs after each save of a file; None while there is no file."""
    try:
        found = file.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
