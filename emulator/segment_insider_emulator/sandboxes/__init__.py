"""Emulators beside each other in one process: the default sandbox, and those that were created."""

from emulator.sandboxes.addressing import (
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
from emulator.sandboxes.admission import DEFAULT
from emulator.sandboxes.expiry import Expiry
from emulator.sandboxes.registry import Sandbox, Sandboxes

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
