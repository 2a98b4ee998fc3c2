"""PostgreSQL stops and starts again while an emulator runs: nothing acknowledged is lost."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from queue import Queue
from threading import Event

import pytest
import requests
from emulator_process import EmulatorProcess
from message_ledger import MessageLedger, find_all_errors
from postgres_server import POSTGRES_MISSING, PostgresServer, find_postgres_programs


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    programs = find_postgres_programs()
    if programs is None:
        pytest.skip(POSTGRES_MISSING)
    server = PostgresServer(programs)
    yield server
    server.remove()


@contextmanager
def keep_tracking(
    emulator: EmulatorProcess, ledger: MessageLedger
) -> "Iterator[Queue[requests.Response]]":
    """Send track calls during the block and queue the answers."""
    responses: Queue[requests.Response] = Queue()
    over = Event()

    def send_calls() -> None:
        for number in count():
            if over.is_set():
                return
            id = f"m{number}"
            call = {"writeKey": "wk_demo", "messageId": id, "userId": f"u{number % 7}"}
            song = {"event": "Song Played", "properties": {"number": number}}
            ledger.add_sent([id])
            response = requests.post(f"{emulator.url}/v1/track", json=call | song, timeout=60)
            if response.status_code == 200:
                ledger.add_acknowledged([id])
            responses.put(response)

    with ThreadPoolExecutor(1) as pool:
        shopper = pool.submit(send_calls)
        try:
            yield responses
        finally:
            over.set()
            shopper.result()


def wait_for_status(
    responses: "Queue[requests.Response]", status: int, times: int = 5
) -> requests.Response:
    """Wait for *times* answers with *status* and return the last one."""
    for _ in range(times):
        while (response := responses.get(timeout=60)).status_code != status:
            pass
    return response


@pytest.mark.extended
@pytest.mark.parametrize("options", [[], ["--async", "--keep-days", "9"]], ids=["", "async"])
def test_an_emulator_survives_a_database_outage(server: PostgresServer, options: list[str]) -> None:
    url, ledger = server.url.render_as_string(hide_password=False), MessageLedger()
    with EmulatorProcess(url, ["--db", url, *options]) as emulator:
        stream = requests.get(f"{emulator.url}/stream", stream=True, timeout=60)
        with keep_tracking(emulator, ledger) as responses:
            for _ in range(2):
                wait_for_status(responses, 200)
                server.kill()
                refusal = wait_for_status(responses, 503)
                page, messages = (
                    requests.get(f"{emulator.url}{path}", timeout=60)
                    for path in ("/", "/emulator/v1/messages")
                )
                statuses = [page.status_code, messages.status_code]
                files = [
                    requests.get(f"{emulator.url}{file}", timeout=60).status_code
                    for file in re.findall(r'"(/static/[^"]*)"', page.text)
                ]
                server.start()
        stream.close()
        error = refusal.json()["error"]
        assert refusal.headers["Retry-After"] == "5"
        assert error["what"].startswith("the database cannot be used (")
        assert "\n" not in error["what"]
        assert statuses == [503, 503]
        assert "<h2>The database server cannot be reached</h2>" in page.text
        assert files == [200] * 4  # icon, style, two scripts
        assert find_all_errors(emulator, ledger) == [], "".join(emulator.stderr_lines)
