"""`emulator contract schema`: the consumer's side of a contract."""

import click

from segment_insider_emulator.cli.terminal import tell_json
from segment_insider_emulator.cli.workspace_options import load_workspace, workspace_options
from segment_insider_emulator.contract.schema import request_schemas


@click.command(epilog="Example: emulator contract schema --workspace shop.yaml > requests.json")
@workspace_options()
def command(workspace: str | None, preset: str | None) -> None:
    """Print one JSON Schema: of every body that the workspace can send to Insider One."""
    document = request_schemas(load_workspace(workspace, preset))
    tell_json(document, indent=True)
