"""Half a character, as JSON.stringify writes it, is taken, and its message says so."""

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

HALF = "\\ud83c"  # the escape, in six characters
EVENT = (
    '{"type": "track", "userId": "u1", "event": "Product Viewed", "writeKey": "wk_demo",'
    f' "properties": {{"product_id": "b", "name": "party {HALF}"}}}}'
)
NAMED = "properties.name: a text has \ufffd (U+FFFD)"


@pytest.fixture
def client() -> FlaskClient:
    return create_app(Config(db=":memory:"), load_preset_workspace("guide")).test_client()


def messages(client: FlaskClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/emulator/v1/messages").json["messages"]  # type: ignore[index]
    return found


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
def test_half_a_character_is_read_as_a_replacement(written: str, text: str) -> None:
    raw = f'{{"{written}": ["{written}", "\\ud83c"]}}'
    whole = {text: [text, "\ufffd"]}
    assert parse_json(raw.encode()) == whole
    assert json.loads(replace_lone_surrogates(raw)) == whole


@pytest.mark.parametrize("raw", [b'{"a": "\\ud83c"', b'{"a": "\\ud83"}', b"{'a': 1}", b"[NaN]"])
def test_what_is_no_json_stays_none(raw: bytes) -> None:
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
def test_the_place_of_a_damaged_text_is_found(value: Any, place: str | None) -> None:
    assert find_replacement_character(value) == place


@pytest.mark.parametrize("path", ["track", "t", "batch", "b", "import", "pixel"])
def test_every_address_of_segment_takes_it_and_its_message_says_so(
    client: FlaskClient, path: str
) -> None:
    if path == "pixel":
        packed = base64.b64encode(EVENT.encode()).decode()
        client.get("/v1/pixel/track", query_string={"data": packed})
    else:
        one = path in ("track", "t")
        body = EVENT if one else f'{{"writeKey": "wk_demo", "batch": [{EVENT}]}}'
        answer = client.post(
            f"/v1/{path}", data=gzip.compress(body.encode()), headers={"Content-Encoding": "gzip"}
        )
        assert answer.status_code == 200
    (message,) = messages(client)
    assert message["verdict"] == "warning"
    assert message["message"]["properties"]["name"] == "party \ufffd"
    assert NAMED in message["reason"]


def test_its_neighbours_in_a_batch_are_untouched(client: FlaskClient) -> None:
    whole = EVENT.replace(HALF, "\U0001f389")
    batch = f'{{"writeKey": "wk_demo", "batch": [{whole}, {EVENT}, {whole}]}}'
    assert client.post("/v1/batch", data=batch.encode()).status_code == 200
    assert [each["message"]["properties"]["name"] for each in messages(client)] == [
        "party \U0001f389", "party \ufffd", "party \U0001f389",
    ]  # fmt: skip
    assert [NAMED in (each["reason"] or "") for each in messages(client)] == [False, True, False]


def test_insider_one_s_end_takes_it_and_says_so(client: FlaskClient) -> None:
    headers = {
        "X-PARTNER-NAME": "mybrand", "X-REQUEST-TOKEN": "test-key",
        "Content-Type": "application/json",
    }  # fmt: skip
    user = f'{{"identifiers": {{"uuid": "u1"}}, "attributes": {{"name": "A{HALF}"}}}}'
    body = f'{{"users": [{user}]}}'
    answer = client.post("/api/user/v1/upsert", data=body, headers=headers)
    assert answer.status_code == 200
    (finding,) = json.loads(answer.headers["x-emulator-findings"])
    assert finding["where"] == "users.0.attributes.name"
    assert "U+FFFD" in finding["what"]


def test_map_takes_it_and_says_so() -> None:
    event = EVENT.replace('"type"', '"timestamp": "2026-01-01T00:00:00Z", "messageId": "m", "type"')
    result = CliRunner().invoke(main, ["map"], input=event)
    assert result.exit_code == 0
    assert "party \ufffd" in result.stdout
    assert f"emulator: stdin:1: {NAMED}" in result.stderr


def test_a_contract_of_events_is_not_satisfied_strictly(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(EVENT)
    result = CliRunner().invoke(main, ["contract", "events", "--strict", str(file)])
    assert result.exit_code == 1
    assert "U+FFFD" in result.stdout + result.stderr


def test_replay_counts_it_among_its_reasons(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(EVENT)
    assert parse_event_line(EVENT.encode()) is not None
    result = CliRunner().invoke(main, ["replay", str(file), "--json"])
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
def test_what_other_programs_send_in_place_of_json_is_refused_in_words(
    client: FlaskClient, body: bytes, remedy: str
) -> None:
    answer = client.post("/v1/track", data=body)
    assert (answer.status_code, remedy in answer.get_data(as_text=True)) == (400, True)


def test_a_whole_number_beyond_64_bits_is_what_javascript_makes_of_it(client: FlaskClient) -> None:
    number = "123456789012345678901234567890"
    body = EVENT.replace(f'"party {HALF}"', number)
    assert client.post("/v1/track", data=body.encode()).status_code == 200
    assert messages(client)[0]["message"]["properties"]["name"] == float(number)


@pytest.mark.parametrize("text", [HALF, "\\ufffd", "\ufffd", "\\uFFFD", "\\ud83c\\ud83c"])
def test_fast_check_misses_no_lost_character(text: str) -> None:
    line = f'{{"name": "party {text}"}}'.encode()
    assert find_replacement_character(parse_json(line)) == "name"
    assert may_have_replacement_character(line)
    assert not may_have_replacement_character(b'{"name": "party"}')
