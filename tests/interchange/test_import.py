"""Exports of Segment and Terraform become a workspace file, and nothing is dropped silently."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from segment_insider_emulator.cli import main
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.interchange.export_workspace import (
    export_workspace_document,
    list_unexported_paths,
)
from segment_insider_emulator.interchange.import_files import read_import_file
from segment_insider_emulator.interchange.import_resources import (
    UnknownValue,
    merge_imported_resources,
)
from segment_insider_emulator.interchange.import_workspace import (
    ImportedWorkspace,
    build_imported_workspace,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_workspace_or_preset
from segment_insider_emulator.workspace.documents import format_workspace_yaml, parse_document
from segment_insider_emulator.workspace.loading import load_workspace_from_document

FILES = Path("fixtures/imports")
ANSWERS = [FILES / "public-api" / f"{name}.json" for name in ("destination", "source", "filters")]
PROTOCOLS = [
    FILES / "public-api" / f"{name}.json"
    for name in ("source-settings", "tracking-plan", "tracking-plan-rules")
]
SUBSCRIPTIONS = FILES / "public-api" / "subscriptions.json"
KEY = "5f1d-not-a-real-key"
DESTINATION: JSONObject = {
    "id": "d1",
    "name": "Insider",
    "enabled": True,
    "sourceId": "s1",
    "metadata": {"id": "643697f531f98a978f414453", "slug": "actions-insider-cloud"},
    "settings": {"account_name": "northwind", "ucd_key": KEY},
}
SUBSCRIPTION: JSONObject = {
    "id": "b1",
    "name": "Orders",
    "actionId": "xjHAWdHAw2SMv7kL1RD7f8",
    "actionSlug": "orderCompletedEvent",
    "destinationId": "d1",
    "enabled": False,
    "trigger": 'type = "track"',
    "settings": {"uuid": {"@path": "$.userId"}},
    "modelId": "",
}
IMPORTED = {
    key: SUBSCRIPTION[key]
    for key in ("name", "actionSlug", "id", "actionId", "destinationId", "enabled", "trigger")
} | {"settings": SUBSCRIPTION["settings"]}


def import_parts(*documents: Any, **options: Any) -> ImportedWorkspace:
    raw = [json.dumps(document).encode() for document in documents]
    return build_imported_workspace(
        merge_imported_resources(read_import_file(content, "answer.json") for content in raw),
        **options,
    )


def import_files(*files: Path) -> ImportedWorkspace:
    return build_imported_workspace(
        merge_imported_resources(read_import_file(file.read_bytes(), str(file)) for file in files)
    )


def run_import(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["import", *map(str, arguments)])


@pytest.mark.documented
@pytest.mark.parametrize(
    "documents",
    [
        pytest.param(
            [{"data": {"destination": DESTINATION}}, {"data": {"subscriptions": [SUBSCRIPTION]}}],
            id="an answer each",
        ),
        pytest.param(
            [{"data": {"destination": DESTINATION}}, {"data": {"subscription": SUBSCRIPTION}}],
            id="one subscription",
        ),
        pytest.param(
            [
                {"data": {"destination": DESTINATION}},
                {"data": {"destinationSubscription": SUBSCRIPTION}},
            ],
            id="what creating a subscription answers",
        ),
        pytest.param([[DESTINATION, SUBSCRIPTION]], id="objects without wrappers"),
        pytest.param([DESTINATION | {"subscriptions": [SUBSCRIPTION]}], id="one in the other"),
        pytest.param(
            [
                {
                    "destination": {"data": {"destination": DESTINATION}},
                    "subscriptions": {"data": {"subscriptions": [SUBSCRIPTION]}},
                }
            ],
            id="whole answers under names",
        ),
        pytest.param(
            [{"data": {"destinations": [DESTINATION]}}, {"subscriptions": [SUBSCRIPTION] * 2}],
            id="lists, and the same twice",
        ),
        pytest.param(
            [{"data": {"data": {"destination": DESTINATION, "subscriptions": [SUBSCRIPTION]}}}],
            id="wrapped once more by a tool in between",
        ),
    ],
)
def test_api_answers_are_read_in_any_nesting(documents: list[Any]) -> None:
    assert import_parts(*documents).document["destination"] == {
        "name": "Insider",
        "enabled": True,
        "id": "d1",
        "sourceId": "s1",
        "metadata": DESTINATION["metadata"],
        "settings": {"account_name": "northwind", "ucd_key": "test-key"},
        "subscriptions": [IMPORTED],
    }


@pytest.mark.parametrize(
    ("destination_id", "ids"),
    [
        ("d2", ("note", "'Orders' belongs to another destination and is left out")),
        ("d1", None),
        ("", None),
        (
            "d3",
            ("warning", "'Orders' names the destination 'd3', which no file has, and is left out"),
        ),
    ],
)
def test_a_reference_to_a_missing_destination_is_a_warning(destination_id: str, ids: Any) -> None:
    other = {"id": "d2", "name": "Other", "metadata": {"id": "m", "slug": "other"}, "settings": {}}
    subscription = SUBSCRIPTION | {"destinationId": destination_id}
    documents = {"destinations": [DESTINATION, other], "subscriptions": [subscription]}
    findings = import_parts({"data": documents}).findings
    relevant = [
        (finding.severity, finding.what) for finding in findings if "'Orders'" in finding.what
    ]
    assert relevant == ([ids] if ids else [])


@pytest.mark.parametrize(
    ("change", "what"),
    [
        pytest.param(
            {"actionSlug": "syncAudience", "actionId": "zz"},
            "the subscription 'Orders' is left out: its action 'syncAudience' is unknown",
            id="an unknown action",
        ),
        pytest.param(
            {"trigger": None},
            "the subscription 'Orders' is left out: it has no trigger",
            id="no trigger",
        ),
        pytest.param(
            {"settings": {"paramters": {}}},
            "orderCompletedEvent has no field 'paramters', so Segment drops it; the import "
            "keeps it",
            id="an unknown field",
        ),
        pytest.param(
            {"destinationId": "d2"},
            "'Orders' names the destination 'd2', which no file has, and is left out",
            id="a destination that no file has",
        ),
        pytest.param(
            {"modelId": "m1"},
            "this mapping belongs to a reverse-ETL model; the emulator does not receive its rows",
            id="a model",
        ),
        pytest.param(
            {"createdAt": "2026-01-01"},
            "a workspace file has no place for createdAt, left out",
            id="a key that the file has no place for",
        ),
    ],
)
def test_omitted_parts_are_reported(change: JSONObject, what: str) -> None:
    findings = import_parts(DESTINATION, SUBSCRIPTION | change).findings
    assert what in [finding.what for finding in findings]


def test_an_omitted_subscription_stays_in_the_file_as_a_comment() -> None:
    odd = SUBSCRIPTION | {"actionSlug": "syncAudience", "actionId": "zz"}
    result = import_parts(DESTINATION, odd)
    text = format_workspace_yaml(result.document, result.skipped_subscriptions)
    assert text.splitlines()[-1] == f"#   {json.dumps(odd)}"
    assert parse_document(text.encode(), "shop.yaml") == result.document


@pytest.mark.parametrize(("keep", "key"), [(False, "test-key"), (True, KEY)])
def test_the_key_is_replaced_unless_secrets_are_included(keep: bool, key: str) -> None:
    result = import_parts(DESTINATION, keep_secrets=keep)
    assert result.document["destination"]["settings"]["ucd_key"] == key
    assert (KEY in json.dumps([finding.what for finding in result.findings])) is False


@pytest.mark.parametrize(
    ("document", "message"),
    [
        pytest.param(
            {"errors": [{"type": "forbidden", "message": "Forbidden"}]},
            "answer.json: Segment answered with an error instead (Forbidden). "
            "Make the call again with a token that may read this.",
            id="an error of Segment's",
        ),
        pytest.param(
            [DESTINATION, DESTINATION | {"id": "d2"}],
            "the files contain 2 Insider One destinations. Name one with --destination: d1, d2.",
            id="two destinations",
        ),
        pytest.param(
            {"destination": DESTINATION | {"metadata": {"slug": "webhook"}, "settings": {}}},
            "the files contain no Insider One destination. Give what Segment answers about "
            "Insider Cloud Mode (Actions), or Terraform's resources.",
            id="another vendor's destination",
        ),
        pytest.param(
            {"data": {"warehouses": []}},
            "answer.json: the files contain no part of a workspace. Give an answer of "
            "Segment's Public "
            "API, `terraform show -json`, a state file or configuration.",
            id="something else",
        ),
        pytest.param(
            {"format_version": "1.0", "values": {"root_module": {"resources": [{}]}}},
            "answer.json: this is not a valid Terraform state. "
            "Create it again with terraform show -json.",
            id="a broken state",
        ),
    ],
)
def test_input_that_cannot_be_used_gets_one_clear_message(document: Any, message: str) -> None:
    with pytest.raises(EmulatorError) as error:
        import_parts(document)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("raw", "start"),
    [
        pytest.param(b'{"a": ', "x, line 1: broken JSON", id="JSON that ends early"),
        pytest.param(b"\xff\xfe", "x: the file is in UTF-16, not in UTF-8", id="no text"),
        pytest.param(b'{"a": 1e999}', "x: this is not valid JSON", id="no number"),
        pytest.param(b"[" * 100_000, "x: this is not valid JSON", id="depth"),
        pytest.param(b"resource {{{", "x, line 1: this is not valid Terraform", id="broken HCL"),
        pytest.param(b"hello", "x, line 1: this is not valid Terraform", id="prose"),
        pytest.param(b"", "x: the files contain no part of a workspace", id="an empty file"),
    ],
)
def test_files_that_cannot_be_read_get_one_clear_message(raw: bytes, start: str) -> None:
    with pytest.raises(EmulatorError) as error:
        read_import_file(raw, "x")
    assert str(error.value).startswith(start)


def test_a_missing_next_page_is_reported() -> None:
    page = {"data": {"subscriptions": [SUBSCRIPTION], "pagination": {"next": "Mg=="}}}
    assert import_parts(DESTINATION, page).findings[0].remedy == (
        "Give the next page as well, cursor 'Mg=='."
    )


@pytest.mark.parametrize(
    ("file", "way"),
    [
        ("terraform.tfstate", ["resources", 4, "instances"]),
        ("terraform.tfstate", ["resources", 4]),
        ("show.json", ["values", "root_module", "resources"]),
        ("show.json", ["values", "root_module", "child_modules"]),
    ],
)
@pytest.mark.parametrize("value", ["", {}, 0, False])
def test_a_state_with_values_that_are_no_lists_is_refused(
    file: str, way: list[Any], value: Any
) -> None:
    document = json.loads((FILES / "terraform" / file).read_bytes())
    parent = document
    for step in way[:-1]:
        parent = parent[step]
    parent[way[-1]] = value
    with pytest.raises(EmulatorError, match="this is not a valid Terraform state"):
        import_parts(document)


def test_state_file_terraform_show_and_api_answers_give_the_same() -> None:
    state = import_files(FILES / "terraform" / "terraform.tfstate").document["destination"]
    from_show = import_files(FILES / "terraform" / "show.json").document["destination"]
    iter_responses = import_files(*ANSWERS, SUBSCRIPTIONS).document["destination"]
    iter_responses["filters"] = [
        {
            key: filter_entry[key]
            for key in filter_entry
            if key not in ("createdAt", "updatedAt", "description")
        }
        for filter_entry in iter_responses["filters"]
    ]
    assert state == from_show
    assert state == iter_responses


SOURCE = {"id": "s1", "name": "Shop", "slug": "shop", "writeKeys": ["wk"], "metadata": {},
          "settings": {}}  # fmt: skip
RULE = {"type": "TRACK", "key": "Order Completed", "version": 1, "jsonSchema": {"type": "object"}}
PLAN = {"id": "tp_1", "resourceSchemaId": "rs_1", "name": "Shop"}


def make_connection(plan: str | None) -> JSONObject:
    return {"data": {"source": SOURCE, "trackingPlanId": plan}}


@pytest.mark.parametrize(
    ("documents", "plan", "message"),
    [
        pytest.param([make_connection(None)], None, [], id="a source without a plan"),
        pytest.param(
            [make_connection("tp_1")],
            None,
            ["the source uses the tracking plan 'tp_1', but the files do not contain its rules"],
            id="a plan that is not there",
        ),
        pytest.param(
            [
                make_connection("tp_1"),
                {"data": {"trackingPlan": PLAN}},
                {"data": {"rules": [RULE]}},
            ],
            PLAN | {"rules": [RULE]},
            [],
            id="a plan and its rules",
        ),
        pytest.param(
            [make_connection("tp_1"), {"data": {"rules": [RULE]}}],
            {"id": "tp_1", "rules": [RULE]},
            [],
            id="rules alone",
        ),
        pytest.param(
            [SOURCE, {"data": {"rules": [RULE]}}],
            {"rules": [RULE]},
            ["the tracking plan is used for the source, although no file connects them"],
            id="rules without a plan",
        ),
        pytest.param(
            [
                make_connection("tp_2"),
                {"data": {"trackingPlan": PLAN}},
                {"data": {"rules": [RULE]}},
            ],
            None,
            [
                "the tracking plan 'Shop' is not this source's and is left out",
                "the source uses the tracking plan 'tp_2', but the files do not contain its rules",
            ],
            id="another plan",
        ),
        pytest.param(
            [make_connection("tp_1"), {"data": {"trackingPlan": PLAN}}],
            PLAN | {"rules": []},
            ["the tracking plan has no rules here, so all events are unplanned"],
            id="a plan without its rules",
        ),
        pytest.param(
            [make_connection("tp_1"), {"data": {"rules": [{"type": "TRACK"}]}}],
            {"id": "tp_1", "rules": [{"type": "TRACK"}]},
            ["this rule names no event and is not checked"],
            id="a rule that cannot be used",
        ),
        pytest.param(
            [SOURCE, {"display_name": "Shop", "rules": {"events": []}}],
            None,
            [
                "a workspace file has no place for 'display_name', left out",
                "this tracking plan has the shape of older exports and is left out",
            ],
            id="an older export",
        ),
    ],
)
def test_a_tracking_plan_is_imported_or_reported(
    documents: list[Any], plan: JSONObject | None, message: list[str]
) -> None:
    result = import_parts(DESTINATION, *documents)
    assert result.document.get("trackingPlan") == plan
    assert [finding.what for finding in result.findings if "key" not in finding.where] == message


def test_answers_and_state_have_the_same_plan_and_controls() -> None:
    iter_responses = import_files(*ANSWERS, *PROTOCOLS, SUBSCRIPTIONS).document
    state = import_files(FILES / "terraform" / "terraform.tfstate").document
    rule = iter_responses["trackingPlan"]["rules"][0]
    assert state["source"]["settings"] == iter_responses["source"]["settings"]
    assert state["trackingPlan"] == {
        "id": "tp_1",
        "name": "Shop",
        "type": "LIVE",
        "rules": [{key: rule[key] for key in ("key", "type", "version", "jsonSchema")}],
    }


def test_all_write_keys_of_the_source_are_imported(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    run_import(*ANSWERS, *PROTOCOLS, SUBSCRIPTIONS, "--output", file)
    workspace = load_workspace_or_preset(file)
    assert [(source.name, source.write_key) for source in workspace.sources] == [
        ("Web shop", "exampleWriteKey"),
        ("Web shop", "exampleOtherKey"),
    ]


def test_a_state_is_imported_without_a_terraform_version() -> None:
    state = json.loads((FILES / "terraform" / "terraform.tfstate").read_text())
    without = {key: state[key] for key in ("version", "resources")}
    assert import_parts(without).document == import_parts(state).document


@pytest.mark.parametrize("escape", ["\\UFFFFFFFF", "\\U00110000", "\\uD800"])
def test_an_invalid_escape_gives_one_clear_message(escape: str) -> None:
    with pytest.raises(EmulatorError) as error:
        read_import_file(
            f'resource "segment_source" "a" {{ name = "{escape}" }}'.encode(), "shop.tf"
        )
    assert str(error.value) == (
        f"shop.tf: the escape {escape} is not a valid character. "
        "Use a code up to \\U0010FFFF that is not half of a surrogate pair."
    )


@pytest.mark.parametrize(
    ("piece", "what"),
    [
        pytest.param({"settings": "a"}, "settings is not an object", id="settings"),
        pytest.param({"metadata": [1]}, "metadata is not an object", id="metadata"),
        pytest.param({"id": {}}, "id is not text", id="id"),
        pytest.param({"sourceId": []}, "sourceId is not text", id="id of another"),
    ],
)
def test_values_with_a_wrong_type_are_omitted(piece: JSONObject, what: str) -> None:
    other = {"data": {"destination": DESTINATION | {"id": "d2", "metadata": {}, **piece}}}
    findings = import_parts(DESTINATION, other, destination_id="d1").findings
    assert [finding.what for finding in findings if finding.severity == "error"] == [
        f"{what} and is left out"
    ]


def test_a_catalogue_id_may_have_any_type() -> None:
    destination = DESTINATION | {"metadata": {"id": [[]]}}
    assert (
        import_parts({"data": {"destination": destination}}).document["destination"]["name"]
        == "Insider"
    )


@pytest.mark.parametrize(
    "value", [pytest.param("[" * 101, id="deep"), pytest.param(f'"{"x" * 1_000_000}"', id="long")]
)
def test_too_large_configuration_is_refused(value: str) -> None:
    with pytest.raises(EmulatorError) as error:
        read_import_file(f'resource "segment_source" "a" {{ name = {value} }}'.encode(), "shop.tf")
    assert str(error.value) == (
        "shop.tf: more than 1,000,000 characters, or 100 levels, are not read. "
        "Give the state instead: terraform show -json."
    )


def test_an_unknown_template_value_is_reported() -> None:
    settings = "jsonencode({event_name = jsonencode({a = var.unknown})})"
    raw = (FILES / "terraform" / "insider.tf").read_text().replace("jsonencode({})", settings)
    assert raw != (FILES / "terraform" / "insider.tf").read_text()
    assert read_import_file(raw.encode(), "insider.tf").sources[0]["settings"] == {
        "event_name": UnknownValue("jsonencode(…)")
    }


def test_a_called_module_is_reported() -> None:
    findings = read_import_file(b'module "events" { source = "./events" }', "main.tf").findings
    assert [(finding.where, finding.what) for finding in findings] == [
        ("main.tf: module.events", "the resources of this module are not in the file that calls it")
    ]


def test_configuration_is_evaluated_as_far_as_possible() -> None:
    result = import_files(FILES / "terraform" / "insider.tf")
    profile, order, cart = result.document["destination"]["subscriptions"]
    assert profile["settings"]["custom"] == {
        "loyalty_tier": {
            "@if": {
                "exists": {"@path": "$.traits.tier"},
                "then": {"@path": "$.traits.tier"},
                "else": "none",
            }
        },
        "greeting": {"@template": "Hello {{traits.firstName}}, ${not} a variable"},
    }
    assert order["trigger"] == 'type = "track" and event = "Order Completed"'
    assert order["settings"] == {
        "uuid": {"@path": "$.userId"},
        "timestamp": {"@path": "$.timestamp"},
    }
    assert cart["settings"]["parameters"] == {"event_group_id": {"@path": "$.properties.cart_id"}}
    assert [finding.what for finding in result.findings if finding.severity == "warning"] == [
        'only Terraform knows lookup(local.currencies, "web"), so it is left out'
    ]


def test_the_command_writes_a_file_that_loads(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    result = run_import(*ANSWERS, SUBSCRIPTIONS, "--output", file)
    assert (result.exit_code, result.stdout) == (1, "")
    workspace = load_workspace_or_preset(file)
    assert (workspace.source_name, workspace.write_key, workspace.account_name) == (
        "Web shop",
        "exampleWriteKey",
        "northwind",
    )
    assert [
        subscription["actionSlug"] for subscription in workspace.destination["subscriptions"]
    ] == [
        "updateUserProfile",
        "orderCompletedEvent",
        "cartViewedEvent",
        "trackEvent",
    ]


def test_the_command_prints_the_same_as_json() -> None:
    files = [*ANSWERS, *PROTOCOLS, SUBSCRIPTIONS]
    report = json.loads(run_import(*files, "--json").stdout)
    assert report["workspace"] == import_files(*files).document
    assert [omission["name"] for omission in report["leftOut"]] == ["Audience sync"]
    assert [finding["severity"] for finding in report["findings"]] == [
        "note", "note", "warning", "error",
    ]  # fmt: skip


def test_an_import_without_findings_has_exit_code_0() -> None:
    result = run_import(FILES / "terraform" / "terraform.tfstate", "--destination", "none")
    assert (result.exit_code, result.stderr) == (
        2,
        "emulator: no Insider One destination has the id 'none'. "
        "There are: 65a0exampledest00000000a.\n",
    )


CDN_SETTINGS = {
    "integrations": {"Segment.io": {"apiKey": "wk"}},
    "plan": {"track": {}},
    "consentSettings": {"allCategories": ["Advertising"], "hasUnmappedDestinations": False},
}


def test_consent_categories_come_from_the_settings_of_the_cdn_and_stay_in_an_export() -> None:
    raw = json.dumps({"destination": DESTINATION}).encode() + json.dumps(CDN_SETTINGS).encode()
    workspace = build_imported_workspace(read_import_file(raw, "answers.json"), None).document
    assert workspace["consentSettings"] == CDN_SETTINGS["consentSettings"]
    workspace["destination"]["consentSettings"] = {"categories": ["Advertising"]}
    loaded = load_workspace_from_document(workspace, "export")
    left_out = list_unexported_paths(loaded, exports_schema_settings=True)
    assert {"destination.consentSettings", "consentSettings"} <= {*left_out}
    assert export_workspace_document(loaded)["destination"]["consentSettings"] == {
        "categories": ["Advertising"]
    }


OLD_ORDER: JSONObject = {
    "type": "track",
    "event": "completed_order",
    "messageId": "m1",
    "userId": "ada",
    "timestamp": "2026-11-23T10:00:00Z",
    "properties": {"orderNo": "o-17", "currency": "TRY", "products": [{"product_id": "mug"}]},
}
REFUSAL = {"context": {"consent": {"categoryPreferences": {"Advertising": False}}}}
TRANSFORMATION_NAMES = ["Old order name", "Euros for Insider One"]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return an imported workspace with transformations and consent categories."""
    names = ("transformations", "cdn-settings")
    answers = [FILES / "public-api" / f"{name}.json" for name in names]
    imported = tmp_path / "shop.yaml"
    result = run_import(*ANSWERS, SUBSCRIPTIONS, *answers, "--output", imported)
    assert "transformation 'Of the app' belongs to another source" in result.stderr
    assert "transformation 'Of another destination' belongs to another" in result.stderr
    document = parse_document(imported.read_bytes(), "shop.yaml")
    document["destination"]["consentSettings"] = {"categories": ["Advertising"]}
    imported.write_text(format_workspace_yaml(document, []))
    events = map(json.dumps, [OLD_ORDER, OLD_ORDER | REFUSAL])
    (tmp_path / "events.ndjson").write_text("\n".join(events))
    return imported


def run_with_traffic(command: str, shop: Path, *options: str) -> Result:
    arguments = [command, *options, str(shop.with_name("events.ndjson"))]
    return CliRunner().invoke(main, arguments)


def test_an_imported_workspace_has_its_transformations_and_consent_categories(shop: Path) -> None:
    document = load_workspace_or_preset(shop).document
    names = [entry["name"] for entry in document["transformations"]]
    categories = document["consentSettings"]["allCategories"]
    assert (names, categories) == (TRANSFORMATION_NAMES, ["Advertising", "Analytics"])


def test_an_imported_transformation_changes_what_is_mapped(shop: Path) -> None:
    result = run_with_traffic("map", shop, "--workspace", str(shop))
    parameters = [
        json.loads(line)["request"]["json"]["users"][0]["events"][0]["event_params"]
        for line in result.stdout.splitlines()
        if "orderCompletedEvent" in line
    ]
    assert [(p["event_group_id"], p["currency"]) for p in parameters] == [("o-17", "EUR")]
    assert result.stderr.endswith("filtered: 1\n")


def test_drift_sees_traffic_as_its_transformations_leave_it(shop: Path) -> None:
    result = run_with_traffic("drift", shop, str(shop), "--json", "--traffic")
    assert result.exit_code in (0, 1)
    assert "orderNo" not in result.stdout


def test_an_imported_transformation_is_exported_again(shop: Path) -> None:
    exported = CliRunner().invoke(main, ["export", str(shop), "--format", "public-api"]).stdout
    restored = build_imported_workspace(read_import_file(exported.encode(), "again.json"))
    names = [entry["name"] for entry in restored.document["transformations"]]
    assert names == TRANSFORMATION_NAMES
