"""Forms of the pages: who may submit them, their redirects and one-time notices."""

import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.web.services import SandboxServices
from segment_insider_emulator.workspace import load_preset_workspace

FORMS = (
    "/journeys/clock",
    "/journeys/reset",
    "/workspace/integrations",
    "/workspace/integrations/1/revoke",
    "/workspace/destination",
    "/workspace/subscriptions/1/switch",
    "/workspace/test/apply",
    "/workspace/import/use",
    "/workspace/import/sandbox",
    "/settings/faults/insider",
    "/settings/faults/segment/clear",
    "/settings/retry",
    "/settings/sandboxes",
    "/settings/sandboxes/x/delete",
    "/team/x/delete",
)


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    yield app.test_client()
    app.extensions["emulator"].close()


@pytest.mark.extended_variants
@pytest.mark.parametrize("address", FORMS)
def test_a_link_or_another_site_cannot_submit_a_form(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code == 405
    foreign = {"Origin": "https://attacker.example"}
    assert client.post(address, headers=foreign).status_code == 403
    assert client.post(address, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_form_redirects_to_a_page_that_shows_the_notice_once(client: FlaskClient) -> None:
    response = client.post("/journeys/clock", data={"order": "freeze"})
    assert (response.status_code, response.headers["Location"]) == (303, "/journeys")
    assert "The clock is frozen" in client.get("/journeys").text
    assert 'class="notice"' not in client.get("/journeys").text


def test_a_destructive_button_asks_also_before_its_page_has_loaded_all_scripts(
    client: FlaskClient,
) -> None:
    call = {"type": "identify", "userId": "ada", "writeKey": "wk_demo"}
    client.post("/v1/identify", json=call)
    button = re.search(r'form="clear" name="ask" value="([^"]+)"', client.get("/").text)
    assert button
    asked = client.post("/clear", data={"ask": button[1]}, headers={"Referer": "http://localhost/"})
    assert (asked.status_code, button[1] in asked.text) == (200, True)
    assert 'href="/"' in asked.text
    assert '"userId":"ada"' in client.get("/emulator/v1/messages").text
    client.post("/clear", data={"confirmed": "yes"})
    assert '"userId":"ada"' not in client.get("/emulator/v1/messages").text


def test_a_question_keeps_the_other_fields_of_its_form(client: FlaskClient) -> None:
    form = {"ask": "Replace <b>?", "workspace": '"><script>\n', "sandbox": "b"}
    asked = client.post("/workspace/import/use", data=form, headers={"Referer": "http://x.y/z"})
    assert 'value="&#34;&gt;&lt;script&gt;\n"' in asked.text
    assert "Replace &lt;b&gt;?" in asked.text
    assert "x.y" not in asked.text


def test_a_new_key_is_shown_once_and_hidden_from_scripts(client: FlaskClient) -> None:
    form = {"name": "Shop", "type": "Source", "role": "Administrator"}
    response = client.post("/workspace/integrations", data=form)
    cookies = response.headers.getlist("Set-Cookie")
    assert all("HttpOnly" in cookie and "SameSite=Strict" in cookie for cookie in cookies)
    assert "Enter both in Segment" in client.get("/workspace").text
    assert "Enter both in Segment" not in client.get("/workspace").text


def test_a_forged_notice_is_shown_as_text(client: FlaskClient) -> None:
    client.set_cookie("notice", "%3Cscript%3Ealert(1)%3C/script%3E")
    assert "&lt;script&gt;alert(1)" in client.get("/journeys").text


@pytest.mark.parametrize("order", ["", "backwards", "freeze\0"])
def test_an_unknown_clock_command_is_reported(client: FlaskClient, order: str) -> None:
    page = client.post("/journeys/clock", data={"order": order})
    assert (page.status_code, "nknown clock command" in page.text) == (200, True)


@pytest.mark.parametrize(
    "address",
    [
        "/profiles?before=x",
        f"/profiles?before={'9' * 400}",
        "/profiles?q=%25_%5C%00",
        "/journeys/1?status=nothing&before=-1",
        "/workspace/test?message=99999&subscription=",
        "/flow?part=flow_now",
    ],
)
def test_odd_query_parameters_still_show_a_page(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "/workspace/subscriptions/0",
        "/workspace/subscriptions/999",
        "/workspace/test?subscription=999",
        "/workspace/import?preset=mine",
        "/journeys/99",
        "/scenarios/99",
        "/flow?part=nothing",
    ],
)
def test_an_address_of_a_missing_object_is_404(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code == 404


@pytest.mark.parametrize(
    ("at", "then"),
    [
        pytest.param("/settings/sandboxes", "/settings", id="settings"),
        pytest.param("/team", "/team", id="page of sandboxes"),
        pytest.param("/sandboxes/two/team", "/sandboxes/two/team", id="below another"),
        pytest.param("/sandboxes/one/team", "/team", id="below itself"),
        pytest.param("/sandboxes/one/settings/sandboxes", "/team", id="its own settings"),
    ],
)
def test_deleting_a_sandbox_leads_to_an_existing_page_with_a_notice(
    client: FlaskClient, at: str, then: str
) -> None:
    for id in ("one", "two"):
        client.post("/team", data={"id": id})
        client.get("/team")  # which forgets that it was created
    response = client.post(f"{at}/one/delete")
    assert (response.status_code, response.headers["Location"]) == (303, then)
    assert "Sandbox one was deleted" in client.get(then).text
    assert "Sandbox one was deleted" not in client.get(then).text
    assert client.get("/sandboxes/one/").status_code == 404


def test_the_default_sandbox_cannot_be_deleted(client: FlaskClient) -> None:
    assert 'action="/team/' not in client.get("/team").text
    page = client.post("/team/default/delete")
    assert "the default sandbox cannot be deleted" in page.text


def test_forms_of_a_sandbox_change_only_that_sandbox(client: FlaskClient) -> None:
    client.post("/settings/sandboxes", data={"id": "one"})
    response = client.post("/sandboxes/one/journeys/clock", data={"order": "freeze"})
    assert response.headers["Location"] == "/sandboxes/one/journeys"
    services: SandboxServices = client.application.extensions["emulator"]
    assert not services.clock.read_time_and_offset().frozen
