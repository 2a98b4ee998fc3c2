"""Emulators beside each other in one process: the default sandbox, and those that were created."""

from segment_insider_emulator.sandboxes.addressing import (
    SANDBOX_PATH_PREFIX,
    create_sandbox,
    current_registry,
    current_sandbox,
    delete_sandbox,
    find_sandbox,
    install_sandbox_routing,
    replace_current_workspace,
    visible_sandboxes,
)
from segment_insider_emulator.sandboxes.admission import DEFAULT_SANDBOX_ID
from segment_insider_emulator.sandboxes.expiry import SandboxExpiry
from segment_insider_emulator.sandboxes.registry import Sandbox, SandboxRegistry

__all__ = [
    "DEFAULT_SANDBOX_ID",
    "SANDBOX_PATH_PREFIX",
    "Sandbox",
    "SandboxExpiry",
    "SandboxRegistry",
    "create_sandbox",
    "current_registry",
    "current_sandbox",
    "delete_sandbox",
    "find_sandbox",
    "install_sandbox_routing",
    "replace_current_workspace",
    "visible_sandboxes",
]
