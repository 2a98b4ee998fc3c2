"""No text that arrives begins a new header of an answer, or makes one that cannot be sent."""

import base64
import json
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import quote, urlencode, urlsplit

import pytest
from inspector.running import Running, running

BREAK = "x\r\nX-Injected: 1\r\n\r\n<script>\n\x00\x85\u2028é💥"
ESCAPED = quote(BREAK)
USER = {"identifiers": {"uuid": BREAK}, "attributes": {BREAK: BREAK, "email": BREAK}}
KEYS = {"X-PARTNER-NAME": "mybrand", "X-REQUEST-TOKEN": "test-key"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
TRACK = {"writeKey": "wk_demo", "userId": BREAK, "event": BREAK, "messageId": BREAK}
PACKED = quote(base64.b64encode(json.dumps({"type": BREAK}).encode()))

Case = tuple[str, str, bytes, dict[str, str]]


def posted(path: str, value: object, **headers: str) -> Case:
    return "POST", path, json.dumps(value).encode(), {**JSON, **KEYS, **headers}


def filled(path: str, **fields: str) -> Case:
    return "POST", path, urlencode(fields).encode(), FORM


def asked(path: str) -> Case:
    return "GET", path, b"", {}


CASES = {
    "an event": posted("/v1/track", TRACK),
    "a kind of pixel": asked(f"/v1/pixel/{ESCAPED}"),
    "a name of a pixel": asked(f"/v1/pixel/track?{ESCAPED}={ESCAPED}&{ESCAPED}.a=1"),
    "a pixel's call": asked(f"/v1/pixel/track?data={PACKED}"),
    "a write key": asked(f"/v1/projects/{ESCAPED}/settings"),
    "a user of an upsert": posted("/api/user/v1/upsert", {"users": [USER]}),
    "events of a user": posted(
        "/api/user/v1/upsert",
        {
            "users": [
                {
                    "identifiers": {"uuid": "ada"},
                    "attributes": {"custom": {BREAK: BREAK}},
                    "events": [{"event_name": BREAK, "timestamp": BREAK}],
                }
            ],
            "error_callback_endpoint": BREAK,
        },
    ),
    "an address of the account": asked(f"/api/user/v1/{ESCAPED}"),
    "a fault": posted("/emulator/v1/faults", {"status": 503, "body": BREAK, "seed": BREAK}),
    "a sandbox": posted("/emulator/v1/sandboxes", {"id": BREAK, "account": BREAK}),
    "a name of a sandbox": asked(f"/sandboxes/{ESCAPED}/"),
    "a form below a sandbox": filled(f"/sandboxes/{ESCAPED}/clear"),
    "a page after a form": filled("/workspace/integrations", name=BREAK, type="Source",
                                  role="Administrator"),
    "a form with a mistake": filled("/workspace/integrations", name=BREAK, type=BREAK, role=BREAK),
    "settings": filled("/workspace/destination", account_name=BREAK, enabled=BREAK),
    "a clock": filled("/journeys/clock", order=BREAK, advance=BREAK),
    "a file to keep": filled("/workspace/import/file", workspace=BREAK),
    "an export's form": filled(f"/workspace/test/export/{ESCAPED}", event=BREAK),
    "a script": asked(f"/static/{ESCAPED}/{ESCAPED}.js"),
    "a search": asked(f"/?event={ESCAPED}&user={ESCAPED}&q={ESCAPED}"),
    "a profile": asked(f"/profiles/{ESCAPED}"),
}  # fmt: skip


@pytest.fixture(scope="module")
def emulator() -> Iterator[Running]:
    with running() as started:
        yield started


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_no_text_begins_a_header(emulator: Running, case: Case) -> None:
    method, path, body, headers = case
    connection = HTTPConnection(urlsplit(emulator.url).netloc, timeout=20)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    said = answer.getheaders()
    connection.close()
    assert answer.status < 500
    assert [name for name, _ in said if name.lower() == "x-injected"] == []
    assert [name for name, value in said if not (value.isascii() and value.isprintable())] == []
