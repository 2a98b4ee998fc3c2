"""Workspaces as scenarios name them: presets, and files beside the feature."""

from functools import cache
from pathlib import Path

from segment_insider_emulator.workspace import (
    PRESET_NAMES,
    Workspace,
    load_preset,
    load_workspace_or_preset,
)


def load_named_workspace(name: str, folder: Path) -> Workspace:
    """A preset, or the workspace file of that name in *folder*.

    Raises: EmulatorError, when there is none, or it has a mistake.
    """
    if name in PRESET_NAMES:
        return _load_preset(name)
    path = (folder / name).resolve()
    # Read again when it has changed, as by whoever mends it between two runs of one process.
    return _load_workspace_file(path, path.stat().st_mtime_ns if path.exists() else 0)


@cache
def _load_preset(name: str) -> Workspace:
    return load_preset(name)


@cache
def _load_workspace_file(path: Path, _modified_ns: int) -> Workspace:
    return load_workspace_or_preset(path)
