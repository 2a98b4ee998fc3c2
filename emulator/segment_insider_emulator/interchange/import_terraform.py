"""Conversion of the resources of Terraform states and configuration for an import.

Source: Segment's Terraform provider 1.6.0: arguments in snake case, `settings` as JSON text.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from segment_insider_emulator.interchange.import_resources import (
    ImportedResources,
    JsonEncodeCall,
    UnknownValue,
    iterate_unknown_values,
    replace_jsonencode_calls,
)
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.documents import parse_json_value
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
# Attribute -> expected type of its value.
_ATTRIBUTE_TYPES = {
    **dict.fromkeys(
        ("id", "name", "slug", "title", "if", "trigger", "type", "action_id", "source_id",
         "destination_id", "tracking_plan_id"),
        str,
    ),
    **dict.fromkeys(("metadata", "schema_settings"), dict),
    **dict.fromkeys(("rules", "actions"), list),
}  # fmt: skip
# Attributes whose values have arguments of their own.
_CAMEL_CASE_VALUES = (
    "schema_settings",
    "property_renames",
    "property_value_transformations",
    "fql_defined_properties",
    "hash_properties_configuration",
)
_COUNT_ATTRIBUTES = ("count", "for_each")


@dataclass(frozen=True, slots=True)
class TerraformResource:
    """One Terraform resource, from a state or from configuration.

    Args:
        address: e.g. "segment_destination.insider".
        attributes: Under Terraform's names. A value may be an UnknownValue or JsonEncodeCall.
        file: Name of the file, for messages.
    """

    resource_type: str
    address: str
    attributes: JSONObject
    file: str = ""

    def format_location(self, attribute: str = "") -> str:
        """Return the location of a Terraform resource or its attribute, for messages."""
        place = ".".join(filter(None, (self.address, attribute)))
        return f"{self.file}: {place}" if self.file else place


def collect_terraform_resources(resources: Iterable[TerraformResource]) -> ImportedResources:
    """Convert Terraform resources for an import; report unsupported ones of Segment."""
    imported = ImportedResources()
    for resource in resources:
        kind = _RESOURCE_KINDS_BY_TYPE.get(resource.resource_type)
        if kind and resource.attributes.get("count") != 0:
            _add_converted_resource(kind, resource, imported)
        elif finding := _build_skipped_resource_finding(resource):
            imported.findings.append(finding)
    return imported


def _build_skipped_resource_finding(resource: TerraformResource) -> WorkspaceFinding | None:
    if resource.resource_type == "module":
        what = "the resources of this module are not in the file that calls it"
        remedy = "Give the module's files too, or the state: terraform show -json."
        return WorkspaceFinding("warning", resource.format_location(), what, remedy)
    if not resource.resource_type.startswith("segment_"):
        return None
    if resource.resource_type in _RESOURCE_KINDS_BY_TYPE:
        what = "its count is 0, so it does not exist and is left out"
    else:
        what = f"{resource.resource_type} has no place in a workspace file and is left out"
    remedy = "Nothing to do, unless you need it."
    return WorkspaceFinding("note", resource.format_location(), what, remedy)


def _add_converted_resource(
    kind: str, resource: TerraformResource, imported: ImportedResources
) -> None:
    piece = _convert_terraform_resource(resource, imported.findings)
    controls = piece.pop("schemaSettings", None) if kind == "sources" else None
    imported.add_resource(kind, piece, resource.format_location())
    if controls:
        connection = {"sourceId": piece["id"], "schemaSettings": controls}
        imported.add_resource("connections", connection, resource.format_location())


def _convert_terraform_resource(
    resource: TerraformResource, findings: list[WorkspaceFinding]
) -> JSONObject:
    piece: JSONObject = {}
    for key, value in _get_single_instance_attributes(resource, findings).items():
        if value is None and key != "enabled":
            continue
        place = resource.format_location(key)
        if key == "settings" and resource.resource_type != "segment_function":
            value = _decode_settings(value, place)
        elif key == "actions" and isinstance(value, list):
            value = [
                _decode_filter_action(entry, f"{place}[{index}]")
                for index, entry in enumerate(value)
            ]
        elif key == "rules" and isinstance(value, list):
            value = [
                _decode_plan_rule(entry, f"{place}[{index}]") for index, entry in enumerate(value)
            ]
        elif key in _CAMEL_CASE_VALUES:
            value = _convert_keys_to_camel_case(value)
        piece[_convert_to_camel_case(key)] = _check_attribute_type(key, value, place)
    # A resource without an id is identified by the reference that others use for it.
    if not isinstance(piece.get("id"), str):
        piece["id"] = UnknownValue(f"{resource.address}.id", resource.format_location("id"))
    return piece


def _get_single_instance_attributes(
    resource: TerraformResource, findings: list[WorkspaceFinding]
) -> JSONObject:
    """Return a Terraform resource's attributes as one instance; report `count` and `for_each`."""
    attributes = {
        key: value for key, value in resource.attributes.items() if key not in _COUNT_ATTRIBUTES
    }
    for key in _COUNT_ATTRIBUTES:
        count = resource.attributes.get(key, 1)
        if count == 1:
            continue
        reason = str(count) if isinstance(count, UnknownValue) else f"it has {key}"
        if "enabled" in attributes:
            attributes["enabled"] = UnknownValue(
                key, resource.format_location(key), f"with {key}, {reason}"
            )
        else:
            what = f"{reason}, so its number is not known; it is taken once"
            remedy = "Write each one as a resource of its own, or give the state."
            findings.append(
                WorkspaceFinding("warning", resource.format_location(key), what, remedy)
            )
    return attributes


def _check_attribute_type(key: str, value: JSON, location: str) -> JSON:
    """Return a Terraform attribute's value, or an UnknownValue when it has the wrong type."""
    kind = _ATTRIBUTE_TYPES.get(key)
    value = replace_jsonencode_calls(value)
    if kind is None or value is None or isinstance(value, kind | UnknownValue):
        return value
    unknown = next(iterate_unknown_values(value), UnknownValue("", location))
    expected = {str: "text", dict: "an object", list: "a list"}[kind]
    return UnknownValue(location, unknown.where, f"{key} is not {expected}")


def _decode_settings(value: JSON, location: str) -> JSON:
    decoded = _decode_json_text(value, location)
    if isinstance(decoded, dict | UnknownValue):
        return decoded
    unknown = next(iterate_unknown_values(decoded), UnknownValue("", location))
    return UnknownValue(location, unknown.where, "settings is not an object")


def _decode_filter_action(action: JSON, location: str) -> JSON:
    if not isinstance(action, dict):
        return action
    present = {key: value for key, value in action.items() if value is not None}
    if "fields" in present:
        present["fields"] = _decode_json_text(present["fields"], f"{location}.fields")
    return present


def _decode_plan_rule(rule: JSON, location: str) -> JSON:
    if not isinstance(rule, dict):
        return rule
    present = {
        _convert_to_camel_case(key): value for key, value in rule.items() if value is not None
    }
    if "jsonSchema" in present:
        present["jsonSchema"] = _decode_json_text(present["jsonSchema"], f"{location}.json_schema")
    return present


def _convert_keys_to_camel_case(value: JSON) -> JSON:
    """Rename the keys in a Terraform value to camelCase and drop null values."""
    if isinstance(value, list):
        return [_convert_keys_to_camel_case(child) for child in value]
    if not isinstance(value, dict):
        return value
    return {
        _convert_to_camel_case(key): _convert_keys_to_camel_case(child)
        for key, child in value.items()
        if child is not None
    }


def _decode_json_text(value: JSON, location: str) -> JSON:
    if isinstance(value, JsonEncodeCall):
        return value.value
    if not isinstance(value, str):
        return value
    try:
        return parse_json_value(value)
    except ValueError:
        return UnknownValue(value[:40], location, "this is not JSON text")


def _convert_to_camel_case(key: str) -> str:
    return _CAMEL_CASE_EXCEPTIONS.get(key) or re.sub(
        r"_([a-z])", lambda match: match[1].upper(), key
    )


def list_state_resources(document: JSONObject, file: str = "") -> Iterator[TerraformResource]:
    """Yield the resources of a Terraform state file, or of `terraform show -json`.

    Deposed instances are skipped: Terraform is about to delete them.
    Raises: AttributeError, KeyError, TypeError, when *document* is not a state.
    """
    values = document.get("values") or document.get("planned_values") or {}
    later = {change["address"]: change["change"].get("after_unknown") or {}
             for change in document.get("resource_changes") or []}  # fmt: skip
    yield from _iterate_module_resources(values.get("root_module", {}), later, file)
    for resource in document.get("resources") or []:
        address = ".".join(
            filter(None, (resource.get("module"), resource["type"], resource["name"]))
        )
        for instance in _require_list_or_null(resource.get("instances")):
            if "deposed" not in instance:
                yield TerraformResource(
                    resource["type"], address, instance.get("attributes") or {}, file
                )


def _require_list_or_null(value: JSON) -> list[Any]:
    """Return a list of a Terraform state, [] for null; raise TypeError for any other value."""
    if value is not None and not isinstance(value, list):
        raise TypeError(type(value))
    return value or []


def is_terraform_state(document: JSON) -> bool:
    """Return whether a JSON document is a Terraform state or plan."""
    if not isinstance(document, dict):
        return False
    return "format_version" in document or isinstance(document.get("resources"), list)


def _iterate_module_resources(
    module: JSONObject, unknown_after_apply: dict[str, JSON], file: str
) -> Iterator[TerraformResource]:
    for resource in _require_list_or_null(module.get("resources")):
        if "deposed_key" in resource:
            continue
        place = f"{file}: {resource['address']}"
        attributes = _mark_unknown_after_apply(
            resource.get("values") or {}, unknown_after_apply.get(resource["address"]), place
        )
        yield TerraformResource(resource["type"], resource["address"], attributes, file)
    for child in _require_list_or_null(module.get("child_modules")):
        yield from _iterate_module_resources(child, unknown_after_apply, file)


def _mark_unknown_after_apply(value: JSON, unknown_after_apply: JSON, location: str) -> JSON:
    """Replace values of a Terraform plan that are known only after apply by unknown values."""
    if unknown_after_apply is True:
        return UnknownValue("(known after apply)", location)
    if isinstance(value, dict) and isinstance(unknown_after_apply, dict):
        marked = {
            key: _mark_unknown_after_apply(value.get(key), child, f"{location}.{key}")
            for key, child in unknown_after_apply.items()
            if child is not False
        }
        return value | marked
    return value
