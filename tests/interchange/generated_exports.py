"""Generate Terraform configuration and Public API responses with one changed value.

    python tests/interchange/generated_exports.py

imports every form of expression in place of every attribute that is read, then every type of JSON
in place of every value of a response, and prints imports that raise an error, cannot be loaded or
do not report the changed value. `--seed` and `--pairs` add documents with two such values,
`--damaged` exports of the fixtures (a state, a plan, responses) with values of other types.
"""

import copy
import json
import random
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.interchange.import_files import read_import_files
from segment_insider_emulator.interchange.import_workspace import (
    ImportedWorkspace,
    build_imported_workspace,
)
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.documents import format_workspace_yaml, parse_document
from segment_insider_emulator.workspace.loading import load_workspace_from_document

FIXTURES = Path(__file__).parents[2] / "fixtures" / "imports"
EXPORTS = (
    *(FIXTURES / "terraform" / name for name in ("terraform.tfstate", "show.json")),
    *sorted((FIXTURES / "public-api").glob("*.json")),
)
# Forms of HCL with a value that only Terraform knows.
EXPRESSIONS = (
    "var.x", "local.x", "data.segment_source.x.name", "module.m.out", "each.value", "count.index",
    "path.module", "terraform.workspace", "self.id", "segment_source.other.name", "var.x.y[0].z",
    'var.x["a"]', "var.x[*].id", "var.x.*.id", 'file("a.json")', 'templatefile("a", { b = 1 })',
    'jsondecode(file("./a.json"))', "jsonencode(merge({}, { a = 1 }))",
    "merge(local.a, { b = 2 })", "var.on ? true : false", 'var.on ? "a" : "b"', "!var.on",
    "-var.n", "1 + 2", "var.a == 1", "var.a && var.b", "(var.x)", "[for v in var.x : v]",
    "{ for k, v in var.x : k => v }", "{ for v in var.x : v => v... }",
    '"${var.x}"', '"a-${var.x}"', '"%{ if var.x }a%{ endif }"',
    '"${upper("a")}"', "<<EOT\n${var.x}\nEOT\n", "<<-EOT\n    a ${var.x}\n    EOT\n",
    "lookup(local.a, \"b\")", "try(var.x, null)", "toset([var.x])", "one(var.x[*])",
    'provider::segment::f("a")', "jsonencode({ a = var.x })", "[var.x]", "{ a = var.x }",
    "{ (var.x) = 1 }", "jsonencode([for v in var.x : v])", "1e999",
)  # fmt: skip
FILE = "shop.tf"
NAMES = {
    "source": "segment_source.web",
    "destination": "segment_destination.insider",
    "subscription": "segment_destination_subscription.order",
    "filter": "segment_destination_filter.staff",
    "plan": "segment_tracking_plan.shop",
    "connection": "segment_source_tracking_plan_connection.shop",
}
# Resource -> attribute -> its text. "{}" is where an expression inside of it goes.
ATTRIBUTES: dict[str, dict[str, str]] = {
    "source": {"name": '"Web"', "slug": '"web"', "enabled": "true", "metadata": '{ id = "x" }',
               "settings": '"{}"'},
    "destination": {
        "name": '"Insider"', "enabled": "true", "source_id": "segment_source.web.id",
        "metadata": '{ id = "643697f531f98a978f414453" }',
        "settings": 'jsonencode({ account_name = "m", ucd_key = "k" })',
    },
    "subscription": {
        "name": '"Orders"', "enabled": "true", "action_id": '"xjHAWdHAw2SMv7kL1RD7f8"',
        "destination_id": "segment_destination.insider.id", "trigger": '"type = \\"track\\""',
        "settings": 'jsonencode({ uuid = { "@path" = "$.userId" } })',
    },
    "filter": {
        "if": '"all"', "title": '"Staff"', "enabled": "true",
        "destination_id": "segment_destination.insider.id", "actions": '[{ type = "DROP" }]',
    },
    "plan": {
        "name": '"Shop"', "type": '"LIVE"',
        "rules": '[{ key = "A", type = "TRACK", version = 1, json_schema = "{}" }]',
    },
    "connection": {
        "source_id": "segment_source.web.id", "tracking_plan_id": "segment_tracking_plan.shop.id",
        "schema_settings": "{ track = { allow_unplanned_events = true } }",
    },
}  # fmt: skip
# Places in an attribute where an expression can be.
INNER: dict[tuple[str, str], tuple[str, ...]] = {
    ("source", "metadata"): ("{ id = {} }",),
    ("destination", "metadata"): ("{ id = {} }",),
    ("destination", "settings"): (
        'jsonencode({ account_name = {}, ucd_key = "k" })',
        'jsonencode({ account_name = "m", ucd_key = "k", region = {} })',
    ),
    ("subscription", "settings"): (
        'jsonencode({ uuid = {}, timestamp = "t" })',
        'jsonencode({ uuid = { "@path" = {} }, timestamp = "t" })',
        'jsonencode({ parameters = { a = {}, b = "b" }, timestamp = "t" })',
        'jsonencode({ products = [1, {}], timestamp = "t" })',
        'jsonencode({ parameters = { "@merge" = { objects = [{ a = {} }] } }, timestamp = "t" })',
        "jsonencode({ uuid = {} })",
    ),
    ("filter", "actions"): (
        "[{ type = {} }]",
        '[{ type = "SAMPLE", percent = {} }]',
        '[{ type = "DROP_PROPERTIES", fields = {} }]',
        '[{ type = "DROP_PROPERTIES", fields = jsonencode({ properties = {} }) }]',
        "[{}]",
    ),
    ("plan", "rules"): (
        '[{ key = {}, type = "TRACK", version = 1, json_schema = "{}" }]',
        '[{ key = "A", type = {}, version = 1, json_schema = "{}" }]',
        '[{ key = "A", type = "TRACK", version = {}, json_schema = "{}" }]',
        '[{ key = "A", type = "TRACK", version = 1, json_schema = {} }]',
        '[{ key = "A", type = "TRACK", version = 1, json_schema = jsonencode({ type = {} }) }]',
        "[{}]",
    ),
    ("connection", "schema_settings"): (
        "{ track = {} }",
        "{ track = { allow_unplanned_events = {} } }",
        "{ identify = { common_event_on_violations = {} } }",
    ),
}
# What an expression may leave in the document, since a reader may know it: a link to another piece.
LINKS = ("source_id", "destination_id", "tracking_plan_id")
JSON_VALUES: tuple[JSON, ...] = (
    None, True, False, 0, -1, 1.5, 2**70, "", "x", "\ud83c", [], [None], ["x"], [[]], {},
    {"a": 1}, [{"a": None}],
)  # fmt: skip


class Case(NamedTuple):
    """One import: its files, and the resource and attribute that a finding must name."""

    files: list[tuple[str, bytes]]
    named: tuple[str, ...]
    what: str


def iter_configurations() -> Iterator[Case]:
    """Yield a case for every expression in place of every attribute, and inside it."""
    for kind, attributes in ATTRIBUTES.items():
        for attribute in attributes:
            for place in ("{}", *INNER.get((kind, attribute), ())):
                for expression in EXPRESSIONS:
                    if "\n" in expression and place != "{}":
                        continue  # a heredoc ends its line
                    text = insert_expression(place, expression)
                    where = f"{FILE}: {NAMES[kind]}.{attribute}"
                    yield Case(
                        [(FILE, write_configuration({(kind, attribute): text}))], (where,), text
                    )


def iter_pairs(seed: int, count: int) -> Iterator[Case]:
    """Yield cases with two such values."""
    dice = random.Random(seed)
    places = [(kind, name) for kind, names in ATTRIBUTES.items() for name in names]
    for _ in range(count):
        changes = {}
        for place in dice.sample(places, 2):
            around = dice.choice(("{}", *INNER.get(place, ())))
            expressions = [expression for expression in EXPRESSIONS if "\n" not in expression]
            changes[place] = insert_expression(around, dice.choice(expressions))
        yield Case([(FILE, write_configuration(changes))], (), str(changes))


def insert_expression(place: str, expression: str) -> str:
    """Return *place* with *expression* in it; a quoted empty schema is no place."""
    return place.replace('"{}"', "\0").replace("{}", expression).replace("\0", '"{}"')


def write_configuration(changes: dict[tuple[str, str], str]) -> bytes:
    """Return a file with every kind of resource and with *changes* of attributes."""
    lines = []
    for kind, attributes in ATTRIBUTES.items():
        labels = " ".join(f'"{part}"' for part in NAMES[kind].split("."))
        lines.append(f"resource {labels} {{")
        lines += [
            f"  {name} = {changes.get((kind, name), text)}" for name, text in attributes.items()
        ]
        lines.append("}")
    return "\n".join(lines).encode()


RESPONSE: JSONObject = {
    "data": {
        "source": {
            "id": "s1", "name": "Shop", "slug": "shop", "enabled": True, "writeKeys": ["wk"],
            "metadata": {"id": "m"}, "settings": {}, "labels": [{"key": "a", "value": "b"}],
        },
        "trackingPlanId": "tp_1",
        "destination": {
            "id": "d1", "name": "Insider", "enabled": True, "sourceId": "s1",
            "metadata": {"id": "643697f531f98a978f414453", "slug": "actions-insider-cloud"},
            "settings": {"account_name": "m", "ucd_key": "k"},
        },
        "subscriptions": [{
            "id": "b1", "name": "Orders", "actionId": "xjHAWdHAw2SMv7kL1RD7f8",
            "actionSlug": "orderCompletedEvent", "destinationId": "d1", "enabled": True,
            "trigger": 'type = "track"', "settings": {"uuid": {"@path": "$.userId"}},
        }],
        "filters": [{
            "id": "f1", "destinationId": "d1", "title": "Staff", "if": "all", "enabled": True,
            "actions": [{"type": "SAMPLE", "percent": 0.5, "path": "userId"},
                        {"type": "DROP_PROPERTIES", "fields": {"properties": ["email"]}}],
        }],
        "trackingPlan": {"id": "tp_1", "name": "Shop", "type": "LIVE"},
        "rules": [{
            "type": "TRACK", "key": "A", "version": 1,
            "jsonSchema": {"type": "object", "properties": {"userId": {"type": "string"}}},
        }],
        "settings": {"track": {"allowUnplannedEvents": True, "commonEventOnViolations": "ALLOW"}},
        "transformations": [{
            "id": "t1", "name": "Rename", "sourceId": "s1", "enabled": True, "if": "all",
            "newEventName": "B", "propertyRenames": [],
        }],
        "pagination": {"current": "MA=="},
    }
}  # fmt: skip


def iter_responses() -> Iterator[Case]:
    """Yield a case for every JSON type in place of every value of a response."""
    for path in iter_paths(RESPONSE, ()):
        for value in JSON_VALUES:
            changed = copy.deepcopy(RESPONSE)
            parent: Any = changed
            for step in path[:-1]:
                parent = parent[step]
            parent[path[-1]] = value
            raw = json.dumps(changed).encode()
            yield Case([("answer.json", raw)], (), f"{path}: {value!r}")


def iter_paths(value: JSON, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield (*path, key)
        yield from iter_paths(value[key], (*path, key))


def iter_damaged_exports(seed: int, count: int) -> Iterator[Case]:
    """Yield exports of the fixtures with one to three values of other types at random places."""
    dice = random.Random(seed)
    exports = [json.loads(file.read_bytes()) for file in EXPORTS]
    # A resource of another type is another resource, which is named and rightly left out.
    places = [[path for path in iter_paths(export, ()) if path[-1] != "type"] for export in exports]
    for _ in range(count):
        at = dice.randrange(len(EXPORTS))
        document = copy.deepcopy(exports[at])
        changed = dict.fromkeys(dice.choice(places[at]) for _ in range(dice.randint(1, 3)))
        for path in changed:
            changed[path] = dice.choice(JSON_VALUES)
            put_at(document, path, changed[path])
        raw = json.dumps(document).encode()
        yield Case([(EXPORTS[at].name, raw)], (), f"{EXPORTS[at].name}: {changed}")


def put_at(document: Any, path: tuple[Any, ...], value: JSON) -> None:
    """Put *value* at *path*, unless an earlier change has removed that place."""
    for step in path[:-1]:
        if not isinstance(document, dict | list) or not _has(document, step):
            return
        document = document[step]
    if isinstance(document, dict | list) and _has(document, path[-1]):
        document[path[-1]] = value


def _has(container: Any, step: Any) -> bool:
    return (
        step in container
        if isinstance(container, dict)
        else isinstance(step, int) and step < len(container)
    )


def import_case(case: Case) -> ImportedWorkspace | None:
    """Import a case; return None when it is rejected with an error message."""
    try:
        return build_imported_workspace(read_import_files(case.files))
    except EmulatorError:
        return None


def find_fault(case: Case) -> str | None:
    """Return what is wrong with the import of a case, or None."""
    result = import_case(case)
    if result is None:
        return None
    text = format_workspace_yaml(result.document, result.skipped_subscriptions)
    document = parse_document(text.encode(), "shop.yaml")
    if document != result.document:
        return "the file reads back as another document"
    load_workspace_from_document(document, "shop.yaml")
    findings = [finding for finding in result.findings if finding.severity != "note"]
    if case.named and not any(finding.where.startswith(case.named) for finding in findings):
        return f"not named: {case.named}"
    return find_loss(result, case.files[0][0]) if case.named == () and not findings else None


@cache
def import_undamaged(name: str) -> ImportedWorkspace:
    """Import an undamaged export."""
    known = {file.name: file.read_bytes() for file in EXPORTS}
    return build_imported_workspace(
        read_import_files([(name, known.get(name, json.dumps(RESPONSE).encode()))])
    )


def find_loss(result: ImportedWorkspace, name: str) -> str | None:
    """Return what an import without findings has lost from the export *name*, or None."""
    for key in ("subscriptions", "filters"):
        had = import_undamaged(name).document["destination"].get(key)
        has = result.document["destination"].get(key)
        if len(had or ()) != len(has or ()):
            return f"{key} were lost without a word"
        for before, after in zip(had or (), has or (), strict=True):
            if after.get("enabled", True) and not before.get("enabled", True):
                return f"what is off became on in {key}"
            if before.get("settings") and not after.get("settings"):
                return "a mapping became empty"
    return None


def main(arguments: list[str]) -> int:
    seed = int(arguments[arguments.index("--seed") + 1]) if "--seed" in arguments else 1
    count = int(arguments[arguments.index("--pairs") + 1]) if "--pairs" in arguments else 0
    count_done = faults = 0
    broken = int(arguments[arguments.index("--damaged") + 1]) if "--damaged" in arguments else 0
    for case in (
        *iter_configurations(),
        *iter_responses(),
        *iter_pairs(seed, count),
        *iter_damaged_exports(seed, broken),
    ):
        count_done += 1
        try:
            wrong = find_fault(case)
        except Exception as error:  # noqa: BLE001  # any is a finding
            wrong = f"{type(error).__name__}: {error}"
        if wrong:
            faults += 1
            sys.stdout.write(f"{case.what}\n  {wrong}\n")
    sys.stdout.write(f"{count_done} imports, {faults} faults\n")
    return int(faults > 0)


if __name__ == "__main__":
    assert Path("emulator").is_dir(), "run it in the project's folder"
    sys.exit(main(sys.argv[1:]))
