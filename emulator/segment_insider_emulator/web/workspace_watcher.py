"""`emulator serve --watch`: the default sandbox follows its workspace file."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Final, Self

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.sandbox_registry import SandboxRegistry
from segment_insider_emulator.workspace.loading import load_workspace_or_preset
from segment_insider_emulator.workspace.model import Workspace

WORKSPACE_WATCHER_KEY: Final = "workspace_watcher"  # in an app's extensions


class WorkspaceWatcher:
    """Loads a workspace file again when it, or the file of its tracking plan, changes.

    Captured data stays, and so do journeys that people are in, unless the file's journeys change.
    A file with an error leaves the old workspace in place.

    Args:
        path: The workspace file.
        registry: Whose default sandbox follows the file.
        report: Prints one line for people.
    Raises: EmulatorError, when watchfiles is not installed.
    """

    def __init__(self, path: str, registry: SandboxRegistry, report: Callable[[str], None]) -> None:
        try:
            from watchfiles import watch
        except ImportError as error:
            remedy = "Run: pip install 'segment-insider-emulator[watch]'."
            raise EmulatorError("watchfiles is not installed", "--watch", remedy) from error
        self._watch = watch
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
        # Folders, because many editors write a new file in place of the old one.
        while not self._stopping.is_set():
            files = _list_watched_files(self._path, self._registry.default.services.workspace)
            folders = {file.parent for file in files if file.parent.is_dir()}
            for _ in self._watch(
                *folders,
                watch_filter=partial(_is_watched, files),
                stop_event=self._stopping,
                recursive=False,
                raise_interrupt=False,
            ):
                self.load_file()
                break  # another tracking plan may have to be watched

    def load_file(self) -> None:
        """Load the file and use it, or keep the old workspace and say why."""
        old = self._registry.default.services
        try:
            workspace = load_workspace_or_preset(self._path)
            if (workspace.document, workspace.tracking_plan) == (
                old.workspace.document,
                old.workspace.tracking_plan,
            ) and not self.problem:
                return
            with self._registry.replace_workspace(old, workspace, None) as services:
                if _get_journeys(workspace) != _get_journeys(old.workspace):
                    services.journeys.delete_all_runs()
        except EmulatorError as error:
            self.problem = str(error)
            self._report(f"kept the workspace as it was: {error}")
        else:
            self.problem = None
            self._report(f"loaded {self._path} again")


def _is_watched(files: set[Path], _change: object, path: str) -> bool:
    return Path(path) in files


def _get_journeys(workspace: Workspace) -> JSONObject | None:
    insider: JSONObject = workspace.document.get("insider") or {}
    return insider.get("journeys")


def _list_watched_files(path: str, workspace: Workspace) -> set[Path]:
    """Return the absolute paths of a workspace file and of the tracking plan that it names."""
    file = Path(path).absolute()
    plan = workspace.document.get("trackingPlan")
    names: Iterable[Path] = (file, *([file.parent / plan] if isinstance(plan, str) else []))
    return {Path(name).resolve() for name in names} | set(names)
