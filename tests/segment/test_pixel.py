"""Calls by image: read from the query, always answered with the image."""

import base64
from collections.abc import Iterator

import orjson
import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.segment.ingest import decode_pixel_query
from segment_insider_emulator.segment.validation import IngestError
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.segment_routes import PIXEL_GIF
from segment_insider_emulator.workspace import load_preset_workspace

OPENED: JSONObject = {
    "writeKey": "wk_demo",
    "userId": "ada",
    "event": "Email Opened",
    "properties": {"subject": "Grüße? ~~~"},
}
PACKED = base64.urlsafe_b64encode(orjson.dumps(OPENED)).decode()
SPREAD = {
    "writeKey": "wk_demo",
    "userId": "ada",
    "event": "Email Opened",
    "properties.subject": "Grüße? ~~~",
}


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    yield app.test_client()
    app.extensions["emulator"].store.close()


@pytest.mark.documented
@pytest.mark.parametrize(
    "query",
    [
        pytest.param({"data": PACKED}, id="URL-safe base64"),
        pytest.param({"data": PACKED.rstrip("=")}, id="without padding"),
        pytest.param({"data": base64.b64encode(orjson.dumps(OPENED)).decode()}, id="base64"),
        pytest.param(SPREAD, id="dotted names"),
    ],
)
def test_a_pixel_is_a_call(client: FlaskClient, query: dict[str, str]) -> None:
    answer = client.get("/v1/pixel/track", query_string=query)
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "image/gif", PIXEL_GIF)
    (kept,) = client.get("/emulator/v1/messages").json["messages"]  # type: ignore[index]  # JSON
    wanted = {name: value for name, value in OPENED.items() if name != "writeKey"}
    assert (kept["type"], kept["verdict"], kept["message"]) == ("track", "accepted", wanted)


@pytest.mark.documented
@pytest.mark.parametrize(
    ("path", "detail"),
    [
        pytest.param(
            "track?data=%25",
            "data: it is not base64. Encode the call's JSON as base64.",
            id="no base64",
        ),
        pytest.param(
            "track?userId=ada",
            "Authorization: the request has no write key. Send it as the user name of Basic "
            "authentication, or as writeKey in the body.",
            id="no write key",
        ),
        pytest.param(
            "look",
            "/v1/pixel/look: there is no pixel 'look'. "
            "Ask for /v1/pixel/{track,identify,page,screen,group,alias}.",
            id="unknown kind",
        ),
    ],
)
def test_a_bad_pixel_is_still_an_image(client: FlaskClient, path: str, detail: str) -> None:
    answer = client.get(f"/v1/pixel/{path}")
    assert (answer.status_code, answer.data) == (200, PIXEL_GIF)
    assert answer.headers["X-Emulator-Detail"] == detail


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param([("a.b", "1"), ("a.c", "2")], {"a": {"b": "1", "c": "2"}}, id="one object"),
        pytest.param([("a", "1"), ("a", "2")], {"a": "1"}, id="the first counts"),
        pytest.param([], {}, id="nothing"),
    ],
)
def test_dotted_names_nest(query: list[tuple[str, str]], expected: JSONObject) -> None:
    assert orjson.loads(decode_pixel_query(query)) == expected


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ([("a", "1"), ("a.b", "2")], "a.b: 'a' is a value and an object. Give it once."),
        ([("a.b", "1"), ("a", "2")], "a: 'a' is a value and an object. Give it once."),
        (
            [("." * 5000, "1")],
            f"{'.' * 40}: the name has too many dots. Send a flatter call.",
        ),
    ],
)
def test_names_that_cannot_nest_are_refused(query: list[tuple[str, str]], told: str) -> None:
    with pytest.raises(IngestError) as refused:
        decode_pixel_query(query)
    assert str(refused.value) == told
