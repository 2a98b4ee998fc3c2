"""A team's page: its browser asks for the token, and shows what is the team's."""

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

from inspector.running import DESK, PHONE, running
from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.workspace import load_preset_workspace

TOKEN = sha256(b"c-token").hexdigest()


def teams(folder: Path) -> str:
    """A file of one team, which may have two sandboxes."""
    checkout = {"name": "checkout", "tokens": [f"sha256:{TOKEN}"], "sandboxes": 2}
    file = folder / "teams.json"
    file.write_bytes(orjson.dumps({"teams": [checkout]}))
    return str(file)


@pytest.fixture
def front(tmp_path: Path, browser: Browser) -> Iterator[Page]:
    """Where a team comes first that has nothing yet."""
    shared = running(host="0.0.0.0", password="sesame", teams=teams(tmp_path))
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
    page.get_by_label("Id (generated if empty)").fill(id)
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".notice")).to_have_text(f"Sandbox {id} was created")


def test_a_team_comes_to_its_sandboxes_and_makes_the_first(
    front: Page, accessible: Callable[[Page], None]
) -> None:
    expect(front).to_have_url("/team")
    expect(front.get_by_role("heading", level=1)).to_have_text("Sandboxes of checkout")
    expect(front.get_by_role("region", name="Sandboxes")).to_contain_text("No sandboxes yet.")
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
    expect(front.locator(".notice")).to_have_text("Sandbox staging was deleted")
    assert asked == ["Delete the sandbox staging and all its data?"]
    expect(front.get_by_role("region", name="Sandboxes")).to_contain_text("No sandboxes yet.")


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[FlaskClient]:
    """An emulator whose clock stands, and which has a sandbox of the team's and another."""
    config = Config(db=":memory:", password="sesame", teams=teams(tmp_path))
    born = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    app = create_app(config, load_preset_workspace("guide"), clock=lambda: born)
    client = app.test_client()
    for secret, id in (("c-token", "staging"), ("sesame", "lab")):
        order = {"id": id}
        client.post("/emulator/v1/sandboxes", json=order, auth=("", secret)).close()
    yield client
    app.extensions["emulator"].close()


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
def test_a_list_of_sandboxes_says_whose_they_are_since_when_and_how_many_there_may_be(
    shared: FlaskClient, path: str, secret: str, counted: str, origins: list[str]
) -> None:
    page = shared.get(path, auth=("", secret)).text
    assert re.findall(r'Sandboxes[^<]*</h.><span class="muted">([^<]*)</span>', page) == [counted]
    told = re.findall(r'<p class="origin">([^<]*) <time[^>]*>([^<]*)</time></p>', page)
    assert told == [(origin, "24 Nov 2026, 09:30:00") for origin in origins]


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
def test_a_sandbox_that_cannot_be_made_is_told_in_a_sentence(
    shared: FlaskClient, ids: list[str], mistake: str
) -> None:
    for id in ids:
        page = shared.post("/team", data={"id": id}, auth=("", "c-token")).text
    told = page.partition('id="mistake-sandboxes">')[2].partition("</p>")[0]
    assert unescape(re.sub("<[^>]*>", "", told)).strip() == mistake
