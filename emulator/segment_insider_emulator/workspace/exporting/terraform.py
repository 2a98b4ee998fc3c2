"""A workspace as Terraform configuration for Segment's provider.

Source: Segment's Terraform provider, resources segment_destination, _destination_subscription,
_destination_filter, _tracking_plan and _source_tracking_plan_connection.
"""

import re
from collections.abc import Iterator

from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.exporting import applied
from segment_insider_emulator.workspace.exporting.hcl import Expression, expression, text
from segment_insider_emulator.workspace.exporting.identity import METADATA_ID, SLUGS
from segment_insider_emulator.workspace.model import Workspace

_DESTINATION, _PLAN = "insider", "source"
_HEAD = """\
# Terraform configuration of Segment's destination for Insider One.
# `terraform import` takes over what exists already: the destination and a tracking plan
# by their ids, a subscription by <destination_id>:<subscription_id>, a filter by
# <destination_id>:<filter_id>, the plan's connection by <source_id>:<tracking_plan_id>."""


def configuration(workspace: Workspace, *, keep_secrets: bool = False) -> str:
    """The configuration as text. The key is a variable unless secrets are kept."""
    blocks = [*_variables(workspace, keep_secrets), _destination(workspace, keep_secrets)]
    labels: set[str] = set()
    blocks += (
        _subscription(_label(each["name"], labels), each)
        for each in applied.subscriptions(workspace)
    )
    blocks += (
        _filter(_label(each["title"] or "filter", labels), each, workspace)
        for each in applied.filters(workspace)
    )
    blocks += _plan(workspace)
    return "\n\n".join([_HEAD, *blocks]) + "\n"


def _variables(workspace: Workspace, keep_secrets: bool) -> Iterator[str]:
    if not keep_secrets:
        yield 'variable "ucd_key" {\n  type      = string\n  sensitive = true\n}'
    if not workspace.destination.get("sourceId"):
        yield 'variable "source_id" {\n  type = string\n}'


def _destination(workspace: Workspace, keep_secrets: bool) -> str:
    own = applied.destination(workspace, keep_secrets=keep_secrets)
    settings = own["settings"]
    if not keep_secrets:
        settings = settings | {"ucd_key": Expression("var.ucd_key")}
    arguments = {
        "name": own["name"],
        "enabled": own["enabled"],
        "source_id": _source(workspace),
        "metadata": {"id": METADATA_ID},
        "settings": _json(settings),
    }
    return _resource("segment_destination", _DESTINATION, arguments)


def _subscription(label: str, own: JSONObject) -> str:
    arguments: JSONObject = {
        "destination_id": _reference(),
        "name": own["name"],
        "enabled": own["enabled"],
        "action_id": own["actionId"],
        "trigger": own["trigger"],
        "settings": _json(own["settings"]),
    }
    if own.get("modelId"):
        arguments["model_id"] = own["modelId"]
    comment = f"# {SLUGS[own['actionId']]}\n"
    return comment + _resource("segment_destination_subscription", label, arguments)


def _filter(label: str, own: JSONObject, workspace: Workspace) -> str:
    arguments = {
        "if": own["if"],
        "source_id": _source(workspace),
        "destination_id": _reference(),
        "title": own["title"],
        "enabled": own["enabled"],
        "actions": [_action(each) for each in own["actions"]],
    }
    return _resource("segment_destination_filter", label, arguments)


def _action(own: JSONObject) -> JSONObject:
    return own | {"fields": _json(own["fields"])} if "fields" in own else own


def _plan(workspace: Workspace) -> Iterator[str]:
    """The tracking plan, and the source's connection to it with what it does about violations."""
    own = applied.plan(workspace)
    if own is None:
        return
    rules = [_rule(each) for each in own["rules"]]
    arguments: JSONObject = {"name": own["name"], "type": "LIVE", "rules": rules}
    yield _resource("segment_tracking_plan", _PLAN, arguments)
    connection: JSONObject = {
        "source_id": _source(workspace),
        "tracking_plan_id": Expression(f"segment_tracking_plan.{_PLAN}.id"),
    }
    if controls := applied.controls(workspace):
        connection["schema_settings"] = _snake(controls)
    yield _resource("segment_source_tracking_plan_connection", _PLAN, connection)


def _rule(own: JSONObject) -> JSONObject:
    known = {"type": own["type"], "version": own["version"]}
    key = {"key": own["key"]} if own["key"] else {}
    return key | known | {"json_schema": _json(own["jsonSchema"], 3)}


def _snake(value: JSON) -> JSON:
    if not isinstance(value, dict):
        return value
    return {
        re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", key): _snake(each)
        for key, each in value.items()
    }


def _reference() -> Expression:
    return Expression(f"segment_destination.{_DESTINATION}.id")


def _source(workspace: Workspace) -> JSON:
    return workspace.destination.get("sourceId") or Expression("var.source_id")


def _json(value: JSONObject, level: int = 1) -> Expression:
    return Expression(f"jsonencode({expression(value, level)})")


def _resource(kind: str, label: str, arguments: JSONObject) -> str:
    width = max(map(len, arguments))
    lines = [f"  {key:{width}} = {expression(value, 1)}" for key, value in arguments.items()]
    return "\n".join([f"resource {text(kind)} {text(label)} {{", *lines, "}"])


def _label(name: str, taken: set[str]) -> str:
    """A label made of *name* that no other resource has yet."""
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    base = words if words[:1].isalpha() else f"mapping_{words}".rstrip("_")
    label, number = base, 1
    while label in taken:
        number += 1
        label = f"{base}_{number}"
    taken.add(label)
    return label
