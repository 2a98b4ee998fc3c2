"""`emulator contract schema`: the consumer's side of a contract."""

import click
import orjson

from emulator.contract.schema import request_schemas
from emulator.workspace import load


@click.command(epilog="Example: emulator contract schema --workspace shop.yaml > requests.json")
@click.option("--workspace", default="guide", show_default=True, help="File or preset.")
def command(workspace: str) -> None:
    """Print one JSON Schema: of every body that the workspace can send to Insider One."""
    document = request_schemas(load(workspace))
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
