"""Cross-site requests: no page of another site can read or control the emulator.

The routes that Segment and Insider One answer publicly are public here, too.
"""

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.workspace import load_preset_workspace

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Forms and images need no leave: a browser asks for none before it sends one of these.
SIMPLE = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")
OTHERS = {
    "another origin": {"Origin": "https://attacker.example"},
    "this host by another port": {"Origin": "http://localhost:8283"},
    "a sandboxed frame": {"Origin": "null"},
    "an origin that is none": {"Origin": "http://[::1"},
    "a name bound anew": {"Host": "attacker.example"},
    "a name bound anew, with its page": {
        "Host": "attacker.example",
        "Origin": "http://attacker.example",
        "Sec-Fetch-Site": "same-origin",
    },
    "a name that begins as ours": {"Host": "localhost.attacker.example"},
    "a name that ends as ours": {"Host": "127.0.0.1.attacker.example:80"},
    "an image": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    "a frame": {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "iframe",
    },
    "a page of another port": {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
}


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    made = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    yield made
    made.extensions["emulator"].close()


def private(app: Flask) -> Iterator[tuple[str, str]]:
    """Method and path of every page, form and route of the control API."""
    for rule in app.url_map.iter_rules():
        own = rule.rule.startswith("/emulator/") or rule.endpoint.startswith("inspector.")
        for method in METHODS:
            if own and method in (rule.methods or ()):
                path = re.sub(r"<any\((\w+),[^>]*>", r"\1", rule.rule)
                yield method, re.sub(r"<[^>]+>", "1", path)


@pytest.mark.extended_variants
@pytest.mark.parametrize("headers", OTHERS.values(), ids=OTHERS.keys())
def test_pages_of_other_sites_are_refused(app: Flask, headers: dict[str, str]) -> None:
    client = app.test_client()
    answered = {
        (method, path, media): response.status_code
        for method, path in private(app)
        for media in (SIMPLE if method == "POST" else ("",))
        if (
            response := client.open(
                path, method=method, data=b"{}", content_type=media, headers=headers
            )
        ).status_code
        != 403
    }
    assert answered == {}


@pytest.mark.parametrize("origin", ["https://attacker.example", "null"])
def test_no_other_site_may_read_an_error_response(app: Flask, origin: str) -> None:
    client = app.test_client()
    readable = {
        path
        for method, path in private(app)
        for name, _ in client.open(path, method=method, headers={"Origin": origin}).headers
        if name.startswith("Access-Control-")
    }
    assert readable == set()


def test_private_addresses_are_found(app: Flask) -> None:
    found = set(private(app))
    assert {("POST", "/emulator/v1/reset"), ("GET", "/messages/1"), ("POST", "/clear")} <= found
    assert len(found) > 80
