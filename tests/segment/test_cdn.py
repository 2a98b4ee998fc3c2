"""The CDN: settings and scripts for browsers and mobile apps."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.segment.assets import ANALYTICS_JS_VERSION
from segment_insider_emulator.workspace import load_preset_workspace

FILES = {"standalone.js": 'x="__WRITE_KEY__"', "407.bundle.61ef.js": "part()"}
LINE = "(window.analytics=window.analytics||[])._cdn=window.analytics._cdn||"


@pytest.fixture
def client(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[FlaskClient]:
    folder = tmp_path / f"analytics-next-{ANALYTICS_JS_VERSION}"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_text(content, "utf-8")
    config = Config(
        db=":memory:",
        cache=str(tmp_path),
        host="0.0.0.0",
        strict=getattr(request, "param", False),
    )
    app = create_app(config, load_preset_workspace("guide"))
    yield app.test_client()
    app.extensions["emulator"].store.close()


def get_settings(client: FlaskClient, **arguments: Any) -> Any:
    return client.get("/v1/projects/wk_demo/settings", **arguments).json


@pytest.mark.observed
@pytest.mark.parametrize(
    ("base", "host", "protocol"),
    [
        ("http://127.0.0.1:8282", "127.0.0.1:8282", "http"),
        ("http://localhost:8282", "localhost:8282", "http"),
        ("https://segment.shop.example", "segment.shop.example", "https"),
    ],
)
def test_settings_have_the_address_of_the_emulator_only(
    client: FlaskClient, base: str, host: str, protocol: str
) -> None:
    settings = get_settings(client, base_url=base)
    assert list(settings["integrations"]) == ["Segment.io"]
    integration = settings["integrations"]["Segment.io"]
    assert (integration["apiKey"], integration["apiHost"], integration["protocol"]) == (
        "wk_demo",
        f"{host}/v1",
        protocol,
    )
    assert settings["metrics"] == {"sampleRate": 0}


@pytest.mark.observed
@pytest.mark.parametrize("slash", ["", "/"])
def test_settings_can_be_read_by_a_page_of_another_origin(client: FlaskClient, slash: str) -> None:
    headers = {"Origin": "https://shop.example"}
    response = client.get(f"/v1/projects/wk_demo/settings{slash}", headers=headers)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"


@pytest.mark.assumed
@pytest.mark.parametrize("client", [True], indirect=True)
def test_a_strict_emulator_has_settings_only_for_its_own_keys(client: FlaskClient) -> None:
    response = client.get("/v1/projects/wk_none/settings")
    assert (response.status_code, response.json) == (
        404,
        {
            "success": False,
            "message": "not found",
            "code": "not_found",
            "detail": "/v1/projects/<writeKey>/settings: no source has this write key. "
            "Use a key of this workspace. Others work only without --strict and --teams.",
        },
    )


def test_a_cdn_host_without_its_version_is_refused_and_logged(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = client.get("/projects/wk_demo/settings")
    detail = (
        "/projects/<writeKey>/settings: the CDN has no such address. The cdnHost of this SDK has "
        "to end in /v1, so that it asks for /v1/projects/<writeKey>/settings."
    )
    assert (response.status_code, (response.json or {})["detail"]) == (404, detail)
    assert caplog.messages == [f"refused method=GET status=404 reason={detail!r}"]


@pytest.mark.observed
@pytest.mark.parametrize(
    ("write_key", "placed"),
    [
        pytest.param("wk_demo", "wk_demo", id="its key is inserted"),
        pytest.param("%22;alert(1);%22", "__WRITE_KEY__", id="a hostile key is not"),
    ],
)
def test_the_script_has_the_address_of_the_emulator(
    client: FlaskClient, write_key: str, placed: str
) -> None:
    response = client.get(
        f"/analytics.js/v1/{write_key}/analytics.min.js", base_url="http://127.0.0.1:8282"
    )
    assert (response.status_code, response.mimetype) == (200, "text/javascript")
    assert response.text == f'{LINE}"http://127.0.0.1:8282";\nx="{placed}"'


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        pytest.param("/analytics-next/bundles/407.bundle.61ef.js", 200, "part()", id="a part"),
        pytest.param("/analytics-next/bundles/none.js", 404, "has no such part", id="no part"),
        pytest.param("/analytics-next/bundles/..%5Cx.js", 404, "has no such part", id="elsewhere"),
        pytest.param(
            "/next-integrations/integrations/vendor/commons.js",
            404,
            "destinations in device mode are not imitated",
            id="device mode",
        ),
    ],
)
def test_parts_are_served_by_name(client: FlaskClient, path: str, status: int, text: str) -> None:
    response = client.get(path)
    assert response.status_code == status
    assert text in response.text
