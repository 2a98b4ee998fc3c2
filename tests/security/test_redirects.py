"""Redirects: a redirect of an account at another server is not followed.

Callbacks are in tests/insider/test_callbacks.py.
"""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import requests
from inspector.running_emulator import run_emulator


class RedirectingServer(ThreadingHTTPServer):
    """Server that redirects every account request to another of its addresses.

    Args:
        status: Of the answer that does so.
    """

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _RedirectHandler)
        self.status = status
        self.asked: list[tuple[str, str]] = []


class _RedirectHandler(BaseHTTPRequestHandler):
    server: RedirectingServer

    def _send_redirect(self) -> None:
        self.server.asked.append((self.command, self.path))
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.server.status)
        self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/internal")
        self.send_header("Refresh", "0; url=/internal")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = _send_redirect

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture(params=[301, 302, 303, 307, 308])
def account(request: pytest.FixtureRequest) -> Iterator[RedirectingServer]:
    with RedirectingServer(request.param) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.extended_variants
def test_a_redirect_is_an_answer_and_not_followed(account: RedirectingServer) -> None:
    address = f"http://127.0.0.1:{account.server_port}"
    with run_emulator(insider_url=address, insider_account="mybrand", insider_key="k") as emulator:
        emulator.send({"type": "identify", "userId": "ada", "traits": {"email": "ada@x.io"}})
        newest = f"{emulator.url}/emulator/v1/deliveries/newest"
        made = requests.get(newest, timeout=60).json()
    assert made["response"]["status"] == account.status
    assert account.asked == [("POST", "/api/user/v1/upsert")]
