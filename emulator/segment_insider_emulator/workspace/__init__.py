"""Workspace files: one Segment source and destination, and the Insider One account behind them."""

from segment_insider_emulator.workspace.loading import PRESETS, load, preset
from segment_insider_emulator.workspace.model import Workspace

__all__ = ["PRESETS", "Workspace", "load", "preset"]
