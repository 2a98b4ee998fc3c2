"""Functions in the shapes of Segment's Public API and Terraform, to and from a workspace file.

Source: Segment, Public API, `FunctionV1` and `InsertFunctionInstanceAlpha`; Terraform provider
1.6.0, `segment_function` and `segment_insert_function_instance`.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from segment_insider_emulator.functions.segment_function import FUNCTION_KINDS, FunctionKind
from segment_insider_emulator.interchange.import_resources import UnknownValue
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import Workspace
from segment_insider_emulator.workspace.model import TEST_ACCOUNT_KEY
from segment_insider_emulator.workspace.validation import Severity, WorkspaceFinding

# Resource type of a function -> its list in a workspace file.
KINDS_BY_TYPE: dict[str, FunctionKind] = {
    "INSERT_DESTINATION": "insert",
    "SOURCE": "source",
    "INSERT_SOURCE": "sourceInsert",
}
TYPES_BY_KIND: dict[FunctionKind, str] = {kind: name for name, kind in KINDS_BY_TYPE.items()}
SECRET_PLACEHOLDER: Final = "<secret>"
EMULATOR_KEYS: Final = ("libraries", "allowedHosts", "timeout")  # of the functions of a workspace
_SETTING_TYPES = {bool: "BOOLEAN", list: "ARRAY", dict: "TEXT_MAP"}
_FILE_CALL = re.compile(r'file\(\s*"(?:\$\{path\.(?:module|root)\}/)?([^"$]+)"\s*\)')
_CLASS_REMEDY = "Give the answer of GET /functions/{id} too."
_INSTANCE_REMEDY = "Give the answer of GET /insert-function-instances?functionId={id} too."


def is_function_instance(resource: JSONObject) -> bool:
    """Return whether an imported resource connects an insert function to something."""
    return any(key in resource for key in ("functionId", "classId", "integrationId"))


def convert_functions(
    resources: list[JSONObject],
    refers_to: Callable[[JSON, FunctionKind], bool],
    findings: list[WorkspaceFinding],
    *,
    keep_secrets: bool = False,
) -> JSONObject:
    """Convert imported functions to the `functions` of a workspace file; report the others.

    Args:
        resources: Functions and their instances; "place" is for messages.
        refers_to: Whether an instance's integrationId is that of the destination, or, for a
            source insert function, of its source.
    """
    functions = [one for one in resources if not is_function_instance(one)]
    instances = [one for one in resources if is_function_instance(one)]
    converted: JSONObject = {}
    for instance in instances:
        function = next((one for one in functions if _is_instance_of(instance, one)), None)
        kind = _find_connected_kind(function, instance, refers_to)
        if function and kind:
            entry = _convert_function(function, instance, findings, keep_secrets=keep_secrets)
            converted.setdefault(kind, []).append(entry)
        else:
            findings.append(_report_unusable_instance(instance, kind))
    for function in functions:
        if _get_kind(function) == "source":
            entry = _convert_function(function, {}, findings, keep_secrets=keep_secrets)
            converted.setdefault("source", []).append(entry)
        else:
            findings += _report_unconnected_function(function, instances)
    for entries in converted.values():
        _give_names_of_their_own(entries)
    return converted


def _find_connected_kind(
    function: JSONObject | None,
    instance: JSONObject,
    refers_to: Callable[[JSON, FunctionKind], bool],
) -> FunctionKind | None:
    """Return the kind of an instance's function; None if it is connected to something else."""
    kinds: tuple[FunctionKind | None, ...] = ("insert", "sourceInsert")
    if function:
        kinds = (_get_kind(function),)
    integration_id = instance.get("integrationId")
    return next((kind for kind in kinds if kind and refers_to(integration_id, kind)), None)


def _report_unusable_instance(instance: JSONObject, kind: FunctionKind | None) -> WorkspaceFinding:
    subject = f"the insert function {_get_text(instance.get('name'))!r}"
    if kind is None:
        return _note(instance, subject, "belongs to another source or destination and is left out")
    severity: Severity = "note" if instance.get("enabled") is False else "warning"
    what = f"the code of {subject} is not in the files, so it is missing"
    return WorkspaceFinding(severity, instance["place"], what, _CLASS_REMEDY)


def _report_unconnected_function(
    function: JSONObject, instances: list[JSONObject]
) -> Iterator[WorkspaceFinding]:
    name = _get_text(function.get("displayName"))
    if _get_kind(function) is None:
        what = "is a destination of its own and is left out"
        yield _note(function, f"the function {name!r}", what)
    elif not any(_is_instance_of(instance, function) for instance in instances):
        what = f"the files do not say what the insert function {name!r} is connected to"
        yield WorkspaceFinding("warning", function["place"], what, _INSTANCE_REMEDY)


def _is_instance_of(instance: JSONObject, function: JSONObject) -> bool:
    reference = instance.get("functionId", instance.get("classId"))
    name = _get_text(function.get("displayName"))
    return reference is not None and reference in (function.get("id"), _build_placeholder(name))


def _get_kind(function: JSONObject | None) -> FunctionKind | None:
    resource_type = (function or {}).get("resourceType")
    return KINDS_BY_TYPE.get(resource_type) if isinstance(resource_type, str) else None


def _convert_function(
    function: JSONObject,
    instance: JSONObject,
    findings: list[WorkspaceFinding],
    *,
    keep_secrets: bool,
) -> JSONObject:
    name = _get_text(function.get("displayName")) or _get_text(instance.get("name")) or "Function"
    entry: JSONObject = {"name": name, "enabled": instance.get("enabled", True)}
    code = function.get("code")
    path = _FILE_CALL.fullmatch(code.text) if isinstance(code, UnknownValue) else None
    if path:
        entry["codeFile"] = path[1]
        what = f"the code of the function {name!r} is in the file {path[1]}"
        remedy = "Keep that file at this path from the workspace file's folder."
        findings.append(WorkspaceFinding("note", function["place"], what, remedy))
    else:
        entry["code"] = code
    definitions = function.get("settings")
    definitions = definitions if isinstance(definitions, list) else []
    settings = instance.get("settings")
    settings = dict(settings) if isinstance(settings, dict) else settings or {}
    if isinstance(settings, dict):
        settings = _replace_secret_settings(settings, definitions, keep_secrets=keep_secrets)
    if settings:
        entry["settings"] = settings
    if definitions:
        entry["settingDefinitions"] = definitions
    for key, value in (
        ("description", function.get("description")),
        ("logoUrl", function.get("logoUrl")),
        ("id", function.get("id")),
        ("instanceId", instance.get("id")),
        ("instanceName", instance.get("name")),
    ):
        if isinstance(value, str) and value:
            entry[key] = value
    return entry


def _replace_secret_settings(
    settings: JSONObject, definitions: list[Any], *, keep_secrets: bool
) -> JSONObject:
    """Return settings without secret values; secret ones without a value get a test value."""
    secret_names = [
        definition["name"]
        for definition in definitions
        if isinstance(definition, dict)
        and definition.get("sensitive") is True
        and isinstance(definition.get("name"), str)
    ]
    hidden = dict.fromkeys(secret_names, TEST_ACCOUNT_KEY)
    return hidden | settings if keep_secrets else settings | hidden


def _give_names_of_their_own(entries: list[JSONObject]) -> None:
    used = set[str]()
    for entry in entries:
        base, number = entry["name"], 2
        while entry["name"] in used:
            entry["name"] = f"{base} {number}"
            number += 1
        used.add(entry["name"])


def _get_text(value: JSON) -> str:
    return value if isinstance(value, str) else ""


def _note(resource: JSONObject, subject: str, what: str) -> WorkspaceFinding:
    return WorkspaceFinding("note", resource["place"], f"{subject} {what}", "Nothing to do.")


def _build_placeholder(name: str) -> str:
    """Return the reference to a function that an export creates: it has no id yet."""
    return f"{{functionId of {name}}}"


def export_functions(
    workspace: Workspace, *, keep_secrets: bool
) -> Iterator[tuple[FunctionKind, JSONObject, JSONObject | None]]:
    """Yield kind, function and instance of each function, as Segment stores them, without ids.

    The instance is None for source functions.
    """
    functions = workspace.document.get("functions", {})
    for kind in FUNCTION_KINDS:
        for entry in functions.get(kind, ()):
            settings = entry.get("settings", {})
            definitions = entry.get("settingDefinitions") or [
                _define_setting(name, value) for name, value in settings.items()
            ]
            function = {
                "displayName": entry["name"],
                "resourceType": TYPES_BY_KIND[kind],
                "code": entry["code"],
                "settings": definitions,
                **{key: entry[key] for key in ("description", "logoUrl") if entry.get(key)},
            }
            instance: JSONObject = {
                "name": entry.get("instanceName") or entry["name"],
                "enabled": entry.get("enabled", True),
                "settings": settings
                if keep_secrets
                else hide_secret_settings(entry, SECRET_PLACEHOLDER)["settings"],
            }
            yield kind, function, None if kind == "source" else instance


def hide_secret_settings(entry: JSONObject, value: str) -> JSONObject:
    """Return a function of a workspace file with *value* in place of each secret setting."""
    secret_names = {
        definition.get("name")
        for definition in entry.get("settingDefinitions", ())
        if definition.get("sensitive")
    }
    settings = {
        name: value if name in secret_names else setting
        for name, setting in entry.get("settings", {}).items()
    }
    return {**entry, "settings": settings} if settings else {**entry, "settings": {}}


def _define_setting(name: str, value: JSON) -> JSONObject:
    kind = _SETTING_TYPES.get(type(value), "STRING")
    described = {"name": name, "label": name, "description": "", "type": kind}
    return described | {"required": False, "sensitive": False}


def build_function_requests(
    workspace: Workspace,
    integration_ids: dict[FunctionKind, str],
    build_request: Callable[[str, str, JSONObject], JSONObject],
    *,
    keep_secrets: bool,
) -> Iterator[JSONObject]:
    """Yield the Public API requests that create or update functions and connect them.

    Args:
        integration_ids: Id of what functions of a kind are connected to.
        build_request: Builds a request from method, path and body.
    """
    document = workspace.document.get("functions", {})
    entries = iter([entry for kind in FUNCTION_KINDS for entry in document.get(kind, ())])
    for kind, function, instance in export_functions(workspace, keep_secrets=keep_secrets):
        entry = next(entries)
        if entry.get("id"):
            known = {key: value for key, value in function.items() if key != "resourceType"}
            # Beside the body for information, as a change cannot name it.
            resource_type = {"resourceType": function["resourceType"]}
            yield build_request("PATCH", f"/functions/{entry['id']}", known) | resource_type
        else:
            yield build_request("POST", "/functions", function)
        if instance is None:
            continue
        reference = {
            "functionId": entry.get("id") or _build_placeholder(entry["name"]),
            "integrationId": integration_ids[kind],
        }
        if entry.get("instanceId"):
            path = f"/insert-function-instances/{entry['instanceId']}"
            yield build_request("PATCH", path, instance) | reference
        else:
            yield build_request("POST", "/insert-function-instances", reference | instance)
