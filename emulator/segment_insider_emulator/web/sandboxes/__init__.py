"""Sandboxes: several emulators in one process, the default one and those created."""

from segment_insider_emulator.web.sandboxes.creation import DEFAULT_SANDBOX_ID
from segment_insider_emulator.web.sandboxes.registry import Sandbox, SandboxExpiry, SandboxRegistry
from segment_insider_emulator.web.sandboxes.routing import (
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
