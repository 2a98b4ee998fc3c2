"""The commands `emulator init` and `emulator schema`: begin a project, and help its editor."""

import shlex
from importlib.resources import files
from pathlib import Path

import click
import orjson

from segment_insider_emulator import __version__
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.terminal_output import print_lines
from segment_insider_emulator.types import JSONObject

_WORKSPACE_BOX = "segment_insider_emulator.workspace"
_EDITOR_LINE = "# yaml-language-server: $schema=shop.schema.json\n"
_FEATURE = """\
Feature: Purchase

  Scenario: An order of two products
    When Ada completes order "o-17" in EUR:
      | product_id | price | quantity |
      | mug        | 8.50  | 1        |
      | tray       | 21.00 | 1        |
    Then Insider One receives exactly these events for Ada:
      | event_name             | event_group_id | product_id |
      | confirmation_page_view | o-17           | mug        |
      | confirmation_page_view | o-17           | tray       |
"""
_PIPELINE = """\
name: Segment to Insider One
on: [push, pull_request]
jobs:
  integration:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - uses: actions/setup-python@v6
        with:
          python-version: "3.12"
      # Give the address of your copy of the emulator.
      - run: pip install 'segment-insider-emulator[scenarios] @ git+https://example.com/segment-insider-emulator'
      - run: emulator lint shop.yaml
      - run: emulator verify --workspace shop.yaml --junit reports/scenarios.xml features/
"""


@click.command("init", epilog="Example: emulator init my-shop-tests")
@click.argument("folder", type=click.Path(path_type=Path), default=".")
@click.option("--json", "as_json", is_flag=True, help="Print the names of the files as JSON.")
def init_command(folder: Path, as_json: bool) -> None:
    """Begin a project in FOLDER: a workspace file, one feature and a pipeline for CI.

    FOLDER is the current folder unless you name one. Files that are there already stay unchanged.
    """
    created: list[str] = []
    kept: list[str] = []
    for name, text in _build_project_files().items():
        (created if _write_file_if_missing(folder / name, text) else kept).append(name)
    if as_json:
        click.echo(orjson.dumps({"folder": str(folder), "created": created, "kept": kept}))
        return
    print_lines(
        [
            *(f"created  {folder / name}" for name in created),
            *(f"kept     {folder / name}" for name in kept),
            "",
            "Next:",
            *([] if folder == Path() else [f"  cd {shlex.quote(str(folder))}"]),
            "  emulator verify --workspace shop.yaml    runs the scenarios in features/",
            "  emulator serve --workspace shop.yaml     waits for the events of your app",
            "  emulator import FILE                     makes a workspace file from Segment's data",
        ]
    )


@click.command("schema", epilog="Example: emulator schema > shop.schema.json")
def schema_command() -> None:
    """Print the JSON Schema of a workspace file, for editors.

    An editor with the YAML language server completes and checks a workspace file whose first line
    is `# yaml-language-server: $schema=shop.schema.json`.
    """
    click.echo(_format_workspace_schema(), nl=False)


def _build_project_files() -> dict[str, str]:
    guide = files(_WORKSPACE_BOX).joinpath("presets", "guide.yaml").read_text("utf-8")
    return {
        "shop.yaml": _EDITOR_LINE + guide,
        "shop.schema.json": _format_workspace_schema(),
        "features/purchase.feature": _FEATURE,
        ".github/workflows/integration.yml": _PIPELINE,
    }


def _format_workspace_schema() -> str:
    raw = files(_WORKSPACE_BOX).joinpath("schema.json").read_bytes()
    # The project has no address of its own: a name that no server has to answer for.
    name = f"urn:segment-insider-emulator:workspace:{__version__}"
    schema: JSONObject = {"$id": name, **orjson.loads(raw)}
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode() + "\n"


def _write_file_if_missing(path: Path, text: str) -> bool:
    """Write a new file and return True; return False if it is there.

    Raises: EmulatorError, when it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        if path.is_file():
            return False
        raise EmulatorError("a file is where a folder must be", str(path.parent)) from None
    except OSError as error:
        what = f"the file cannot be written ({error.strerror})"
        raise EmulatorError(what, str(path), "Name a folder that can be written.") from error
    return True
