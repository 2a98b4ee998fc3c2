"""A browser that fails the test on any error in its console, and what it looks at."""

import subprocess
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # has no types
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from inspector.running import DESK, Running, running

SERIOUS = ("serious", "critical")


@pytest.fixture
def emulator() -> Iterator[Running]:
    with running() as started:
        yield started


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(
        viewport=DESK, permissions=["clipboard-read", "clipboard-write"]
    ) as opened:
        opened.set_default_timeout(10_000)
        yield opened


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page of 1280 by 800; what it says in the console as an error fails the test."""
    opened = context.new_page()
    errors: list[str] = []

    def hear(said: ConsoleMessage) -> None:
        if said.type == "error":
            errors.append(said.text)

    opened.on("console", hear)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    assert errors == []


@pytest.fixture
def accessible() -> Callable[[Page], None]:
    """A check that axe finds nothing serious on a page, as it is now, in light and in dark."""
    axe = Axe()

    def check(page: Page) -> None:
        found = []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for violation in axe.run(page).response["violations"]:
                if violation["impact"] in SERIOUS:
                    places = [node["html"][:160] for node in violation["nodes"][:5]]
                    found.append((scheme, violation["id"], places))
        assert found == []

    return check


@pytest.fixture
def shell() -> Callable[[str], str]:
    """Runs what was copied, as a person does; gives what it printed."""

    def run(script: str) -> str:
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run
