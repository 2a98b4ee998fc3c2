"""No received text adds a response header, or makes one that cannot be sent."""

import base64
import json
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import quote, urlencode, urlsplit

import pytest
from inspector.running_emulator import RunningEmulator, run_emulator

BREAK = "x\r\nX-Injected: 1\r\n\r\n<script>\n\x00\x85\u2028é💥"
ESCAPED = quote(BREAK)
USER = {"identifiers": {"uuid": BREAK}, "attributes": {BREAK: BREAK, "email": BREAK}}
KEYS = {"X-PARTNER-NAME": "mybrand", "X-REQUEST-TOKEN": "test-key"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
TRACK = {"writeKey": "wk_demo", "userId": BREAK, "event": BREAK, "messageId": BREAK}
PACKED = quote(base64.b64encode(json.dumps({"type": BREAK}).encode()))

Case = tuple[str, str, bytes, dict[str, str]]


def make_json_case(path: str, value: object, **headers: str) -> Case:
    return "POST", path, json.dumps(value).encode(), {**JSON, **KEYS, **headers}


def make_form_case(path: str, **fields: str) -> Case:
    return "POST", path, urlencode(fields).encode(), FORM


def make_get_case(path: str) -> Case:
    return "GET", path, b"", {}


CASES = {
    "an event": make_json_case("/v1/track", TRACK),
    "a kind of pixel": make_get_case(f"/v1/pixel/{ESCAPED}"),
    "a name of a pixel": make_get_case(f"/v1/pixel/track?{ESCAPED}={ESCAPED}&{ESCAPED}.a=1"),
    "a pixel's call": make_get_case(f"/v1/pixel/track?data={PACKED}"),
    "a write key": make_get_case(f"/v1/projects/{ESCAPED}/settings"),
    "a user of an upsert": make_json_case("/api/user/v1/upsert", {"users": [USER]}),
    "events of a user": make_json_case(
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
    "an address of the account": make_get_case(f"/api/user/v1/{ESCAPED}"),
    "a fault": make_json_case("/emulator/v1/faults", {"status": 503, "body": BREAK, "seed": BREAK}),
    "a sandbox": make_json_case("/emulator/v1/sandboxes", {"id": BREAK, "account": BREAK}),
    "a name of a sandbox": make_get_case(f"/sandboxes/{ESCAPED}/"),
    "a form below a sandbox": make_form_case(f"/sandboxes/{ESCAPED}/clear"),
    "a page after a form": make_form_case("/workspace/integrations", name=BREAK, type="Source",
                                  role="Administrator"),
    "a form with a mistake": make_form_case(
        "/workspace/integrations", name=BREAK, type=BREAK, role=BREAK),
    "settings": make_form_case("/workspace/destination", account_name=BREAK, enabled=BREAK),
    "a clock": make_form_case("/journeys/clock", order=BREAK, advance=BREAK),
    "a file to keep": make_form_case("/workspace/import/file", workspace=BREAK),
    "an export's form": make_form_case(f"/workspace/test/export/{ESCAPED}", event=BREAK),
    "a script": make_get_case(f"/static/{ESCAPED}/{ESCAPED}.js"),
    "a search": make_get_case(f"/?event={ESCAPED}&user={ESCAPED}&q={ESCAPED}"),
    "a profile": make_get_case(f"/profiles/{ESCAPED}"),
}  # fmt: skip


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    with run_emulator() as started:
        yield started


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_no_text_begins_a_header(emulator: RunningEmulator, case: Case) -> None:
    method, path, body, headers = case
    connection = HTTPConnection(urlsplit(emulator.url).netloc, timeout=60)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    headers_received = response.getheaders()
    connection.close()
    assert response.status < 500
    assert [name for name, _ in headers_received if name.lower() == "x-injected"] == []
    assert [
        name for name, value in headers_received if not (value.isascii() and value.isprintable())
    ] == []
