"""Contract cases, imports and exports of a workspace whose functions change events."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from function_app import build_document, get_sent_tiers, needs_node, open_app, send

from segment_insider_emulator.cli import main
from segment_insider_emulator.types import JSONObject

pytestmark = needs_node
ONCE = """
async function onTrack (event, settings) {
  event.properties.tier = (event.properties.tier ?? '') + settings.tier
  return event
}
"""
EVENT = {
    "type": "track", "event": "Song Played", "userId": "ada", "messageId": "m1",
    "timestamp": "2026-11-20T10:00:00.000Z", "properties": {},
}  # fmt: skip


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a workspace file, its function in a file, and an event."""
    document = build_document(
        insert=[{"name": "Tier", "codeFile": "tier.js", "settings": {"tier": "gold"}}]
    )
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(document))
    (tmp_path / "tier.js").write_text(ONCE)
    (tmp_path / "events.ndjson").write_text(json.dumps(EVENT) + "\n")
    return tmp_path


def test_map_sends_what_the_function_adds_and_explain_names_it(folder: Path) -> None:
    common = ("map", "--workspace", folder / "shop.yaml", folder / "events.ndjson")
    (line,) = run(*common).splitlines()
    (event,) = json.loads(line)["request"]["json"]["users"][0]["events"]
    assert event["event_params"] == {"custom": {"tier": "gold"}}
    assert "insert function 'Tier'" in run(*common, "--explain")


def test_a_recorded_case_has_the_event_before_the_function(folder: Path) -> None:
    cases = folder / "cases.ndjson"
    common = ("--workspace", folder / "shop.yaml")
    run("contract", "record", "--from", folder / "events.ndjson", *common, cases)
    (case,) = map(json.loads, cases.read_text().splitlines())
    assert case["received"][0]["properties"] == {}
    assert case["events"][0]["properties"] == {"tier": "gold"}
    run("contract", "check", cases)
    run("contract", "check", *common, cases)
    (folder / "tier.js").write_text(ONCE.replace("settings.tier", "'silver'"))
    changed = CliRunner().invoke(main, ["contract", "check", *map(str, common), str(cases)])
    assert (changed.exit_code, "silver" in changed.output) == (1, True)


def test_a_realistic_export_is_imported_runs_and_comes_back(tmp_path: Path) -> None:
    destination = {
        "id": "d1", "name": "Insider", "enabled": True, "sourceId": "s1",
        "metadata": {"id": "643697f531f98a978f414453"},
        "settings": {"account_name": "mybrand", "ucd_key": "secret"},
        "subscriptions": [],
    }  # fmt: skip
    mapping = build_document()["destination"]["subscriptions"][0]
    function: JSONObject = {
        "id": "fn1", "resourceType": "INSERT_DESTINATION", "displayName": "Tier", "code": ONCE,
        "settings": [],
    }  # fmt: skip
    answers = [
        {"data": {"source": {"id": "s1", "name": "Shop", "writeKeys": ["wk_demo"]}}},
        {"data": {"destination": destination}},
        {"data": {"subscriptions": [
            {"id": "u1", "destinationId": "d1", "name": mapping["name"], "enabled": True,
             "actionId": "9ecQZzHoiHxjwzC6JfTyAa", "actionSlug": mapping["actionSlug"],
             "trigger": mapping["trigger"], "settings": mapping["settings"]}]}},
        {"data": {"transformations": [
            {"id": "t1", "sourceId": "s1", "name": "Rename", "enabled": True,
             "if": "event = 'song'", "newEventName": "Song Played"}]}},
        {"data": {"functions": [function]}},
        {"data": {"insertFunctionInstances": [
            {"id": "i1", "functionId": "fn1", "integrationId": "d1", "name": "Tier",
             "enabled": True, "settings": {"tier": "gold"}}]}},
    ]  # fmt: skip
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    file = tmp_path / "shop.yaml"
    imported = CliRunner().invoke(
        main, ["import", str(tmp_path / "answers.json"), "--output", str(file)]
    )
    assert file.exists(), imported.output
    document = yaml.safe_load(file.read_text())
    document["destination"]["consentSettings"] = {"categories": ["Advertising"]}
    file.write_text(yaml.safe_dump(document))
    consent = {"consent": {"categoryPreferences": {"Advertising": True}}}
    with open_app(document) as client:
        send(client, event="song", context=consent)
        refused = {"consent": {"categoryPreferences": {"Advertising": False}}}
        assert send(client, event="song", messageId="m2", context=refused)["verdict"] == "filtered"
        assert get_sent_tiers(client) == ["gold"]
    exported = yaml.safe_load(run("export", "--format", "workspace", file))
    kept = ("functions", "transformations")
    assert {key: exported[key] for key in kept} == {key: document[key] for key in kept}
    assert exported["destination"]["consentSettings"] == {"categories": ["Advertising"]}
    drift = CliRunner().invoke(main, ["drift", str(file), "--json"])
    assert drift.exit_code in (0, 1), drift.output


@pytest.mark.extended
def test_a_workspace_without_functions_loads_no_engine() -> None:
    program = (
        "import sys\n"
        "from segment_insider_emulator.app import create_app\n"
        "from segment_insider_emulator.config import Config\n"
        "from segment_insider_emulator.workspace.loading import load_preset_workspace\n"
        "app = create_app(Config(db=':memory:'), load_preset_workspace('guide'))\n"
        "client = app.test_client()\n"
        "call = {'writeKey': 'wk_demo', 'event': 'Song Played', 'userId': 'ada'}\n"
        "assert client.post('/v1/track', json=call).status_code == 200\n"
        "print([name for name in sys.modules if name.endswith(('functions.engine', '.runner'))\n"
        "       and 'insider_emulator.functions' in name])\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("[]\n", "")
