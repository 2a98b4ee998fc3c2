"""Fixtures of browser tests: an emulator, a page without console errors, an axe check, a shell."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # has no types
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, expect

from inspector.running_emulator import (
    BLANK_PAGE,
    DESK,
    RunningEmulator,
    get_shared_address,
    run_emulator,
)

SERIOUS = ("serious", "critical")
LIMIT_MS = 60_000  # for a machine with much else to do

expect.set_options(timeout=LIMIT_MS)


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    with run_emulator() as started:
        yield started


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Open a browser profile of its own, which takes a second of CPU time."""
    with open_context(browser) as opened:
        yield opened


@pytest.fixture(scope="session")
def shared_context(browser: Browser) -> Iterator[BrowserContext]:
    with open_context(browser) as opened:
        yield opened


@contextmanager
def open_context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(
        viewport=DESK, permissions=["clipboard-read", "clipboard-write"]
    ) as opened:
        opened.set_default_timeout(LIMIT_MS)
        yield opened


@pytest.fixture
def patient_page(shared_context: BrowserContext) -> Iterator[Page]:
    """Open a page of 1280 by 800 with a console that may report errors.

    All tests have the same page, one after the other: a new one would take a second of CPU time.
    """
    opened = shared_context.pages[0] if shared_context.pages else shared_context.new_page()
    yield opened
    opened.unroute_all(behavior="ignoreErrors")
    opened.goto(get_shared_address().url + BLANK_PAGE)
    opened.evaluate("[localStorage, sessionStorage].forEach((storage) => storage.clear())")
    shared_context.clear_cookies()
    opened.emulate_media(color_scheme="light")
    opened.set_viewport_size(DESK)


@pytest.fixture
def page(patient_page: Page) -> Iterator[Page]:
    """Open a page of 1280 by 800; an error in its console fails the test."""
    errors: list[str] = []

    def record_error(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    def record_page_error(error: Error) -> None:
        errors.append(str(error))

    patient_page.on("console", record_error)
    patient_page.on("pageerror", record_page_error)
    yield patient_page
    patient_page.remove_listener("console", record_error)
    patient_page.remove_listener("pageerror", record_page_error)
    assert errors == []


@pytest.fixture
def accessible() -> Callable[[Page], None]:
    """Return a check that axe finds nothing serious on a page, in light and in dark."""
    axe = Axe()
    everything = {"resultTypes": ["violations"]}
    differs_in_dark = {**everything, "runOnly": ["color-contrast"]}

    def check(page: Page) -> None:
        violations = []
        schemes: dict[Literal["light", "dark"], dict[str, list[str]]] = {
            "light": everything,
            "dark": differs_in_dark,
        }
        for scheme, options in schemes.items():
            page.emulate_media(color_scheme=scheme)
            for violation in axe.run(page, options=options).response["violations"]:
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
