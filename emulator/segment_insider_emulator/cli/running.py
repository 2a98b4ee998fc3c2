"""The workspace of an emulator that runs, for commands that take a workspace file."""

from segment_insider_emulator.types import JSONObject


def is_address(name: str) -> bool:
    """Whether *name* is where an emulator runs, and no file."""
    return name.startswith(("http://", "https://"))


def running_workspace(url: str) -> JSONObject:
    """The document of the workspace at *url* with what was changed of it there.

    It does not tell the account's key; what stands for it is what a file without secrets has.
    Raises: EmulatorError, when no emulator answers there.
    """
    # Here, not above: most commands that ask whether a name is an address are given a file.
    from segment_insider_emulator.workspace.exporting.workspace_file import without_keys
    from segment_insider_scenarios.client import ControlClient

    with ControlClient.elsewhere(url) as client:
        return without_keys(client.current_workspace())
