"""The example of docs/control-api.md: a test in Node that drives a page in a real browser."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import CHROMIUM_PROGRAMS

from sdks.sdk_emulator import SdkEmulator

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "node"


@pytest.mark.extended
@pytest.mark.usefixtures("assets")
def test_the_node_example_passes(end: SdkEmulator, node_modules: Path, tmp_path: Path) -> None:
    chromium = next(filter(None, map(shutil.which, CHROMIUM_PROGRAMS)), None)
    if chromium is None:
        pytest.skip("Chromium is not installed: nothing to open the page with")
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "node"))
    (folder / "node_modules").symlink_to(node_modules / "node_modules")
    ran = subprocess.run(
        ["node", "--test"],
        cwd=folder,
        env={**os.environ, "EMULATOR_URL": end.url, "CHROMIUM": chromium},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "# pass 2" in ran.stdout
    assert [sandbox["id"] for sandbox in end.client.list_sandboxes()] == ["default"]
