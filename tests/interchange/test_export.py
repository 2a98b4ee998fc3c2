"""Exports can be imported again, and are valid for Segment and Terraform."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import hcl2
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_insider_emulator.analysis.lint import lint_document
from segment_insider_emulator.cli import main
from segment_insider_emulator.filtering.plan_rule import compile_plan_rule
from segment_insider_emulator.filtering.tracking_plan import (
    build_tracking_plan_from_rules,
    parse_tracking_plan,
)
from segment_insider_emulator.interchange.export_terraform import (
    build_terraform_configuration,
    format_hcl_string,
    format_hcl_value,
)
from segment_insider_emulator.interchange.export_workspace import (
    ACTION_IDS,
    build_public_api_requests,
    list_unexported_paths,
)
from segment_insider_emulator.interchange.import_files import read_import_file
from segment_insider_emulator.interchange.import_workspace import build_imported_workspace
from segment_insider_emulator.interchange.workspace_differences import (
    find_workspace_differences,
)
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import (
    PRESET_NAMES,
    Workspace,
    load_preset_workspace,
    load_workspace_or_preset,
)
from segment_insider_emulator.workspace.documents import format_workspace_yaml, parse_document
from segment_insider_emulator.workspace.model import build_workspace

SETTINGS = {"account_name": "northwind", "ucd_key": "secret"}
COMPARED_KEYS = ("name", "actionSlug", "enabled", "trigger", "settings")

TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.sampled_from(["${a}", "$${", "%{if}", "$", "{{x}}", '"', "\\", "a\nb", "\t", "NO", "1e3",
                     "2026-11-23", "null", "~", "@path", "<<", "=", "- a", "# b", "if", "$$$%{"]),
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), TEXTS,
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
VALUES: st.SearchStrategy[JSON] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)
SUBSCRIPTIONS = st.fixed_dictionaries(
    {
        "name": TEXTS.filter(bool),
        "actionSlug": st.sampled_from(sorted(ACTIONS)),
        "enabled": st.booleans(),
        "trigger": TEXTS,
        "settings": st.dictionaries(TEXTS, VALUES, max_size=3),
    }
)


def make_workspace(*subscriptions: JSONObject, **destination: Any) -> Workspace:
    destination_document = {"name": "Insider", "enabled": True, "settings": SETTINGS, **destination}
    return build_workspace(
        {
            "source": {"name": "Shop", "writeKey": "wk"},
            "destination": destination_document | {"subscriptions": list(subscriptions)},
        }
    )


def export_workspace(workspace: Workspace, form: str) -> bytes:
    if form == "terraform":
        return build_terraform_configuration(workspace, keep_secrets=True).encode()
    return json.dumps(
        {"requests": build_public_api_requests(workspace, keep_secrets=True)}
    ).encode()


def export_and_import(workspace: Workspace, form: str) -> JSONObject:
    document = build_imported_workspace(
        read_import_file(export_workspace(workspace, form), "export"), keep_secrets=True
    ).document
    destination: JSONObject = document["destination"]
    return destination


def select_compared_parts(destination: JSONObject) -> JSONObject:
    subscriptions = [
        {key: subscription[key] for key in COMPARED_KEYS}
        for subscription in destination["subscriptions"]
    ]
    compared = {key: destination[key] for key in ("name", "enabled", "settings")}
    return compared | {"subscriptions": subscriptions}


@pytest.mark.parametrize("form", ["public-api", "terraform"])
def test_an_import_of_an_export_gives_the_same_workspace(form: str) -> None:
    @given(st.lists(SUBSCRIPTIONS, max_size=2))
    @settings(max_examples=60)
    def gives_the_same(subscriptions: list[JSONObject]) -> None:
        original = make_workspace(*subscriptions)
        assert select_compared_parts(export_and_import(original, form)) == select_compared_parts(
            original.destination
        )

    gives_the_same()


@pytest.mark.parametrize("form", ["public-api", "terraform"])
def test_the_guide_survives_export_and_import(form: str) -> None:
    guide = load_preset_workspace("guide")
    assert select_compared_parts(export_and_import(guide, form)) == select_compared_parts(
        guide.destination
    )


@pytest.mark.parametrize("form", ["public-api", "terraform"])
def test_filters_survive_export_and_import(form: str) -> None:
    expected = {
        "title": "No staff",
        "if": "contains(traits.email, '@northwind.example')",
        "actions": [{"type": "DROP_PROPERTIES", "fields": {"properties": ["email"]}}],
        "enabled": True,
    }
    filters = export_and_import(make_workspace(filters=[expected]), form)["filters"]
    assert [{key: filter_document[key] for key in expected} for filter_document in filters] == [
        expected
    ]


@pytest.mark.parametrize("form", ["public-api", "terraform"])
def test_plan_and_schema_settings_survive_export_and_import(form: str) -> None:
    original = load_workspace_or_preset("fixtures/plans/shop.yaml")
    assert original.tracking_plan is not None
    document = build_imported_workspace(
        read_import_file(export_workspace(original, form), "export"), keep_secrets=True
    ).document
    rules = parse_tracking_plan(document["trackingPlan"], "trackingPlan").rules
    assert [(rule.kind, rule.key, rule.version, rule.schema) for rule in rules] == [
        (rule.kind, rule.key, rule.version, rule.schema) for rule in original.tracking_plan.rules
    ]
    assert document["source"]["settings"] == original.document["source"]["settings"]


TRANSFORMATIONS = [
    {
        "name": "Fix the order",
        "enabled": True,
        "if": "event = 'completed_order'",
        "newEventName": "Order Completed",
        "propertyRenames": [{"oldName": r"a\.b", "newName": "order.id"}],
        "propertyValueTransformations": [
            {"propertyPaths": ["properties.currency", "context.unit"], "propertyValue": "${EUR}"}
        ],
        "fqlDefinedProperties": [],
    },
    {
        "name": "Insider One",
        "destinationMetadataId": "643697f531f98a978f414453",
        "enabled": False,
        "if": "type = 'identify'",
        "propertyRenames": [],
        "propertyValueTransformations": [],
        "fqlDefinedProperties": [{"fql": "lowercase(traits.plan)", "propertyName": "traits.plan"}],
    },
]
HASHING: JSONObject = {
    "name": "Hash",
    "if": "all",
    "enabled": True,
    "propertyDrops": ["x"],
    "allowProperties": ["email"],
    "hashPropertiesConfiguration": {
        "algorithm": "SHA256",
        "key": "pepper",
        "encoding": "HEX",
        "paths": ["traits.email"],
    },
}


@pytest.mark.documented
@pytest.mark.parametrize("form", ["public-api", "terraform"])
def test_transformations_survive_export_and_import(form: str) -> None:
    document = make_workspace().document | {"transformations": TRANSFORMATIONS}
    raw = export_workspace(build_workspace(document), form)
    again = build_imported_workspace(read_import_file(raw, "export")).document
    imported = [
        {key: value for key, value in entry.items() if key not in ("id", "sourceId")}
        for entry in again["transformations"]
    ]
    assert imported == TRANSFORMATIONS


def test_terraform_lists_what_its_provider_lacks() -> None:
    document = make_workspace().document | {"transformations": [HASHING, {**HASHING, "id": "t1"}]}
    workspace = build_workspace(document)
    requests = build_public_api_requests(workspace)
    hidden = {**HASHING["hashPropertiesConfiguration"], "key": "<hash_key>"}
    sent = {**HASHING, "sourceId": "<sourceId>", "hashPropertiesConfiguration": hidden}
    assert [
        (request["method"], request["path"], request["body"])
        for request in requests
        if "transformations" in request["path"]
    ] == [("POST", "/transformations", sent), ("PATCH", "/transformations/t1", sent)]
    assert "segment_transformation" not in build_terraform_configuration(workspace)
    left_out = list_unexported_paths(workspace, exports_schema_settings=True, is_terraform=True)
    assert left_out[:3] == [
        "transformations[0].propertyDrops",
        "transformations[0].allowProperties",
        "transformations[0].hashPropertiesConfiguration",
    ]


@pytest.mark.documented
def test_a_plan_with_an_id_has_its_rules_replaced_200_at_a_time() -> None:
    rules = [compile_plan_rule("TRACK", f"Event {number}", 1, {}) for number in range(201)]
    original = replace(
        make_workspace(sourceId="s1"),
        tracking_plan=build_tracking_plan_from_rules("Shop", rules, "tp_1"),
    )
    requests = build_public_api_requests(original)[1:]
    assert [
        (request["method"], request["path"], len(request["body"].get("rules", [])))
        for request in requests
    ] == [
        ("PUT", "/tracking-plans/tp_1/rules", 200),
        ("PATCH", "/tracking-plans/tp_1/rules", 1),
        ("POST", "/tracking-plans/tp_1/sources", 0),
    ]
    plan = build_imported_workspace(
        read_import_file(export_workspace(original, "public-api"), "export")
    ).document["trackingPlan"]
    assert (plan["id"], len(plan["rules"])) == ("tp_1", 201)


def test_unexported_parts_are_reported() -> None:
    arguments = ["export", "fixtures/plans/shop.yaml", "--format", "public-api"]
    result = CliRunner().invoke(main, arguments)
    assert result.stderr == (
        "note: left out, because the format cannot contain it: source.schema. "
        "Set it by hand if you need it.\n"
    )
    assert json.loads(result.stdout)["leftOut"] == ["source.schema"]


@pytest.mark.extended
@given(st.dictionaries(TEXTS, VALUES, max_size=4))
@settings(max_examples=150)
def test_yaml_reads_back_as_the_same(document: JSONObject) -> None:
    assert parse_document(format_workspace_yaml(document, []).encode(), "shop.yaml") == document


@pytest.mark.documented
@pytest.mark.parametrize(
    ("known", "method", "path"),
    [
        pytest.param({}, "POST", "/destinations/{destinationId}/subscriptions", id="a new one"),
        pytest.param(
            {"id": "b1"}, "PATCH", "/destinations/d1/subscriptions/b1", id="one with an id"
        ),
    ],
)
def test_objects_with_an_id_are_changed(known: JSONObject, method: str, path: str) -> None:
    subscription = {
        "name": "S",
        "actionSlug": "trackEvent",
        "trigger": "t",
        "settings": {},
        **known,
    }
    request = build_public_api_requests(
        make_workspace(subscription, **({"id": "d1"} if known else {}))
    )[1]
    body = {"name": "S", "trigger": "t", "enabled": True, "settings": {}}
    created = body | {"actionId": ACTION_IDS["trackEvent"]}
    assert (request["method"], request["path"]) == (method, path)
    assert request["body"] == ({"input": body} if known else created)


@pytest.mark.parametrize("form", ["public-api", "terraform"])
def test_a_default_mapping_is_exported_in_full(form: str) -> None:
    subscription = export_and_import(
        make_workspace({"name": "S", "actionSlug": "trackEvent"}), form
    )["subscriptions"][0]
    action = ACTIONS["trackEvent"]
    assert (subscription["trigger"], subscription["settings"]) == (
        action.trigger,
        action.default_mapping,
    )


WORKSPACES = [
    *PRESET_NAMES,
    "fixtures/plans/shop.yaml",
    "fixtures/workspaces/journeys.yaml",
    "fixtures/workspaces/minimal.yaml",
]
EVENTS = [
    json.loads(line)
    for line in Path("fixtures/events/shop.ndjson").read_text("utf-8").split("\n")
    if line
]


def list_outcomes(workspace: Workspace, event: JSONObject) -> list[Any]:
    outcomes = Destination(workspace.destination).iter_subscription_outcomes(event)
    return [(outcome.subscription.name, outcome.request, outcome.failure) for outcome in outcomes]


@pytest.mark.parametrize("name", WORKSPACES)
def test_an_exported_workspace_is_the_same_with_full_mappings(name: str, tmp_path: Path) -> None:
    file = tmp_path / "whole.yaml"
    arguments = ["export", name, "--format", "workspace", "--output", str(file)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    original, exported = load_workspace_or_preset(name), load_workspace_or_preset(file)
    for subscription in exported.destination["subscriptions"]:
        assert subscription.keys() >= {"name", "actionSlug", "trigger", "enabled", "settings"}
    assert lint_document(exported.document) == lint_document(original.document)
    assert [list_outcomes(exported, event) for event in EVENTS] == [
        list_outcomes(original, event) for event in EVENTS
    ]


@pytest.mark.parametrize(
    ("keys", "options", "expected"),
    [
        pytest.param(("k1", "k1"), [], ("test-key", "test-key"), id="stood for"),
        pytest.param(("k1", "k2"), [], ("other-test-key", "test-key"), id="that do not match"),
        pytest.param(("k1", "k2"), ["--keep-secrets"], ("k1", "k2"), id="asked for"),
    ],
)
def test_the_keys_of_an_exported_workspace_file(
    keys: tuple[str, str], options: list[str], expected: tuple[str, str], tmp_path: Path
) -> None:
    document = load_preset_workspace("guide").document
    settings = {**document["destination"]["settings"], "ucd_key": keys[0]}
    account = {"name": "mybrand", "key": keys[1]}
    original = document | {
        "destination": document["destination"] | {"settings": settings},
        "insider": document["insider"] | {"account": account},
    }
    file = tmp_path / "shop.json"
    file.write_text(json.dumps(original))
    arguments = ["export", str(file), "--format", "workspace", "--json", *options]
    exported = json.loads(CliRunner().invoke(main, arguments).stdout)["workspace"]
    destination, insider = exported["destination"], exported["insider"]
    assert (destination["settings"]["ucd_key"], insider["account"]["key"]) == expected
    assert lint_document(exported) == lint_document(original)


def test_every_action_has_the_id_of_the_catalogue() -> None:
    assert list(ACTION_IDS) == list(ACTIONS)
    assert len(set(ACTION_IDS.values())) == len(ACTIONS)


@pytest.mark.documented
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("a ${b} %{c}", '"a \\u0024{b} \\u0025{c}"', id="templates are escaped"),
        pytest.param('a "b"\n\\', '"a \\"b\\"\\n\\\\"', id="quotes, line ends and backslashes"),
        pytest.param("$$${", '"\\u0024\\u0024\\u0024{"', id="dollars in a row"),
    ],
)
def test_strings_are_escaped_for_hcl(value: str, expected: str) -> None:
    assert format_hcl_string(value) == expected


def test_reserved_words_are_quoted_keys() -> None:
    assert format_hcl_value({"else": None, "then": 1}) == '{\n  "else" = null\n  then = 1\n}'


def test_the_terraform_export_is_valid_and_has_no_key() -> None:
    guide = load_preset_workspace("guide")
    configuration = build_terraform_configuration(guide)
    blocks = hcl2.loads(configuration)["resource"]
    assert len(blocks) == 1 + len(guide.destination["subscriptions"])
    assert "test-key" not in configuration
    assert "var.ucd_key" in configuration


@pytest.mark.parametrize(
    ("arguments", "exit_code", "start"),
    [
        pytest.param(["--format", "terraform"], 2, "", id="nothing to export"),
        pytest.param(["--preset", "guide"], 2, "", id="no format"),
        pytest.param(
            ["--preset", "guide", "--format", "terraform"], 0, "# Terraform", id="terraform"
        ),
        pytest.param(
            ["--preset", "guide", "--format", "workspace"], 0, "source:\n", id="a workspace file"
        ),
        pytest.param(
            ["http://127.0.0.1:9", "--format", "workspace", "--keep-secrets"],
            2,
            "",
            id="the key of a running emulator",
        ),
        pytest.param(
            ["--preset", "guide", "--format", "public-api"], 0, '{\n  "requests"', id="requests"
        ),
        pytest.param(
            ["--preset", "guide", "--format", "terraform", "--json"],
            0,
            '{"configuration": "# Terraform',
            id="terraform in JSON",
        ),
    ],
)
def test_the_export_command_writes_each_format(
    arguments: list[str], exit_code: int, start: str
) -> None:
    result = CliRunner().invoke(main, ["export", *arguments])
    assert result.exit_code == exit_code
    assert result.stdout.startswith(start)


def test_consent_categories_and_empty_parts_are_no_difference() -> None:
    short = {"name": "Drop", "if": "all", "drop": True}
    told = short | {"id": "t1", "enabled": True, "propertyRenames": [], "workspaceId": "w1"}
    consent = {"consentSettings": {"categories": ["Advertising"]}}
    own = make_workspace(**consent).document | {"transformations": [short]}
    other = make_workspace().document | {"transformations": [told]}
    assert find_workspace_differences(build_workspace(own), build_workspace(other)) == []
    other["transformations"] = [told | {"drop": False}]
    differences = find_workspace_differences(build_workspace(own), build_workspace(other))
    assert [difference.where for difference in differences] == ["transformations 'Drop': drop"]
