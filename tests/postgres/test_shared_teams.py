"""Teams with two processes on one PostgreSQL database that respond in turn."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import cycle, islice
from pathlib import Path

import orjson
import pytest
from flask import Flask

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.workspace import load_preset_workspace

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
SANDBOXES = "/emulator/v1/sandboxes"


class AdjustableClock:
    """Clock that all processes share and that tests set."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> AdjustableClock:
    return AdjustableClock()


@pytest.fixture
def both(url: str, clock: AdjustableClock, tmp_path: Path) -> Iterator[list[Flask]]:
    teams = [
        {"name": name, "tokens": [f"sha256:{sha256(name.encode()).hexdigest()}"], "sandboxes": 3}
        for name in ("checkout", "search")
    ]
    file = tmp_path / "teams.json"
    file.write_bytes(orjson.dumps({"teams": teams}))
    config = Config(db=url, host="0.0.0.0", password="sesame", teams=str(file), keep_sandboxes=24)
    with ExitStack() as opened:
        apps = [create_app(config, load_preset_workspace("guide"), clock=clock) for _ in range(2)]
        for app in apps:
            opened.callback(app.extensions["sandboxes"].close)
        yield apps


def send_request(app: Flask, team: str, method: str, path: str) -> int:
    token = {"Authorization": f"Bearer {team}"}
    return app.test_client().open(path, method=method, headers=token).status_code


def create_sandbox(app: Flask, team: str, id: str) -> int:
    token = {"Authorization": f"Bearer {team}"}
    return app.test_client().post(SANDBOXES, json={"id": id}, headers=token).status_code


def list_sandboxes(app: Flask, team: str) -> int:
    token = {"Authorization": f"Bearer {team}"}
    return len(app.test_client().get(SANDBOXES, headers=token).get_json()["sandboxes"])


def test_a_team_has_no_more_sandboxes_in_two_processes_than_in_one(both: list[Flask]) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = pool.map(
            lambda app: send_request(app, "checkout", "POST", SANDBOXES), islice(cycle(both), 8)
        )
        assert sorted(made) == [201] * 3 + [409] * 5
    assert [list_sandboxes(app, "checkout") for app in both] == [3, 3]
    assert [list_sandboxes(app, "search") for app in both] == [0, 0]


def test_a_list_omits_sandboxes_that_another_process_deletes(both: list[Flask]) -> None:
    one, other = both
    assert (
        create_sandbox(one, "checkout", "brief")
        == create_sandbox(one, "checkout", "lasting")
        == 201
    )
    assert list_sandboxes(other, "checkout") == 2
    token = {"Authorization": "Bearer checkout"}
    with other.test_request_context(SANDBOXES, headers=token):
        assert other.preprocess_request() is None
        assert send_request(one, "checkout", "DELETE", f"{SANDBOXES}/brief") == 200
        shown = other.make_response(other.dispatch_request()).get_json()
    assert [sandbox["id"] for sandbox in shown["sandboxes"]] == ["lasting"]


def test_a_sandbox_in_use_by_another_process_is_not_deleted(
    both: list[Flask], clock: AdjustableClock
) -> None:
    one, other = both
    for id in ("used", "left"):
        assert create_sandbox(one, "checkout", id) == 201
    for _ in range(3):
        clock.now += timedelta(hours=20)
        assert send_request(other, "checkout", "GET", "/sandboxes/used/emulator/v1/clock") == 200
        send_request(one, "search", "GET", "/emulator/v1/health")
    assert [list_sandboxes(app, "checkout") for app in both] == [1, 1]
    assert send_request(one, "checkout", "GET", "/sandboxes/used/") == 200
    assert send_request(one, "checkout", "GET", "/sandboxes/left/") == 404
