"""Nothing is answered as stored once the database's file is no longer the one that was opened."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.cli import main
from segment_insider_emulator.config import Config
from segment_insider_emulator.workspace import load_preset_workspace

CALL = {"writeKey": "wk_demo", "userId": "ada", "event": "Seen", "properties": {"n": "x" * 20_000}}
USER = {"users": [{"identifiers": {"uuid": "ada"}, "attributes": {"age": 3}}]}
REMEDY = (
    "Stop the emulator, restore the file if you have a copy, and start again;"
    " until then nothing is stored."
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "emulator.db"


@pytest.fixture
def client(file: Path) -> Iterator[FlaskClient]:
    app = create_app(Config(db=str(file)), load_preset_workspace("guide"))
    yield app.test_client()
    app.extensions["emulator"].close()


def side_file(file: Path, suffix: str) -> Path:
    return file.with_name(f"{file.name}{suffix}")


def replace_file(file: Path) -> None:
    shutil.copy(file, side_file(file, "-copy"))
    side_file(file, "-copy").replace(file)


def replace_wal(file: Path) -> None:
    side_file(file, "-wal").unlink()
    side_file(file, "-wal").touch()


LOSSES: dict[str, tuple[Callable[[Path], object], str]] = {
    "deleted": (Path.unlink, "it was deleted or moved, or cannot be accessed"),
    "moved": (
        lambda file: file.rename(side_file(file, "-old")),
        "it was deleted or moved, or cannot be accessed",
    ),
    "folder deleted": (
        lambda file: shutil.rmtree(file.parent),
        "it was deleted or moved, or cannot be accessed",
    ),
    "replaced": (replace_file, "another file is in its place"),
    "emptied": (lambda file: os.truncate(file, 0), "it was truncated or overwritten"),
    "overwritten": (
        lambda file: file.write_bytes(b"no database"),
        "it was truncated or overwritten",
    ),
}
SIDE_LOSSES: dict[str, tuple[Callable[[Path], object], str]] = {
    "log deleted": (lambda file: side_file(file, "-wal").unlink(), "emulator.db-wal"),
    "log replaced": (replace_wal, "emulator.db-wal"),
    "index deleted": (lambda file: side_file(file, "-shm").unlink(), "emulator.db-shm"),
}


def pages(client: FlaskClient) -> list[str]:
    """Return every page without an id, except the endless stream."""
    rules = [
        rule.rule
        for rule in client.application.url_map.iter_rules()
        if rule.endpoint.startswith("inspector.") and "GET" in (rule.methods or ())
    ]
    return [page for page in rules if "<" not in page and page != "/stream"]


@pytest.mark.parametrize("name", LOSSES)
def test_every_response_reports_a_lost_file(client: FlaskClient, file: Path, name: str) -> None:
    lose, what = LOSSES[name]
    assert client.post("/v1/track", json=CALL).status_code == 200
    lose(file)
    answer = client.post("/v1/track", json=CALL)
    assert (answer.status_code, answer.headers["Retry-After"], answer.get_json()["error"]) == (
        503,
        "5",
        {
            "what": f"the database cannot be used (the file emulator.db: {what})",
            "where": "",
            "remedy": REMEDY,
        },
    )
    for page in pages(client):
        answer = client.get(page)
        assert (page, answer.status_code, what in answer.text) == (page, 503, True)
    for path in ("health", "messages", "profiles?identifier=uuid:ada"):
        assert client.get(f"/emulator/v1/{path}").status_code == 503


@pytest.mark.parametrize("name", SIDE_LOSSES)
def test_a_lost_side_file_is_noticed_before_the_next_response(
    client: FlaskClient, file: Path, name: str
) -> None:
    lose, lost = SIDE_LOSSES[name]
    assert client.post("/v1/track", json=CALL).status_code == 200
    lose(file)
    answer = client.post("/v1/track", json=CALL)
    reason = f"{lost} next to it was deleted or replaced"
    what = f"the database cannot be used (the file emulator.db: {reason})"
    assert (answer.status_code, answer.get_json()["error"]["what"]) == (503, what)
    assert client.get("/emulator/v1/health").status_code == 503


def test_an_upsert_to_a_lost_file_is_not_acknowledged(client: FlaskClient, file: Path) -> None:
    file.unlink()
    keys = {"X-PARTNER-NAME": "mybrand", "X-REQUEST-TOKEN": "test-key"}
    assert client.post("/api/user/v1/upsert", json=USER, headers=keys).status_code == 503


def test_a_restored_file_works_again(client: FlaskClient, file: Path) -> None:
    file.rename(side_file(file, "-old"))
    assert client.post("/v1/track", json=CALL).status_code == 503
    side_file(file, "-old").rename(file)
    assert client.post("/v1/track", json=CALL).status_code == 200


def test_a_growing_file_passes_the_checks(client: FlaskClient) -> None:
    batch = {"batch": [{**CALL, "type": "track"}] * 20, "writeKey": "wk_demo"}
    for _ in range(15):  # 6 MB: SQLite writes its log back into the file after 16
        assert client.post("/v1/batch", json=batch).status_code == 200
    assert client.get("/emulator/v1/health").status_code == 200


def test_a_lost_file_is_not_created_again(client: FlaskClient, file: Path) -> None:
    file.unlink()
    client.post("/v1/track", json=CALL)
    assert not file.exists()


def test_only_its_owner_can_read_a_new_database(client: FlaskClient, file: Path) -> None:
    client.post("/v1/track", json=CALL)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in file.parent.iterdir()}
    assert modes == dict.fromkeys(("emulator.db", "emulator.db-wal", "emulator.db-shm"), "0o600")


IN_MEMORY = "this is not a file. For a database in memory, use --db :memory:."
HALF_A_URI = (
    "SQLite reads this as the name of a file."
    " Give only the path, or write sqlite:///file:PATH?uri=true."
)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:x?mode=memory", IN_MEMORY),
        ("file:x?mode=memory&cache=shared", IN_MEMORY),
        ("file::memory:", IN_MEMORY),
        ("sqlite:///file:x?mode=memory&uri=true", IN_MEMORY),
        ("sqlite:///file::memory:?uri=true", IN_MEMORY),
        ("sqlite:///file:/x?vfs=memdb&uri=true", IN_MEMORY),
        ("sqlite+pysqlite:///:memory:", IN_MEMORY),
        ("sqlite+pysqlite://", IN_MEMORY),
        ("sqlite:///", IN_MEMORY),
        ("file:x", HALF_A_URI),
        ("file:x?mode=rwc", HALF_A_URI),
    ],
)
def test_a_url_that_names_no_file_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(main, ["serve", "--port", "0", "--db", url])
    assert (ran.exit_code, ran.stderr) == (2, f"emulator: {url}: {message}\n")
    assert list(tmp_path.iterdir()) == []
