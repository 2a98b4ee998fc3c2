"""Shared fixtures: the browser, npm packages and PostgreSQL.

One browser, as a process has room for one loop of Playwright's.
"""

import gc
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright
from postgres_schemas import PostgresSchemas
from postgres_server import POSTGRES_MISSING, PostgresServer, find_postgres_programs

from segment_insider_emulator.config import load_config
from segment_insider_emulator.storage import database

# One slow example on a busy machine is no fault.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

CHROMIUM_FLAGS = [
    "--no-sandbox",  # it cannot be had as root, and the pages are our own
    # Nothing reaches the real services.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
# The first is Chromium without windows, which takes a third of the time.
CHROMIUM_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

POSTGRES_OPTION_HELP = "keep in PostgreSQL whatever tests keep in memory"
SCHEMAS_KEY = pytest.StashKey[PostgresSchemas]()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, CHROMIUM_PROGRAMS)), None)
    if program is None:
        pytest.skip("Chromium is not installed: nothing to open pages with")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def npm_folder() -> Callable[..., Path]:
    """Return a function that installs npm packages once into a folder of the cache."""

    def fetched(name: str, *packages: str) -> Path:
        folder = Path(load_config(os.environ, {}).cache).expanduser() / name
        package_list, installed = "\n".join(packages), folder / "installed.txt"
        if not (shutil.which("node") and shutil.which("npm")):
            pytest.skip(f"Node and npm are not installed: no {packages[0]}")
        if not (installed.is_file() and installed.read_text("utf-8") == package_list):
            folder.mkdir(parents=True, exist_ok=True)
            ask = ["npm", "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit"]
            ran = subprocess.run([*ask, *packages], capture_output=True, text=True, check=False)
            if ran.returncode:
                pytest.skip(f"npm cannot install {packages[0]}: {ran.stderr.strip()[:200]}")
            installed.write_text(package_list, "utf-8")
        return folder

    return fetched


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres", action="store_true", help=POSTGRES_OPTION_HELP)


def pytest_configure(config: pytest.Config) -> None:
    only_hands_out = config.getoption("numprocesses", None) and not hasattr(config, "workerinput")
    if only_hands_out or not config.getoption("--postgres"):
        return
    programs = find_postgres_programs()
    if programs is None:
        raise pytest.UsageError(POSTGRES_MISSING)
    schemas = config.stash[SCHEMAS_KEY] = PostgresSchemas(PostgresServer(programs))
    config.add_cleanup(schemas.close)
    # A database in memory needs no closing, so tests leave sandboxes open.
    open_still = "ignore:.*was deleted while still open:ResourceWarning"
    config.addinivalue_line("filterwarnings", open_still)
    # The one place where a database in memory comes from: the tests need not know.
    vars(database)["in_memory"] = schemas.make_engine


@pytest.hookimpl(tryfirst=True)  # before pytest selects by marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seen = set()
    for item in items:
        if item.get_closest_marker("extended_variants"):
            test = item.nodeid.partition("[")[0]
            if test in seen:
                item.add_marker("extended")
            seen.add(test)
    for item in items if SCHEMAS_KEY in config.stash else ():
        if item.get_closest_marker("sqlite"):
            item.add_marker(pytest.mark.skip("only SQLite does that"))


def pytest_collection_finish() -> None:
    gc.freeze()  # what is imported and collected stays, so it needs no search for garbage


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    if SCHEMAS_KEY in item.config.stash:
        item.config.stash[SCHEMAS_KEY].close_connections()
