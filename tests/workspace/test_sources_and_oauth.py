"""Several sources and an OAuth application in a workspace file."""

import json
from pathlib import Path
from typing import Any

import pytest

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.workspace import Workspace, load_workspace_or_preset
from segment_insider_emulator.workspace.model import OAuthApplication, SegmentSource

SHOP = {
    "source": {"name": "Web shop", "writeKey": "wk_demo", "enabled": False},
    "destination": {
        "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
        "subscriptions": [],
    },
}
APP = {"name": "Shop app", "writeKey": "wk_app"}


def load_workspace(folder: Path, **more: Any) -> Workspace:
    path = folder / "shop.json"
    path.write_text(json.dumps(SHOP | more), "utf-8")
    return load_workspace_or_preset(path)


def test_the_first_source_comes_before_the_others(tmp_path: Path) -> None:
    workspace = load_workspace(
        tmp_path, sources=[APP, {**APP, "writeKey": "wk_tv", "enabled": False}]
    )
    assert workspace.sources == (
        SegmentSource("Web shop", "wk_demo", enabled=False),
        SegmentSource("Shop app", "wk_app"),
        SegmentSource("Shop app", "wk_tv", enabled=False),
    )


def test_an_application_has_an_id_and_a_key(tmp_path: Path) -> None:
    workspace = load_workspace(tmp_path, oauth={"clientId": "shop-app", "publicKey": "PEM"})
    assert workspace.oauth_application == OAuthApplication("shop-app", "PEM")
    assert load_workspace(tmp_path).oauth_application is None


@pytest.mark.parametrize(
    ("more", "text"),
    [
        pytest.param(
            {"sources": [APP, {**APP, "writeKey": "wk_demo"}]},
            "sources[1].writeKey: another source has this write key. "
            "Give each source its own write key.",
            id="one key for two",
        ),
        pytest.param(
            {"sources": [{"name": "Shop app"}]},
            "sources[0]: 'writeKey' is missing. Give the source a name and a writeKey.",
            id="no key",
        ),
        pytest.param(
            {"oauth": {"clientId": "shop-app"}},
            "oauth: 'publicKey' is missing. "
            "Give the clientId and the publicKey of the OAuth application.",
            id="no public key",
        ),
    ],
)
def test_errors_have_their_path(tmp_path: Path, more: dict[str, Any], text: str) -> None:
    with pytest.raises(EmulatorError) as error:
        load_workspace(tmp_path, **more)
    assert str(error.value) == f"{tmp_path / 'shop.json'}: {text}"
