"""Lone surrogates, as JSON.stringify writes them, are accepted and reported."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.cli import main
from segment_insider_emulator.config import Config
from segment_insider_emulator.json_text import (
    find_replacement_character,
    may_have_replacement_character,
    parse_event_line,
    parse_json,
    replace_lone_surrogates,
)
from segment_insider_emulator.workspace import load_preset_workspace

LONE_SURROGATE = "\\ud83c"  # the escape, in six characters
EVENT = (
    '{"type": "track", "userId": "u1", "event": "Product Viewed", "writeKey": "wk_demo",'
    f' "properties": {{"product_id": "b", "name": "party {LONE_SURROGATE}"}}}}'
)
WARNING = "properties.name: a text has \ufffd (U+FFFD)"


@pytest.fixture
def client() -> FlaskClient:
    return create_app(Config(db=":memory:"), load_preset_workspace("guide")).test_client()


def list_messages(client: FlaskClient) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = client.get("/emulator/v1/messages").json["messages"]  # type: ignore[index]
    return listed


@pytest.mark.parametrize(
    ("written", "text"),
    [
        pytest.param(r"\ud83c", "\ufffd", id="the first half"),
        pytest.param(r"\uDF89!", "\ufffd!", id="the second half"),
        pytest.param(r"\ud83c\udf89", "\U0001f389", id="both"),
        pytest.param(r"\ud83c\ud83c\udf89", "\ufffd\U0001f389", id="a half before both"),
        pytest.param(r"\udf89\ud83c", "\ufffd\ufffd", id="the wrong way round"),
        pytest.param(r"\\ud83c", r"\ud83c", id="a backslash and letters"),
        pytest.param(r"\\\ud83c", "\\\ufffd", id="a backslash and a half"),
        pytest.param(r"\ud83c\n", "\ufffd\n", id="before another escape"),
        pytest.param(r"\ud83c\u0041", "\ufffdA", id="before a letter's escape"),
    ],
)
def test_a_lone_surrogate_becomes_the_replacement_character(written: str, text: str) -> None:
    raw = f'{{"{written}": ["{written}", "\\ud83c"]}}'
    expected = {text: [text, "\ufffd"]}
    assert parse_json(raw.encode()) == expected
    assert json.loads(replace_lone_surrogates(raw)) == expected


@pytest.mark.parametrize("raw", [b'{"a": "\\ud83c"', b'{"a": "\\ud83"}', b"{'a': 1}", b"[NaN]"])
def test_invalid_json_is_still_refused(raw: bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        parse_json(raw)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": [{"b": "x"}, {"c": "\ufffd"}]}, "a.1.c"),
        ({"a": {"\ufffd": 1}}, "a.\ufffd"),
        ({"a": 1}, None),
        ("\ufffd", ""),
    ],
)
def test_the_place_of_a_replacement_character_is_found(value: Any, place: str | None) -> None:
    assert find_replacement_character(value) == place


@pytest.mark.parametrize("path", ["track", "t", "batch", "b", "import", "pixel"])
def test_every_segment_endpoint_accepts_a_lone_surrogate_with_a_warning(
    client: FlaskClient, path: str
) -> None:
    if path == "pixel":
        encoded = base64.b64encode(EVENT.encode()).decode()
        client.get("/v1/pixel/track", query_string={"data": encoded})
    else:
        is_single_call = path in ("track", "t")
        body = EVENT if is_single_call else f'{{"writeKey": "wk_demo", "batch": [{EVENT}]}}'
        response = client.post(
            f"/v1/{path}", data=gzip.compress(body.encode()), headers={"Content-Encoding": "gzip"}
        )
        assert response.status_code == 200
    (message,) = list_messages(client)
    assert message["verdict"] == "warning"
    assert message["message"]["properties"]["name"] == "party \ufffd"
    assert WARNING in message["reason"]


def test_the_other_calls_of_a_batch_are_unchanged(client: FlaskClient) -> None:
    intact = EVENT.replace(LONE_SURROGATE, "\U0001f389")
    batch = f'{{"writeKey": "wk_demo", "batch": [{intact}, {EVENT}, {intact}]}}'
    assert client.post("/v1/batch", data=batch.encode()).status_code == 200
    assert [message["message"]["properties"]["name"] for message in list_messages(client)] == [
        "party \U0001f389", "party \ufffd", "party \U0001f389",
    ]  # fmt: skip
    assert [WARNING in (message["reason"] or "") for message in list_messages(client)] == [
        False,
        True,
        False,
    ]


def test_the_upsert_endpoint_accepts_a_lone_surrogate_with_a_warning(client: FlaskClient) -> None:
    headers = {
        "X-PARTNER-NAME": "mybrand", "X-REQUEST-TOKEN": "test-key",
        "Content-Type": "application/json",
    }  # fmt: skip
    user = f'{{"identifiers": {{"uuid": "u1"}}, "attributes": {{"name": "A{LONE_SURROGATE}"}}}}'
    body = f'{{"users": [{user}]}}'
    response = client.post("/api/user/v1/upsert", data=body, headers=headers)
    assert response.status_code == 200
    (finding,) = json.loads(response.headers["x-emulator-findings"])
    assert finding["where"] == "users.0.attributes.name"
    assert "U+FFFD" in finding["what"]


def test_map_accepts_a_lone_surrogate_with_a_warning() -> None:
    event = EVENT.replace('"type"', '"timestamp": "2026-01-01T00:00:00Z", "messageId": "m", "type"')
    result = CliRunner().invoke(main, ["map"], input=event)
    assert result.exit_code == 0
    assert "party \ufffd" in result.stdout
    assert f"emulator: stdin:1: {WARNING}" in result.stderr


def test_a_strict_contract_fails_for_a_lone_surrogate(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(EVENT)
    result = CliRunner().invoke(main, ["contract", "events", "--strict", str(file)])
    assert result.exit_code == 1
    assert "U+FFFD" in result.stdout + result.stderr


def test_replay_reports_a_lone_surrogate(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(EVENT)
    assert parse_event_line(EVENT.encode()) is not None
    result = CliRunner().invoke(main, ["replay", "--workers", "1", str(file), "--json"])
    assert "U+FFFD" in result.stdout


@pytest.mark.parametrize(
    ("body", "remedy"),
    [
        (b'{"a": NaN}', "NaN and Infinity are not JSON: send null or a number."),
        (b'{"a": -Infinity}', "NaN and Infinity are not JSON: send null or a number."),
        (b"[" * 2000 + b"]" * 2000, "Nest it no deeper than 100 levels."),
        ('{"a": 1}'.encode("utf-16"), "Send one JSON object in UTF-8, without a byte order mark."),
    ],
)
def test_invalid_json_of_other_programs_is_refused_with_a_remedy(
    client: FlaskClient, body: bytes, remedy: str
) -> None:
    response = client.post("/v1/track", data=body)
    assert (response.status_code, remedy in response.get_data(as_text=True)) == (400, True)


def test_an_integer_beyond_64_bits_is_read_as_in_javascript(client: FlaskClient) -> None:
    number = "123456789012345678901234567890"
    body = EVENT.replace(f'"party {LONE_SURROGATE}"', number)
    assert client.post("/v1/track", data=body.encode()).status_code == 200
    assert list_messages(client)[0]["message"]["properties"]["name"] == float(number)


@pytest.mark.parametrize("text", [LONE_SURROGATE, "\\ufffd", "\ufffd", "\\uFFFD", "\\ud83c\\ud83c"])
def test_fast_check_misses_no_lost_character(text: str) -> None:
    line = f'{{"name": "party {text}"}}'.encode()
    assert find_replacement_character(parse_json(line)) == "name"
    assert may_have_replacement_character(line)
    assert not may_have_replacement_character(b'{"name": "party"}')
