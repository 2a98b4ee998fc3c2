"""Several sources in one emulator: a message belongs to the source with its write key."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_emulator.workspace.model import SegmentSource

APP = SegmentSource("Shop app", "wk_app")
OLD = SegmentSource("Old shop", "wk_old", enabled=False)
UNKNOWN = "unknown_source: No source has this write key. Use one of this workspace."
DISABLED = "source_disabled: The source is turned off in the workspace. Set its `enabled` to true."


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Iterator[FlaskClient]:
    config = Config(db=":memory:", strict=getattr(request, "param", False))
    app = create_app(config, replace(load_preset_workspace("guide"), other_sources=(APP, OLD)))
    yield app.test_client()
    app.extensions["emulator"].store.close()


@pytest.mark.documented
@pytest.mark.parametrize(
    ("client", "write_key", "source", "verdict", "reason"),
    [
        pytest.param(False, "wk_demo", "Web shop", "accepted", None, id="first source"),
        pytest.param(False, "wk_app", "Shop app", "accepted", None, id="another source"),
        pytest.param(False, "wk_old", "Old shop", "rejected", DISABLED, id="disabled source"),
        pytest.param(False, "wk_none", "Web shop", "accepted", None, id="unknown key"),
        pytest.param(True, "wk_app", "Shop app", "accepted", None, id="strict, known key"),
        pytest.param(True, "wk_none", None, "rejected", UNKNOWN, id="strict, unknown key"),
    ],
    indirect=["client"],
)
def test_the_write_key_selects_the_source(
    client: FlaskClient, write_key: str, source: str | None, verdict: str, reason: str | None
) -> None:
    call = {"event": "Giraffe Fed", "userId": "ada", "writeKey": write_key}
    assert client.post("/v1/track", json=call).json == {"success": True}
    (message,) = client.get("/emulator/v1/messages").json["messages"]  # type: ignore[index]  # JSON
    assert (message["source"], message["verdict"], message["reason"]) == (source, verdict, reason)


def test_a_disabled_first_source_accepts_no_message() -> None:
    app = create_app(
        Config(db=":memory:"), replace(load_preset_workspace("guide"), source_enabled=False)
    )
    client = app.test_client()
    client.post("/v1/track", json={"event": "x", "userId": "ada", "writeKey": "wk_none"})
    (message,) = client.get("/emulator/v1/messages").json["messages"]  # type: ignore[index]  # JSON
    assert (message["verdict"], message["reason"]) == ("rejected", DISABLED)
    app.extensions["emulator"].store.close()
