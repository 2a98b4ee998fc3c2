"""An agent gets its answers from the tools of `emulator mcp` alone, through the official client."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
import requests
from click.testing import CliRunner
from mcp import Client, StdioServerParameters

from segment_insider_emulator.app import create_app
from segment_insider_emulator.cli import main, mcp
from segment_insider_emulator.config import Config
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import load_preset_workspace

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "identify": ("find_messages", {"query": "type:identify"}),
    "explain": ("explain_message", {"id": 1}),
    "dropped": ("find_messages", {"query": "verdict:not_subscribed since:1h"}),
    "mistake": ("find_messages", {"query": "evnt:x"}),
    "try": ("try_mapping", {"number": 1, "fields": {"firstName": {"@path": "$.traits.vorname"}}}),
    "try advice": (
        "try_mapping",
        {"number": 1, "fields": {"custom": {"vorname": {"@path": "$.traits.vorname"}}}},
    ),
    "try unknown": ("try_mapping", {"number": 1, "fields": {"vorname": 1}}),
    "try none": ("try_mapping", {"number": 99, "fields": {}}),
    "try broken": ("try_mapping", {"number": 1, "fields": {"firstName": {"@nothing": 1}}}),
    "workspace": ("check_workspace", {}),
    "coverage": ("show_coverage", {}),
    "causes": ("list_causes", {}),
    "profile": ("find_profile", {"identifier": "uuid:ada"}),
    "journeys": ("show_journeys", {"identifier": "uuid:ada"}),
    "nobody": ("find_profile", {"identifier": "uuid:nobody"}),
    "dry run": ("dry_run_event", {"event": {"type": "identify", "userId": "ada"}}),
    "clock": ("move_clock", {"duration": "45 minutes"}),
    "no duration": ("move_clock", {"duration": "x"}),
}


async def ask(url: str) -> tuple[set[str], dict[str, Any]]:
    arguments = ["-m", "segment_insider_emulator", "mcp", "--url", url, "--allow-changes"]
    async with Client(StdioServerParameters(command=sys.executable, args=arguments)) as client:
        tools = await client.list_tools()
        results = {key: await client.call_tool(*call) for key, call in CALLS.items()}
        return {tool.name for tool in tools.tools}, results


@pytest.fixture(scope="module")
def answers() -> Iterator[Any]:
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    with serve_app_in_thread(app) as url:
        batch = [
            {"type": "identify", "userId": "ada", "traits": {"vorname": "Ada", "x": "y" * 9000}},
            {"type": "screen", "userId": "ada", "name": "Basket"},
        ]
        body = {"writeKey": "wk_demo", "batch": batch}
        requests.post(f"{url}/v1/batch", json=body, timeout=60).raise_for_status()
        yield anyio.run(ask, url)
    app.extensions["emulator"].close()


def read(answers: Any, key: str) -> Any:
    result = answers[1][key]
    assert not result.is_error, result
    document = json.loads(result.content[0].text)
    assert "untrusted" in document["untrusted"]
    return document["data"]


def test_it_says_why_a_name_did_not_arrive(answers: Any) -> None:
    assert read(answers, "identify")["messages"][0]["id"] == 1
    explained = read(answers, "explain")
    assert "traits.vorname" in explained["lost"]
    assert any("no mapping reads it" in line for line in explained["explanation"])
    assert len(explained["message"]["message"]["traits"]["x"]) < 400


def test_it_says_which_messages_went_nowhere_and_why(answers: Any) -> None:
    (message,) = read(answers, "dropped")["messages"]
    assert (message["type"], bool(message["reason"])) == ("screen", True)
    assert len(read(answers, "causes")["causes"]) == 2


def test_it_says_what_a_mapping_change_would_do(answers: Any) -> None:
    tried = read(answers, "try")
    assert (tried["tried"], tried["changed"]) == (2, 1)
    (mapped,) = tried["examples"][0]["after"]
    assert mapped["request"]["users"][0]["attributes"] == {"name": "Ada"}
    assert read(answers, "try advice")["changed"] == 1  # what explain_message says to write
    assert read(answers, "try broken")["examples"][0]["after"][0]["failure"]


def test_the_other_tools_answer(answers: Any) -> None:
    assert read(answers, "workspace")["lint"]
    assert read(answers, "workspace")["drift"]["subscriptions"]
    assert read(answers, "coverage")["events"] == 2
    assert read(answers, "profile")["identifiers"] == {"uuid": "ada"}
    assert read(answers, "journeys") == []
    assert read(answers, "dry run")[0]["deliveries"]
    assert read(answers, "clock") == {"advanced": "45 minutes"}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        pytest.param("mistake", "unknown field 'evnt'", id="query"),
        pytest.param("try unknown", "mapping 1 has no field vorname", id="field"),
        pytest.param("try none", "there is no mapping 99", id="mapping"),
        pytest.param("nobody", "no profile has this identifier", id="profile"),
        pytest.param("no duration", "'x' is not a duration", id="duration"),
    ],
)
def test_a_mistake_is_one_line(answers: Any, key: str, text: str) -> None:
    result = answers[1][key]
    assert result.is_error
    assert text in result.content[0].text
    assert "\n" not in result.content[0].text


async def list_reading_tools() -> dict[str, bool]:
    server = mcp.build_server("http://127.0.0.1:9", allow_changes=False)
    tools = await server.list_tools()
    return {tool.name: bool(tool.annotations and tool.annotations.read_only_hint) for tool in tools}


def test_tools_of_changes_are_listed_only_when_allowed(answers: Any) -> None:
    reading = anyio.run(list_reading_tools)
    assert set(reading.values()) == {True}
    assert answers[0] - reading.keys() == {"try_mapping", "move_clock"}


def test_without_the_extra_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp, "find_spec", lambda name: None)
    result = CliRunner().invoke(main, ["mcp"])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "segment-insider-emulator[mcp]" in result.stderr
