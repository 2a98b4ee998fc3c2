"""A team's page: its browser asks for the token, and shows what is the team's."""

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import orjson
from playwright.sync_api import Browser, Page, expect

from inspector.running import DESK, running

TOKEN = sha256(b"c-token").hexdigest()


def test_a_team_comes_to_its_sandboxes_and_makes_the_first(
    tmp_path: Path, browser: Browser, accessible: Callable[[Page], None]
) -> None:
    teams = {"teams": [{"name": "checkout", "tokens": [f"sha256:{TOKEN}"]}]}
    file = tmp_path / "teams.json"
    file.write_bytes(orjson.dumps(teams))
    shared = running(host="0.0.0.0", password="sesame", teams=str(file))
    with (
        shared as emulator,
        browser.new_context(
            viewport=DESK, http_credentials={"username": "ada", "password": "c-token"}
        ) as context,
    ):
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.goto(emulator.url)
        expect(page).to_have_url(f"{emulator.url}/team")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sandboxes of checkout")
        expect(page.get_by_role("region", name="Sandboxes")).to_contain_text("There is none yet.")
        accessible(page)
        page.get_by_label("Id, made up if empty").fill("staging")
        page.get_by_role("button", name="Create").click()
        expect(page.locator(".notice")).to_have_text("The sandbox staging was created")
        expect(page.locator("#sandbox-key")).to_have_text(re.compile("^[0-9a-f]{32}$"))
        page.get_by_role("link", name="staging").click()
        expect(page).to_have_url(f"{emulator.url}/sandboxes/staging/")
        page.goto(f"{emulator.url}/messages/1")
        expect(page.locator("body")).to_contain_text("there is no sandbox 'default'")
