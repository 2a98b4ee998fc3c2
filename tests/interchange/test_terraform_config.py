"""Terraform configuration: known values are imported, values known only to Terraform are named."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from segment_insider_emulator.cli import main
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.interchange.hcl_parser import parse_hcl_file
from segment_insider_emulator.interchange.import_files import read_import_file, read_import_files
from segment_insider_emulator.interchange.import_resources import ImportedResources, UnknownValue
from segment_insider_emulator.interchange.import_workspace import (
    ImportedWorkspace,
    build_imported_workspace,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_workspace_or_preset

DESTINATION = """
resource "segment_destination" "insider" {
  name     = "Insider"
  enabled  = true
  metadata = { id = "643697f531f98a978f414453" }
  settings = jsonencode({ account_name = "m", ucd_key = "k" })
}
"""


def make_subscription(**changes: str) -> str:
    attributes = {
        "destination_id": "segment_destination.insider.id", "name": '"Orders"', "enabled": "true",
        "action_id": '"xjHAWdHAw2SMv7kL1RD7f8"', "trigger": '"type = \\"track\\""',
        "settings": 'jsonencode({ uuid = { "@path" = "$.userId" } })',
    } | changes  # fmt: skip
    lines = "\n".join(f"  {name} = {text}" for name, text in attributes.items())
    return f'resource "segment_destination_subscription" "orders" {{\n{lines}\n}}\n'


def make_filter(**changes: str) -> str:
    attributes = {
        "destination_id": "segment_destination.insider.id", "title": '"Staff"', "enabled": "true",
        "if": '"all"', "actions": '[{ type = "DROP" }]',
    } | changes  # fmt: skip
    lines = "\n".join(f"  {name} = {text}" for name, text in attributes.items())
    return f'resource "segment_destination_filter" "staff" {{\n{lines}\n}}\n'


def import_configuration(*texts: str) -> ImportedWorkspace:
    return build_imported_workspace(
        read_import_file("\n".join((DESTINATION, *texts)).encode(), "shop.tf")
    )


def import_destination(*texts: str) -> JSONObject:
    document: JSONObject = import_configuration(*texts).document["destination"]
    return document


def import_source_name(expression: str, *before: str) -> Any:
    """Import *expression* as the name of a source; return the value."""
    text = "\n".join((*before, f'resource "segment_source" "a" {{\n labels = {expression}\n}}\n'))
    return read_import_file(text.encode(), "shop.tf").sources[0].get("labels")


@pytest.mark.documented
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("5", 5),
        ("- 1.5e3", -1500.0),
        ("null", None),
        ('"a\\n\\u00e9\\U0001f389\\"\\\\"', 'a\né🎉"\\'),
        ('"$${a} %%{b} $a 5%"', "${a} %{b} $a 5%"),
        ("[1, true,\n  # one\n  \"x\", ]", [1, True, "x"]),
        ("{ a = 1, \"b c\" : 2\n 3 = 4 // three\n}", {"a": 1, "b c": 2, "3": 4}),
        ("(\n 1\n)", 1),
        ("<<EOT\n  a\n b $${c}\nEOT", "  a\n b ${c}\n"),
        ("<<-EOT\n    a\n      b\n\n    EOT", "a\n  b\n\n"),
        ('"x-${"y"}-${1}-${true}"', "x-y-1-true"),
        ('"${5}"', 5),
        ("/* a */ [/* b */]", []),
        ("jsonencode({ a = [1] })", '{"a": [1]}'),
        ('jsonencode(jsonencode("a"))', '"\\"a\\""'),
    ],
)  # fmt: skip
def test_a_literal_is_read(expression: str, value: Any) -> None:
    assert import_source_name(expression) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("local.a", "x"),
        ("local.b.c[1]", 2),
        ('local.b["c"][0]', "x-x"),
        ("var.v", ["x"]),
        ("data.segment_source.d.name", "D"),
        ("segment_source.other.slug", "o"),
        ("segment_source.other[0].slug", "o"),
        ("local.loop", UnknownValue("local.loop")),
        ("var.none", UnknownValue("var.none")),
        ("local.b.d", UnknownValue("local.b.d")),
    ],
)
def test_a_reference_is_resolved_in_its_folder(expression: str, value: Any) -> None:
    names = """
        locals {
          a = "x"
          b = { c = ["${local.a}-${local.a}", 2] }
          loop = local.loop
        }
        variable "v" { default = ["x"] }
        variable "none" { type = string }
        data "segment_source" "d" { name = "D" }
        resource "segment_source" "other" { slug = "o" }
    """
    resolved = read_import_file(
        f'{names}\nresource "segment_source" "a" {{\n labels = {expression}\n}}\n'.encode(), "a.tf"
    ).sources[1]["labels"]
    assert resolved == value


@pytest.mark.parametrize(
    "text",
    [
        'resource "a" {', "a = ", "a", "a = [1", "a = {b}", 'a = "x', "a = <<E\nx\n", "}", "a = )",
        "/* a", 'a = "${b"', "a = f(", "a {", '"x" = 1', 'a = "\n"', "a = [1 2]\n}",
    ],
)  # fmt: skip
def test_invalid_configuration_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(EmulatorError) as error:
        read_import_file(f"\n\n{text}".encode(), "shop.tf")
    assert error.value.what == "this is not valid Terraform configuration"
    assert error.value.where.startswith("shop.tf, line ")
    assert int(error.value.where.rpartition(" ")[2]) >= 3


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    "text",
    [
        "\n" * 100_000 + "x = <<E\n" + " " * 100_000 + "\nE\n",
        " " * 300_000 + "x = 1",
        "x = <<E\n" + " E x\n" * 60_000 + "E\n",
        "x = " + "jsonencode(" * 40 + "1" + ")" * 40,
        'x = "' + "$" * 300_000 + '"',
        "x = [" + "1," * 150_000 + "]",
        "x = [for " + "a" * 300_000 + "]",
        "x = a" + ".b" * 150_000,
        "x = a" + "[0]" * 90_000,
        "x = " + "a + " * 70_000 + "a",
        "x = 1 #" + "#" * 300_000,
        'x = "' + "${a}" * 70_000 + '"',
        'x = "' + "%{ if a }" * 30_000 + '"',
        "a {}\n" * 50_000,
    ],
)
def test_a_long_text_is_read_once(text: str) -> None:
    """Each text would take minutes if every character were read again for each earlier one."""
    parse_hcl_file(text)


@pytest.mark.extended
def test_configuration_that_expands_too_much_is_refused() -> None:
    doubled = "\n".join(f"a{n} = [local.a{n + 1}, local.a{n + 1}]" for n in range(40))
    with pytest.raises(EmulatorError) as error:
        import_source_name("local.a0", f"locals {{\n{doubled}\na40 = 1\n}}")
    assert error.value.what == "the configuration expands to too many values"


def test_nested_encodings_that_grow_without_end_are_refused() -> None:
    nested = 'jsonencode({ a = "b", c = ' * 40 + "1" + " })" * 40
    with pytest.raises(EmulatorError) as error:
        import_source_name(nested)
    assert error.value.what == "the configuration expands to too many values"


def test_unknown_switches_are_off() -> None:
    result = import_configuration(
        make_subscription(enabled="var.on"),
        make_filter(enabled="!var.off"),
    )
    destination_document = result.document["destination"]
    (only,), (filter_,) = destination_document["subscriptions"], destination_document["filters"]
    assert (only["enabled"], filter_["enabled"]) == (False, False)
    assert [
        (finding.where, finding.what)
        for finding in result.findings
        if finding.severity == "warning"
    ] == [
        (
            "shop.tf: segment_destination_subscription.orders.enabled",
            "only Terraform knows var.on, so it is off here",
        ),
        (
            "shop.tf: segment_destination_filter.staff.enabled",
            "only Terraform knows !var.off, so it is off here",
        ),
    ]


@pytest.mark.parametrize(
    "settings",
    ['file("a.json")', 'templatefile("a", {})', "jsonencode(merge({}, { a = 1 }))",
     "var.on ? jsonencode({}) : jsonencode({})", '"no JSON"', '"[1]"', "jsonencode([1])",
     "jsonencode({ uuid = var.x })"],
)  # fmt: skip
def test_an_unknown_mapping_is_omitted_and_never_empty(settings: str) -> None:
    result = import_configuration(make_subscription(settings=settings))
    assert result.document["destination"]["subscriptions"] == []
    assert [
        skipped_subscription["name"] for skipped_subscription in result.skipped_subscriptions
    ] == ["Orders"]
    assert [
        finding.severity
        for finding in result.findings
        if "subscription 'Orders' is left out" in finding.what
    ] == ["error"]


@pytest.mark.parametrize(
    ("settings", "remaining"),
    [
        ("{ uuid = 1, event_name = var.x }", {"uuid": 1}),
        ('{ uuid = 1, timestamp = { "@path" = var.x } }', {"uuid": 1}),
        ("{ uuid = 1, parameters = { a = var.x, b = 2 } }", {"uuid": 1, "parameters": {"b": 2}}),
        ("{ uuid = 1, parameters = { a = var.x } }", {"uuid": 1}),
        ("{ uuid = 1, products = [1, var.x] }", {"uuid": 1}),
        ("{ uuid = 1, (var.x) = 2 }", {"uuid": 1}),
    ],
)
def test_only_the_smallest_unknown_part_of_a_mapping_is_omitted(
    settings: str, remaining: JSONObject
) -> None:
    (only,) = import_destination(make_subscription(settings=f"jsonencode({settings})"))[
        "subscriptions"
    ]
    assert only["settings"] == remaining


@pytest.mark.parametrize(
    "changes",
    [
        {"if": "var.x"},
        {"actions": "var.x"},
        {"actions": "[var.x]"},
        {"actions": "[{ type = var.x }]"},
        {"actions": '[{ type = "SAMPLE", percent = var.x }]'},
        {"actions": '[{ type = "DROP_PROPERTIES", fields = var.x }]'},
        {"actions": '[{ type = "DROPS" }]'},
    ],
)
def test_an_unknown_filter_is_omitted_and_the_file_loads(
    changes: dict[str, str], tmp_path: Path
) -> None:
    file, output = tmp_path / "shop.tf", tmp_path / "shop.yaml"
    file.write_text(DESTINATION + make_filter(**changes))
    result = run_import(file, "--output", output)
    assert result.exit_code == 1
    assert "the filter 'Staff' is left out" in result.stderr
    assert load_workspace_or_preset(output).destination.get("filters", []) == []


def run_import(*arguments: Path | str) -> Result:
    return CliRunner().invoke(main, ["import", *map(str, arguments)])


def test_a_rule_with_an_unknown_schema_stays_in_the_plan_unchecked() -> None:
    plan = """
        resource "segment_tracking_plan" "shop" {
          rules = [{
            key = "A", type = "TRACK", version = 1,
            json_schema = jsonencode(jsondecode(file("a.json")))
          }]
        }
    """
    result = import_configuration(plan)
    assert result.document["trackingPlan"]["rules"] == [{"key": "A", "type": "TRACK", "version": 1}]
    assert [finding.where for finding in result.findings if finding.severity == "warning"] == [
        "shop.tf: segment_tracking_plan.shop.rules[0].json_schema",
        "trackingPlan: rules[0]",
    ]


def test_a_mapping_of_an_unknown_destination_is_imported_and_reported() -> None:
    result = import_configuration(make_subscription(destination_id="var.destination"))
    assert len(result.document["destination"]["subscriptions"]) == 1
    assert "only Terraform knows var.destination, so 'Orders' is taken as this" in (
        " ".join(finding.what for finding in result.findings if finding.severity == "warning")
    )


@pytest.mark.parametrize(("count", "names"), [("0", []), ("1", [True]), ("var.n", [False])])
def test_a_resource_that_may_not_exist_is_off(count: str, names: list[bool]) -> None:
    subscriptions = import_destination(make_subscription(count=count))["subscriptions"]
    assert [subscription["enabled"] for subscription in subscriptions] == names


def write_git_sync_folder(tmp_path: Path) -> Path:
    """Write a folder like Segment's Git Sync: one file per resource, named by `import` blocks."""
    files = {
        "sources/s1.tf": """
            import {
              to = segment_source.id-s1
              id = "s1"
            }
            resource "segment_source" "id-s1" {
              enabled  = true
              metadata = { id = "IqDTy1TpoU" }
              name     = "Web shop"
              settings = "{}"
              slug     = "web_shop"
            }
        """,
        "destinations/d1.tf": """
            import {
              to = segment_destination.id-d1
              id = "d1"
            }
            resource "segment_destination" "id-d1" {
              enabled = true
              metadata = {
                contacts = null
                id       = "643697f531f98a978f414453"
              }
              name      = "Insider"
              settings  = jsonencode({ account_name = "m", ucd_key = "••••••••••2d63" })
              source_id = "s1"
            }
        """,
        "destination_subscriptions/d1_b1.tf": """
            import {
              to = segment_destination_subscription.id-d1_b1
              id = "d1:b1"
            }
            resource "segment_destination_subscription" "id-d1_b1" {
              action_id            = "xjHAWdHAw2SMv7kL1RD7f8"
              destination_id       = "d1"
              enabled              = true
              model_id             = null
              name                 = "Orders"
              reverse_etl_schedule = null
              settings             = "{\\"uuid\\":{\\"@path\\":\\"$.userId\\"}}"
              trigger              = "type = \\"track\\""
            }
        """,
        ".git/broken.tf": "}",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.observed
def test_a_git_sync_folder_is_imported(tmp_path: Path) -> None:
    result = run_import(write_git_sync_folder(tmp_path), "--json", "--keep-secrets")
    workspace = json.loads(result.stdout)["workspace"]
    assert (workspace["source"]["id"], workspace["source"]["name"]) == ("s1", "Web shop")
    assert workspace["destination"]["id"] == "d1"
    assert workspace["destination"]["settings"] == {"account_name": "m", "ucd_key": "test-key"}
    assert [
        (subscription_entry["id"], subscription_entry["settings"])
        for subscription_entry in workspace["destination"]["subscriptions"]
    ] == [("b1", {"uuid": {"@path": "$.userId"}})]


def test_a_folder_of_answers_is_imported(tmp_path: Path) -> None:
    for name in ("destination", "subscriptions", "source"):
        raw = Path(f"fixtures/imports/public-api/{name}.json").read_bytes()
        (tmp_path / f"{name}.json").write_bytes(raw)
    (tmp_path / "notes.txt").write_text("}")
    workspace = json.loads(run_import(tmp_path, "--json").stdout)["workspace"]
    assert (workspace["source"]["name"], len(workspace["destination"]["subscriptions"])) == (
        "Web shop",
        4,
    )


def test_a_folder_without_exports_gives_a_clear_error(tmp_path: Path) -> None:
    result = run_import(tmp_path)
    assert (result.exit_code, "no file in this folder ends in .tf" in result.stderr) == (2, True)


def test_only_files_of_one_folder_share_names() -> None:
    files = [
        ("a/main.tf", (DESTINATION + make_subscription(trigger="local.orders")).encode()),
        ("a/locals.tf", b'locals { orders = "type = \\"page\\"" }'),
        ("b/locals.tf", b'locals { orders = "type = \\"screen\\"" }'),
    ]
    (only,) = build_imported_workspace(read_import_files(files)).document["destination"][
        "subscriptions"
    ]
    assert only["trigger"] == 'type = "page"'


@pytest.mark.documented
def test_the_json_syntax_gives_the_same() -> None:
    document = {
        "//": "a comment",
        "locals": [{"orders": 'type = "track"'}],
        "resource": {
            "segment_destination": {
                "insider": {
                    "name": "Insider", "enabled": True,
                    "metadata": {"id": "643697f531f98a978f414453"},
                    "settings": '${jsonencode({ account_name = "m", ucd_key = "k" })}',
                }
            },
            "segment_destination_subscription": {
                "orders": [{
                    "destination_id": "${segment_destination.insider.id}", "name": "Orders",
                    "enabled": "${var.on}", "action_id": "xjHAWdHAw2SMv7kL1RD7f8",
                    "trigger": "${local.orders}", "settings": '{"uuid": "$${x}"}',
                }],
            },
        },
    }  # fmt: skip
    result = build_imported_workspace(
        read_import_file(json.dumps(document).encode(), "shop.tf.json")
    )
    (only,) = result.document["destination"]["subscriptions"]
    assert (only["trigger"], only["enabled"]) == ('type = "track"', False)
    assert only["settings"] == {"uuid": "${x}"}
    assert "shop.tf.json: segment_destination_subscription.orders.enabled" in [
        finding.where for finding in result.findings
    ]


def test_a_deposed_instance_is_omitted() -> None:
    state = json.loads(Path("fixtures/imports/terraform/terraform.tfstate").read_text())
    expected = build_imported_workspace(
        read_import_file(json.dumps(state).encode(), "a.tfstate")
    ).document
    for resource in state["resources"]:
        attributes = {**resource["instances"][0]["attributes"], "id": "old"}
        resource["instances"].append({"deposed": "1a2b", "attributes": attributes})
    assert (
        build_imported_workspace(read_import_file(json.dumps(state).encode(), "a.tfstate")).document
        == expected
    )


def test_a_deposed_resource_of_show_is_omitted() -> None:
    state = json.loads(Path("fixtures/imports/terraform/show.json").read_text())
    expected = build_imported_workspace(
        read_import_file(json.dumps(state).encode(), "show.json")
    ).document
    resources = state["values"]["root_module"]["resources"]
    old = [{**resource, "values": {**resource["values"], "id": "x"}} for resource in resources]
    resources += [{**instance, "deposed_key": "1a2b"} for instance in old]
    assert (
        build_imported_workspace(read_import_file(json.dumps(state).encode(), "show.json")).document
        == expected
    )


def test_values_known_after_apply_are_reported() -> None:
    state = json.loads(Path("fixtures/imports/terraform/show.json").read_text())
    module = state.pop("values")
    kind = "segment_destination_subscription"
    first = next(
        resource for resource in module["root_module"]["resources"] if resource["type"] == kind
    )
    del first["values"]["enabled"]
    plan = state | {
        "planned_values": module,
        "resource_changes": [
            {"address": first["address"], "change": {"after_unknown": {"enabled": True}}}
        ],
    }
    result = build_imported_workspace(read_import_file(json.dumps(plan).encode(), "plan.json"))
    assert result.document["destination"]["subscriptions"][0]["enabled"] is False
    assert f"plan.json: {first['address']}.enabled" in [
        finding.where for finding in result.findings
    ]


TRANSFORMATION = """
resource "segment_transformation" "rename" {
  source_id = %s
  %s
  name = "Rename"
  enabled = %s
  if = "event = 'Bad'"
  new_event_name = "Good"
  property_renames = [{ old_name = "firstname", new_name = "first_name" }]
  property_value_transformations = [
    { property_paths = ["properties.currency"], property_value = "EUR" },
  ]
}
"""
FUNCTION = """
resource "segment_insert_function_instance" "mask" {
  integration_id = %s
  function_id = "fn"
  name = "Mask"
  enabled = %s
}
"""
SOURCES = """
resource "segment_source" "web" { name = "Web" }
resource "segment_source" "app" { name = "App" }
"""
OURS = DESTINATION.replace("enabled ", "source_id = segment_source.web.id\n enabled ")
INSIDER = 'destination_metadata_id = "643697f531f98a978f414453"'


@pytest.mark.documented
@pytest.mark.parametrize(
    ("text", "imported"),
    [
        (TRANSFORMATION % ("segment_source.web.id", "", "true"), {"enabled": True}),
        (TRANSFORMATION % ("var.source", "", "true"), {"enabled": True}),
        (TRANSFORMATION % ("segment_source.web.id", "", "false"), {"enabled": False}),
        (TRANSFORMATION % ("segment_source.web.id", "", "var.on"), {"enabled": False}),
        (
            TRANSFORMATION % ("segment_source.web.id", INSIDER, "true"),
            {"enabled": True, "destinationMetadataId": "643697f531f98a978f414453"},
        ),
        (TRANSFORMATION % ("segment_source.app.id", "", "true"), None),
        (
            TRANSFORMATION % ("segment_source.web.id", 'destination_metadata_id = "other"', "true"),
            None,
        ),
    ],
)
def test_a_transformation_of_this_source_and_destination_is_imported(
    text: str, imported: JSONObject | None
) -> None:
    resources = read_import_file((SOURCES + OURS + text).encode(), "shop.tf")
    document = build_imported_workspace(resources).document
    changes = {
        "propertyRenames": [{"oldName": "firstname", "newName": "first_name"}],
        "propertyValueTransformations": [
            {"propertyPaths": ["properties.currency"], "propertyValue": "EUR"}
        ],
    }
    common = {"name": "Rename", "if": "event = 'Bad'", "newEventName": "Good", **changes}
    expected = [] if imported is None else [common | imported]
    assert document.get("transformations", []) == expected


def test_a_transformation_with_an_unknown_part_is_left_out() -> None:
    text = TRANSFORMATION % ("segment_source.web.id", "", "true")
    text = text.replace('"firstname"', "var.old")
    resources = read_import_file((SOURCES + OURS + text).encode(), "shop.tf")
    result = build_imported_workspace(resources)
    assert "transformations" not in result.document or not result.document["transformations"]
    assert [finding.what for finding in result.findings if "transformation" in finding.what] == [
        "only Terraform knows var.old, so the transformation 'Rename' is left out"
    ]


@pytest.mark.documented
@pytest.mark.parametrize(
    ("text", "severity"),
    [
        (FUNCTION % ("segment_destination.insider.id", "true"), "warning"),
        (FUNCTION % ("segment_source.web.id", "true"), "warning"),
        (FUNCTION % ("segment_source.app.id", "true"), "note"),
        (FUNCTION % ("segment_destination.insider.id", "false"), "note"),
        ('resource "segment_function" "f" {\n resource_type = "INSERT_DESTINATION"\n}', "warning"),
        ('resource "segment_function" "f" {\n resource_type = "DESTINATION"\n}', "note"),
    ],
)  # fmt: skip
def test_functions_are_reported(text: str, severity: str) -> None:
    resources: ImportedResources = read_import_file((SOURCES + OURS + text).encode(), "shop.tf")
    severities = [
        finding.severity
        for finding in build_imported_workspace(resources).findings
        if finding.where.startswith("shop.tf: segment_")
        and "function" in finding.what + finding.where
    ]
    assert severities == [severity]
