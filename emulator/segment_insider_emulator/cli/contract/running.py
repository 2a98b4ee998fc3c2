"""`emulator contract run`: what happens to each case."""

from pathlib import Path

import click

from segment_insider_emulator.cli.contract.files import FILES, Reader, deployment_of
from segment_insider_emulator.cli.terminal import tell_json
from segment_insider_emulator.cli.workspace_options import workspace_options
from segment_insider_emulator.contract.running import actual
from segment_insider_emulator.types import JSONObject


@click.command(epilog="Example: emulator contract run cases.ndjson > actual.ndjson")
@FILES
@workspace_options("Run this workspace's own mappings.  [the copies in the cases]")
@click.pass_context
def command(
    ctx: click.Context, files: tuple[Path, ...], workspace: str | None, preset: str | None
) -> None:
    """Print each case with "actual": what happens.

    With a workspace "actual" is what its own mapping does, and "workspace" says whether that
    mapping is as it was recorded.
    """
    deployment = deployment_of(workspace, preset)
    reader = Reader(files)
    cases = list(reader)
    reader.expect_cases()
    for case in cases:
        if deployment is None:
            happened: JSONObject = {"actual": actual(case)}
        else:
            result = deployment.run(case, cases)
            compared = {"mapping": result.state, "differences": result.mapping}
            happened = {"actual": result.actual, "workspace": compared}
        tell_json({**case.document, **happened})
    ctx.exit(2 if reader.unusable else 0)
