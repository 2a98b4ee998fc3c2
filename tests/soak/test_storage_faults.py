"""A full, damaged or locked database file is reported in one line, and never answered with 200."""

import resource
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from emulator_process import EmulatorProcess

from segment_insider_emulator.app import create_app
from segment_insider_emulator.cli import main
from segment_insider_emulator.config import Config
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace

MB = 1_000_000


def song_played_call(number: int) -> JSONObject:
    note = {"number": number, "note": "x" * 20_000}
    return {
        "writeKey": "wk_demo",
        "messageId": f"m{number}",
        "userId": "ada",
        "event": "song_played",
        "properties": note,
    }


def list_stored_ids(url: str) -> set[str]:
    response = requests.get(f"{url}/emulator/v1/messages?limit=1000", timeout=60).json()
    return {message["messageId"] for message in response["messages"]}


@pytest.mark.extended
def test_a_full_disk_is_answered_with_503_and_recovers(
    tmp_path: Path,
) -> None:
    acknowledged = set()
    with EmulatorProcess(tmp_path / "emulator.db") as emulator:
        # A file that may not grow any more is to the process what a full disk is.
        emulator.limit_file_size(2 * MB)
        for number in range(200):
            response = requests.post(
                f"{emulator.url}/v1/track", json=song_played_call(number), timeout=60
            )
            if response.status_code != 200:
                break
            acknowledged.add(f"m{number}")
        error = response.json()["error"]
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert error["what"].startswith("the database cannot be used (")
        assert requests.get(f"{emulator.url}/emulator/v1/health", timeout=60).status_code == 200
        assert list_stored_ids(emulator.url) == acknowledged
        emulator.limit_file_size(resource.RLIM_INFINITY)
        last_response = requests.post(
            f"{emulator.url}/v1/track", json=song_played_call(999), timeout=60
        )
        assert last_response.status_code == 200
        assert list_stored_ids(emulator.url) == acknowledged | {"m999"}
    assert len(acknowledged) > 5


def damage_header(file: Path) -> None:
    file.write_bytes(b"This was a database once. " * 1000)


def damage_middle_page(file: Path) -> None:
    page = 4096
    whole = bytearray(file.read_bytes())
    for start in range(2 * page, len(whole), page):
        whole[start : start + page] = b"\xa5" * page
    file.write_bytes(whole)


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    """A closed database file with messages."""
    file = tmp_path / "emulator.db"
    app = create_app(Config(db=str(file)), load_preset_workspace("guide"))
    for number in range(20):
        app.test_client().post("/v1/track", json=song_played_call(number))
    app.extensions["emulator"].close()
    return file


@pytest.mark.parametrize(
    ("url", "damage", "expected"),
    [
        pytest.param(
            "{file}",
            damage_header,
            "emulator: {file}: the database cannot be opened (file is not a database). Move the "
            "file away; `sqlite3 FILE .recover` may save its rows.\n",
            id="no database any more",
        ),
        pytest.param(
            "sqlite:///file:{file}?mode=ro&uri=true",
            lambda _: None,
            "emulator: sqlite:///file:{file}?mode=ro&uri=true: the database cannot be opened "
            "(attempt to write a readonly database). Make the file and its folder writable.\n",
            id="read-only",
        ),
    ],
)
def test_a_database_that_cannot_be_opened_ends_the_start_with_one_line(
    database_file: Path, url: str, damage: Callable[[Path], None], expected: str
) -> None:
    damage(database_file)
    result = CliRunner().invoke(
        main, ["serve", "--port", "0", "--db", url.format(file=database_file)]
    )
    assert (result.exit_code, result.stderr) == (2, expected.format(file=database_file))


def test_a_partly_damaged_file_is_answered_with_503(database_file: Path) -> None:
    app = create_app(Config(db=str(database_file)), load_preset_workspace("guide"))
    client = app.test_client()
    damage_middle_page(database_file)
    response = client.post("/v1/track", json=song_played_call(1))
    app.extensions["emulator"].close()
    assert (response.status_code, response.get_json()["error"]) == (
        503,
        {
            "what": "the database cannot be used (database disk image is malformed)",
            "where": "",
            "remedy": "Move the file away; `sqlite3 FILE .recover` may save its rows. "
            "Unacknowledged messages may be sent again.",
        },
    )


@pytest.mark.extended
def test_a_database_locked_by_another_program_is_reported_at_the_start(database_file: Path) -> None:
    with closing(sqlite3.connect(database_file)) as another:
        another.execute("BEGIN EXCLUSIVE")
        result = CliRunner().invoke(main, ["serve", "--port", "0", "--db", str(database_file)])
        another.rollback()
    assert (result.exit_code, result.stderr) == (
        2,
        f"emulator: {database_file}: the database cannot be opened (database is locked). "
        "Stop the other program that uses the database.\n",
    )
