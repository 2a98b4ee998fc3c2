"""No name in a request is used as a path to another file."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import orjson
import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.inspector.rendering import STATIC_VERSION
from segment_insider_emulator.segment.assets import ANALYTICS_JS_VERSION as OF_SDK
from segment_insider_emulator.workspace import load_preset_workspace

SECRET = "only-for-its-owner"
UP = ("..", "%2e%2e", "..%2f..", "..%5c", "....//", "%c0%ae%c0%ae", "..;")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a secret, and in it another folder with the emulator's files."""
    (tmp_path / "secret.js").write_text(SECRET)
    # Each is valid apart from its place.
    (tmp_path / "secret.yaml").write_bytes(orjson.dumps(load_preset_workspace("guide").document))
    copyfile("fixtures/plans/shop.json", tmp_path / "plan.json")
    secret_folder = tmp_path / "inner" / f"analytics-next-{OF_SDK}"
    secret_folder.mkdir(parents=True)
    (secret_folder / "standalone.js").write_text("/* the SDK */")
    return tmp_path


@pytest.fixture
def client(folder: Path) -> Iterator[FlaskClient]:
    config = Config(db=str(folder / "inner" / "emulator.db"), cache=str(folder / "inner"))
    app = create_app(config, load_preset_workspace("guide"))
    yield app.test_client()
    app.extensions["sandboxes"].close()


@pytest.mark.parametrize(
    "up", [UP[0], *(pytest.param(up, marks=pytest.mark.extended) for up in UP[1:])]
)
@pytest.mark.parametrize(
    "folder_of",
    [
        f"/static/{STATIC_VERSION}/",
        "/static/",
        "/analytics-next/bundles/",
        "/next-integrations/",
        "/sandboxes/",
        "/emulator/v1/sandboxes/",
        "/profiles/",
    ],
)
def test_no_address_leads_out_of_its_folder(client: FlaskClient, folder_of: str, up: str) -> None:
    for name in ("secret.js", "secret.yaml", "etc/passwd"):
        for times in (1, 2, 6):
            response = client.get(f"{folder_of}{f'{up}/' * times}{name}")
            assert response.status_code in (308, 400, 404), (up, times)
            assert SECRET not in response.text


def test_files_in_the_folder_are_served(client: FlaskClient) -> None:
    assert client.get("/analytics-next/bundles/standalone.js").text == "/* the SDK */"


@pytest.mark.parametrize(
    "id", ["..", "../x", "a/b", "a\\b", ".", "", "/etc/x", "a\0b", "a.db", "A"]
)
def test_no_id_of_a_sandbox_names_another_file(client: FlaskClient, folder: Path, id: str) -> None:
    before = sorted(folder.rglob("*"))
    response = client.post("/emulator/v1/sandboxes", json={"id": id})
    assert (response.status_code, response.get_json()["error"]["where"]) == (400, "body.id")
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("name", ["secret.yaml", "inner/../secret.yaml", "/etc/passwd"])
@pytest.mark.parametrize("address", ["workspace", "sandboxes"])
def test_no_workspace_is_read_from_a_file(
    client: FlaskClient, folder: Path, monkeypatch: pytest.MonkeyPatch, address: str, name: str
) -> None:
    monkeypatch.chdir(folder)
    ask = client.put if address == "workspace" else client.post
    response = ask(f"/emulator/v1/{address}", json={"workspace": name})
    assert (response.status_code, SECRET in response.text, "root:" in response.text) == (
        400,
        False,
        False,
    )


@pytest.mark.parametrize("name", ["plan.json", "inner/../plan.json", "/etc/passwd"])
def test_no_tracking_plan_is_read_from_a_file(
    client: FlaskClient, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(folder)
    document = {**load_preset_workspace("guide").document, "trackingPlan": name}
    response = client.put("/emulator/v1/workspace", json={"workspace": document})
    assert (response.status_code, SECRET in response.text, "root:" in response.text) == (
        400,
        False,
        False,
    )
