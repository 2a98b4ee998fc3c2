"""The HTTP server: idle and slow clients, limits, responses cut off, and how it stops."""

import gc
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from threading import Barrier, Event
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask, Response, request

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.web import http_connection, server, wsgi_bridge
from segment_insider_emulator.web.long_requests import (
    ONE_CALL_AT_A_TIME,
    ConnectionCutOff,
    create_disconnection_check,
)
from segment_insider_emulator.web.server import serve_app_in_thread

TIMEOUT_S = 20.0  # for any response
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
POST = GET.replace(b"GET", b"POST")


def create_echo_app() -> Flask:
    """Create an app that answers with the request's body, and with what its WSGI server says."""
    app = Flask(__name__)

    @app.route("/", methods=["GET", "POST"])
    def echo() -> Response:
        return Response(request.get_data(), headers={"X-Size": request.headers["Content-Length"]})

    @app.get("/environ/<path:_path>")
    def show_environ(_path: str) -> dict[str, str]:
        return {name: value for name, value in request.environ.items() if isinstance(value, str)}

    @app.get("/large")
    def send_large() -> bytes:
        return b"x" * 50_000_000

    @app.get("/cut-off")
    def cut_off() -> Response:
        def chunks() -> Iterator[bytes]:
            raise ConnectionCutOff
            yield

        return Response(chunks())

    return app


IDLE_TIMES_S = (0.2, 2, 20)  # a longer one where the client of the test was too slow


@contextmanager
def connection_to(url: str, sent: bytes = b"") -> Iterator[socket.socket]:
    """Connect to *url* during the block, and send *sent*."""
    parts = urlsplit(url)
    address = parts.hostname or "", parts.port or 0
    with closing(socket.create_connection(address, TIMEOUT_S)) as connection:
        connection.sendall(sent)
        yield connection


def read_until(connection: socket.socket, end: bytes) -> bytes:
    """Read until what was received ends with *end*, or the server closes the connection."""
    received = b""
    while not received.endswith(end) and (part := connection.recv(1)):
        received += part
    return received


def read_to_end(connection: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    received = b""
    try:
        while part := connection.recv(65_536):
            received += part
    except ConnectionResetError:
        pass
    return received


def exchange(url: str, sent: bytes) -> bytes:
    """Send *sent* and return all that comes until the server closes the connection."""
    with connection_to(url, sent) as connection:
        return read_to_end(connection)


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", received)]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve_app_in_thread(create_echo_app()) as url:
        yield url


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(GET, id="half a head"),
        pytest.param(POST + b"Content-Length: 9\r\n\r\n{", id="half a body"),
        pytest.param(GET + b"Content-Length: 0\r\n\r\n", id="a whole request and no other"),
    ],
)
def test_a_connection_of_an_idle_client_is_closed(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    expected, received = [200] if sent.endswith(b"0\r\n\r\n") else [], [0]
    for idle_time in IDLE_TIMES_S:
        monkeypatch.setattr(server, "IDLE_TIMEOUT_S", idle_time)
        with serve_app_in_thread(create_echo_app()) as url, suppress(ConnectionError):
            received = statuses(exchange(url, sent))
        if received == expected:
            break
    assert received == expected


def test_a_connection_of_a_client_that_sends_but_stops_to_read_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "IDLE_TIMEOUT_S", 1)
    sent = GET.replace(b"/ ", b"/large ") + b"\r\n"
    with (
        serve_app_in_thread(create_echo_app()) as url,
        connection_to(url, sent) as connection,
        pytest.raises(ConnectionError),
    ):
        send_until_closed(connection)


def send_until_closed(connection: socket.socket) -> None:
    """Read the status, then send bytes for TIMEOUT_S or until the connection is closed."""
    read_until(connection, b"HTTP/1.1 200")
    pause = Event()
    for _ in range(int(TIMEOUT_S / 0.005)):
        connection.sendall(b"x")
        pause.wait(0.005)


def test_connections_above_the_limit_wait_for_one_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "MAX_CONNECTIONS", 2)
    with serve_app_in_thread(create_echo_app()) as url, ExitStack() as stack:
        open_ones = [stack.enter_context(connection_to(url, GET)) for _ in range(2)]
        with connection_to(url, GET + b"Content-Length: 0\r\n\r\n") as waiting:
            waiting.settimeout(0.3)
            with pytest.raises(TimeoutError):
                waiting.recv(1)
            open_ones[0].close()
            waiting.settimeout(TIMEOUT_S)
            assert read_until(waiting, b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(GET + b"X: " + b"a" * 300_000, id="one that does not end"),
        pytest.param(GET + b"X: a\r\n" * 60_000, id="many"),
        pytest.param(b"GET /" + b"a" * 300_000, id="an address"),
    ],
)
def test_large_headers_are_refused(url: str, sent: bytes) -> None:
    assert statuses(exchange(url, sent)) == [431]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"Content-Length: 11\r\n\r\n", id="by its length"),
        pytest.param(
            b"Transfer-Encoding: chunked\r\n\r\n" + b"6\r\nabcdef\r\n" * 2, id="in chunks"
        ),
    ],
)
def test_a_large_body_is_refused_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch, url: str, sent: bytes
) -> None:
    monkeypatch.setattr(wsgi_bridge, "MAX_BODY_BYTES", 10)
    assert statuses(exchange(url, POST + sent)) == [413]


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_arrives_and_returns_unchanged(url: str, size: int, chunked: bool) -> None:
    body = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
    chunks = (body[at : at + 5000] for at in range(0, size, 5000))
    answer = requests.post(url, data=chunks if chunked else body, timeout=TIMEOUT_S)
    assert (answer.content, answer.headers["X-Size"]) == (body, str(size))


def test_a_client_that_expects_it_receives_100_continue(url: str) -> None:
    head = POST + b"Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    with connection_to(url, head) as connection:
        continued = b"HTTP/1.1 100 Continue\r\n\r\n"
        assert read_until(connection, continued) == continued
        connection.sendall(b"{}")
        assert read_to_end(connection).endswith(b"\r\n\r\n{}")


def test_an_upgrade_that_is_not_offered_is_ignored(url: str) -> None:
    # Java's HttpClient asks for HTTP/2 in this way with its first request.
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"
    sent = POST + upgrade + b"Content-Length: 2\r\n\r\n{}"
    with connection_to(url, sent) as connection:
        assert read_until(connection, b"\r\n\r\n{}").startswith(b"HTTP/1.1 200")
        connection.sendall(POST + b"Connection: close\r\nContent-Length: 3\r\n\r\n[1]")
        assert read_to_end(connection).endswith(b"\r\n\r\n[1]")


def test_no_tunnel_is_opened(url: str) -> None:
    sent = b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert statuses(exchange(url, sent)) == [501]


def test_a_response_that_is_cut_off_sends_no_byte(url: str) -> None:
    assert exchange(url, GET.replace(b"/ ", b"/cut-off ") + b"\r\n") == b""


def test_a_request_of_a_client_that_hangs_up_is_run() -> None:
    received = Event()
    app = Flask(__name__)

    @app.post("/")
    def receive() -> str:
        received.set()
        return ""

    with serve_app_in_thread(app) as url:
        with connection_to(url, POST + b"Content-Length: 2\r\n\r\n{}"):
            pass
        assert received.wait(TIMEOUT_S)


def read_environ(url: str, path: str, headers: dict[str, str]) -> dict[str, str]:
    session = requests.Session()
    sent = session.prepare_request(requests.Request("GET", url, headers))
    sent.url = f"{url}/environ/{path}"
    answer: dict[str, str] = session.send(sent, timeout=TIMEOUT_S).json()
    return answer


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        pytest.param(
            "a%2Fb%20%C3%A9%FF?x=%41",
            {},
            {"PATH_INFO": "/environ/a/b \xc3\xa9\xff", "QUERY_STRING": "x=%41"},
            id="a path of bytes",
        ),
        pytest.param("a", {"X-Name": "é"}, {"HTTP_X_NAME": "Ã©"}, id="a header that is no ASCII"),
        pytest.param(
            "a", {"X_Name": "a", "Content_Length": "5"}, {"HTTP_X_NAME": None}, id="an underscore"
        ),
        pytest.param(
            "a",
            {"X-Forwarded-Host": "a", "Forwarded": "for=b", "X-Forwarded-Proto": "https"},
            {"HTTP_X_FORWARDED_HOST": None, "HTTP_FORWARDED": None, "wsgi.url_scheme": "http"},
            id="headers of an untrusted proxy",
        ),
        pytest.param("a", {}, {"SERVER_PROTOCOL": "HTTP/1.1", "SCRIPT_NAME": ""}, id="the rest"),
    ],
)
def test_an_environment(
    url: str, path: str, headers: dict[str, str], expected: dict[str, str | None]
) -> None:
    encoded: Any = {name: value.encode() for name, value in headers.items()}
    environ = read_environ(url, path, encoded)
    assert {name: environ.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ('"[2001:db8::7]:80"', "2001:db8::7"),
    ],
)
def test_the_address_that_a_trusted_proxy_names(header: str, address: str) -> None:
    with serve_app_in_thread(create_echo_app(), trusted_proxy="127.0.0.1") as url:
        environ = read_environ(url, "a", {"X-Forwarded-For": header})
    assert environ["REMOTE_ADDR"] == address


def test_an_address_in_use_is_refused(url: str) -> None:
    second = serve_app_in_thread(Flask("second"), urlsplit(url).port or 0)
    with pytest.raises(EmulatorError) as error:
        second.__enter__()
    assert error.value.what == "cannot listen on this address (Address already in use)"


@pytest.mark.parametrize(
    ("wait", "status"),
    [
        pytest.param(lambda is_over, _stopped: is_over.wait(TIMEOUT_S), 200, id="that ends"),
        pytest.param(
            lambda _is_over, is_stopped: wait_until(is_stopped), 200, id="that ends with the server"
        ),
    ],
)
def test_a_running_request_is_answered_when_the_server_stops(
    wait: Callable[[Event, Callable[[], bool]], None], status: int
) -> None:
    is_running, is_over = Event(), Event()
    app = Flask(__name__)

    @app.get("/")
    def run() -> str:
        is_running.set()
        wait(is_over, create_disconnection_check(request.environ))
        return "done"

    with ExitStack() as stack:
        with serve_app_in_thread(app) as url:
            connection = stack.enter_context(connection_to(url, GET + b"\r\n"))
            assert is_running.wait(TIMEOUT_S)
            is_over.set()
        assert statuses(read_to_end(connection)) == [status]


def wait_until(is_true: Callable[[], bool]) -> None:
    pause = Event()
    while not is_true():
        pause.wait(0.01)


def create_call_app(run: Callable[[str], None]) -> Flask:
    """Create an app that calls *run* with the path of each request, in one lane of calls."""
    app = Flask(__name__)
    app.config[ONE_CALL_AT_A_TIME] = True

    @app.route("/<path:path>", methods=["GET", "POST"])
    def handle(path: str) -> str:
        run(path)
        return ""

    return app


def request_all(url: str, *requests_to_send: tuple[str, str]) -> list[int]:
    """Send requests (method, path) at the same time and return their statuses."""
    with ThreadPoolExecutor(len(requests_to_send)) as pool:
        sent = [
            pool.submit(requests.request, method, url + path, timeout=TIMEOUT_S)
            for method, path in requests_to_send
        ]
        return [future.result().status_code for future in sent]


def test_calls_run_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wsgi_bridge, "OVERDUE_S", TIMEOUT_S)
    running, pause, seen = [], Event(), []

    def run(path: str) -> None:
        running.append(path)
        pause.wait(0.01)
        seen.append(len(running))
        running.remove(path)

    calls = [("POST", "/v1/track"), ("POST", "/sandboxes/a/v1/b"), ("POST", "/api/user/v1/upsert")]
    with serve_app_in_thread(create_call_app(run)) as url:
        assert request_all(url, *calls * 3) == [200] * 9
    assert seen == [1] * 9


@pytest.mark.parametrize(
    ("overdue_s", "other"),
    [
        pytest.param(TIMEOUT_S, ("GET", "/emulator/v1/health"), id="a page does not wait"),
        pytest.param(TIMEOUT_S, ("POST", "/emulator/v1/reset"), id="nor does another request"),
        pytest.param(0.01, ("POST", "/v1/track"), id="nor does a call, when the first is overdue"),
    ],
)
def test_a_slow_call_delays_no_other_request(
    monkeypatch: pytest.MonkeyPatch, overdue_s: float, other: tuple[str, str]
) -> None:
    monkeypatch.setattr(wsgi_bridge, "OVERDUE_S", overdue_s)
    both_run = Barrier(2, timeout=TIMEOUT_S / 2)

    def run(_path: str) -> None:
        both_run.wait()

    with serve_app_in_thread(create_call_app(run)) as url:
        assert request_all(url, ("POST", "/v1/batch"), other) == [200, 200]


HANGING_SERVER = """
from threading import Event
from flask import Flask
from segment_insider_emulator.web import server

server.STOP_TIMEOUT_S = 0.1
app = Flask("hanging")
app.add_url_rule("/", view_func=lambda: print("running", flush=True) or Event().wait())
server.serve_app(app, "127.0.0.1", 0, lambda url: print(url, flush=True))
print("stopped", flush=True)
"""


@pytest.mark.extended
def test_a_request_that_never_ends_does_not_keep_the_process_from_ending() -> None:
    command = [sys.executable, "-c", HANGING_SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with connection_to(process.stdout.readline().strip(), GET + b"\r\n") as connection:
            assert process.stdout.readline() == "running\n"
            process.terminate()
            assert read_to_end(connection) == b""
        assert process.stdout.read() == "stopped\n"
        assert process.wait(TIMEOUT_S) == 0


def test_the_end_of_the_server_closes_connections_that_were_just_accepted() -> None:
    with ExitStack() as clients:
        for _ in range(20):
            with serve_app_in_thread(create_echo_app()) as url:
                address = urlsplit(url)
                for _ in range(5):
                    client = clients.enter_context(socket.socket())
                    client.setblocking(False)
                    client.connect_ex((address.hostname, address.port))
        gc.collect()  # a transport that is still open warns, and warnings are errors
