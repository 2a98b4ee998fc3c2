"""Pages show what functions did: their console, their changes, and why an event went no further."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from function_app import build_document, get_message, needs_node, open_app, send

pytestmark = needs_node
CODE = """
async function onTrack (event, settings) {
  console.log('<script>alert(1)</script>', settings.apiKey ? 'has a key' : '')
  if (event.properties.busy) throw new RetryError('the CRM is busy')
  event.properties.tier = 'gold'
  return event
}
"""
FUNCTIONS = [{"name": "Add <i>tier", "code": CODE, "settings": {"apiKey": "very-secret-value"}}]


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    with open_app(build_document(insert=FUNCTIONS), pages=True) as client:
        send(client, properties={"total": 5})
        send(client, messageId="m2", properties={"busy": True})
        yield client


def test_the_page_of_a_message_shows_console_and_changes(client: FlaskClient) -> None:
    page = client.get("/messages/1").text
    for text in (
        "insert function &#39;Add &lt;i&gt;tier&#39;",
        "passed the event on",
        "log: &lt;script&gt;alert(1)&lt;/script&gt; has a key",
        "properties.tier",
    ):
        assert text in page
    assert "<script>alert(1)" not in page


def test_the_page_of_a_message_that_waits_for_a_function_says_so(client: FlaskClient) -> None:
    page = client.get("/messages/2").text
    assert "RETRY_ERROR" in page
    assert "The event was stopped before this mapping." in page
    assert "no mapping uses it" not in page
    assert "Waiting for attempt" in page


def test_the_tester_runs_the_functions_on_the_event_before_them(client: FlaskClient) -> None:
    page = client.get("/workspace/test?message=1").text
    assert "has a key" in page
    assert "&#34;tier&#34;: &#34;gold&#34;" in page.replace("&quot;", "&#34;")
    stopped = client.get("/workspace/test?message=2").text
    assert "No mapping gets this event: RETRY_ERROR" in stopped


def test_the_tester_accepts_a_captured_call_without_its_own_type(client: FlaskClient) -> None:
    call = {"writeKey": "wk_demo", "event": "Song Played", "userId": "ada", "properties": {}}
    client.post("/v1/track", json=call)
    newest = client.get("/emulator/v1/messages").get_json()["messages"][-1]
    assert "has a key" in client.get(f"/workspace/test?message={newest['id']}").text


@pytest.mark.parametrize(
    "path", ["/messages/1", "/workspace", "/workspace/test?message=1", "/emulator/v1/workspace"]
)
def test_no_page_shows_a_setting_of_a_function(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert "very-secret-value" not in answer.text


def test_a_dry_run_runs_the_functions_and_stores_nothing(client: FlaskClient) -> None:
    call = {"type": "track", "event": "Song Played", "userId": "bo", "properties": {}}
    answer = client.post("/emulator/v1/dry-run", json=call | {"messageId": "dry"})
    (message,) = answer.get_json()["messages"]
    assert message["changes"][0]["field"] == "properties.tier"
    assert message["deliveries"][0]["request"]["json"]["users"][0]["events"][0]["event_params"] == {
        "custom": {"tier": "gold"}
    }
    with pytest.raises(IndexError):
        get_message(client, "dry")
