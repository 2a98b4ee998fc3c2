"""The remote sender sends requests unchanged, and gives a reason for every missing response."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from threading import Thread

import pytest
import requests
from responses import RequestsMock

from segment_insider_emulator.delivery.remote_sender import MAX_RESPONSE_BYTES, RemoteSender
from segment_insider_emulator.delivery.senders import NoResponse
from segment_insider_emulator.types import HttpRequest, HttpResponse

URL = "https://staging.example/mirror/api/user/v1/upsert"
UPSERT = HttpRequest("POST", "/api/user/v1/upsert", {"user-agent": "Segment (Actions)"}, b'{"a":1}')
send = RemoteSender("https://staging.example/mirror")


@pytest.fixture
def account() -> Iterator[RequestsMock]:
    with RequestsMock() as mock:
        yield mock


def test_bytes_and_headers_arrive_unchanged(account: RequestsMock) -> None:
    account.post(URL, body=b"fine", status=202, content_type="text/x", headers={"X-A": "b"})
    assert send(UPSERT) == HttpResponse(202, b"fine", {"content-type": "text/x", "x-a": "b"})
    sent = account.calls[0].request
    assert (sent.body, sent.headers["user-agent"]) == (b'{"a":1}', "Segment (Actions)")


def test_a_redirect_is_returned_and_not_followed(account: RequestsMock) -> None:
    account.post(URL, status=307, headers={"Location": "https://elsewhere.example/"})
    assert send(UPSERT).status == 307


def test_only_the_start_of_a_large_response_is_read(account: RequestsMock) -> None:
    account.post(URL, body=b"x" * (MAX_RESPONSE_BYTES + 1))
    assert len(send(UPSERT).body) == MAX_RESPONSE_BYTES


@pytest.mark.parametrize(
    ("fault", "reason", "code"),
    [
        pytest.param(
            requests.ReadTimeout("slow"),
            "no answer from https://staging.example/mirror in 10 s",
            "ETIMEDOUT",
            id="timeout",
        ),
        pytest.param(
            requests.ConnectionError("Connection aborted"),
            "the request failed: https://staging.example/mirror: Connection aborted",
            "ECONNRESET",
            id="closed",
        ),
        pytest.param(
            requests.exceptions.SSLError("certificate has expired"),
            "the request failed: https://staging.example/mirror: certificate has expired",
            "UNKNOWN_ERROR",
            id="not to be trusted",
        ),
    ],
)
def test_a_missing_response_has_a_reason_and_a_code(
    account: RequestsMock, fault: Exception, reason: str, code: str
) -> None:
    account.post(URL, body=fault)
    with pytest.raises(NoResponse) as error:
        send(UPSERT)
    assert (str(error.value), error.value.code) == (reason, code)


def test_the_reason_is_the_innermost_one() -> None:
    with pytest.raises(NoResponse) as error:
        RemoteSender("http://127.0.0.1:1")(UPSERT)
    assert str(error.value).endswith("http://127.0.0.1:1: [Errno 111] Connection refused")
    assert error.value.code == "ECONNREFUSED"


def test_an_unknown_host_name_is_enotfound() -> None:
    with pytest.raises(NoResponse) as error:
        RemoteSender("http://nobody.invalid")(UPSERT)
    assert error.value.code in ("ENOTFOUND", "EAI_AGAIN")  # the latter without a name server


def test_an_error_does_not_show_the_password_of_the_url() -> None:
    with pytest.raises(NoResponse) as error:
        RemoteSender("http://ada:secret@127.0.0.1:1")(UPSERT)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("key", [" secret", "sec\r\nret", "секрет-secret"])
def test_a_header_that_cannot_be_sent_is_named_and_not_quoted(key: str) -> None:
    headers = {**UPSERT.headers, "x-request-token": key}
    with pytest.raises(NoResponse) as error:
        RemoteSender("http://127.0.0.1:1")(HttpRequest("POST", UPSERT.path, headers, b""))
    assert (str(error.value), error.value.code) == (
        "the value of x-request-token is not valid in an HTTP header: check it for spaces "
        "and special characters",
        "UNKNOWN_ERROR",
    )
    assert error.value.__cause__ is None


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", id="body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", id="body without a length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Slow: ", id="headers"),
    ],
)
def test_a_slow_response_is_cut_off_at_the_timeout(start: bytes) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        thread = Thread(target=send_slowly, args=(server, start))
        thread.start()
        started_at = time.monotonic()
        base = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(NoResponse) as error:
            RemoteSender(base, timeout_s=0.2)(UPSERT)
        duration = time.monotonic() - started_at
        thread.join()
    reason_and_code = (str(error.value), error.value.code)
    assert reason_and_code == (f"no answer from {base} in 0.2 s", "ETIMEDOUT")
    assert duration < 30


def send_slowly(server: socket.socket, start: bytes) -> None:
    """Send *start*, then a byte each 50 ms for a minute or until the client leaves."""
    connection, _ = server.accept()
    with connection, suppress(OSError):
        connection.recv(65_536)
        connection.sendall(start)
        for _ in range(1200):
            time.sleep(0.05)
            connection.sendall(b"x")
