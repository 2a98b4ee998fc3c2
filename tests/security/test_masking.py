"""With --mask, no way out of the emulator shows an e-mail address, a phone number or a name."""

import logging
import re
import time
from base64 import b64decode
from collections.abc import Iterable, Iterator
from functools import partial
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

import orjson
import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.cli import main
from segment_insider_emulator.cli.mcp import install_mcp_endpoint
from segment_insider_emulator.cli.serve import MaskingFormatter
from segment_insider_emulator.config import Config
from segment_insider_emulator.masking import Masking, Pseudonyms
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import load_preset_workspace

EMAIL, PHONE = "Zübeyde.Q+shop@firma.example", "+905551234567"
FIRST, LAST = "Zübeyde Nur", "O'Quentin"
OTHER_EMAIL, OTHER_PHONE = "hidden@inside.example", "+4915112345678"
# What must not be seen, in any encoding, and in parts.
PLANTED: Final = ("zübeyde", "o'quentin", "firma.example", "5551234567", "inside.example",
                  "15112345678")  # fmt: skip
TRAITS: JSONObject = {
    "email": EMAIL, "phone": PHONE, "firstName": FIRST, "lastName": LAST, "custom": FIRST,
    "note": f"call {OTHER_PHONE} or {OTHER_EMAIL}, asks {FIRST}", "age": 41,
}  # fmt: skip
CALLS: Final[list[JSONObject]] = [
    {"type": "identify", "messageId": "m-1", "userId": EMAIL, "anonymousId": "a-1",
     "traits": TRAITS},
    {"type": "track", "messageId": "m-2", "event": "Order Completed", "userId": EMAIL,
     "anonymousId": "a-1", "context": {"traits": TRAITS},
     "properties": {"order_id": "o-1", "currency": "EUR", "customer": {"name": LAST},
                    "products": [{"product_id": "mug", "name": "Mug", "price": 8.5}]}},
    {"type": "track", "messageId": "m-3", "event": f"Called {FIRST}", "userId": FIRST,
     "anonymousId": "a-1", "properties": {"by": OTHER_EMAIL}, "context": {"traits": TRAITS}},
    {"type": "track", "messageId": "m-4", "event": "x", "userId": EMAIL, "timestamp": "no",
     "properties": {"firstName": LAST, "lastName": FIRST}},
]  # fmt: skip
LARGE_EVENT: JSONObject = {"type": "identify", "userId": EMAIL, "traits": TRAITS}


def fill(app: Flask) -> FlaskClient:
    client = app.test_client()
    for call in CALLS:
        client.post(f"/v1/{call['type']}", json={"writeKey": "wk_demo", **call})
    return client


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    app = create_app(Config(db=":memory:", mask=True), load_preset_workspace("guide"))
    install_mcp_endpoint(app, allow_changes=False)
    yield fill(app)
    app.extensions["emulator"].close()


def find_planted(text: str) -> list[str]:
    """Return the planted values in a text, whichever way it writes them."""
    spellings = [text, unquote(text), text.replace("&#39;", "'")]
    spellings.append(re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text))
    lower = "\n".join(spellings).casefold()
    return [value for value in PLANTED if value in lower]


def iter_addresses(app: Flask) -> Iterator[str]:
    """Yield every address that can be read, with each parameter that it needs."""
    profiles = app.test_client().get("/emulator/v1/profiles").json["profiles"]  # type: ignore[index]
    values = {
        "id": "1",
        "what": "sent",
        "format": "html",
        "version": "x",
        "name": "x.js",
        "form": "workspace",
    }
    for rule in app.url_map.iter_rules():
        guarded = rule.rule.startswith("/emulator/") or rule.endpoint.startswith("inspector")
        if (
            "GET" not in (rule.methods or ())
            or not guarded
            or rule.endpoint.endswith("stream_changes")
        ):
            continue
        names = {**values, "id": profiles[0]["id"] if "profiles" in rule.rule else "1"}
        yield re.sub(r"<(?:[^:<>]*:)?(\w+)>", partial(_get_value, names), rule.rule)


def _get_value(values: dict[str, str], match: re.Match[str]) -> str:
    return values[match[1]]


EXTRA_ADDRESSES: Final = (
    "/?part=rows", "/?part=list", "/?query=traits.firstName%3A*",
    f"/?query={quote(f'user:{EMAIL}')}", f"/?query={quote(EMAIL)}&column=traits.firstName",
    "/?columns=traits.firstName,traits.email,insider.attributes.name", "/messages/2", "/messages/3",
    "/messages/4", "/messages/1/event.json", "/messages/2/edit", "/messages/2/compare?with=1",
    "/scenarios/new?message=1&message=2", "/scenarios/new.feature?message=1&message=2",
    f"/emulator/v1/profiles?identifier={quote('email:' + EMAIL)}",
    f"/emulator/v1/profiles?identifier={quote('nothing' + EMAIL)}",
    f"/emulator/v1/messages?query={quote(f'evnt:{EMAIL}')}", f"/emulator/v1/messages/{EMAIL}",
    "/emulator/v1/messages?order=newest", "/emulator/v1/messages/2", "/emulator/v1/messages/4",
    "/emulator/v1/deliveries/2", "/workspace/coverage.json", "/workspace/tester?message=1",
    "/workspace/checks?notes", f"/profiles?search={quote(EMAIL)}", "/journeys/1",
    "/overlay/wk_demo/calls?anonymousId=a-1&age=9999",
)  # fmt: skip


def find_shown(client: FlaskClient, addresses: Iterable[str]) -> tuple[dict[str, Any], int]:
    """Return the planted values by address, and how many addresses show pseudonyms."""
    found: dict[str, Any] = {}
    shown = 0
    for address in addresses:
        response = client.get(address, headers={"Origin": "http://localhost"})
        text = response.get_data(as_text=True) + response.headers.get("Location", "")
        shown += "masked.example" in unquote(text)
        if planted := find_planted(text):
            found[address] = planted
        assert response.status_code < 500, address
    return found, shown


def test_the_main_addresses_show_no_planted_value(client: FlaskClient) -> None:
    addresses = ["/", "/messages/1", "/profiles", "/emulator/v1/messages", "/emulator/v1/export"]
    assert find_shown(client, addresses) == ({}, 5)


@pytest.mark.extended
def test_no_address_shows_a_planted_value(client: FlaskClient) -> None:
    addresses = (*iter_addresses(client.application), *EXTRA_ADDRESSES)
    found, shown = find_shown(client, addresses)
    assert found == {}
    assert shown > 20


def post(client: FlaskClient, address: str, **body: Any) -> str:
    response = client.post(address, **body)
    assert response.status_code < 500, address
    return response.get_data(as_text=True) + response.headers.get("Location", "")


EVENT_TEXT: Final = orjson.dumps({"type": "identify", "userId": EMAIL, "traits": TRAITS}).decode()
POSTS: Final[dict[str, JSONObject]] = {
    "/emulator/v1/dry-run": {"json": CALLS[0]},
    "/emulator/v1/verify": {"json": {"claims": [{"of": "deliveries", "where": {"event": FIRST}}]}},
    "/emulator/v1/wait-for": {"json": {"of": "messages", "where": {"userId": OTHER_EMAIL},
                                       "timeout": "0 s"}},
    "/emulator/v1/workspace/changes": {"json": {"edits": [{"keys": [EMAIL], "value": LAST}]}},
    "/emulator/v1/import": {"data": f'{{"kind": "{EMAIL}"}}', "content_type": "text/plain"},
    "/emulator/v1/sandboxes": {"json": {"id": EMAIL}},
    "/workspace/tester": {"data": {"event": EVENT_TEXT}},
    "/messages/1/edit": {"data": {"call": "{" + EVENT_TEXT}},
    "/scenarios/new": {"data": {"text": f"Feature: {EMAIL}"}},
}  # fmt: skip


@pytest.mark.parametrize("address", POSTS)
def test_no_answer_to_a_form_shows_a_planted_value(client: FlaskClient, address: str) -> None:
    assert find_planted(post(client, address, **POSTS[address])) == []


def test_real_values_and_pseudonyms_find_the_same(client: FlaskClient) -> None:
    def find(query: str) -> list[int]:
        page = client.get("/emulator/v1/messages", query_string={"query": query}).json
        return [message["id"] for message in page["messages"]]  # type: ignore[index]

    shown = client.get("/emulator/v1/messages/1").json
    assert shown is not None
    traits, user = shown["message"]["traits"], shown["userId"]
    assert find(f"user:{EMAIL}") == find(f"user:{user}") == [1, 2, 4]
    named = find(f'traits.firstName:"{FIRST}"')
    assert named == find(f"traits.firstName:{traits['firstName']}") == [1]
    assert user == traits["email"]
    profiles = [
        client.get("/emulator/v1/profiles", query_string={"identifier": f"uuid:{value}"}).json
        for value in (EMAIL, user)
    ]
    assert profiles[0] == profiles[1]
    assert profiles[0]["profiles"][0]["identifiers"]["uuid"] == user  # type: ignore[index]


def test_a_form_with_pseudonyms_sends_true_values() -> None:
    traits = {**TRAITS, "firstName": 'Zoë "Z" \\'}
    app = create_app(Config(db=":memory:", mask=True), load_preset_workspace("guide"))
    client = app.test_client()
    client.post("/v1/identify", json={"writeKey": "wk_demo", "userId": "u", "traits": traits})
    page = client.get("/messages/1/edit").get_data(as_text=True)
    text = unescape(re.findall(r"(?s)<textarea[^>]*>(.*?)</textarea>", page)[0])
    assert "Person-" in text
    assert client.post("/messages/1/edit", data={"call": text}).status_code == 303
    assert app.extensions["emulator"].store.get_message(2).sent["traits"] == traits
    app.extensions["sandboxes"].close()


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "application/json"])
def test_a_masked_caller_sends_json_under_any_media_type(
    client: FlaskClient, media_type: str
) -> None:
    body = orjson.dumps({"id": f"c-{media_type[-4:]}"})
    response = client.post("/emulator/v1/sandboxes", data=body, content_type=media_type)
    assert response.status_code == 201
    assert response.get_json()["id"] == f"c-{media_type[-4:]}"
    wrong = client.post("/emulator/v1/sandboxes", data=b"nonsense", content_type=media_type)
    assert wrong.status_code == 400


def test_a_pseudonym_looks_like_its_value(client: FlaskClient) -> None:
    traits = client.get("/emulator/v1/messages/1").json["message"]["traits"]  # type: ignore[index]
    assert re.fullmatch(r"[A-Z][a-z]{9}@masked\.example", traits["email"])
    assert re.fullmatch(r"\+999\d{10}", traits["phone"])
    assert re.fullmatch(r"Person-[a-z]{10}", traits["firstName"])
    assert traits["custom"] == traits["firstName"]  # a name is masked wherever it is
    assert traits["note"].endswith(f"asks {traits['firstName']}")
    assert traits["age"] == TRAITS["age"]


def test_data_stay_true_and_vendors_answer_with_them(client: FlaskClient) -> None:
    store = client.application.extensions["emulator"].store
    assert store.get_message(1).sent["traits"] == TRAITS
    headers = {"X-PARTNER-NAME": "mybrand", "X-REQUEST-TOKEN": "test-key"}
    body = {"identifiers": {"uuid": EMAIL}, "attributes": ["name"]}
    answer = client.post("/api/user/v1/profile", json=body, headers=headers)
    assert LAST in answer.get_data(as_text=True) or FIRST in answer.get_data(as_text=True)


def read_traits(app: Flask, **headers: str) -> JSONObject:
    client = fill(app)
    shown = client.get("/emulator/v1/messages/1", headers=headers).json
    assert shown is not None
    traits: JSONObject = shown["message"]["traits"]
    return traits


def test_pseudonyms_stay_with_the_database_and_differ_between_databases(tmp_path: Path) -> None:
    traits = []
    for name in ("one.db", "one.db", "two.db"):
        app = create_app(Config(db=str(tmp_path / name), mask=True), load_preset_workspace("guide"))
        traits.append(read_traits(app))
        exported = app.test_client().get("/emulator/v1/export").get_data(as_text=True)
        assert app.extensions["masking"].export_state()["key"] not in exported
        app.extensions["emulator"].close()
    assert traits[0] == traits[1]
    assert traits[0]["email"] != traits[2]["email"]


def test_one_key_gives_one_pseudonym_everywhere() -> None:
    traits = []
    for _ in range(2):
        config = Config(db=":memory:", mask=True, mask_key="secret")
        app = create_app(config, load_preset_workspace("guide"))
        traits.append(read_traits(app))
        app.extensions["emulator"].close()
    assert traits[0] == traits[1]


def test_a_team_sees_pseudonyms_and_the_operator_does_not(tmp_path: Path) -> None:
    digest = sha256(b"team-token").hexdigest()
    teams = tmp_path / "teams.yaml"
    teams.write_text(
        f"teams:\n  - {{name: qa, tokens: ['sha256:{digest}'], default: true, mask: true}}\n"
    )
    config = Config(db=":memory:", password="secret", teams=str(teams))
    app = create_app(config, load_preset_workspace("guide"))
    assert read_traits(app, Authorization="Bearer secret") == TRAITS
    masked = app.test_client().get(
        "/emulator/v1/messages/1", headers={"Authorization": "Bearer team-token"}
    )
    assert find_planted(masked.get_data(as_text=True)) == []
    app.extensions["emulator"].close()


def test_the_key_of_a_sandbox_shows_its_values() -> None:
    app = create_app(Config(db=":memory:", mask=True), load_preset_workspace("guide"))
    client = app.test_client()
    created = client.post("/emulator/v1/sandboxes", json={}).json
    assert created is not None
    path = f"/sandboxes/{created['id']}"
    client.post(f"{path}/v1/identify", json={"writeKey": created["writeKey"], **CALLS[0]})
    shown = {
        key: client.get(
            f"{path}/emulator/v1/messages/1", headers={"X-Emulator-Account-Key": key}
        ).json["message"]["traits"]  # type: ignore[index]
        for key in (created["key"], "another", "")
    }
    assert shown[created["key"]] == TRAITS
    assert shown["another"] == shown[""] != TRAITS
    app.extensions["emulator"].close()


def test_scenarios_check_true_values_in_a_masked_emulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("names.feature").write_text(FEATURE.replace(OTHER_PHONE, PHONE), "utf-8")
    app = create_app(Config(db=":memory:", mask=True), load_preset_workspace("guide"))
    with serve_app_in_thread(app) as url:
        result = CliRunner().invoke(main, ["verify", "--url", url, "names.feature"])
    assert result.exit_code == 0, result.output
    app.extensions["emulator"].close()


FEATURE: Final = f"""
Feature: Names
  Scenario: The name arrives
    When Ada tells the shop these traits:
      | trait     | value   |
      | firstName | {FIRST} |
      | email     | {EMAIL} |
      | phone     | {PHONE} |
    Then Insider One knows these attributes of Ada:
      | attribute | value   |
      | name      | {FIRST} |
      | phone_number | {OTHER_PHONE} |
"""
REPORTS: Final = ("html", "junit", "cucumber-json", "cucumber-messages", "scenario-run",
                  "coverage-html", "coverage-json")  # fmt: skip


@pytest.mark.parametrize(
    "output",
    [
        pytest.param([], id="text"),
        pytest.param(["--json"], id="json", marks=pytest.mark.extended),
    ],
)
def test_no_report_shows_a_planted_value(
    output: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("names.feature").write_text(FEATURE, "utf-8")
    options = [option for name in REPORTS for option in (f"--{name}", f"report-{name}")]
    result = CliRunner().invoke(main, ["verify", "--mask", *output, *options, "names.feature"])
    assert result.exit_code == 1, result.output  # the scenario was checked on true values
    texts = [path.read_text("utf-8") for path in tmp_path.glob("report-*")]
    assert len(texts) == len(REPORTS)
    texts += [
        b64decode(text).decode()
        for text in re.findall(r'"(?:data|body)": ?"([\w+/=]{40,})"', "".join(texts))
    ]
    assert [find_planted(text) for text in (result.output, *texts)] == [[]] * (len(texts) + 1)
    assert "Person-" in result.output


def test_no_log_line_shows_a_planted_value() -> None:
    formatter = MaskingFormatter(logging.Formatter(), Pseudonyms("key"))
    arguments = (f"of {EMAIL} {PHONE}", '{"firstName": "Zübeyde"}')
    record = logging.LogRecord("x", logging.ERROR, "x", 1, "refused %s %r", arguments, None)
    line = formatter.format(record)
    assert find_planted(line) == []
    assert line.startswith("refused of ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("李雷", "你好李雷的订单", id="no spaces"),
        pytest.param("O'Hara-Quinn", "by O'Hara-Quinn's", id="signs"),
        pytest.param("'t Hooft", "asks 't Hooft.", id="begins with a sign"),
        pytest.param("Ada", "ADA, Ada and saw_ada", id="spellings"),
        pytest.param("Ayşe Nur", "saw_ayşe_nur by AYŞE NUR", id="two words"),
    ],
)
def test_a_name_is_found_in_texts(name: str, text: str) -> None:
    masking = Masking(Pseudonyms("key"))
    masking.learn({"firstName": name})
    masked = masking.mask_text(text)
    assert name.casefold() not in masked.casefold()
    assert name.casefold().replace(" ", "_") not in masked.casefold()


@pytest.mark.extended
@pytest.mark.parametrize("name", ["Zed {}", "李{}", "Z{} Zed"])
def test_very_many_names_stay_cheap(name: str) -> None:
    masking = Masking(Pseudonyms("key"))
    started = time.process_time()
    masking.learn([{"firstName": name.format(number)} for number in range(30_000)])
    masking.mask_text("Zed 1 李1 Z1 " * 3000)
    assert time.process_time() - started < 20


def test_a_word_of_the_workspace_is_masked_in_its_field_only() -> None:
    masking = Masking(Pseudonyms("key"), vocabulary={"order"})
    masked = masking.mask_document({"traits": {"lastName": "Order"}, "event": "Order Completed"})
    assert masked["event"] == "Order Completed"
    assert masked["traits"]["lastName"].startswith("Person-")


def test_names_are_known_before_a_page_reads_them(tmp_path: Path) -> None:
    """Check the causes after a restart, which name an event with a name in it."""
    for _ in range(2):
        config = Config(db=str(tmp_path / "emulator.db"), mask=True)
        app = create_app(config, load_preset_workspace("guide"))
        client = app.test_client() if _ else fill(app)
        assert find_planted(client.get("/causes").get_data(as_text=True)) == []
        app.extensions["sandboxes"].close()


@pytest.mark.extended
def test_agents_see_pseudonyms(client: FlaskClient) -> None:
    for name, arguments in (
        ("find_messages", {}),
        ("explain_message", {"id": 2}),
        ("find_profile", {"identifier": f"uuid:{EMAIL}"}),
        ("list_causes", {}),
        ("dry_run_event", {"event": CALLS[0]}),
        ("find_messages", {"query": f"evnt:{EMAIL}"}),
    ):
        call = {"name": name, "arguments": arguments}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        accept = {"Accept": "application/json, text/event-stream"}
        answer = client.post("/mcp", json=body, headers=accept)
        text = orjson.loads(answer.data)["result"]["content"][0]["text"]
        assert find_planted(text + answer.get_data(as_text=True)) == [], name


def test_a_field_in_a_broken_document_is_masked_as_a_whole() -> None:
    masked = Masking(Pseudonyms("key")).mask_text("""{{"lastName": "O'Quentin", 'surname': 'Q'""")
    assert "Quentin" not in masked
    assert "'Q'" not in masked


@pytest.mark.parametrize("sign", ["+", "%2B", "%2b", "\\u002b"])
def test_a_phone_number_is_found_in_any_text(sign: str) -> None:
    text = f'{{"url": "https://x.io/?p={sign}491701234567"'  # cut, so no document
    masked = Masking(Pseudonyms("key")).mask_text(text)
    assert re.fullmatch(r'\{"url": "https://x\.io/\?p=(.*)999\d{10}"', masked), masked
    assert Masking(Pseudonyms("key")).mask_text(masked) == masked


def test_masking_again_changes_nothing() -> None:
    masked = Masking(Pseudonyms("key")).mask_document({"traits": TRAITS, "phone": 905551234567})
    assert Masking(Pseudonyms("key")).mask_document(masked) == masked


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"products": [{"name": "Mug"}], "name": "Order Completed"}, id="product"),
        pytest.param({"settings": {"email": {"@path": "$.traits.email"}}}, id="mapping"),
        pytest.param({"written": {"email": "2026-11-23T10:00:00.000Z"}}, id="time"),
        pytest.param({"email_optin": True, "email": None, "phone": False}, id="no text"),
        pytest.param({"at": "2026-11-23T10:00:00+03:00", "id": "123456789012"}, id="numbers"),
        pytest.param({"type": "track", "traits": {"firstName": "track"}}, id="a word of Segment"),
    ],
)
def test_what_is_no_person_stays(document: JSONObject) -> None:
    assert Masking(Pseudonyms("key")).mask_document(document) == document


@pytest.mark.extended
@pytest.mark.parametrize(
    "text",
    ["a" * 500_000, "a@" * 250_000, "+1 " * 150_000, "a.b@c." * 80_000, '"firstName":"' * 40_000,
     "Zed " * 100_000, "%40" * 100_000, "/" + "%" * 300_000, "[" * 100_000],
    ids=range(9),
)  # fmt: skip
def test_masking_takes_linear_time(text: str) -> None:
    masking = Masking(Pseudonyms("key"))
    masking.learn({"firstName": "Zed"})
    started = time.process_time()
    masking.mask_text(text)
    assert time.process_time() - started < 20
