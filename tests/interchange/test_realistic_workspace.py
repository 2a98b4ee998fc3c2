"""A workspace with consent, transformations and a function comes in, runs, drifts and goes out."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from segment_insider_emulator.cli import main
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_workspace_or_preset
from segment_insider_scenarios.running_emulator import in_process

SOURCE_ID, DESTINATION_ID = "s1", "d1"
ORDERS: JSONObject = {
    "id": "b1", "name": "Orders", "actionId": "jR4ZKLguthvzW1gJJTtVnj", "actionSlug": "trackEvent",
    "destinationId": DESTINATION_ID, "enabled": True, "modelId": "",
    "trigger": 'type = "track"',
    "settings": {
        "uuid": {"@path": "$.userId"},
        "event_name": {"@path": "$.event"},
        "timestamp": {"@path": "$.timestamp"},
        "parameters": {"@path": "$.properties"},
    },
}  # fmt: skip
CODE = """\
async function onTrack (event, settings) {
  event.properties.tier = event.properties.total > settings.limit ? 'gold' : 'basic'
  return event
}
"""
ANSWERS: dict[str, JSONObject] = {
    "destination": {"destination": {
        "id": DESTINATION_ID, "name": "Insider", "enabled": True, "sourceId": SOURCE_ID,
        "metadata": {"id": "643697f531f98a978f414453", "slug": "actions-insider-cloud"},
        "settings": {"account_name": "northwind", "ucd_key": "5f1d-not-a-real-key"},
    }},
    "subscriptions": {"subscriptions": [ORDERS]},
    "source": {"source": {
        "id": SOURCE_ID, "slug": "web", "name": "Web", "enabled": True, "writeKeys": ["wk_web"],
        "metadata": {"id": "IqDTy1TpoU", "slug": "javascript"}, "settings": {},
    }, "trackingPlanId": None},
    "transformations": {"transformations": [
        {"id": "t1", "name": "One name", "sourceId": SOURCE_ID, "enabled": True,
         "if": "event = 'Checkout Finished'", "newEventName": "Order Completed"},
        {"id": "t2", "name": "Total", "sourceId": SOURCE_ID, "enabled": True,
         "destinationMetadataId": "643697f531f98a978f414453", "if": "event = 'Order Completed'",
         "propertyRenames": [{"oldName": "properties.total", "newName": "properties.order_total"}]},
    ]},
    "functions": {"functions": [{
        "id": "f1", "resourceType": "INSERT_DESTINATION", "displayName": "Add tier", "code": CODE,
        "settings": [{"name": "limit", "label": "Limit", "type": "STRING", "required": True}],
    }]},
    "instances": {"insertFunctionInstances": [{
        "id": "i1", "name": "Add tier", "functionId": "f1", "integrationId": DESTINATION_ID,
        "enabled": True, "settings": {"limit": 100},
    }]},
}  # fmt: skip
CDN: JSONObject = {
    "consentSettings": {"allCategories": ["Advertising"], "hasUnmappedDestinations": False}
}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Import the answers, and write the destination's category, which no API answers."""
    for name, data in ANSWERS.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"data": data}))
    (tmp_path / "cdn.json").write_text(json.dumps(CDN))
    file = tmp_path / "shop.yaml"
    result = run("import", *sorted(tmp_path.glob("*.json")), "--output", file)
    assert (result.exit_code, file.exists()) == (0, True), result.output
    text = file.read_text()
    assert text.count("\ndestination:\n") == 1
    category = "  consentSettings: {categories: [Advertising]}\n"
    file.write_text(text.replace("\ndestination:\n", f"\ndestination:\n{category}"))
    return file


def test_it_runs_as_at_segment(shop: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed: nothing to run functions with")
    call = {"event": "Checkout Finished", "userId": "ada", "properties": {"total": 150}}
    refused = {"consent": {"categoryPreferences": {"Advertising": False}}}
    with in_process(load_workspace_or_preset(str(shop))) as emulator:
        for sent in (call, {**call, "context": refused}):
            emulator.client.post_to_segment("/v1/track", json.dumps(sent).encode(), "wk_web")
        went, stopped = emulator.client.list_messages()
        (delivery,) = emulator.client.list_deliveries()
    assert went["verdict"] in ("accepted", "warning")
    assert (stopped["verdict"], "FILTERED_BY_END_USER_CONSENT" in json.dumps(stopped)) == (
        "filtered",
        True,
    )
    (event,) = delivery["request"]["json"]["users"][0]["events"]
    assert event["event_name"] == "order_completed"
    assert event["event_params"]["custom"] == {"order_total": 150, "tier": "gold"}


def test_it_does_not_differ_from_its_source_until_something_is_clicked_there(shop: Path) -> None:
    plan = {"data": list(ANSWERS.values())}
    answers = shop.parent / "segment.json"
    answers.write_text(json.dumps(plan))
    same = run("drift", shop, "--terraform-plan", answers, "--json")
    assert (same.exit_code, json.loads(same.stdout)["differences"]) == (0, [])
    text = json.dumps(plan).replace("'gold'", "'silver'").replace("order_total", "total_of_order")
    answers.write_text(text)
    clicked = run("drift", shop, "--terraform-plan", answers, "--json")
    places = {entry["where"] for entry in json.loads(clicked.stdout)["differences"]}
    assert places == {
        "transformations 'Total': propertyRenames",
        "functions.insert 'Add tier': code",
    }


def test_an_export_gives_it_back(shop: Path, tmp_path: Path) -> None:
    imported = load(shop)
    whole = tmp_path / "whole.yaml"
    run("export", shop, "--format", "workspace", "--output", whole)
    assert load(whole) == imported
    requests = json.loads(run("export", shop, "--format", "public-api").stdout)
    assert {"destination.consentSettings", "consentSettings"} <= set(requests["leftOut"])
    again = tmp_path / "again.json"
    again.write_text(json.dumps(requests))
    back = json.loads(run("import", again, "--json").stdout)["workspace"]
    assert back["transformations"] == imported["transformations"]
    assert back["functions"] == imported["functions"]


def load(file: Path) -> Any:
    return load_workspace_or_preset(str(file)).document
