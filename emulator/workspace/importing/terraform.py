"""Terraform's resources as pieces of a workspace.

Source: Segment's Terraform provider: arguments in snake case, `settings` and `fields` as JSON text.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from emulator.types import JSON, JSONObject
from emulator.workspace.exporting.hcl import Expression
from emulator.workspace.finding import Finding
from emulator.workspace.importing.pieces import Pieces

_KINDS = {
    "segment_source": "sources",
    "segment_destination": "destinations",
    "segment_destination_subscription": "subscriptions",
    "segment_destination_filter": "filters",
    "segment_tracking_plan": "plans",
    "segment_source_tracking_plan_connection": "connections",
}
_SPELT = {"reverse_etl_schedule": "reverseETLSchedule"}


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource, of a state or of configuration.

    Args:
        address: e.g. "segment_destination.insider".
        attributes: Under Terraform's names. A value may be an Expression, which only Terraform can
            give a value, or Encoded.
    """

    kind: str
    address: str
    attributes: JSONObject


@dataclass(frozen=True, slots=True)
class Encoded:
    """The argument of `jsonencode`: JSON whose text was never written."""

    value: JSON


def pieces(resources: Iterable[Resource]) -> Pieces:
    """The resources that make a workspace; others of Segment's are told."""
    found = Pieces()
    for resource in resources:
        kind = _KINDS.get(resource.kind)
        if kind:
            _add(kind, _piece(resource, found.findings), found)
        elif resource.kind == "module":
            what = "the resources of this module are not in the file that calls it"
            remedy = "Give the module's files too, or the state: terraform show -json."
            found.findings.append(Finding("warning", resource.address, what, remedy))
        elif resource.kind.startswith("segment_"):
            what = f"{resource.kind} has no place in a workspace file and is left out"
            remedy = "Nothing to do, unless something of it should happen here."
            found.findings.append(Finding("note", resource.address, what, remedy))
    return found


def _add(kind: str, piece: JSONObject, found: Pieces) -> None:
    controls = piece.pop("schemaSettings", None) if kind == "sources" else None
    found.add(kind, piece)
    if controls:
        found.add("connections", {"sourceId": piece["id"], "schemaSettings": controls})


def state_resources(document: JSONObject) -> Iterator[Resource]:
    """The resources of a state: a state file, or what `terraform show -json` prints of one."""
    values = document.get("values") or document.get("planned_values") or {}
    yield from _module(values.get("root_module", {}))
    for each in document.get("resources", []):
        for instance in each.get("instances", []):
            address = ".".join(filter(None, (each.get("module"), each["type"], each["name"])))
            yield Resource(each["type"], address, instance.get("attributes") or {})


def is_state(document: JSON) -> bool:
    """Whether *document* is a state of Terraform's, in one of its forms."""
    if not isinstance(document, dict):
        return False
    return "format_version" in document or isinstance(document.get("resources"), list)


def _module(module: JSONObject) -> Iterator[Resource]:
    for each in module.get("resources", []):
        yield Resource(each["type"], each["address"], each.get("values") or {})
    for child in module.get("child_modules", []):
        yield from _module(child)


def _piece(resource: Resource, findings: list[Finding]) -> JSONObject:
    given = {key: value for key, value in resource.attributes.items() if value is not None}
    piece: JSONObject = {}
    for key, value in given.items():
        where = f"{resource.address}.{key}"
        if key == "settings":
            value = _decoded(value, where, findings)
        elif key == "actions" and isinstance(value, list):
            value = [_action(each, where, findings) for each in value]
        elif key == "rules" and isinstance(value, list):
            value = [_rule(each, f"{where}[{at}]", findings) for at, each in enumerate(value)]
        elif key == "schema_settings":
            value = _renamed(value)
        piece[_camel(key)] = value
    # What configuration has no id for yet is known by what others call it.
    piece.setdefault("id", Expression(f"{resource.address}.id"))
    return piece


def _action(action: JSONObject, where: str, findings: list[Finding]) -> JSONObject:
    present = {key: value for key, value in action.items() if value is not None}
    if "fields" in present:
        present["fields"] = _decoded(present["fields"], f"{where}.fields", findings)
    return present


def _rule(rule: JSONObject, where: str, findings: list[Finding]) -> JSONObject:
    present = {_camel(key): value for key, value in rule.items() if value is not None}
    if "jsonSchema" in present:
        present["jsonSchema"] = _decoded(present["jsonSchema"], where, findings)
    return present


def _renamed(value: JSON) -> JSON:
    """Schema settings under the Public API's names, without what is not set."""
    if not isinstance(value, dict):
        return value
    return {_camel(key): _renamed(each) for key, each in value.items() if each is not None}


def _decoded(value: JSON, where: str, findings: list[Finding]) -> JSON:
    if isinstance(value, Encoded):
        return value.value
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        what = "this is no JSON text and is left out"
        remedy = "Write it with jsonencode()."
        findings.append(Finding("error", where, what, remedy))
        return {}


def _camel(key: str) -> str:
    return _SPELT.get(key) or re.sub(r"_([a-z])", lambda match: match[1].upper(), key)
