"""The pages in a browser, below a path of another host's proxy."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from forwarding_proxy import run_proxy
from playwright.sync_api import Page, Request, expect

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import load_preset_workspace

PATH = "/tools/emu"


@pytest.fixture(
    params=[
        pytest.param(True, id="stripped"),
        pytest.param(False, id="not stripped", marks=pytest.mark.extended),
    ]
)
def base(request: pytest.FixtureRequest) -> Iterator[str]:
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    with (
        serve_app_in_thread(app, trusted_proxy="127.0.0.1") as url,
        run_proxy(url, PATH, strips_path=request.param) as public,
    ):
        yield public
    app.extensions["sandboxes"].close()


@pytest.mark.extended
def test_the_pages_work_below_a_path(page: Page, base: str) -> None:
    paths: list[str] = []

    def record_path(request: Request) -> None:
        paths.append(urlsplit(request.url).path)

    page.on("request", record_path)
    page.goto(f"{base}/")
    call = {"userId": "ada", "event": "Viewed", "writeKey": "wk_demo"}
    requests.post(f"{base}/v1/track", json=call, timeout=60).raise_for_status()
    page.get_by_role("row").get_by_role("link", name="Viewed").click()  # pushed by the stream
    expect(page.get_by_role("heading", name="Viewed")).to_be_visible()
    for name in ("Profiles", "Workspace", "Scenarios", "Settings", "Live"):
        page.get_by_role("navigation").get_by_role("link", name=name).first.click()
        expect(page).to_have_url(re.compile(f"{PATH}/"))
        expect(page.locator("main")).to_be_visible()
    page.remove_listener("request", record_path)
    assert f"{PATH}/stream" in paths
    assert [path for path in paths if not f"{path}/".startswith(f"{PATH}/")] == []
