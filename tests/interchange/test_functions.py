"""Functions in the shapes of Segment's Public API and Terraform: imported, exported, the same."""

import json

import pytest

from segment_insider_emulator.interchange.export_terraform import build_terraform_configuration
from segment_insider_emulator.interchange.export_workspace import (
    build_public_api_requests,
    export_workspace_document,
)
from segment_insider_emulator.interchange.import_files import read_import_file
from segment_insider_emulator.interchange.import_workspace import build_imported_workspace
from segment_insider_emulator.interchange.workspace_differences import find_workspace_differences
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import Workspace
from segment_insider_emulator.workspace.loading import load_workspace_from_document

CODE = 'async function onTrack (event) {\n  return event // "${x}"\n}\n'
KEY = {
    "name": "apiKey", "label": "API key", "type": "STRING", "description": "A key",
    "required": True, "sensitive": True,
}  # fmt: skip
DESTINATION = {
    "id": "d1", "name": "Insider", "enabled": True, "sourceId": "s1",
    "metadata": {"id": "643697f531f98a978f414453"},
    "settings": {"account_name": "mybrand", "ucd_key": "secret"},
}  # fmt: skip
FUNCTION = {
    "id": "fn1", "resourceType": "INSERT_DESTINATION", "displayName": "Add tier", "code": CODE,
    "settings": [KEY], "description": "Adds it",
}  # fmt: skip
INSTANCE = {
    "id": "i1", "functionId": "fn1", "integrationId": "d1", "name": "Tier of Insider",
    "enabled": True, "settings": {"apiKey": "real", "level": 3},
}  # fmt: skip
IMPORTED = {
    "name": "Add tier",
    "enabled": True,
    "code": CODE,
    "settings": {"apiKey": "test-key", "level": 3},
    "settingDefinitions": [KEY],
    "description": "Adds it",
    "id": "fn1",
    "instanceId": "i1",
    "instanceName": "Tier of Insider",
}


def import_documents(*documents: JSON) -> tuple[JSONObject, list[str]]:
    """Return the functions of the imported workspace, and what the findings say about them."""
    text = json.dumps([{"data": document} for document in documents])
    result = build_imported_workspace(read_import_file(text.encode(), "export.json"))
    load_workspace_from_document(result.document, "imported")
    said = [finding.what for finding in result.findings if "function" in finding.what]
    return result.document.get("functions", {}), said


@pytest.mark.documented
def test_a_connected_insert_function_is_imported_without_its_secret() -> None:
    documents = (
        {"destination": DESTINATION},
        {"functions": [FUNCTION]},
        {"insertFunctionInstances": [INSTANCE]},
    )
    assert import_documents(*documents) == ({"insert": [IMPORTED]}, [])


@pytest.mark.parametrize(
    ("function", "instance", "imported", "said"),
    [
        pytest.param({}, {"integrationId": "s1"}, {}, "belongs to another source or destination",
                     id="of another end"),
        pytest.param({}, None, {}, "do not say what the insert function 'Add tier' is connected to",
                     id="no instance"),
        pytest.param(None, {}, {}, "the code of the insert function 'Tier of Insider' is not in",
                     id="no code"),
        pytest.param({"resourceType": "DESTINATION"}, None, {}, "is a destination of its own",
                     id="a destination function"),
        pytest.param({"resourceType": "SOURCE"}, None, {"source": ["Add tier"]}, None,
                     id="a source function"),
        pytest.param({"resourceType": "INSERT_SOURCE"}, {"integrationId": "s1"},
                     {"sourceInsert": ["Add tier"]}, None, id="a source insert function"),
        pytest.param({}, {"functionId": None, "classId": "fn1"}, {"insert": ["Add tier"]}, None,
                     id="the older name of the reference"),
    ],
)  # fmt: skip
def test_what_is_imported_of_a_function(
    function: JSONObject | None,
    instance: JSONObject | None,
    imported: JSONObject,
    said: str | None,
) -> None:
    functions = [] if function is None else [FUNCTION | function]
    instances = [] if instance is None else [INSTANCE | instance]
    instances = [{k: v for k, v in one.items() if v is not None} for one in instances]
    found, findings = import_documents(
        {"destination": DESTINATION},
        {"functions": functions},
        {"insertFunctionInstances": instances},
    )
    names = {kind: [entry["name"] for entry in entries] for kind, entries in found.items()}
    assert names == imported
    assert (said is None and not findings) or any(str(said) in what for what in findings)


def export_and_import(form: str, functions: JSONObject) -> JSONObject:
    document = {
        "source": {"name": "Shop", "writeKey": "wk_demo", "id": "s1"},
        "destination": {**DESTINATION, "subscriptions": []},
        "functions": functions,
    }
    workspace = load_workspace_from_document(document, "shop")
    if form == "terraform":
        text, name = build_terraform_configuration(workspace), "shop.tf"
    else:
        text, name = json.dumps({"requests": build_public_api_requests(workspace)}), "api.json"
    result = build_imported_workspace(read_import_file(text.encode(), name))
    return dict(result.document.get("functions", {}))


@pytest.mark.parametrize("form", ["public-api", "terraform"])
def test_an_export_gives_the_functions_back(form: str) -> None:
    without_ids = {key: value for key, value in IMPORTED.items() if key not in ("id", "instanceId")}
    functions = {
        "insert": [without_ids],
        "source": [{"name": "Billing", "code": "function onRequest () {}", "enabled": True}],
        "sourceInsert": [{"name": "Early", "code": CODE, "enabled": False, "settings": {"n": "x"}}],
    }
    found = export_and_import(form, functions)
    definition = {
        "name": "n", "label": "n", "type": "STRING", "description": "", "required": False,
        "sensitive": False,
    }  # fmt: skip
    functions["sourceInsert"][0] |= {
        "settingDefinitions": [definition],
        "instanceName": "Early",
    }
    assert found == functions


def test_an_export_with_ids_changes_what_exists() -> None:
    document = {
        "source": {"name": "Shop", "writeKey": "wk_demo"},
        "destination": {**DESTINATION, "subscriptions": []},
        "functions": {"insert": [IMPORTED]},
    }
    workspace = load_workspace_from_document(document, "shop")
    requests = [
        (one["method"], one["path"], one["body"].get("settings"))
        for one in build_public_api_requests(workspace)
        if "function" in one["path"]
    ]
    assert requests == [
        ("PATCH", "/functions/fn1", [KEY]),
        ("PATCH", "/insert-function-instances/i1", {"apiKey": "<secret>", "level": 3}),
    ]
    exported = export_workspace_document(workspace)["functions"]["insert"][0]
    assert exported["settings"] == {"apiKey": "test-key", "level": 3}


@pytest.mark.documented
def test_terraforms_file_of_code_becomes_a_code_file() -> None:
    text = """
    resource "segment_destination" "insider" {
      name = "Insider"
      enabled = true
      metadata = { id = "643697f531f98a978f414453" }
      settings = jsonencode({ account_name = "mybrand", ucd_key = "k" })
    }
    resource "segment_function" "tier" {
      code = file("${path.module}/functions/tier.js")
      display_name = "Add tier"
      resource_type = "INSERT_DESTINATION"
    }
    resource "segment_insert_function_instance" "tier" {
      integration_id = segment_destination.insider.id
      function_id = segment_function.tier.id
      name = "Add tier"
      enabled = true
      settings = jsonencode({ "level" : 3 })
    }
    """
    result = build_imported_workspace(read_import_file(text.encode(), "shop.tf"))
    assert result.document["functions"] == {
        "insert": [
            {
                "name": "Add tier",
                "enabled": True,
                "codeFile": "functions/tier.js",
                "settings": {"level": 3},
                "instanceName": "Add tier",
            }
        ]
    }


def test_only_what_decides_about_events_is_a_difference_between_two_workspaces() -> None:
    def load(**changes: JSON) -> Workspace:
        return load_workspace_from_document(
            {
                "source": {"name": "Shop", "writeKey": "wk_demo"},
                "destination": {**DESTINATION, "subscriptions": []},
                "functions": {"insert": [IMPORTED | changes]},
            },
            "shop",
        )

    others = {"id": "x", "instanceId": "y", "description": "z"}
    secret = {"settings": {"apiKey": "another", "level": 3}}
    assert find_workspace_differences(load(), load(**others, **secret)) == []
    (difference,) = find_workspace_differences(load(), load(code="function onTrack () {}"))
    assert difference.where == "functions.insert 'Add tier': code"
