"""`emulator contract run`: what happens to each case."""

from pathlib import Path

import click

from segment_insider_emulator.cli.contract.files import (
    CASE_FILES_ARGUMENT,
    CaseReader,
    load_deployment,
)
from segment_insider_emulator.cli.terminal import print_json
from segment_insider_emulator.cli.workspace_options import add_workspace_options
from segment_insider_emulator.contract.running import run_case
from segment_insider_emulator.types import JSONObject


@click.command(epilog="Example: emulator contract run cases.ndjson > actual.ndjson")
@CASE_FILES_ARGUMENT
@add_workspace_options("Run this workspace's own mappings.  [the copies in the cases]")
@click.pass_context
def run_command(
    ctx: click.Context, files: tuple[Path, ...], workspace: str | None, preset: str | None
) -> None:
    """Print each case with "actual": what happens.

    With a workspace "actual" is what its own mapping does, and "workspace" says whether that
    mapping is as it was recorded.
    """
    deployment = load_deployment(workspace, preset)
    reader = CaseReader(files)
    cases = list(reader)
    reader.require_cases()
    for case in cases:
        if deployment is None:
            happened: JSONObject = {"actual": run_case(case)}
        else:
            result = deployment.run_case(case, cases)
            compared = {"mapping": result.mapping_state, "differences": result.mapping_differences}
            happened = {"actual": result.actual_result, "workspace": compared}
        print_json({**case.document, **happened})
    ctx.exit(2 if reader.unusable_count else 0)
