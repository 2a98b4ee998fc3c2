"""Terraform's resources as pieces of a workspace.

Source: Segment's Terraform provider 1.6.0: arguments in snake case, `settings` as JSON text.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.finding import Finding
from segment_insider_emulator.workspace.importing.json_documents import parse_value
from segment_insider_emulator.workspace.importing.pieces import Pieces
from segment_insider_emulator.workspace.importing.values import (
    Encoded,
    Unknown,
    unknown_values,
    with_encoded_texts,
)

_KINDS = {
    "segment_source": "sources",
    "segment_destination": "destinations",
    "segment_destination_subscription": "subscriptions",
    "segment_destination_filter": "filters",
    "segment_tracking_plan": "plans",
    "segment_tracking_plan_rules": "rules",
    "segment_source_tracking_plan_connection": "connections",
    "segment_transformation": "transformations",
    "segment_insert_function_instance": "functions",
    "segment_function": "functions",
}
_SPELT = {"reverse_etl_schedule": "reverseETLSchedule"}
# Attribute -> the kind of its value, where it has one kind.
_KINDS_OF_VALUES = {
    **dict.fromkeys(
        ("id", "name", "slug", "title", "if", "trigger", "type", "action_id", "source_id",
         "destination_id", "tracking_plan_id"),
        str,
    ),
    **dict.fromkeys(("metadata", "schema_settings"), dict),
    **dict.fromkeys(("rules", "actions"), list),
}  # fmt: skip
_REPEATED = ("count", "for_each")


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource, of a state or of configuration.

    Args:
        address: e.g. "segment_destination.insider".
        attributes: Under Terraform's names. A value may be Unknown or Encoded.
        file: Name of the file, for messages.
    """

    kind: str
    address: str
    attributes: JSONObject
    file: str = ""

    def place(self, attribute: str = "") -> str:
        """Return where the resource, or an attribute of it, stands; for messages."""
        place = ".".join(filter(None, (self.address, attribute)))
        return f"{self.file}: {place}" if self.file else place


def pieces(resources: Iterable[Resource]) -> Pieces:
    """Return the resources that make a workspace; others of Segment's are named in the findings."""
    found = Pieces()
    for resource in resources:
        kind = _KINDS.get(resource.kind)
        if kind and resource.attributes.get("count") != 0:
            _add(kind, resource, found)
        elif finding := _left_out(resource):
            found.findings.append(finding)
    return found


def _left_out(resource: Resource) -> Finding | None:
    if resource.kind == "module":
        what = "the resources of this module are not in the file that calls it"
        remedy = "Give the module's files too, or the state: terraform show -json."
        return Finding("warning", resource.place(), what, remedy)
    if not resource.kind.startswith("segment_"):
        return None
    if resource.kind in _KINDS:
        what = "its count is 0, so that it does not exist and is left out"
    else:
        what = f"{resource.kind} has no place in a workspace file and is left out"
    remedy = "Nothing to do, unless something of it should happen here."
    return Finding("note", resource.place(), what, remedy)


def _add(kind: str, resource: Resource, found: Pieces) -> None:
    piece = _piece(resource, found.findings)
    controls = piece.pop("schemaSettings", None) if kind == "sources" else None
    found.add(kind, piece, resource.place())
    if controls:
        connection = {"sourceId": piece["id"], "schemaSettings": controls}
        found.add("connections", connection, resource.place())


def _piece(resource: Resource, findings: list[Finding]) -> JSONObject:
    piece: JSONObject = {}
    for key, value in _once(resource, findings).items():
        if value is None and key != "enabled":
            continue
        place = resource.place(key)
        if key == "settings" and resource.kind != "segment_function":
            value = _settings(value, place)
        elif key == "actions" and isinstance(value, list):
            value = [_action(each, f"{place}[{at}]") for at, each in enumerate(value)]
        elif key == "rules" and isinstance(value, list):
            value = [_rule(each, f"{place}[{at}]") for at, each in enumerate(value)]
        elif key == "schema_settings":
            value = _renamed(value)
        piece[_camel(key)] = _of_its_kind(key, value, place)
    # What configuration has no id for yet is known by what others call it.
    if not isinstance(piece.get("id"), str):
        piece["id"] = Unknown(f"{resource.address}.id", resource.place("id"))
    return piece


def _once(resource: Resource, findings: list[Finding]) -> JSONObject:
    """The attributes of a resource that may exist any number of times: it is not known to be on."""
    attributes = {key: each for key, each in resource.attributes.items() if key not in _REPEATED}
    for key in _REPEATED:
        count = resource.attributes.get(key, 1)
        if count == 1:
            continue
        said = str(count) if isinstance(count, Unknown) else f"it has {key}"
        if "enabled" in attributes:
            attributes["enabled"] = Unknown(key, resource.place(key), f"with {key}, {said}")
        else:
            what = f"{said}, so that its number is not known; it is taken once"
            remedy = "Write each one as a resource of its own, or give the state."
            findings.append(Finding("warning", resource.place(key), what, remedy))
    return attributes


def _of_its_kind(key: str, value: JSON, place: str) -> JSON:
    """*value*, or Unknown where the provider takes another kind."""
    kind = _KINDS_OF_VALUES.get(key)
    value = with_encoded_texts(value)
    if kind is None or value is None or isinstance(value, kind | Unknown):
        return value
    inside = next(unknown_values(value), Unknown("", place))
    said = {str: "text", dict: "an object", list: "a list"}[kind]
    return Unknown(place, inside.where, f"{key} is not {said}")


def _settings(value: JSON, place: str) -> JSON:
    decoded = _decoded(value, place)
    if isinstance(decoded, dict | Unknown):
        return decoded
    inside = next(unknown_values(decoded), Unknown("", place))
    return Unknown(place, inside.where, "settings is not an object")


def _action(action: JSON, place: str) -> JSON:
    if not isinstance(action, dict):
        return action
    present = {key: value for key, value in action.items() if value is not None}
    if "fields" in present:
        present["fields"] = _decoded(present["fields"], f"{place}.fields")
    return present


def _rule(rule: JSON, place: str) -> JSON:
    if not isinstance(rule, dict):
        return rule
    present = {_camel(key): value for key, value in rule.items() if value is not None}
    if "jsonSchema" in present:
        present["jsonSchema"] = _decoded(present["jsonSchema"], f"{place}.json_schema")
    return present


def _renamed(value: JSON) -> JSON:
    """Schema settings under the Public API's names, without what is not set."""
    if not isinstance(value, dict):
        return value
    return {_camel(key): _renamed(each) for key, each in value.items() if each is not None}


def _decoded(value: JSON, place: str) -> JSON:
    if isinstance(value, Encoded):
        return value.value
    if not isinstance(value, str):
        return value
    try:
        return parse_value(value)
    except ValueError:
        return Unknown(value[:40], place, "this is no JSON text")


def _camel(key: str) -> str:
    return _SPELT.get(key) or re.sub(r"_([a-z])", lambda match: match[1].upper(), key)


def state_resources(document: JSONObject, file: str = "") -> Iterator[Resource]:
    """Yield the resources of a state: a state file, or what `terraform show -json` prints.

    A deposed instance is left out: Terraform is about to delete it.
    Raises: AttributeError, KeyError, TypeError, when it is no state.
    """
    values = document.get("values") or document.get("planned_values") or {}
    later = {each["address"]: each["change"].get("after_unknown") or {}
             for each in document.get("resource_changes") or []}  # fmt: skip
    yield from _module(values.get("root_module", {}), later, file)
    for each in document.get("resources") or []:
        address = ".".join(filter(None, (each.get("module"), each["type"], each["name"])))
        for instance in _list(each.get("instances")):
            if "deposed" not in instance:
                yield Resource(each["type"], address, instance.get("attributes") or {}, file)


def _list(value: JSON) -> list[Any]:
    """The entries of a list, or none. Raises: TypeError, when *value* is something else."""
    if value is not None and not isinstance(value, list):
        raise TypeError(type(value))
    return value or []


def is_state(document: JSON) -> bool:
    """Check whether *document* is a state of Terraform's, in one of its forms."""
    if not isinstance(document, dict):
        return False
    return "format_version" in document or isinstance(document.get("resources"), list)


def _module(module: JSONObject, later: dict[str, JSON], file: str) -> Iterator[Resource]:
    for each in _list(module.get("resources")):
        if "deposed_key" in each:
            continue
        place = f"{file}: {each['address']}"
        attributes = _with_later(each.get("values") or {}, later.get(each["address"]), place)
        yield Resource(each["type"], each["address"], attributes, file)
    for child in _list(module.get("child_modules")):
        yield from _module(child, later, file)


def _with_later(value: JSON, later: JSON, place: str) -> JSON:
    """*value* of a plan with what is known after apply alone as Unknown."""
    if later is True:
        return Unknown("(known after apply)", place)
    if isinstance(value, dict) and isinstance(later, dict):
        added = {
            key: _with_later(value.get(key), below, f"{place}.{key}")
            for key, below in later.items()
            if below is not False
        }
        return value | added
    return value
