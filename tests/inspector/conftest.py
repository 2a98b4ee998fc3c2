"""Fixtures of browser tests: an emulator, a page without console errors, an axe check, a shell."""

import subprocess
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # has no types
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from inspector.running_emulator import DESK, RunningEmulator, run_emulator

SERIOUS = ("serious", "critical")
LIMIT_MS = 60_000  # for a machine with much else to do

expect.set_options(timeout=LIMIT_MS)


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    with run_emulator() as started:
        yield started


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(
        viewport=DESK, permissions=["clipboard-read", "clipboard-write"]
    ) as opened:
        opened.set_default_timeout(LIMIT_MS)
        yield opened


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """Open a page of 1280 by 800; an error in its console fails the test."""
    opened = context.new_page()
    errors: list[str] = []

    def record_error(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    opened.on("console", record_error)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    assert errors == []


@pytest.fixture
def accessible() -> Callable[[Page], None]:
    """Return a check that axe finds nothing serious on a page, in light and in dark."""
    axe = Axe()

    def check(page: Page) -> None:
        violations = []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for violation in axe.run(page).response["violations"]:
                if violation["impact"] in SERIOUS:
                    places = [node["html"][:160] for node in violation["nodes"][:5]]
                    violations.append((scheme, violation["id"], places))
        assert violations == []

    return check


@pytest.fixture
def shell() -> Callable[[str], str]:
    """Return a function that runs a copied script and returns its output."""

    def run(script: str) -> str:
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run
