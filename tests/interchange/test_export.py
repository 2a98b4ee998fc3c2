"""What is exported can be imported again, and is what Segment and Terraform ask for."""

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
)
from segment_insider_emulator.interchange.import_files import read_import_file
from segment_insider_emulator.interchange.import_workspace import build_imported_workspace
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
MATTERS = ("name", "actionSlug", "enabled", "trigger", "settings")

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


def workspace(*subscriptions: JSONObject, **destination: Any) -> Workspace:
    own = {"name": "Insider", "enabled": True, "settings": SETTINGS, **destination}
    return build_workspace(
        {
            "source": {"name": "Shop", "writeKey": "wk"},
            "destination": own | {"subscriptions": list(subscriptions)},
        }
    )


def exported(own: Workspace, form: str) -> bytes:
    if form == "terraform":
        return build_terraform_configuration(own, keep_secrets=True).encode()
    return json.dumps({"requests": build_public_api_requests(own, keep_secrets=True)}).encode()


def back(own: Workspace, form: str) -> JSONObject:
    read = build_imported_workspace(
        read_import_file(exported(own, form), "export"), keep_secrets=True
    ).document
    found: JSONObject = read["destination"]
    return found


def what_matters(destination: JSONObject) -> JSONObject:
    subscriptions = [
        {key: subscription[key] for key in MATTERS} for subscription in destination["subscriptions"]
    ]
    own = {key: destination[key] for key in ("name", "enabled", "settings")}
    return own | {"subscriptions": subscriptions}


@pytest.mark.parametrize("form", ["public-api", "terraform"])
def test_an_import_of_an_export_gives_the_same_workspace(form: str) -> None:
    @given(st.lists(SUBSCRIPTIONS, max_size=2))
    @settings(max_examples=60)
    def same(subscriptions: list[JSONObject]) -> None:
        own = workspace(*subscriptions)
        assert what_matters(back(own, form)) == what_matters(own.destination)

    same()


@pytest.mark.parametrize("form", ["public-api", "terraform"])
def test_the_guide_survives_export_and_import(form: str) -> None:
    own = load_preset_workspace("guide")
    assert what_matters(back(own, form)) == what_matters(own.destination)


@pytest.mark.parametrize("form", ["public-api", "terraform"])
def test_filters_survive_export_and_import(form: str) -> None:
    wanted = {
        "title": "No staff",
        "if": "contains(traits.email, '@northwind.example')",
        "actions": [{"type": "DROP_PROPERTIES", "fields": {"properties": ["email"]}}],
        "enabled": True,
    }
    found = back(workspace(filters=[wanted]), form)["filters"]
    assert [{key: message[key] for key in wanted} for message in found] == [wanted]


@pytest.mark.parametrize("form", ["public-api", "terraform"])
def test_plan_and_schema_settings_survive_export_and_import(form: str) -> None:
    own = load_workspace_or_preset("fixtures/plans/shop.yaml")
    assert own.tracking_plan is not None
    read = build_imported_workspace(
        read_import_file(exported(own, form), "export"), keep_secrets=True
    ).document
    rules = parse_tracking_plan(read["trackingPlan"], "trackingPlan").rules
    assert [(rule.kind, rule.key, rule.version, rule.schema) for rule in rules] == [
        (rule.kind, rule.key, rule.version, rule.schema) for rule in own.tracking_plan.rules
    ]
    assert read["source"]["settings"] == own.document["source"]["settings"]


@pytest.mark.documented
def test_a_plan_with_an_id_has_its_rules_replaced_200_at_a_time() -> None:
    rules = [compile_plan_rule("TRACK", f"Event {number}", 1, {}) for number in range(201)]
    own = replace(
        workspace(sourceId="s1"),
        tracking_plan=build_tracking_plan_from_rules("Shop", rules, "tp_1"),
    )
    made = build_public_api_requests(own)[1:]
    assert [
        (request["method"], request["path"], len(request["body"].get("rules", [])))
        for request in made
    ] == [
        ("PUT", "/tracking-plans/tp_1/rules", 200),
        ("PATCH", "/tracking-plans/tp_1/rules", 1),
        ("POST", "/tracking-plans/tp_1/sources", 0),
    ]
    read = build_imported_workspace(
        read_import_file(exported(own, "public-api"), "export")
    ).document["trackingPlan"]
    assert (read["id"], len(read["rules"])) == ("tp_1", 201)


def test_unexported_parts_are_reported() -> None:
    arguments = ["export", "fixtures/plans/shop.yaml", "--format", "public-api"]
    result = CliRunner().invoke(main, arguments)
    assert result.stderr == (
        "note: left out, because the format cannot contain it: source.schema. "
        "Set it by hand if you need it.\n"
    )
    assert json.loads(result.stdout)["leftOut"] == ["source.schema"]


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
    own = {"name": "S", "actionSlug": "trackEvent", "trigger": "t", "settings": {}, **known}
    made = build_public_api_requests(workspace(own, **({"id": "d1"} if known else {})))[1]
    body = {"name": "S", "trigger": "t", "enabled": True, "settings": {}}
    created = body | {"actionId": ACTION_IDS["trackEvent"]}
    assert (made["method"], made["path"]) == (method, path)
    assert made["body"] == ({"input": body} if known else created)


@pytest.mark.parametrize("form", ["public-api", "terraform"])
def test_a_default_mapping_is_exported_in_full(form: str) -> None:
    found = back(workspace({"name": "S", "actionSlug": "trackEvent"}), form)["subscriptions"][0]
    action = ACTIONS["trackEvent"]
    assert (found["trigger"], found["settings"]) == (action.trigger, action.default_mapping)


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


def mapped(own: Workspace, event: JSONObject) -> list[Any]:
    outcomes = Destination(own.destination).iter_subscription_outcomes(event)
    return [(outcome.subscription.name, outcome.request, outcome.failure) for outcome in outcomes]


@pytest.mark.parametrize("name", WORKSPACES)
def test_an_exported_workspace_is_the_same_with_full_mappings(name: str, tmp_path: Path) -> None:
    file = tmp_path / "whole.yaml"
    arguments = ["export", name, "--format", "workspace", "--output", str(file)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    own, written = load_workspace_or_preset(name), load_workspace_or_preset(file)
    for subscription in written.destination["subscriptions"]:
        assert subscription.keys() >= {"name", "actionSlug", "trigger", "enabled", "settings"}
    assert lint_document(written.document) == lint_document(own.document)
    assert [mapped(written, event) for event in EVENTS] == [mapped(own, event) for event in EVENTS]


@pytest.mark.parametrize(
    ("keys", "options", "written"),
    [
        pytest.param(("k1", "k1"), [], ("test-key", "test-key"), id="stood for"),
        pytest.param(("k1", "k2"), [], ("other-test-key", "test-key"), id="that do not match"),
        pytest.param(("k1", "k2"), ["--keep-secrets"], ("k1", "k2"), id="asked for"),
    ],
)
def test_the_keys_of_an_exported_workspace_file(
    keys: tuple[str, str], options: list[str], written: tuple[str, str], tmp_path: Path
) -> None:
    document = load_preset_workspace("guide").document
    settings = {**document["destination"]["settings"], "ucd_key": keys[0]}
    account = {"name": "mybrand", "key": keys[1]}
    own = document | {
        "destination": document["destination"] | {"settings": settings},
        "insider": document["insider"] | {"account": account},
    }
    file = tmp_path / "shop.json"
    file.write_text(json.dumps(own))
    arguments = ["export", str(file), "--format", "workspace", "--json", *options]
    found = json.loads(CliRunner().invoke(main, arguments).stdout)["workspace"]
    destination, insider = found["destination"], found["insider"]
    assert (destination["settings"]["ucd_key"], insider["account"]["key"]) == written
    assert lint_document(found) == lint_document(own)


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
    own = load_preset_workspace("guide")
    written = build_terraform_configuration(own)
    blocks = hcl2.loads(written)["resource"]
    assert len(blocks) == 1 + len(own.destination["subscriptions"])
    assert "test-key" not in written
    assert "var.ucd_key" in written


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
def test_the_command(arguments: list[str], exit_code: int, start: str) -> None:
    result = CliRunner().invoke(main, ["export", *arguments])
    assert result.exit_code == exit_code
    assert result.stdout.startswith(start)
