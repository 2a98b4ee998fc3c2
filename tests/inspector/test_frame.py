"""What all pages have in common: headers, addresses that may be kept, and a way out of faults."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient
from playwright.sync_api import Page

from inspector.running import PHONE, Running
from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.inspector.rendering import STATIC_VERSION
from segment_insider_emulator.workspace import load_preset_workspace


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    yield app.test_client()
    app.extensions["emulator"].close()


def test_a_page_tells_the_browser_what_not_to_do(client: FlaskClient) -> None:
    headers = client.get("/").headers
    assert headers["Content-Security-Policy"] == (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("version", "kept"),
    [
        pytest.param(STATIC_VERSION, "immutable", id="this program's"),
        pytest.param("000000000000", "no-store", id="another's"),
    ],
)
def test_a_script_is_kept_under_the_address_of_its_content(
    client: FlaskClient, version: str, kept: str
) -> None:
    answer = client.get(f"/static/{version}/inspector.js")
    assert (answer.status_code, answer.mimetype) == (200, "text/javascript")
    assert kept in answer.headers["Cache-Control"]


def test_a_missing_script_is_404(client: FlaskClient) -> None:
    assert client.get(f"/static/{STATIC_VERSION}/../routes.py").status_code == 404


def test_pages_work_below_a_path(client: FlaskClient) -> None:
    page = client.get("/", environ_overrides={"SCRIPT_NAME": "/sandboxes/one"}).text
    assert f'href="/sandboxes/one/static/{STATIC_VERSION}/inspector.css"' in page
    assert 'data-stream="/sandboxes/one/stream"' in page


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        pytest.param("/", ("page", "Live"), id="the page itself"),
        pytest.param("/messages/1", ("true", "Live"), id="a message is below Live"),
        pytest.param("/workspace/test", ("true", "Workspace"), id="a tab of Workspace"),
        pytest.param("/profiles", ("page", "Profiles"), id="another page"),
    ],
)
def test_the_bar_marks_where_one_is(
    client: FlaskClient, path: str, marked: tuple[str, str]
) -> None:
    client.post("/sample", headers={"Host": "127.0.0.1"})
    bar = client.get(path).text.partition("</nav>")[0]
    assert re.findall(r'aria-current="(\w+)">(\w+)<', bar) == [marked]


PAGES = (
    "/", "/messages/1", "/flow", "/profiles", "/journeys", "/journeys/1", "/workspace",
    "/workspace/test", "/workspace/checks", "/workspace/import", "/scenarios", "/settings", "/team",
    "/messages/999",
)  # fmt: skip


@pytest.mark.parametrize(
    ("root", "named"),
    [
        pytest.param("/sandboxes/red", [("/team", "red")], id="one of several"),
        pytest.param("", [], id="the default one"),
    ],
)
def test_every_page_says_which_sandbox_it_is_of(
    client: FlaskClient, root: str, named: list[tuple[str, str]]
) -> None:
    client.post("/emulator/v1/sandboxes", json={"id": "red"})
    client.post(f"{root}/sample")
    shown = re.compile(r'<a class="sandbox" href="([^"]*)"[^>]*>.*?Sandbox </span>([^<]*)</a>')
    found = {path: shown.findall(client.get(root + path).text) for path in PAGES}
    assert found == dict.fromkeys(PAGES, named)


@pytest.mark.parametrize("width", [400, 720, 1280])
def test_the_longest_id_makes_no_page_wider(emulator: Running, page: Page, width: int) -> None:
    made = requests.post(
        f"{emulator.url}/emulator/v1/sandboxes", json={"id": "a" * 63}, timeout=10
    ).json()
    page.set_viewport_size({"width": width, "height": 800})
    for path in ("/", "/settings", "/team"):
        page.goto(made["url"] + path)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert (path, max(wide, 0)) == (path, 0)


def test_the_empty_page_is_accessible(
    emulator: Running, page: Page, accessible: Callable[[Page], None]
) -> None:
    page.goto(emulator.url)
    accessible(page)
    page.set_viewport_size(PHONE)
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0


def test_the_theme_can_be_chosen_and_stays(emulator: Running, page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(emulator.url)
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    page.get_by_role("button", name="Light or dark").click()
    page.reload()
    assert page.evaluate(ground) == "rgb(20, 22, 27)"


LOST = "This address does not exist", "See / for the addresses of this emulator."


def fault(page: str) -> list[str]:
    """What a page that tells of a fault says, and where it leads."""
    said = page.partition('<section class="empty">')[2].partition("</section>")[0]
    found = re.finditer(r'href="([^"]*)"|>\s*([^<>\s][^<>]*)<', said)
    return [unescape(match[1] or match[2] or "") for match in found]


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        pytest.param(
            "/nothing",
            404,
            [LOST[0], "/nothing", LOST[1], "/", "All messages"],
            id="an address of nothing",
        ),
        pytest.param(
            "/messages/999",
            404,
            [LOST[0], "/messages/999", LOST[1], "/", "All messages"],
            id="a message that there is not",
        ),
        pytest.param(
            "/sandboxes/blue/",
            404,
            [
                "There is no sandbox 'blue'",
                "/sandboxes/blue/",
                "List them with GET /emulator/v1/sandboxes, or create it with POST.",
                "/team",
                "All sandboxes",
            ],
            id="a sandbox that there is not",
        ),
        pytest.param(
            "/messages/1/compare?with=x",
            400,
            ["'x' is not a number", "with", "Give a whole number.", "/", "All messages"],
            id="an address that cannot be meant",
        ),
    ],
)
def test_a_fault_is_a_page_with_a_way_on(
    client: FlaskClient, path: str, status: int, told: list[str]
) -> None:
    client.post("/sample")
    answer = client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert fault(answer.text) == told


@pytest.mark.parametrize("accepted", ["*/*", "application/json, text/plain, */*", ""])
def test_programs_are_told_in_json_that_nothing_has_an_address(
    client: FlaskClient, accepted: str
) -> None:
    what, remedy = LOST
    told = {"what": what.replace("This", "this"), "where": "/nothing", "remedy": remedy}
    assert client.get("/nothing", headers={"Accept": accepted}).get_json() == {"error": told}


def test_a_page_without_its_database_has_its_styles_and_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    app = create_app(Config(db=str(file)), load_preset_workspace("guide"))
    client = app.test_client()
    app.extensions["emulator"].engine.dispose()
    file.write_bytes(b"no database at all, but a text " * 400)
    answer = client.get("/profiles")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "<title>The database cannot be used · Web shop</title>" in answer.text
    assert fault(answer.text) == [
        "The database cannot be used",
        "file is not a database",
        "Move the file away; `sqlite3 FILE .recover` may save its rows."
        " Unacknowledged messages may be sent again.",
        "",
        "Try again",
    ]
    for name in re.findall(r'(?:href|src)="(/static/[^"]*)"', answer.text):
        assert (name, client.get(name).status_code) == (name, 200)
    app.extensions["emulator"].close()
