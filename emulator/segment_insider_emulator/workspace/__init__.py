"""Workspace files: model, loading and validation."""

from segment_insider_emulator.workspace.loading import (
    PRESET_NAMES,
    load_preset_workspace,
    load_workspace_or_preset,
)
from segment_insider_emulator.workspace.model import Workspace

__all__ = ["PRESET_NAMES", "Workspace", "load_preset_workspace", "load_workspace_or_preset"]
