"""The Team page: the browser asks for the token and shows the sandboxes of the team."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from html import unescape
from pathlib import Path

import orjson
import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Dialog, Page, expect

from inspector.conftest import LIMIT_MS
from inspector.running_emulator import DESK, PHONE, run_emulator
from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.workspace import load_preset_workspace

TOKEN = sha256(b"c-token").hexdigest()


def write_teams_file(folder: Path) -> str:
    """Write a file with one team that may have two sandboxes; return its path."""
    checkout = {"name": "checkout", "tokens": [f"sha256:{TOKEN}"], "sandboxes": 2}
    file = folder / "teams.json"
    file.write_bytes(orjson.dumps({"teams": [checkout]}))
    return str(file)


@pytest.fixture
def team_page(tmp_path: Path, browser: Browser) -> Iterator[Page]:
    """Open the first page of a team without sandboxes."""
    shared_emulator = run_emulator(
        host="0.0.0.0", password="sesame", teams=write_teams_file(tmp_path)
    )
    with (
        shared_emulator as emulator,
        browser.new_context(
            base_url=emulator.url,
            viewport=DESK,
            http_credentials={"username": "ada", "password": "c-token"},
        ) as context,
    ):
        context.set_default_timeout(LIMIT_MS)
        page = context.new_page()
        page.goto("/")
        yield page


def create_sandbox(page: Page, id: str) -> None:
    page.get_by_label("Id (generated if empty)").fill(id)
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".notice")).to_have_text(f"Sandbox {id} was created")


@pytest.mark.extended
def test_a_team_can_create_its_first_sandbox(
    team_page: Page, accessible: Callable[[Page], None]
) -> None:
    expect(team_page).to_have_url("/team")
    expect(team_page.get_by_role("heading", level=1)).to_have_text("Sandboxes of checkout")
    expect(team_page.get_by_role("region", name="Sandboxes")).to_contain_text("No sandboxes yet.")
    accessible(team_page)
    create_sandbox(team_page, "staging")
    expect(team_page.locator("#sandbox-key")).to_have_text(re.compile("^[0-9a-f]{32}$"))
    team_page.get_by_role("link", name="staging").click()
    expect(team_page).to_have_url("/sandboxes/staging/")
    team_page.goto("/messages/1")
    expect(team_page.locator("body")).to_contain_text("There is no sandbox 'default'")


@pytest.mark.extended
def test_a_team_can_delete_its_sandbox(team_page: Page, accessible: Callable[[Page], None]) -> None:
    create_sandbox(team_page, "staging")
    team_page.goto("/sandboxes/staging/")
    accessible(team_page)
    team_page.get_by_role("banner").get_by_role("link", name="Sandbox staging").click()
    expect(team_page).to_have_url("/team")
    for size in (PHONE, DESK):
        team_page.set_viewport_size(size)
        accessible(team_page)
        assert team_page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    questions: list[str] = []

    def accept_dialog(dialog: Dialog) -> None:
        questions.append(dialog.message)
        dialog.accept()

    team_page.on("dialog", accept_dialog)
    team_page.get_by_role("button", name="Delete the sandbox staging").click()
    expect(team_page.locator(".notice")).to_have_text("Sandbox staging was deleted")
    assert questions == ["Delete the sandbox staging and all its data?"]
    expect(team_page.get_by_role("region", name="Sandboxes")).to_contain_text("No sandboxes yet.")


@pytest.fixture
def shared_emulator(tmp_path: Path) -> Iterator[FlaskClient]:
    """Run an emulator with a frozen clock, a sandbox of the team and another sandbox."""
    config = Config(db=":memory:", password="sesame", teams=write_teams_file(tmp_path))
    born = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    app = create_app(config, load_preset_workspace("guide"), clock=lambda: born)
    client = app.test_client()
    for secret, id in (("c-token", "staging"), ("sesame", "lab")):
        order = {"id": id}
        client.post("/emulator/v1/sandboxes", json=order, auth=("", secret)).close()
    yield client
    app.extensions["emulator"].close()


@pytest.mark.extended_variants
@pytest.mark.parametrize("path", ["/team", "/sandboxes/staging/settings"])
@pytest.mark.parametrize(
    ("secret", "counted", "origins"),
    [
        pytest.param(
            "sesame",
            "3",
            ["Web shop, since", "Web shop, team checkout, since", "Web shop, since"],
            id="who runs the emulator",
        ),
        pytest.param("c-token", "1 of 2", ["Web shop, since"], id="the team"),
    ],
)
def test_the_sandbox_list_shows_owner_creation_time_and_limit(
    shared_emulator: FlaskClient, path: str, secret: str, counted: str, origins: list[str]
) -> None:
    page = shared_emulator.get(path, auth=("", secret)).text
    assert re.findall(r'Sandboxes[^<]*</h.><span class="muted">([^<]*)</span>', page) == [counted]
    shown_origins = re.findall(r'<p class="origin">([^<]*) <time[^>]*>([^<]*)</time></p>', page)
    assert shown_origins == [(origin, "24 Nov 2026, 09:30:00") for origin in origins]


@pytest.mark.parametrize(
    ("ids", "mistake"),
    [
        pytest.param(
            ["nightly", "another"],
            "The team checkout has 2 sandboxes already. Delete sandboxes that are not "
            "needed, on the"
            " page /team or with DELETE /emulator/v1/sandboxes/<id>.",
            id="one too many",
        ),
        pytest.param(
            ["staging"],
            "id: another sandbox has the id 'staging'. Use another one, or leave it out.",
            id="an id that is taken",
        ),
    ],
)
def test_a_sandbox_that_cannot_be_created_is_explained_in_a_sentence(
    shared_emulator: FlaskClient, ids: list[str], mistake: str
) -> None:
    for id in ids:
        page = shared_emulator.post("/team", data={"id": id}, auth=("", "c-token")).text
    message = page.partition('id="mistake-sandboxes">')[2].partition("</p>")[0]
    assert unescape(re.sub("<[^>]*>", "", message)).strip() == mistake
