"""A mapping that never ends blocks neither a start nor other messages."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
import requests
from emulator_process import REQUEST_TIMEOUT_S, EmulatorProcess
from emulator_with_hanging_mapping import HANGING_USER_ID

from segment_insider_emulator import __version__
from segment_insider_emulator.delivery.queue import UNFINISHED_REASON

PROGRAM = [str(Path(__file__).with_name("emulator_with_hanging_mapping.py"))]


def read_attempt_counts(db: Path) -> list[int]:
    """Return how many processes have started each waiting message."""
    with closing(sqlite3.connect(db)) as database:
        rows = database.execute("SELECT coalesce(begun, 0) FROM waiting ORDER BY id")
        return [number for (number,) in rows]


def wait_for_attempt_counts(db: Path, expected: list[int]) -> None:
    end = time.monotonic() + REQUEST_TIMEOUT_S
    while read_attempt_counts(db) != expected:
        assert time.monotonic() < end, read_attempt_counts(db)
        time.sleep(0.05)


@pytest.mark.extended
def test_a_message_that_three_processes_could_not_finish_is_set_aside(tmp_path: Path) -> None:
    db = tmp_path / "emulator.db"
    call = {"type": "identify", "traits": {"firstName": "Ada"}}
    calls = [
        {**call, "userId": HANGING_USER_ID, "messageId": "m1"},
        {**call, "userId": "a", "messageId": "m2"},
    ]
    with EmulatorProcess(db, ["--async"], program=PROGRAM) as emulator:

        def ask(path: str) -> requests.Response:
            return requests.get(f"{emulator.url}/emulator/v1/{path}", timeout=REQUEST_TIMEOUT_S)

        body = {"writeKey": "wk_demo", "batch": calls}
        response = requests.post(f"{emulator.url}/v1/batch", json=body, timeout=REQUEST_TIMEOUT_S)
        assert response.status_code == 200
        for expected in ([1, 1], [2, 1], [3, 1]):
            wait_for_attempt_counts(db, expected)
            assert ask("health").json() == {"status": "ok", "version": __version__}
            emulator.kill()
            emulator.start()
        wait_for_attempt_counts(db, [])
        results = [
            (message["verdict"], message["reason"])
            for message in ask("messages").json()["messages"]
        ]
        assert results == [("failed", UNFINISHED_REASON), ("accepted", None)]


@pytest.mark.extended
def test_requests_are_answered_while_a_delivery_does_not_end(tmp_path: Path) -> None:
    db = tmp_path / "emulator.db"
    call = {"writeKey": "wk_demo", "type": "identify", "traits": {}}
    with EmulatorProcess(db, ["--async"], program=PROGRAM) as emulator:
        address = f"{emulator.url}/v1/identify"
        hanging = {**call, "userId": HANGING_USER_ID}
        assert requests.post(address, json=hanging, timeout=REQUEST_TIMEOUT_S).status_code == 200
        wait_for_attempt_counts(db, [1])
        response = requests.post(address, json={**call, "userId": "ada"}, timeout=REQUEST_TIMEOUT_S)
        assert response.status_code == 503
        assert "something else has been writing for 20 seconds" in response.text
