"""What to do before a line is written where a subscription leaves its mapping to the catalogue."""

import shlex


def expand_settings_hint(workspace_name: str, subject: str = "this subscription leaves") -> str:
    """The advice, with the command that writes a workspace out.

    Args:
        name: A file, a preset, or the address of a running emulator.
        leaving: Who leaves it out.
    """
    return (
        f"{subject} `settings` out, and a line of it alone would replace the "
        f"action's whole mapping: first `emulator export {shlex.quote(workspace_name)} --format workspace "
        "--output whole.yaml`, then write the line there"
    )
