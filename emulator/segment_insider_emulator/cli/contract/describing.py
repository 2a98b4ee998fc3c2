"""`emulator contract schema`: the consumer's side of a contract."""

import click

from segment_insider_emulator.cli.terminal import print_json
from segment_insider_emulator.cli.workspace_options import add_workspace_options, load_workspace
from segment_insider_emulator.contract.schema import build_request_schema


@click.command(epilog="Example: emulator contract schema --workspace shop.yaml > requests.json")
@add_workspace_options()
def schema_command(workspace: str | None, preset: str | None) -> None:
    """Print one JSON Schema: of every body that the workspace can send to Insider One."""
    document = build_request_schema(load_workspace(workspace, preset))
    print_json(document, indent=True)
