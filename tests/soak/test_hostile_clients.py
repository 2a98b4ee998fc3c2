"""Whatever a client does with its connection, it gets no 500, and other clients are served."""

import re
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from emulator_process import EmulatorProcess, serve_without_crash

SONG = b'{"writeKey":"wk_demo","userId":"ada","event":"song_played"}'
TRACK = b"POST /v1/track HTTP/1.1\r\nHost: localhost\r\n"
LAST = b"Connection: close\r\n"
SIZED = b"Content-Length: %d\r\n\r\n" % len(SONG)
CHUNKED = TRACK + LAST + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(SONG), SONG)
HEALTH = b"GET /emulator/v1/health HTTP/1.1\r\nHost: localhost\r\n"
SURFACES = (b"/v1/batch", b"/api/user/v1/upsert", b"/emulator/v1/clock", b"/clear", b"/token")
RESPONSE_TIMEOUT_S = 60.0  # seconds for any answer

Address = tuple[str, int]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    with serve_without_crash(tmp_path_factory.mktemp("hostile") / "emulator.db") as process:
        yield process


@pytest.fixture
def address(emulator: EmulatorProcess) -> Address:
    parts = urlsplit(emulator.url)
    return parts.hostname or "", parts.port or 0


def send_and_read_statuses(address: Address, raw_request: bytes, *, end: bool = False) -> list[int]:
    """Send *request* and return the statuses of all answers until the connection ends.

    Args:
        end: Whether the sender closes its half after what it sent.
    """
    received = b""
    with closing(socket.create_connection(address, RESPONSE_TIMEOUT_S)) as connection:
        try:
            connection.sendall(raw_request)
            if end:
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65_536):
                received += part
        except (BrokenPipeError, ConnectionResetError):
            pass
    return [int(match) for match in re.findall(rb"HTTP/1\.[01] (\d+) ", received)]


def is_serving(url: str) -> bool:
    """Return whether another client's request is answered with 200."""
    song = {"writeKey": "wk_demo", "userId": "bob", "event": "song_played"}
    return (
        requests.post(f"{url}/v1/track", json=song, timeout=RESPONSE_TIMEOUT_S).status_code == 200
    )


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("raw_request", "answered"),
    [
        pytest.param(
            (TRACK + SIZED + SONG) * 2 + TRACK + LAST + SIZED + SONG, [200] * 3, id="three at once"
        ),
        pytest.param(CHUNKED + CHUNKS, [200], id="one chunk"),
        pytest.param(CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", [400], id="a size that is no number"),
        pytest.param(CHUNKED + b"-5\r\n{}\r\n0\r\n\r\n", [400], id="a size below nothing"),
        pytest.param(
            TRACK + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKS, [501], id="no such encoding"
        ),
        pytest.param(
            TRACK + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKS, [501], id="two encodings"
        ),
        pytest.param(CHUNKED + b"f" * 5000, [400], id="a size of 5,000 digits"),
        pytest.param(b"\x16\x03\x01\x02\x00" * 20, [400], id="TLS"),
        pytest.param(TRACK + b"Content-Length: -1\r\n\r\n", [400], id="a length below nothing"),
        pytest.param(TRACK + b"Content-Length: 1e9\r\n\r\n", [400], id="a length in words"),
        pytest.param(
            TRACK + b"Content-Length: 99999999999\r\n\r\n", [413], id="a length beyond all limits"
        ),
        pytest.param(
            TRACK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
            [400],
            id="a length of 5,000 digits",
        ),
        pytest.param(
            CHUNKED.replace(b"Transfer", SIZED.strip() + b"\r\nTransfer") + CHUNKS,
            [400],
            id="two kinds of length",
        ),
        pytest.param(
            CHUNKED.replace(b"/1.1", b"/1.0") + CHUNKS, [400], id="chunks before there were any"
        ),
        pytest.param(
            CHUNKED.replace(LAST, b"") + CHUNKS + b"GARBAGE\r\n\r\n",
            [200, 400],
            id="garbage after the last chunk",
        ),
        pytest.param(
            TRACK.replace(b"/v1/track", b"http://[::1/") + LAST + b"\r\n",
            [400],
            id="an address that is none",
        ),
        pytest.param(TRACK.replace(b"/v1", b"/\xff") + b"\r\n", [400], id="no ASCII"),
        pytest.param(
            HEALTH + b"Origin: http://[::1\r\n" + LAST + b"\r\n",
            [403],
            id="an origin that is none",
        ),
        pytest.param(
            HEALTH + b"Host: attacker.example\r\n" + LAST + b"\r\n", [400], id="two hosts"
        ),
        pytest.param(HEALTH.replace(b"GET", b"G(T") + LAST + b"\r\n", [400], id="no such method"),
    ],
)
def test_an_odd_request_is_answered(
    address: Address, raw_request: bytes, answered: list[int]
) -> None:
    assert send_and_read_statuses(address, raw_request) == answered


@pytest.mark.parametrize(
    "raw_request",
    [
        pytest.param(TRACK + SIZED + SONG[:10], id="within the body"),
        pytest.param(TRACK + b"Content-Len", id="within the headers"),
        pytest.param(TRACK, id="before the end of the headers"),
        pytest.param(CHUNKED + b"5\r\n{", id="within a chunk"),
        pytest.param(CHUNKED + b"5;" + b"a" * 9000, id="within an extension"),
    ],
)
def test_an_incomplete_request_gets_no_answer(
    emulator: EmulatorProcess, address: Address, raw_request: bytes
) -> None:
    assert send_and_read_statuses(address, raw_request, end=True) == []
    assert is_serving(emulator.url)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", id="two lengths"),
        pytest.param(b"Content-Length : 5\r\n\r\n", id="a blank before the colon"),
        pytest.param(b"Transfer-Encoding\x0b: chunked\r\n\r\n", id="a control character"),
        pytest.param(b"X: a\r\n Content-Length: 5\r\n\r\n", id="a header that is continued"),
    ],
)
def test_a_request_is_not_smuggled_in_the_body_of_another(address: Address, headers: bytes) -> None:
    hidden = b"0\r\n\r\nGET /emulator/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert 200 not in send_and_read_statuses(address, TRACK + headers + hidden, end=True)


def test_many_slow_clients_do_not_block_others(emulator: EmulatorProcess, address: Address) -> None:
    with ExitStack() as stack:
        for number in range(300):
            slow = stack.enter_context(
                closing(socket.create_connection(address, RESPONSE_TIMEOUT_S))
            )
            begun = TRACK.replace(b"/v1/track", SURFACES[number % len(SURFACES)])
            slow.sendall(begun + (b"Content-Length: 9\r\n\r\n{" if number % 2 else b"X-Slow: "))
        assert is_serving(emulator.url)


def test_a_client_that_reads_nothing_does_not_block_others(
    emulator: EmulatorProcess, address: Address
) -> None:
    with closing(socket.create_connection(address, RESPONSE_TIMEOUT_S)) as deaf:
        deaf.sendall(
            b"GET /emulator/v1/openapi/insider.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200
        )
        assert is_serving(emulator.url)


@pytest.mark.extended
def test_more_connections_than_the_initial_file_limit_are_served(tmp_path: Path) -> None:
    soft_limit, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard_limit))
    try:
        with serve_without_crash(tmp_path / "emulator.db") as emulator, ExitStack() as stack:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft_limit, hard_limit))
            parts = urlsplit(emulator.url)
            for _ in range(150):
                address = parts.hostname or "", parts.port or 0
                connection = socket.create_connection(address, RESPONSE_TIMEOUT_S)
                stack.enter_context(closing(connection)).sendall(TRACK)
            assert is_serving(emulator.url)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft_limit, hard_limit))
