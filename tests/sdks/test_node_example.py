"""The example of docs/control-api.md: a test in Node that drives a page in a real browser."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import CHROMIUM_PROGRAMS

from sdks.sdk_emulator import SdkEmulator

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "node"


@pytest.mark.extended
@pytest.mark.usefixtures("assets")
def test_the_node_example_passes(end: SdkEmulator, node_modules: Path, tmp_path: Path) -> None:
    chromium = find_chromium()
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


def find_chromium() -> str:
    chromium = next(filter(None, map(shutil.which, CHROMIUM_PROGRAMS)), None)
    if chromium is None:
        pytest.skip("Chromium is not installed: nothing to open the page with")
    return chromium


@pytest.mark.extended
@pytest.mark.usefixtures("assets")
def test_playwright_test_leads_an_unchanged_page(
    end: SdkEmulator, npm_folder: Callable[..., Path], tmp_path: Path
) -> None:
    packages = ("@playwright/test@1.65.1", "@segment/snippet@5.2.1")
    modules = npm_folder("playwright-test", *packages) / "node_modules"
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "node"))
    (folder / "node_modules").symlink_to(modules)
    ran = subprocess.run(
        ["node", str(modules / "@playwright/test/cli.js"), "test", "--reporter=line"],
        cwd=folder,
        env={**os.environ, "EMULATOR_URL": end.url, "CHROMIUM": find_chromium()},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 passed" in ran.stdout


def test_cypress_leads_the_calls_of_a_page() -> None:
    if not shutil.which("node"):
        pytest.skip("Node is not installed")
    # Cypress itself cannot be installed everywhere: its program is not in the registry of npm.
    script = Path(__file__).with_name("lead_cypress.test.js")
    ran = subprocess.run(
        ["node", "--test", str(script)],
        env={**os.environ, "EMULATOR_JS": str(EXAMPLE / "emulator.js")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
