"""The pixel API: calls in a query, to which the response is always the image."""

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

EMAIL_OPENED: JSONObject = {
    "writeKey": "wk_demo",
    "userId": "ada",
    "event": "Email Opened",
    "properties": {"subject": "Grüße? ~~~"},
}
ENCODED_CALL = base64.urlsafe_b64encode(orjson.dumps(EMAIL_OPENED)).decode()
DOTTED_CALL = {
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
        pytest.param({"data": ENCODED_CALL}, id="URL-safe base64"),
        pytest.param({"data": ENCODED_CALL.rstrip("=")}, id="without padding"),
        pytest.param({"data": base64.b64encode(orjson.dumps(EMAIL_OPENED)).decode()}, id="base64"),
        pytest.param(DOTTED_CALL, id="dotted names"),
    ],
)
def test_a_pixel_request_is_stored_as_a_call(client: FlaskClient, query: dict[str, str]) -> None:
    response = client.get("/v1/pixel/track", query_string=query)
    assert (response.status_code, response.mimetype, response.data) == (200, "image/gif", PIXEL_GIF)
    (message,) = client.get("/emulator/v1/messages").json["messages"]  # type: ignore[index]  # JSON
    expected = {name: value for name, value in EMAIL_OPENED.items() if name != "writeKey"}
    assert (message["type"], message["verdict"], message["message"]) == (
        "track",
        "accepted",
        expected,
    )


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
def test_an_invalid_pixel_request_still_gets_the_image(
    client: FlaskClient, path: str, detail: str
) -> None:
    response = client.get(f"/v1/pixel/{path}")
    assert (response.status_code, response.data) == (200, PIXEL_GIF)
    assert response.headers["X-Emulator-Detail"] == detail


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param([("a.b", "1"), ("a.c", "2")], {"a": {"b": "1", "c": "2"}}, id="one object"),
        pytest.param([("a", "1"), ("a", "2")], {"a": "1"}, id="the first counts"),
        pytest.param([], {}, id="nothing"),
    ],
)
def test_dotted_names_become_nested_objects(
    query: list[tuple[str, str]], expected: JSONObject
) -> None:
    assert orjson.loads(decode_pixel_query(query)) == expected


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ([("a", "1"), ("a.b", "2")], "a.b: 'a' is a value and an object. Give it once."),
        ([("a.b", "1"), ("a", "2")], "a: 'a' is a value and an object. Give it once."),
        (
            [("." * 5000, "1")],
            f"{'.' * 40}: the name has too many dots. Send a flatter call.",
        ),
    ],
)
def test_names_that_cannot_be_nested_are_refused(query: list[tuple[str, str]], text: str) -> None:
    with pytest.raises(IngestError) as error:
        decode_pixel_query(query)
    assert str(error.value) == text
