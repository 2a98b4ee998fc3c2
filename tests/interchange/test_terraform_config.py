"""Terraform configuration: what it says is read, what only Terraform knows is named."""

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


def subscription(**changes: str) -> str:
    attributes = {
        "destination_id": "segment_destination.insider.id", "name": '"Orders"', "enabled": "true",
        "action_id": '"xjHAWdHAw2SMv7kL1RD7f8"', "trigger": '"type = \\"track\\""',
        "settings": 'jsonencode({ uuid = { "@path" = "$.userId" } })',
    } | changes  # fmt: skip
    lines = "\n".join(f"  {name} = {text}" for name, text in attributes.items())
    return f'resource "segment_destination_subscription" "orders" {{\n{lines}\n}}\n'


def filtering(**changes: str) -> str:
    attributes = {
        "destination_id": "segment_destination.insider.id", "title": '"Staff"', "enabled": "true",
        "if": '"all"', "actions": '[{ type = "DROP" }]',
    } | changes  # fmt: skip
    lines = "\n".join(f"  {name} = {text}" for name, text in attributes.items())
    return f'resource "segment_destination_filter" "staff" {{\n{lines}\n}}\n'


def imported(*texts: str) -> ImportedWorkspace:
    return build_imported_workspace(
        read_import_file("\n".join((DESTINATION, *texts)).encode(), "shop.tf")
    )


def destination(*texts: str) -> JSONObject:
    found: JSONObject = imported(*texts).document["destination"]
    return found


def attribute(expression: str, *before: str) -> Any:
    """What the name of a source is read as."""
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
    assert attribute(expression) == value


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
    found = read_import_file(
        f'{names}\nresource "segment_source" "a" {{\n labels = {expression}\n}}\n'.encode(), "a.tf"
    ).sources[1]["labels"]
    assert found == value


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
    """Each of these would take minutes where a character is read again for each before it."""
    parse_hcl_file(text)


def test_configuration_that_expands_too_much_is_refused() -> None:
    doubled = "\n".join(f"a{n} = [local.a{n + 1}, local.a{n + 1}]" for n in range(40))
    with pytest.raises(EmulatorError) as error:
        attribute("local.a0", f"locals {{\n{doubled}\na40 = 1\n}}")
    assert error.value.what == "the configuration expands to too many values"


def test_nested_encodings_that_grow_without_end_are_refused() -> None:
    nested = 'jsonencode({ a = "b", c = ' * 40 + "1" + " })" * 40
    with pytest.raises(EmulatorError) as error:
        attribute(nested)
    assert error.value.what == "the configuration expands to too many values"


def test_unknown_switches_are_off() -> None:
    read = imported(
        subscription(enabled="var.on"),
        filtering(enabled="!var.off"),
    )
    made = read.document["destination"]
    (only,), (filter_,) = made["subscriptions"], made["filters"]
    assert (only["enabled"], filter_["enabled"]) == (False, False)
    assert [
        (finding.where, finding.what) for finding in read.findings if finding.severity == "warning"
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
def test_an_unknown_mapping_is_left_out_and_never_empty(settings: str) -> None:
    read = imported(subscription(settings=settings))
    assert read.document["destination"]["subscriptions"] == []
    assert [
        skipped_subscription["name"] for skipped_subscription in read.skipped_subscriptions
    ] == ["Orders"]
    assert [
        finding.severity
        for finding in read.findings
        if "subscription 'Orders' is left out" in finding.what
    ] == ["error"]


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ("{ uuid = 1, event_name = var.x }", {"uuid": 1}),
        ('{ uuid = 1, timestamp = { "@path" = var.x } }', {"uuid": 1}),
        ("{ uuid = 1, parameters = { a = var.x, b = 2 } }", {"uuid": 1, "parameters": {"b": 2}}),
        ("{ uuid = 1, parameters = { a = var.x } }", {"uuid": 1}),
        ("{ uuid = 1, products = [1, var.x] }", {"uuid": 1}),
        ("{ uuid = 1, (var.x) = 2 }", {"uuid": 1}),
    ],
)
def test_only_the_smallest_useless_part_of_a_mapping_is_left_out(
    settings: str, left: JSONObject
) -> None:
    (only,) = destination(subscription(settings=f"jsonencode({settings})"))["subscriptions"]
    assert only["settings"] == left


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
def test_an_unknown_filter_is_left_out_and_the_file_loads(
    changes: dict[str, str], tmp_path: Path
) -> None:
    file, written = tmp_path / "shop.tf", tmp_path / "shop.yaml"
    file.write_text(DESTINATION + filtering(**changes))
    result = run(file, "--output", written)
    assert result.exit_code == 1
    assert "the filter 'Staff' is left out" in result.stderr
    assert load_workspace_or_preset(written).destination.get("filters", []) == []


def run(*arguments: Path | str) -> Result:
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
    read = imported(plan)
    assert read.document["trackingPlan"]["rules"] == [{"key": "A", "type": "TRACK", "version": 1}]
    assert [finding.where for finding in read.findings if finding.severity == "warning"] == [
        "shop.tf: segment_tracking_plan.shop.rules[0].json_schema",
        "trackingPlan: rules[0]",
    ]


def test_a_mapping_of_an_unknown_destination_is_imported_and_reported() -> None:
    read = imported(subscription(destination_id="var.destination"))
    assert len(read.document["destination"]["subscriptions"]) == 1
    assert "only Terraform knows var.destination, so 'Orders' is taken as this" in (
        " ".join(finding.what for finding in read.findings if finding.severity == "warning")
    )


@pytest.mark.parametrize(("count", "names"), [("0", []), ("1", [True]), ("var.n", [False])])
def test_a_resource_that_may_not_exist_is_off(count: str, names: list[bool]) -> None:
    found = destination(subscription(count=count))["subscriptions"]
    assert [subscription["enabled"] for subscription in found] == names


def git_sync(tmp_path: Path) -> Path:
    """A folder as Segment's Git Sync writes it: one file a resource, named by `import` blocks."""
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
    result = run(git_sync(tmp_path), "--json", "--keep-secrets")
    told = json.loads(result.stdout)["workspace"]
    assert (told["source"]["id"], told["source"]["name"]) == ("s1", "Web shop")
    assert told["destination"]["id"] == "d1"
    assert told["destination"]["settings"] == {"account_name": "m", "ucd_key": "test-key"}
    assert [
        (subscription_entry["id"], subscription_entry["settings"])
        for subscription_entry in told["destination"]["subscriptions"]
    ] == [("b1", {"uuid": {"@path": "$.userId"}})]


def test_a_folder_of_answers_is_imported(tmp_path: Path) -> None:
    for name in ("destination", "subscriptions", "source"):
        raw = Path(f"fixtures/imports/public-api/{name}.json").read_bytes()
        (tmp_path / f"{name}.json").write_bytes(raw)
    (tmp_path / "notes.txt").write_text("}")
    told = json.loads(run(tmp_path, "--json").stdout)["workspace"]
    assert (told["source"]["name"], len(told["destination"]["subscriptions"])) == ("Web shop", 4)


def test_a_folder_without_exports_gives_a_clear_error(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert (result.exit_code, "no file in this folder ends in .tf" in result.stderr) == (2, True)


def test_only_files_of_one_folder_share_names() -> None:
    files = [
        ("a/main.tf", (DESTINATION + subscription(trigger="local.orders")).encode()),
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
    read = build_imported_workspace(read_import_file(json.dumps(document).encode(), "shop.tf.json"))
    (only,) = read.document["destination"]["subscriptions"]
    assert (only["trigger"], only["enabled"]) == ('type = "track"', False)
    assert only["settings"] == {"uuid": "${x}"}
    assert "shop.tf.json: segment_destination_subscription.orders.enabled" in [
        finding.where for finding in read.findings
    ]


def test_a_deposed_instance_is_left_out() -> None:
    state = json.loads(Path("fixtures/imports/terraform/terraform.tfstate").read_text())
    whole = build_imported_workspace(
        read_import_file(json.dumps(state).encode(), "a.tfstate")
    ).document
    for resource in state["resources"]:
        attributes = {**resource["instances"][0]["attributes"], "id": "old"}
        resource["instances"].append({"deposed": "1a2b", "attributes": attributes})
    assert (
        build_imported_workspace(read_import_file(json.dumps(state).encode(), "a.tfstate")).document
        == whole
    )


def test_a_deposed_resource_of_show_is_left_out() -> None:
    shown = json.loads(Path("fixtures/imports/terraform/show.json").read_text())
    whole = build_imported_workspace(
        read_import_file(json.dumps(shown).encode(), "show.json")
    ).document
    held = shown["values"]["root_module"]["resources"]
    old = [{**resource, "values": {**resource["values"], "id": "x"}} for resource in held]
    held += [{**instance, "deposed_key": "1a2b"} for instance in old]
    assert (
        build_imported_workspace(read_import_file(json.dumps(shown).encode(), "show.json")).document
        == whole
    )


def test_values_known_after_apply_are_reported() -> None:
    shown = json.loads(Path("fixtures/imports/terraform/show.json").read_text())
    module = shown.pop("values")
    kind = "segment_destination_subscription"
    first = next(
        resource for resource in module["root_module"]["resources"] if resource["type"] == kind
    )
    del first["values"]["enabled"]
    plan = shown | {
        "planned_values": module,
        "resource_changes": [
            {"address": first["address"], "change": {"after_unknown": {"enabled": True}}}
        ],
    }
    read = build_imported_workspace(read_import_file(json.dumps(plan).encode(), "plan.json"))
    assert read.document["destination"]["subscriptions"][0]["enabled"] is False
    assert f"plan.json: {first['address']}.enabled" in [finding.where for finding in read.findings]


TRANSFORMATION = """
resource "segment_transformation" "rename" {
  source_id = %s
  %s
  name = "Rename"
  enabled = %s
  if = "event = 'Bad'"
  new_event_name = "Good"
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
    ("text", "severity"),
    [
        (TRANSFORMATION % ("segment_source.web.id", "", "true"), "warning"),
        (TRANSFORMATION % ("var.source", "", "true"), "warning"),
        (TRANSFORMATION % ("segment_source.web.id", INSIDER, "true"), "warning"),
        (TRANSFORMATION % ("segment_source.web.id", "", "var.on"), "warning"),
        (TRANSFORMATION % ("segment_source.app.id", "", "true"), "note"),
        (TRANSFORMATION % ("segment_source.web.id", "", "false"), "note"),
        (TRANSFORMATION
         % ("segment_source.web.id", 'destination_metadata_id = "other"', "true"), "note"),
        (FUNCTION % ("segment_destination.insider.id", "true"), "warning"),
        (FUNCTION % ("segment_source.web.id", "true"), "warning"),
        (FUNCTION % ("segment_source.app.id", "true"), "note"),
        (FUNCTION % ("segment_destination.insider.id", "false"), "note"),
        ('resource "segment_function" "f" {\n resource_type = "INSERT_DESTINATION"\n}', "warning"),
        ('resource "segment_function" "f" {\n resource_type = "DESTINATION"\n}', "note"),
    ],
)  # fmt: skip
def test_transformations_and_functions_are_reported(text: str, severity: str) -> None:
    found: ImportedResources = read_import_file((SOURCES + OURS + text).encode(), "shop.tf")
    address = "segment_transformation.rename" if "rename" in text else "segment_"
    said = [
        finding.severity
        for finding in build_imported_workspace(found).findings
        if (
            finding.where.startswith(f"shop.tf: {address}")
            and "function" in finding.what + finding.where
        )
        or "transformation" in finding.what
    ]
    assert said == [severity]
