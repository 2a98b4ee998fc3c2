"""What to do before a line is written where a subscription leaves its mapping to the catalogue."""

import shlex


def spelling_out(name: str) -> str:
    """The advice, with the command that writes a workspace out.

    Args:
        name: A file, a preset, or the address of a running emulator.
    """
    return (
        "this subscription leaves `settings` out, and a line of it alone would replace the "
        f"action's whole mapping: first `emulator export {shlex.quote(name)} --format workspace "
        "--output whole.yaml`, then write the line there"
    )
