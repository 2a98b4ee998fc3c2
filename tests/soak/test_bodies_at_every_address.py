"""No request body makes a route crash, or use much memory or time."""

import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache

import pytest
import requests
from emulator_process import EmulatorProcess, serve_without_crash

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.workspace import load_preset_workspace

KEYS = {
    "X-PARTNER-NAME": "mybrand",
    "X-REQUEST-TOKEN": "test-key",
    "X-InOne-Role": "Administrator",
    "Content-Type": "application/json",
}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PARTS = {"Content-Type": "multipart/form-data; boundary=x"}
PART = b'--x\r\nContent-Disposition: form-data; name="%d"; filename="../%d"\r\n\r\n\xff\0\r\n'
RESPONSE_TIMEOUT_S = 60.0  # seconds for any answer
GROWTH = 120 * 1024**2  # bytes; the largest bomb unpacks to eight times as many
CHANGING = ("POST", "PUT", "PATCH", "DELETE")
SURFACES = (("POST", "/v1/batch"), ("POST", "/api/user/v1/upsert"), ("POST", "/emulator/v1/clock"))
DEEP = b"[" * 100_000 + b"]" * 100_000
FIELDS = ("call", "event", "body", "text", "workspace", "settings", "trigger", "id", "advance")

Body = bytes | Callable[[], bytes]


@cache
def make_bomb() -> bytes:
    """Return a body that unpacks to a gigabyte; it takes seconds to make."""
    return gzip.compress(b" " * 10**9, 1)


# On the three surfaces, where a refusal is due.
REFUSED = [
    pytest.param(DEEP, {}, id="deep lists"),
    pytest.param(b'{"a":' * 50_000 + b"1" + b"}" * 50_000, {}, id="deep objects"),
    pytest.param(make_bomb, {"Content-Encoding": "gzip"}, id="a bomb"),
    pytest.param(
        gzip.compress(gzip.compress(b" " * 10**7)),
        {"Content-Encoding": "gzip, gzip"},
        id="a bomb in a bomb",
    ),
    pytest.param(
        zlib.compress(b" " * 10**8, 1), {"Content-Encoding": "deflate"}, id="a deflated bomb"
    ),
    pytest.param(gzip.compress(b"{}")[:-3], {"Content-Encoding": "gzip"}, id="half of an archive"),
    pytest.param(b"x" * 40_000_000, {}, id="forty megabytes"),
    pytest.param('{"userId":"Ådå"}'.encode("utf-16"), {}, id="UTF-16"),
    pytest.param('{"userId":"Ådå"}'.encode("latin-1"), {}, id="Latin-1"),
    pytest.param(b'\xef\xbb\xbf{"userId":"a"}', {}, id="a byte order mark"),
    pytest.param(b'{"userId":"\\ud800"}', {}, id="half a surrogate pair"),
    pytest.param(b'{"a":' + b"9" * 100_000 + b"}", {}, id="a long number"),
    pytest.param(b'{"a":1e400}', {}, id="a number without end"),
    pytest.param(b"\x00" * 1000, {}, id="nothing but zeros"),
    pytest.param(b"{}", {"Content-Encoding": "br"}, id="an unknown encoding"),
    pytest.param(b"{}", {"Content-Type": "a" * 5000}, id="a long content type"),
    pytest.param(b"{}", {"Authorization": "Basic \xff"}, id="no base64"),
]

# At every address, whatever is due there.
ANSWERED = [
    *REFUSED[:2],
    *REFUSED[7:14],
    pytest.param(b"- " * 20_000 + b"x", {}, id="deep YAML"),
    pytest.param(
        b"a: &a [x,x,x,x,x,x,x,x]\n"
        + b"".join(b"b%d: &b%d [%s]\n" % (n, n, b"*a," * 8) for n in range(20)),
        {},
        id="YAML that repeats itself",
    ),
    pytest.param(
        b'{"userId":"\\u0000","event":"\\u0000","writeKey":"\\u0000","type":"track","id":"\\u0000",'
        b'"users":[{"identifiers":{"uuid":"\\u0000"}}],"workspace":"\\u0000","name":"\\u0000"}',
        {},
        id="texts of NUL",
    ),
    pytest.param(
        b'{"userId":"a","userId":1,"event":"x","event":[],"writeKey":"wk_demo","users":1,"users":[],'
        b'"advance":"1 s","advance":{},"status":503,"status":"x"}',
        {},
        id="duplicate names",
    ),
    pytest.param(b"[1]", {}, id="a list"),
    pytest.param(b"null", {}, id="null"),
    pytest.param(b"", {}, id="nothing"),
    pytest.param(b"&".join(b"%s=%%ff%%00%%ed%%a0%%80" % field.encode() for field in FIELDS), FORM,
                 id="a form of no texts"),
    pytest.param(b"&".join(b"%s=%s" % (field.encode(), DEEP[:50_000]) for field in FIELDS), FORM,
                 id="a deep form"),
    pytest.param(b"&".join(b"f%d=1" % number for number in range(50_000)), FORM, id="a long form"),
    pytest.param(PART % (1, 1) + b"--x--\r\n", PARTS, id="a file"),
    pytest.param(PART[:20], PARTS, id="half a file"),
    pytest.param(b"".join(PART % (n, n) for n in range(3000)) + b"--x--\r\n", PARTS,
                 id="three thousand files"),
    pytest.param(b"a=1", {"Content-Type": "application/x-www-form-urlencoded; charset=\xff"},
                 id="a form of no charset"),
]  # fmt: skip


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    with serve_without_crash(tmp_path_factory.mktemp("hostile") / "emulator.db") as process:
        yield process


def write_routes() -> list[tuple[str, str]]:
    """Return method and path of every route that changes something."""
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    app.extensions["emulator"].close()
    return [
        (method, re.sub(r"<[^>]+>", "1", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in CHANGING
        if method in (rule.methods or ()) and "<any(" not in rule.rule
    ]


def get_status(
    emulator: EmulatorProcess, call: tuple[str, str], body: Body, headers: Mapping[str, str]
) -> int:
    """Send the request and return its status; check the memory that it used."""
    method, path = call
    before = emulator.measure_memory()
    response = requests.request(
        method,
        emulator.url + path,
        data=body() if callable(body) else body,
        headers={**KEYS, **headers},
        timeout=RESPONSE_TIMEOUT_S,
        allow_redirects=False,
    )
    assert emulator.measure_memory() - before < GROWTH, call
    return response.status_code


@pytest.mark.extended
@pytest.mark.parametrize("call", SURFACES, ids=[path for _, path in SURFACES])
@pytest.mark.parametrize(("body", "headers"), REFUSED)
def test_a_hostile_body_is_refused(
    emulator: EmulatorProcess, call: tuple[str, str], body: Body, headers: dict[str, str]
) -> None:
    status = get_status(emulator, call, body, headers)
    assert 400 <= status < 500 or (call[1], status) == ("/v1/batch", 200)


@pytest.mark.extended
@pytest.mark.parametrize(("body", "headers"), ANSWERED)
def test_no_route_fails_on_a_hostile_body(
    emulator: EmulatorProcess, body: Body, headers: dict[str, str]
) -> None:
    failed = {
        call: status
        for call in write_routes()
        if (status := get_status(emulator, call, body, headers)) >= 500
    }
    assert failed == {}
