"""Terraform's resources as pieces of a workspace.

Source: Segment's Terraform provider 1.6.0: arguments in snake case, `settings` as JSON text.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from segment_insider_emulator.interchange.import_resources import (
    ImportedResources,
    JsonEncodedValue,
    UnknownValue,
    iterate_unknown_values,
    replace_encoded_values,
)
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.parsing import parse_json_value
from segment_insider_emulator.workspace.validation import WorkspaceFinding

_RESOURCE_KINDS_BY_TYPE = {
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
_CAMEL_CASE_EXCEPTIONS = {"reverse_etl_schedule": "reverseETLSchedule"}
# Attribute -> the kind of its value, where it has one kind.
_ATTRIBUTE_TYPES = {
    **dict.fromkeys(
        ("id", "name", "slug", "title", "if", "trigger", "type", "action_id", "source_id",
         "destination_id", "tracking_plan_id"),
        str,
    ),
    **dict.fromkeys(("metadata", "schema_settings"), dict),
    **dict.fromkeys(("rules", "actions"), list),
}  # fmt: skip
_COUNT_ATTRIBUTES = ("count", "for_each")


@dataclass(frozen=True, slots=True)
class TerraformResource:
    """One resource, of a state or of configuration.

    Args:
        address: e.g. "segment_destination.insider".
        attributes: Under Terraform's names. A value may be Unknown or Encoded.
        file: Name of the file, for messages.
    """

    resource_type: str
    address: str
    attributes: JSONObject
    file: str = ""

    def locate(self, attribute: str = "") -> str:
        """Return where the resource, or an attribute of it, stands; for messages."""
        place = ".".join(filter(None, (self.address, attribute)))
        return f"{self.file}: {place}" if self.file else place


def collect_terraform_resources(resources: Iterable[TerraformResource]) -> ImportedResources:
    """Return the resources that make a workspace; others of Segment's are named in the findings."""
    found = ImportedResources()
    for resource in resources:
        kind = _RESOURCE_KINDS_BY_TYPE.get(resource.resource_type)
        if kind and resource.attributes.get("count") != 0:
            _add_converted_resource(kind, resource, found)
        elif finding := _skipped_resource_finding(resource):
            found.findings.append(finding)
    return found


def _skipped_resource_finding(resource: TerraformResource) -> WorkspaceFinding | None:
    if resource.resource_type == "module":
        what = "the resources of this module are not in the file that calls it"
        remedy = "Give the module's files too, or the state: terraform show -json."
        return WorkspaceFinding("warning", resource.locate(), what, remedy)
    if not resource.resource_type.startswith("segment_"):
        return None
    if resource.resource_type in _RESOURCE_KINDS_BY_TYPE:
        what = "its count is 0, so that it does not exist and is left out"
    else:
        what = f"{resource.resource_type} has no place in a workspace file and is left out"
    remedy = "Nothing to do, unless something of it should happen here."
    return WorkspaceFinding("note", resource.locate(), what, remedy)


def _add_converted_resource(
    kind: str, resource: TerraformResource, imported: ImportedResources
) -> None:
    piece = _convert_resource(resource, imported.findings)
    controls = piece.pop("schemaSettings", None) if kind == "sources" else None
    imported.add_resource(kind, piece, resource.locate())
    if controls:
        connection = {"sourceId": piece["id"], "schemaSettings": controls}
        imported.add_resource("connections", connection, resource.locate())


def _convert_resource(resource: TerraformResource, findings: list[WorkspaceFinding]) -> JSONObject:
    piece: JSONObject = {}
    for key, value in _single_instance_attributes(resource, findings).items():
        if value is None and key != "enabled":
            continue
        place = resource.locate(key)
        if key == "settings" and resource.resource_type != "segment_function":
            value = _decode_settings(value, place)
        elif key == "actions" and isinstance(value, list):
            value = [_decode_filter_action(each, f"{place}[{at}]") for at, each in enumerate(value)]
        elif key == "rules" and isinstance(value, list):
            value = [_decode_rule(each, f"{place}[{at}]") for at, each in enumerate(value)]
        elif key == "schema_settings":
            value = _camel_case_keys(value)
        piece[_camel_case(key)] = _check_attribute_type(key, value, place)
    # What configuration has no id for yet is known by what others call it.
    if not isinstance(piece.get("id"), str):
        piece["id"] = UnknownValue(f"{resource.address}.id", resource.locate("id"))
    return piece


def _single_instance_attributes(
    resource: TerraformResource, findings: list[WorkspaceFinding]
) -> JSONObject:
    """The attributes of a resource that may exist any number of times: it is not known to be on."""
    attributes = {
        key: each for key, each in resource.attributes.items() if key not in _COUNT_ATTRIBUTES
    }
    for key in _COUNT_ATTRIBUTES:
        count = resource.attributes.get(key, 1)
        if count == 1:
            continue
        said = str(count) if isinstance(count, UnknownValue) else f"it has {key}"
        if "enabled" in attributes:
            attributes["enabled"] = UnknownValue(key, resource.locate(key), f"with {key}, {said}")
        else:
            what = f"{said}, so that its number is not known; it is taken once"
            remedy = "Write each one as a resource of its own, or give the state."
            findings.append(WorkspaceFinding("warning", resource.locate(key), what, remedy))
    return attributes


def _check_attribute_type(key: str, value: JSON, location: str) -> JSON:
    """*value*, or Unknown where the provider takes another kind."""
    kind = _ATTRIBUTE_TYPES.get(key)
    value = replace_encoded_values(value)
    if kind is None or value is None or isinstance(value, kind | UnknownValue):
        return value
    inside = next(iterate_unknown_values(value), UnknownValue("", location))
    said = {str: "text", dict: "an object", list: "a list"}[kind]
    return UnknownValue(location, inside.where, f"{key} is not {said}")


def _decode_settings(value: JSON, location: str) -> JSON:
    decoded = _decode_json_text(value, location)
    if isinstance(decoded, dict | UnknownValue):
        return decoded
    inside = next(iterate_unknown_values(decoded), UnknownValue("", location))
    return UnknownValue(location, inside.where, "settings is not an object")


def _decode_filter_action(action: JSON, location: str) -> JSON:
    if not isinstance(action, dict):
        return action
    present = {key: value for key, value in action.items() if value is not None}
    if "fields" in present:
        present["fields"] = _decode_json_text(present["fields"], f"{location}.fields")
    return present


def _decode_rule(rule: JSON, location: str) -> JSON:
    if not isinstance(rule, dict):
        return rule
    present = {_camel_case(key): value for key, value in rule.items() if value is not None}
    if "jsonSchema" in present:
        present["jsonSchema"] = _decode_json_text(present["jsonSchema"], f"{location}.json_schema")
    return present


def _camel_case_keys(value: JSON) -> JSON:
    """Schema settings under the Public API's names, without what is not set."""
    if not isinstance(value, dict):
        return value
    return {
        _camel_case(key): _camel_case_keys(each) for key, each in value.items() if each is not None
    }


def _decode_json_text(value: JSON, location: str) -> JSON:
    if isinstance(value, JsonEncodedValue):
        return value.value
    if not isinstance(value, str):
        return value
    try:
        return parse_json_value(value)
    except ValueError:
        return UnknownValue(value[:40], location, "this is no JSON text")


def _camel_case(key: str) -> str:
    return _CAMEL_CASE_EXCEPTIONS.get(key) or re.sub(
        r"_([a-z])", lambda match: match[1].upper(), key
    )


def list_state_resources(document: JSONObject, file: str = "") -> Iterator[TerraformResource]:
    """Yield the resources of a state: a state file, or what `terraform show -json` prints.

    A deposed instance is left out: Terraform is about to delete it.
    Raises: AttributeError, KeyError, TypeError, when it is no state.
    """
    values = document.get("values") or document.get("planned_values") or {}
    later = {each["address"]: each["change"].get("after_unknown") or {}
             for each in document.get("resource_changes") or []}  # fmt: skip
    yield from _module_resources(values.get("root_module", {}), later, file)
    for each in document.get("resources") or []:
        address = ".".join(filter(None, (each.get("module"), each["type"], each["name"])))
        for instance in _list_or_empty(each.get("instances")):
            if "deposed" not in instance:
                yield TerraformResource(
                    each["type"], address, instance.get("attributes") or {}, file
                )


def _list_or_empty(value: JSON) -> list[Any]:
    """The entries of a list, or none. Raises: TypeError, when *value* is something else."""
    if value is not None and not isinstance(value, list):
        raise TypeError(type(value))
    return value or []


def is_terraform_state(document: JSON) -> bool:
    """Check whether *document* is a state of Terraform's, in one of its forms."""
    if not isinstance(document, dict):
        return False
    return "format_version" in document or isinstance(document.get("resources"), list)


def _module_resources(
    module: JSONObject, unknown_after_apply: dict[str, JSON], file: str
) -> Iterator[TerraformResource]:
    for each in _list_or_empty(module.get("resources")):
        if "deposed_key" in each:
            continue
        place = f"{file}: {each['address']}"
        attributes = _mark_unknown_after_apply(
            each.get("values") or {}, unknown_after_apply.get(each["address"]), place
        )
        yield TerraformResource(each["type"], each["address"], attributes, file)
    for child in _list_or_empty(module.get("child_modules")):
        yield from _module_resources(child, unknown_after_apply, file)


def _mark_unknown_after_apply(value: JSON, unknown_after_apply: JSON, location: str) -> JSON:
    """*value* of a plan with what is known after apply alone as Unknown."""
    if unknown_after_apply is True:
        return UnknownValue("(known after apply)", location)
    if isinstance(value, dict) and isinstance(unknown_after_apply, dict):
        added = {
            key: _mark_unknown_after_apply(value.get(key), below, f"{location}.{key}")
            for key, below in unknown_after_apply.items()
            if below is not False
        }
        return value | added
    return value
