"""A team's page: its browser asks for the token, and shows what is the team's."""

import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from inspector.running import DESK, PHONE, running

TOKEN = sha256(b"c-token").hexdigest()


@pytest.fixture
def front(tmp_path: Path, browser: Browser) -> Iterator[Page]:
    """Where a team comes first that has nothing yet."""
    teams = {"teams": [{"name": "checkout", "tokens": [f"sha256:{TOKEN}"]}]}
    file = tmp_path / "teams.json"
    file.write_bytes(orjson.dumps(teams))
    shared = running(host="0.0.0.0", password="sesame", teams=str(file))
    with (
        shared as emulator,
        browser.new_context(
            base_url=emulator.url,
            viewport=DESK,
            http_credentials={"username": "ada", "password": "c-token"},
        ) as context,
    ):
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.goto("/")
        yield page


def create(page: Page, id: str) -> None:
    page.get_by_label("Id, made up if empty").fill(id)
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".notice")).to_have_text(f"The sandbox {id} was created")


def test_a_team_comes_to_its_sandboxes_and_makes_the_first(
    front: Page, accessible: Callable[[Page], None]
) -> None:
    expect(front).to_have_url("/team")
    expect(front.get_by_role("heading", level=1)).to_have_text("Sandboxes of checkout")
    expect(front.get_by_role("region", name="Sandboxes")).to_contain_text("There is none yet.")
    accessible(front)
    create(front, "staging")
    expect(front.locator("#sandbox-key")).to_have_text(re.compile("^[0-9a-f]{32}$"))
    front.get_by_role("link", name="staging").click()
    expect(front).to_have_url("/sandboxes/staging/")
    front.goto("/messages/1")
    expect(front.locator("body")).to_contain_text("There is no sandbox 'default'")


def test_a_team_comes_back_from_a_sandbox_and_ends_it(
    front: Page, accessible: Callable[[Page], None]
) -> None:
    create(front, "staging")
    front.goto("/sandboxes/staging/")
    accessible(front)
    front.get_by_role("banner").get_by_role("link", name="Sandbox staging").click()
    expect(front).to_have_url("/team")
    for size in (PHONE, DESK):
        front.set_viewport_size(size)
        accessible(front)
        assert front.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    asked: list[str] = []

    def accept(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept()

    front.on("dialog", accept)
    front.get_by_role("button", name="Delete the sandbox staging").click()
    expect(front.locator(".notice")).to_have_text("The sandbox staging was deleted")
    assert asked == ["Delete the sandbox staging with all that it holds?"]
    expect(front.get_by_role("region", name="Sandboxes")).to_contain_text("There is none yet.")
