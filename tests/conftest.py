"""What tests have from outside: the one browser of a run, and packages of npm.

One browser, as a process has room for one loop of Playwright's.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from emulator.config import configure

FLAGS = [
    "--no-sandbox",  # it cannot be had as root, and the pages are our own
    # Nothing reaches the real services.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip("Chromium is not installed: nothing to open pages with")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def npm_folder() -> Callable[..., Path]:
    """A folder of that name in the cache in which Node finds packages, fetched once."""

    def fetched(name: str, *packages: str) -> Path:
        folder = Path(configure(os.environ, {}).cache).expanduser() / name
        wanted, installed = "\n".join(packages), folder / "installed.txt"
        if not (shutil.which("node") and shutil.which("npm")):
            pytest.skip(f"Node and npm are not installed: no {packages[0]}")
        if not (installed.is_file() and installed.read_text("utf-8") == wanted):
            folder.mkdir(parents=True, exist_ok=True)
            ask = ["npm", "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit"]
            ran = subprocess.run([*ask, *packages], capture_output=True, text=True, check=False)
            if ran.returncode:
                pytest.skip(f"npm cannot install {packages[0]}: {ran.stderr.strip()[:200]}")
            installed.write_text(wanted, "utf-8")
        return folder

    return fetched
