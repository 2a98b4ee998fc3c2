"""The workspace of an emulator that runs, for commands that take a workspace file."""

from segment_insider_emulator.types import JSONObject


def is_emulator_url(source: str) -> bool:
    """Whether *name* is where an emulator runs, and no file."""
    return source.startswith(("http://", "https://"))


def fetch_running_workspace(url: str) -> JSONObject:
    """The document of the workspace at *url* with what was changed of it there.

    It does not tell the account's key; what stands for it is what a file without secrets has.
    Raises: EmulatorError, when no emulator answers there.
    """
    # Here, not above: most commands that ask whether a name is an address are given a file.
    from segment_insider_emulator.workspace.exporting.workspace_file import replace_secrets
    from segment_insider_scenarios.client import ControlClient

    with ControlClient.connect(url) as client:
        return replace_secrets(client.get_current_workspace())
