"""What to do before a line is written where a subscription leaves its mapping to the catalogue."""

import shlex


def spelling_out(name: str, leaving: str = "this subscription leaves") -> str:
    """The advice, with the command that writes a workspace out.

    Args:
        name: A file, a preset, or the address of a running emulator.
        leaving: Who leaves it out.
    """
    return (
        f"{leaving} `settings` out, and a line of it alone would replace the "
        f"action's whole mapping: first `emulator export {shlex.quote(name)} --format workspace "
        "--output whole.yaml`, then write the line there"
    )
