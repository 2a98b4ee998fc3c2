"""What all pages share: headers, caching, navigation, sandbox name, theme and error pages."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient
from playwright.sync_api import Page

from inspector.running_emulator import PHONE, RunningEmulator
from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.inspector.rendering import STATIC_VERSION
from segment_insider_emulator.workspace import load_preset_workspace


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    yield app.test_client()
    app.extensions["emulator"].close()


def test_pages_have_security_headers(client: FlaskClient) -> None:
    headers = client.get("/").headers
    assert headers["Content-Security-Policy"] == (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("version", "caching"),
    [
        pytest.param(STATIC_VERSION, "immutable", id="this program's"),
        pytest.param("000000000000", "no-store", id="another's"),
    ],
)
def test_a_static_file_is_cached_only_under_its_current_version(
    client: FlaskClient, version: str, caching: str
) -> None:
    response = client.get(f"/static/{version}/inspector.js")
    assert (response.status_code, response.mimetype) == (200, "text/javascript")
    assert caching in response.headers["Cache-Control"]


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
def test_the_navigation_bar_marks_the_current_page(
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


@pytest.mark.extended
@pytest.mark.parametrize(
    ("root", "named"),
    [
        pytest.param("/sandboxes/red", [("/team", "red")], id="one of several"),
        pytest.param("", [], id="the default one"),
    ],
)
def test_every_page_names_its_sandbox(
    client: FlaskClient, root: str, named: list[tuple[str, str]]
) -> None:
    client.post("/emulator/v1/sandboxes", json={"id": "red"})
    client.post(f"{root}/sample")
    link = re.compile(r'<a class="sandbox" href="([^"]*)"[^>]*>.*?Sandbox </span>([^<]*)</a>')
    links = {path: link.findall(client.get(root + path).text) for path in PAGES}
    assert links == dict.fromkeys(PAGES, named)


@pytest.mark.parametrize(
    "width", [400, *(pytest.param(wide, marks=pytest.mark.extended) for wide in (720, 1280))]
)
def test_a_long_sandbox_id_does_not_widen_a_page(
    emulator: RunningEmulator, page: Page, width: int
) -> None:
    sandbox = requests.post(
        f"{emulator.url}/emulator/v1/sandboxes", json={"id": "a" * 63}, timeout=60
    ).json()
    page.set_viewport_size({"width": width, "height": 800})
    for path in ("/", "/settings", "/team"):
        page.goto(sandbox["url"] + path)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert (path, max(wide, 0)) == (path, 0)


@pytest.mark.extended
def test_the_empty_page_is_accessible(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    page.goto(emulator.url)
    accessible(page)
    page.set_viewport_size(PHONE)
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0


def test_the_chosen_theme_survives_a_reload(emulator: RunningEmulator, page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(emulator.url)
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    page.get_by_role("button", name="Light or dark").click()
    page.reload()
    assert page.evaluate(ground) == "rgb(20, 22, 27)"


MISSING_ADDRESS = "This address does not exist", "See / for the addresses of this emulator."


def read_error_page(page: str) -> list[str]:
    """Return the texts and link addresses of an error page."""
    section = page.partition('<section class="empty is-warning">')[2].partition("</section>")[0]
    matches = re.finditer(r'href="([^"]*)"|>\s*([^<>\s][^<>]*)<', section)
    return [unescape(match[1] or match[2] or "") for match in matches]


@pytest.mark.parametrize(
    ("path", "status", "texts"),
    [
        pytest.param(
            "/nothing",
            404,
            [MISSING_ADDRESS[0], "/nothing", MISSING_ADDRESS[1], "/", "All messages"],
            id="an address of nothing",
        ),
        pytest.param(
            "/messages/999",
            404,
            [
                "This message does not exist",
                "/messages/999",
                "It was deleted, or its number is wrong.",
                "/",
                "All messages",
            ],
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
def test_an_error_page_links_to_a_working_page(
    client: FlaskClient, path: str, status: int, texts: list[str]
) -> None:
    client.post("/sample")
    response = client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (response.status_code, response.mimetype) == (status, "text/html")
    assert response.headers["X-Frame-Options"] == "DENY"
    assert read_error_page(response.text) == texts


@pytest.mark.parametrize("accepted", ["*/*", "application/json, text/plain, */*", ""])
def test_programs_get_the_error_of_a_missing_address_as_json(
    client: FlaskClient, accepted: str
) -> None:
    what, remedy = MISSING_ADDRESS
    error = {"what": what.replace("This", "this"), "where": "/nothing", "remedy": remedy}
    assert client.get("/nothing", headers={"Accept": accepted}).get_json() == {"error": error}


def test_a_damaged_database_is_reported_on_a_styled_page(tmp_path: Path) -> None:
    file = tmp_path / "emulator.db"
    app = create_app(Config(db=str(file)), load_preset_workspace("guide"))
    client = app.test_client()
    app.extensions["emulator"].engine.dispose()
    file.write_bytes(b"no database at all, but a text " * 400)
    response = client.get("/profiles")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "<title>The database cannot be used · Web shop</title>" in response.text
    assert read_error_page(response.text) == [
        "The database cannot be used",
        "file is not a database",
        "Move the file away; `sqlite3 FILE .recover` may save its rows."
        " Unacknowledged messages may be sent again.",
        "",
        "Try again",
    ]
    for name in re.findall(r'(?:href|src)="(/static/[^"]*)"', response.text):
        assert (name, client.get(name).status_code) == (name, 200)
    app.extensions["emulator"].close()
