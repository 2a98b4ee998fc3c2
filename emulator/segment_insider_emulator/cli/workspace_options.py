"""The options --workspace and --preset of all commands that run a workspace."""

from collections.abc import Callable
from typing import Any

import click

from segment_insider_emulator.workspace import loading
from segment_insider_emulator.workspace.model import Workspace

DEFAULT_WORKSPACE = "guide"


def add_workspace_options(
    workspace_help: str = f"Workspace file or preset.  [{DEFAULT_WORKSPACE}]",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add --workspace FILE and --preset NAME; the functions below read them.

    Args:
        what: Help of --workspace.
    """

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        presets = click.Choice(loading.PRESET_NAMES)
        preset = click.option("--preset", type=presets, help="A preset, by its name.")
        return click.option("--workspace", metavar="FILE", help=workspace_help)(preset(command))

    return add


def selected_workspace_name(workspace: str | None, preset: str | None) -> str | None:
    """Name the workspace that the options ask for; None where there is none.

    Raises: UsageError.
    """
    if workspace and preset:
        raise click.UsageError("Give --workspace or --preset, not both.")
    return workspace or preset


def load_workspace(workspace: str | None, preset: str | None) -> Workspace:
    """Load the workspace that the options ask for, by default the preset guide.

    Raises: UsageError; EmulatorError, when the file cannot be used.
    """
    selected_workspace_name(workspace, preset)
    return (
        loading.load_workspace_or_preset(workspace)
        if workspace
        else loading.load_preset(preset or DEFAULT_WORKSPACE)
    )
