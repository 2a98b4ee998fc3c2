"""Workspaces as scenarios name them: presets, and files beside the feature."""

from functools import cache
from pathlib import Path

from segment_insider_emulator.workspace import PRESETS, Workspace, load, preset


def workspace_at(name: str, folder: Path) -> Workspace:
    """A preset, or the workspace file of that name in *folder*.

    Raises: EmulatorError, when there is none, or it has a mistake.
    """
    if name in PRESETS:
        return _preset(name)
    path = (folder / name).resolve()
    # Read again when it has changed, as by whoever mends it between two runs of one process.
    return _loaded(path, path.stat().st_mtime_ns if path.exists() else 0)


@cache
def _preset(name: str) -> Workspace:
    return preset(name)


@cache
def _loaded(path: Path, _changed_at: int) -> Workspace:
    return load(path)
