"""Emulators beside each other in one process: the default sandbox, and those that were created."""

from emulator.sandboxes.addressing import PREFIX, replacing, sandboxes, serve_sandboxes, unknown
from emulator.sandboxes.registry import DEFAULT, Conflict, Sandbox, Sandboxes

__all__ = [
    "DEFAULT",
    "PREFIX",
    "Conflict",
    "Sandbox",
    "Sandboxes",
    "replacing",
    "sandboxes",
    "serve_sandboxes",
    "unknown",
]
