"""Emulators beside each other in one process: the default sandbox, and those that were created."""

from segment_insider_emulator.sandboxes.addressing import (
    PREFIX,
    addressed,
    create,
    delete,
    find,
    replacing,
    sandboxes,
    seen,
    serve_sandboxes,
)
from segment_insider_emulator.sandboxes.admission import DEFAULT
from segment_insider_emulator.sandboxes.expiry import Expiry
from segment_insider_emulator.sandboxes.registry import Sandbox, Sandboxes

__all__ = [
    "DEFAULT",
    "PREFIX",
    "Expiry",
    "Sandbox",
    "Sandboxes",
    "addressed",
    "create",
    "delete",
    "find",
    "replacing",
    "sandboxes",
    "seen",
    "serve_sandboxes",
]
