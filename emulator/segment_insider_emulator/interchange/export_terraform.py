"""Export of a workspace as Terraform configuration for Segment's provider.

Source: Segment's Terraform provider, resources segment_destination, _destination_subscription,
_destination_filter, _transformation, _tracking_plan and _source_tracking_plan_connection;
Terraform's language documentation, "Strings and templates" and "Types and values".
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from segment_insider_emulator.interchange import export_workspace
from segment_insider_emulator.interchange.export_workspace import ACTION_SLUGS
from segment_insider_emulator.interchange.function_resources import export_functions
from segment_insider_emulator.mapping.catalog import DESTINATION_METADATA_ID
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.model import Workspace

_HCL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# Reserved words; an object that begins with `for` would be a loop.
_RESERVED_WORDS = ("null", "true", "false", "for", "if", "in", "else", "endif", "endfor")


@dataclass(frozen=True, slots=True)
class HclExpression:
    """HCL text that is written without quotes, e.g. "var.ucd_key"."""

    text: str


def format_hcl_value(value: JSON | HclExpression, indent_level: int = 0) -> str:
    """Format *value* as an HCL expression; objects and lists get one line per entry."""
    match value:
        case HclExpression():
            return value.text
        case dict() if len(value) == 1 and isinstance(only := next(iter(value.values())), str):
            # A directive such as {"@path" = "$.userId"} is easier to read on one line.
            return f"{{ {_format_hcl_key(next(iter(value)))} = {format_hcl_string(only)} }}"
        case dict() if value:
            entries = [
                f"{_format_hcl_key(key)} = {format_hcl_value(child, indent_level + 1)}"
                for key, child in value.items()
            ]
            return _format_indented_block("{", entries, "}", indent_level)
        case list() if value:
            return _format_indented_block(
                "[",
                [f"{format_hcl_value(child, indent_level + 1)}," for child in value],
                "]",
                indent_level,
            )
        case str():
            return format_hcl_string(value)
        case _:
            return json.dumps(value)


def format_hcl_string(value: str) -> str:
    """Format *value* as a quoted HCL string without template sequences."""
    return '"' + "".join(_escape_hcl_characters(value)) + '"'


def _escape_hcl_characters(value: str) -> Iterator[str]:
    for character, next_character in zip_longest(value, value[1:], fillvalue=""):
        if character in "$%" and next_character and next_character in "$%{":
            # Escaped instead of doubled, because parsers read doubled signs differently.
            yield f"\\u{ord(character):04x}"
        elif character in _HCL_ESCAPES:
            yield _HCL_ESCAPES[character]
        elif ord(character) < 0x20 or character in "\x7f\x85\u2028\u2029":
            yield f"\\u{ord(character):04x}"
        else:
            yield character


_HCL_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _format_hcl_key(key: str) -> str:
    return (
        key if _HCL_NAME.fullmatch(key) and key not in _RESERVED_WORDS else format_hcl_string(key)
    )


def _format_indented_block(opening: str, items: list[str], closing: str, indent_level: int) -> str:
    indent = "  " * (indent_level + 1)
    lines = [f"{indent}{part}" for part in items]
    return "\n".join([opening, *lines, "  " * indent_level + closing])


_DESTINATION_LABEL, _TRACKING_PLAN_LABEL = "insider", "source"
_FILE_HEADER = """\
# Terraform configuration of Segment's destination for Insider One.
# `terraform import` takes over what exists already: the destination, a tracking plan
# and a transformation by their ids, a subscription by <destination_id>:<subscription_id>, a
# filter by <destination_id>:<filter_id>, the plan's connection by
# <source_id>:<tracking_plan_id>."""


def build_terraform_configuration(workspace: Workspace, *, keep_secrets: bool = False) -> str:
    """Build a workspace's Terraform configuration; its account key is a variable by default."""
    blocks = [
        *_build_variable_blocks(workspace, keep_secrets),
        _build_destination_block(workspace, keep_secrets),
    ]
    labels: set[str] = set()
    blocks += (
        _build_subscription_block(_build_unique_label(subscription["name"], labels), subscription)
        for subscription in export_workspace.export_subscriptions(workspace)
    )
    blocks += (
        _build_filter_block(
            _build_unique_label(destination_filter["title"] or "filter", labels),
            destination_filter,
            workspace,
        )
        for destination_filter in export_workspace.export_filters(workspace)
    )
    blocks += (
        _build_transformation_block(
            _build_unique_label(transformation["name"], labels), transformation, workspace
        )
        for transformation in export_workspace.export_transformations(workspace, keep_secrets=True)
        if not any(
            transformation.get(key)
            for key in export_workspace.TRANSFORMATION_KEYS_WITHOUT_TERRAFORM
        )
    )
    blocks += _build_function_blocks(workspace, labels, keep_secrets=keep_secrets)
    blocks += _build_tracking_plan_blocks(workspace)
    return "\n\n".join([_FILE_HEADER, *blocks]) + "\n"


def _build_variable_blocks(workspace: Workspace, keep_secrets: bool) -> Iterator[str]:
    if not keep_secrets:
        yield 'variable "ucd_key" {\n  type      = string\n  sensitive = true\n}'
    if not workspace.destination.get("sourceId"):
        yield 'variable "source_id" {\n  type = string\n}'


def _build_destination_block(workspace: Workspace, keep_secrets: bool) -> str:
    destination = export_workspace.export_destination(workspace, keep_secrets=keep_secrets)
    settings = destination["settings"]
    if not keep_secrets:
        settings = settings | {"ucd_key": HclExpression("var.ucd_key")}
    arguments = {
        "name": destination["name"],
        "enabled": destination["enabled"],
        "source_id": _build_source_id_expression(workspace),
        "metadata": {"id": DESTINATION_METADATA_ID},
        "settings": _build_jsonencode_expression(settings),
    }
    return _build_resource_block("segment_destination", _DESTINATION_LABEL, arguments)


def _build_subscription_block(label: str, subscription: JSONObject) -> str:
    arguments: JSONObject = {
        "destination_id": _build_destination_id_reference(),
        "name": subscription["name"],
        "enabled": subscription["enabled"],
        "action_id": subscription["actionId"],
        "trigger": subscription["trigger"],
        "settings": _build_jsonencode_expression(subscription["settings"]),
    }
    if subscription.get("modelId"):
        arguments["model_id"] = subscription["modelId"]
    comment = f"# {ACTION_SLUGS[subscription['actionId']]}\n"
    return comment + _build_resource_block("segment_destination_subscription", label, arguments)


def _build_filter_block(label: str, destination_filter: JSONObject, workspace: Workspace) -> str:
    arguments = {
        "if": destination_filter["if"],
        "source_id": _build_source_id_expression(workspace),
        "destination_id": _build_destination_id_reference(),
        "title": destination_filter["title"],
        "enabled": destination_filter["enabled"],
        "actions": [
            _build_filter_action_argument(action) for action in destination_filter["actions"]
        ],
    }
    return _build_resource_block("segment_destination_filter", label, arguments)


def _build_transformation_block(
    label: str, transformation: JSONObject, workspace: Workspace
) -> str:
    arguments: JSONObject = {
        "source_id": _build_source_id_expression(workspace),
        "name": transformation["name"],
        "enabled": transformation.get("enabled", True),
        "if": transformation["if"],
    }
    for key in ("destinationMetadataId", "newEventName"):
        if transformation.get(key):
            arguments[key] = transformation[key]
    for key in ("propertyRenames", "propertyValueTransformations", "fqlDefinedProperties"):
        arguments[key] = transformation.get(key) or []  # the provider requires it
    return _build_resource_block(
        "segment_transformation", label, _convert_keys_to_snake_case(arguments)
    )


def _build_function_blocks(
    workspace: Workspace, labels: set[str], *, keep_secrets: bool
) -> Iterator[str]:
    """Yield the Terraform blocks of functions, and of what connects them."""
    for kind, function, instance in export_functions(workspace, keep_secrets=keep_secrets):
        label = _build_unique_label(function["displayName"], labels)
        yield _build_resource_block(
            "segment_function", label, _convert_keys_to_snake_case(function)
        )
        if instance is None:
            continue
        integration_id = (
            _build_destination_id_reference()
            if kind == "insert"
            else _build_source_id_expression(workspace)
        )
        arguments = {
            "integration_id": integration_id,
            "function_id": HclExpression(f"segment_function.{label}.id"),
            "name": instance["name"],
            "enabled": instance["enabled"],
            "settings": _build_jsonencode_expression(instance["settings"]),
        }
        yield _build_resource_block("segment_insert_function_instance", label, arguments)


def _build_filter_action_argument(action: JSONObject) -> JSONObject:
    return (
        action | {"fields": _build_jsonencode_expression(action["fields"])}
        if "fields" in action
        else action
    )


def _build_tracking_plan_blocks(workspace: Workspace) -> Iterator[str]:
    """Yield the Terraform blocks of a tracking plan and of its connection to the source."""
    tracking_plan = export_workspace.export_tracking_plan(workspace)
    if tracking_plan is None:
        return
    rules = [_build_plan_rule_argument(rule) for rule in tracking_plan["rules"]]
    arguments: JSONObject = {"name": tracking_plan["name"], "type": "LIVE", "rules": rules}
    yield _build_resource_block("segment_tracking_plan", _TRACKING_PLAN_LABEL, arguments)
    connection: JSONObject = {
        "source_id": _build_source_id_expression(workspace),
        "tracking_plan_id": HclExpression(f"segment_tracking_plan.{_TRACKING_PLAN_LABEL}.id"),
    }
    if controls := export_workspace.export_schema_settings(workspace):
        connection["schema_settings"] = _convert_keys_to_snake_case(controls)
    yield _build_resource_block(
        "segment_source_tracking_plan_connection", _TRACKING_PLAN_LABEL, connection
    )


def _build_plan_rule_argument(rule: JSONObject) -> JSONObject:
    known = {"type": rule["type"], "version": rule["version"]}
    key = {"key": rule["key"]} if rule["key"] else {}
    return key | known | {"json_schema": _build_jsonencode_expression(rule["jsonSchema"], 3)}


def _convert_keys_to_snake_case(value: JSON) -> JSON:
    if isinstance(value, list):
        return list(map(_convert_keys_to_snake_case, value))
    if not isinstance(value, dict):
        return value
    return {
        re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", key): _convert_keys_to_snake_case(
            child
        )
        for key, child in value.items()
    }


def _build_destination_id_reference() -> HclExpression:
    return HclExpression(f"segment_destination.{_DESTINATION_LABEL}.id")


def _build_source_id_expression(workspace: Workspace) -> JSON:
    return workspace.destination.get("sourceId") or HclExpression("var.source_id")


def _build_jsonencode_expression(value: JSONObject, indent_level: int = 1) -> HclExpression:
    return HclExpression(f"jsonencode({format_hcl_value(value, indent_level)})")


def _build_resource_block(resource_type: str, label: str, arguments: JSONObject) -> str:
    width = max(map(len, arguments))
    lines = [f"  {key:{width}} = {format_hcl_value(value, 1)}" for key, value in arguments.items()]
    return "\n".join(
        [f"resource {format_hcl_string(resource_type)} {format_hcl_string(label)} {{", *lines, "}"]
    )


def _build_unique_label(name: str, used_labels: set[str]) -> str:
    """Build a unique Terraform label from *name*."""
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    base = words if words[:1].isalpha() else f"mapping_{words}".rstrip("_")
    label, number = base, 1
    while label in used_labels:
        number += 1
        label = f"{base}_{number}"
    used_labels.add(label)
    return label
