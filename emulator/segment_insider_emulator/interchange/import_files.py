"""Reader of files to import: detects the format and parses answers of Segment's APIs.

Source: Segment's Public API, destinations, subscriptions, destination filters, sources and their
schema settings, tracking plans and their rules, transformations, functions.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.interchange import import_terraform, terraform_config
from segment_insider_emulator.interchange.hcl_parser import HclBody
from segment_insider_emulator.interchange.import_resources import (
    ImportedResources,
    merge_imported_resources,
)
from segment_insider_emulator.json_text import MAX_DEPTH
from segment_insider_emulator.text_encoding import decode_utf8
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.documents import JsonTooDeepError, parse_json_documents
from segment_insider_emulator.workspace.validation import WorkspaceFinding

# Key of a result -> kind of resource. The value is one object or a list.
_KIND_BY_RESULT_KEY = {
    "source": "sources",
    "sources": "sources",
    "destination": "destinations",
    "destinations": "destinations",
    "subscription": "subscriptions",
    "subscriptions": "subscriptions",
    "destinationSubscription": "subscriptions",
    "filter": "filters",
    "filters": "filters",
    "trackingPlan": "plans",
    "trackingPlans": "plans",
    "transformation": "transformations",
    "transformations": "transformations",
    "insertFunctionInstance": "functions",
    "insertFunctionInstances": "functions",
    "function": "functions",
    "functions": "functions",
}
_WRAPPER_KEYS = ("data", "requests")
# Keys that an export writes beside the body of a change, which cannot contain them.
_INFORMATIVE_KEYS = ("actionId", "resourceType", "functionId", "integrationId")
# Path of a request -> kind of resource; the first match counts.
_KIND_BY_REQUEST_PATH = (
    (
        re.compile(r"/destinations/(?P<destination>[^/]+)/subscriptions(?:/(?P<id>[^/]+))?"),
        "subscriptions",
    ),
    (re.compile(r"/destination/(?P<destination>[^/]+)/filters(?:/(?P<id>[^/]+))?"), "filters"),
    (re.compile(r"/destinations(?:/(?P<id>[^/]+))?"), "destinations"),
    (re.compile(r"/tracking-plans(?:/(?P<id>[^/]+))?"), "plans"),
    (re.compile(r"/tracking-plans/(?P<plan>[^/]+)/rules"), "rules"),
    (re.compile(r"/tracking-plans/(?P<plan>[^/]+)/sources"), "connections"),
    (re.compile(r"/sources/(?P<source>[^/]+)/settings"), "connections"),
    (re.compile(r"/transformations(?:/(?P<id>[^/]+))?"), "transformations"),
    (re.compile(r"/functions(?:/(?P<id>[^/]+))?"), "functions"),
    (re.compile(r"/insert-function-instances(?:/(?P<id>[^/]+))?"), "functions"),
    (re.compile(r"/sources(?:/(?P<id>[^/]+))?"), "sources"),
)
# An export writes this as the id of a plan that does not exist yet.
_NEW_PLAN_ID = "{trackingPlanId}"
# Group in a request path -> key of the resource.
_ID_KEY_BY_PATH_PART = {
    "id": "id",
    "destination": "destinationId",
    "plan": "trackingPlanId",
    "source": "sourceId",
}


def parse_public_api_document(document: JSON, where: str) -> ImportedResources:
    """Collect all workspace resources of a Public API answer or an exported request list.

    Raises: EmulatorError, when the document is an error answer of Segment.
    """
    resources = ImportedResources()
    _collect_resources(document, where, resources)
    return resources


def _collect_resources(document: JSON, where: str, resources: ImportedResources) -> None:
    if isinstance(document, list):
        for child in document:
            _collect_resources(child, where, resources)
    elif isinstance(document, dict):
        _raise_on_api_error(document, where)
        kind = _guess_resource_kind(document)
        if isinstance(document.get("body"), dict) and isinstance(document.get("path"), str):
            _collect_from_api_request(document, where, resources)
        elif kind:
            _add_resource_with_nested(kind, document, where, resources)
        elif isinstance(consent := document.get("consentSettings"), dict):
            # The settings that Segment's CDN serves to SDKs; nothing else of them matters here.
            resources.add_resource("consents", consent, f"{where}: consentSettings")
        else:
            _collect_from_api_response(document, where, resources)
    else:
        _report_non_object(document, where, "an answer", resources)


def _report_non_object(
    value: JSON, where: str, expected: str, resources: ImportedResources, *, in_list: bool = False
) -> None:
    """Report that an imported value is not of the expected type; null is ignored, not in a list."""
    if value is not None or in_list:
        what = f"{json.dumps(value)[:40]} is not {expected} and is left out"
        resources.findings.append(
            WorkspaceFinding("error", where, what, "Write it as Segment's Public API does.")
        )


def _collect_from_api_response(
    document: JSONObject, where: str, resources: ImportedResources
) -> None:
    for key, value in document.items():
        if key in _KIND_BY_RESULT_KEY:
            _collect_resources_of_kind(
                _KIND_BY_RESULT_KEY[key], value, f"{where}: {key}", resources
            )
        elif key in _WRAPPER_KEYS:
            _collect_resources(value, where, resources)
        elif key == "rules":
            _collect_plan_rules(value, where, resources)
        elif key == "settings" and isinstance(value, dict):
            resources.add_resource("connections", {"schemaSettings": value}, f"{where}: settings")
        elif key == "trackingPlanId":
            resources.add_resource(
                "connections", _build_plan_connection(document, value), f"{where}: trackingPlanId"
            )
        elif key not in ("pagination", "leftOut"):
            what = f"a workspace file has no place for {key!r}, left out"
            resources.findings.append(
                WorkspaceFinding("note", where, what, "Nothing to do, unless you need it.")
            )
    _warn_about_next_page(document, where, resources)


def _collect_plan_rules(value: JSON, where: str, resources: ImportedResources) -> None:
    if isinstance(value, list):
        resources.add_resource("rules", {"rules": value}, f"{where}: rules")
        return
    if not isinstance(value, dict):
        _report_non_object(value, f"{where}: rules", "a list", resources)
        return
    what = "this tracking plan has the shape of older exports and is left out"
    remedy = "Name its file under trackingPlan in the workspace file, which takes it as it is."
    resources.findings.append(WorkspaceFinding("warning", where, what, remedy))


def _build_plan_connection(document: JSONObject, plan_id: JSON) -> JSONObject:
    source = document.get("source")
    source_entry = {"sourceId": source.get("id")} if isinstance(source, dict) else {}
    return source_entry | {"trackingPlanId": plan_id}


def _raise_on_api_error(document: JSONObject, where: str) -> None:
    errors = document.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        message = errors[0].get("message") or errors[0].get("type")
        what = f"Segment answered with an error instead ({message})"
        raise EmulatorError(what, where, "Make the call again with a token that may read this.")


def _collect_resources_of_kind(
    kind: str, value: JSON, where: str, resources: ImportedResources
) -> None:
    if isinstance(value, dict) and ("data" in value or _KIND_BY_RESULT_KEY.keys() & value.keys()):
        # A complete answer under the name of its content.
        _collect_resources(value, where, resources)
        if not _guess_resource_kind(value):
            return
    for resource in value if isinstance(value, list) else [value]:
        if isinstance(resource, dict):
            _add_resource_with_nested(kind, resource, where, resources, deduplicate=True)
        else:
            is_item = isinstance(value, list)
            _report_non_object(resource, where, "an object", resources, in_list=is_item)


def _add_resource_with_nested(
    kind: str,
    resource: JSONObject,
    where: str,
    resources: ImportedResources,
    *,
    deduplicate: bool = False,
) -> None:
    """Add an imported resource, and the resources nested in it."""
    inner = {key: value for key, value in resource.items() if key in ("subscriptions", "filters")}
    name = resource.get("name") or resource.get("title") or resource.get("id")
    place = f"{where} {name!r}" if isinstance(name, str) else where
    own_members = {key: value for key, value in resource.items() if key not in inner}
    resources.add_resource(kind, own_members, place, deduplicate=deduplicate)
    for key, value in inner.items():
        for nested in value if isinstance(value, list) else [value]:
            if isinstance(nested, dict):
                child = {"destinationId": resource.get("id"), **nested}
                _add_resource_with_nested(key, child, f"{place}: {key}", resources)
            else:
                is_item = isinstance(value, list)
                where_nested = f"{place}: {key}"
                _report_non_object(nested, where_nested, "an object", resources, in_list=is_item)


def _guess_resource_kind(document: JSONObject) -> str | None:
    """Guess the kind of an imported resource from keys that only this kind has."""
    keys = document.keys()
    if {"actionId", "trigger"} <= keys or {"actionSlug", "name"} <= keys:
        return "subscriptions"
    if {"if", "actions"} <= keys:
        return "filters"
    if "resourceSchemaId" in keys:
        return "plans"
    if keys & {"functionId", "classId"} or {"code", "resourceType"} <= keys:
        return "functions"
    if {"if", "name"} <= keys:
        return "transformations"
    if {"metadata", "settings"} <= keys:
        return "sources" if "slug" in keys else "destinations"
    return None


def _collect_from_api_request(
    request: JSONObject, where: str, resources: ImportedResources
) -> None:
    for pattern, kind in _KIND_BY_REQUEST_PATH:
        match = pattern.fullmatch(request["path"])
        if match:
            body = request["body"].get("input")
            body = body if isinstance(body, dict) else request["body"]
            ids = {
                _ID_KEY_BY_PATH_PART[name]: value
                for name, value in match.groupdict().items()
                if value
            }
            extra = {key: request[key] for key in _INFORMATIVE_KEYS if key in request}
            if "sourceId" in ids:
                body = {"schemaSettings": body}
            if kind == "plans":
                ids.setdefault("id", _NEW_PLAN_ID)
            _add_resource_with_nested(
                kind, ids | extra | body, f"{where}: {request['path']}", resources
            )
            return
    what = f"the request to {request['path']} has no place in a workspace file"
    resources.findings.append(
        WorkspaceFinding("note", where, what, "Nothing to do, unless you need it.")
    )


def _warn_about_next_page(document: JSONObject, where: str, resources: ImportedResources) -> None:
    pagination = document.get("pagination")
    if isinstance(pagination, dict) and pagination.get("next"):
        what = "this is not the last page of the answer"
        remedy = f"Give the next page as well, cursor {pagination['next']!r}."
        resources.findings.append(WorkspaceFinding("warning", where, what, remedy))


MAX_IMPORT_FILE_BYTES = 20_000_000
MAX_IMPORT_FILES = 10_000
# File types in a folder; Segment's Git Sync writes .tf, one file for each resource.
IMPORT_FILE_SUFFIXES = (".tf", ".json", ".tfstate")
_SUPPORTED_FILES_REMEDY = (
    "Give an answer of Segment's Public API, `terraform show -json`, a state file or configuration."
)


@dataclass(slots=True)
class _ParsedFiles:
    """Parsed files of an import: API resources, and Terraform files by folder."""

    api_resources: list[ImportedResources] = field(default_factory=list)
    config_folders: dict[PurePath, list[tuple[str, HclBody]]] = field(default_factory=dict)
    state_folders: set[PurePath] = field(default_factory=set)


def read_import_file(raw: bytes, where: str) -> ImportedResources:
    """Read the workspace resources of one file to import."""
    return read_import_files([(where, raw)])


def read_import_files(files: Iterable[tuple[str, bytes]]) -> ImportedResources:
    """Read the workspace resources of several files to import.

    Args:
        files: Name and content: JSON (one document, or several in a row), or Terraform
            configuration. The files of one folder share variables and locals.
    Raises: EmulatorError, when a file has another format, or no file has workspace resources.
    """
    parsed = _ParsedFiles()
    names = []
    for where, raw in files:
        names.append(where)
        _parse_import_file(raw, where, parsed)
    resources = merge_imported_resources(
        [
            *parsed.api_resources,
            *(
                _evaluate_terraform_folder(*folder, parsed)
                for folder in parsed.config_folders.items()
            ),
        ]
    )
    if not resources and all(finding.severity != "warning" for finding in resources.findings):
        raise EmulatorError(
            "the files contain no part of a workspace",
            _format_file_names(names),
            _SUPPORTED_FILES_REMEDY,
        )
    return resources


def _evaluate_terraform_folder(
    folder: PurePath, files: list[tuple[str, HclBody]], parsed: _ParsedFiles
) -> ImportedResources:
    """Evaluate the Terraform configuration of one folder, unless it also has a state."""
    if folder not in parsed.state_folders:
        return import_terraform.collect_terraform_resources(
            terraform_config.list_terraform_config_resources(files)
        )
    what = "this folder has a state; its configuration is not read"
    remedy = "Give only the configuration to import what is planned."
    return ImportedResources(findings=[WorkspaceFinding("note", str(folder), what, remedy)])


def list_import_files(path: Path) -> Iterator[Path]:
    """Yield the importable files in a folder, or *path* itself when it is a file.

    Raises: EmulatorError, when the folder has no such files, or too many.
    """
    if not path.is_dir():
        yield path
        return
    paths = sorted(
        file
        for file in path.rglob("*")
        if file.suffix in IMPORT_FILE_SUFFIXES
        and file.is_file()
        and not _is_tool_file(file.relative_to(path))
    )
    if not paths:
        what = f"no file in this folder ends in {', '.join(IMPORT_FILE_SUFFIXES)}"
        raise EmulatorError(what, str(path), _SUPPORTED_FILES_REMEDY)
    if len(paths) > MAX_IMPORT_FILES:
        what = f"this folder has {len(paths):,} files to import"
        raise EmulatorError(what, str(path), f"Give a folder of {MAX_IMPORT_FILES:,} at most.")
    yield from paths


def _is_tool_file(file: Path) -> bool:
    """Return whether a path belongs to a tool, e.g. .git, .terraform or node_modules."""
    return any(part.startswith(".") for part in file.parts) or "node_modules" in file.parts


def _format_file_names(file_names: list[str]) -> str:
    return file_names[0] if len(file_names) == 1 else f"{len(file_names)} files"


def _parse_import_file(raw: bytes, where: str, parsed: _ParsedFiles) -> None:
    if len(raw) > MAX_IMPORT_FILE_BYTES:
        raise EmulatorError(
            "the file is too large", where, f"Keep it below {MAX_IMPORT_FILE_BYTES:,}."
        )
    text = decode_utf8(raw, where)
    if not text.lstrip().startswith(("{", "[")):
        _add_terraform_config_body(
            terraform_config.parse_terraform_file(text, where), where, parsed
        )
        return
    for document in _parse_json_file(text, where):
        if terraform_config.is_terraform_json(document) and isinstance(document, dict):
            _add_terraform_config_body(
                terraform_config.parse_terraform_json_file(document, where), where, parsed
            )
            continue
        if import_terraform.is_terraform_state(document):
            parsed.state_folders.add(PurePath(where).parent)
        parsed.api_resources.append(_read_json_resources(document, where))


def _add_terraform_config_body(body: HclBody, where: str, parsed: _ParsedFiles) -> None:
    parsed.config_folders.setdefault(PurePath(where).parent, []).append((where, body))


def _read_json_resources(document: JSON, where: str) -> ImportedResources:
    if import_terraform.is_terraform_state(document) and isinstance(document, dict):
        try:
            return import_terraform.collect_terraform_resources(
                list(import_terraform.list_state_resources(document, where))
            )
        except (AttributeError, KeyError, TypeError) as error:
            what = "this is not a valid Terraform state"
            raise EmulatorError(
                what, where, "Create it again with terraform show -json."
            ) from error
    return parse_public_api_document(document, where)


def _parse_json_file(text: str, where: str) -> Iterator[JSON]:
    try:
        yield from parse_json_documents(text)
    except json.JSONDecodeError as error:
        what = f"broken JSON: {error.msg}"
        raise EmulatorError(what, f"{where}, line {error.lineno}", "Correct it.") from error
    except JsonTooDeepError as error:
        raise EmulatorError(
            f"nested deeper than {MAX_DEPTH} levels", where, _SUPPORTED_FILES_REMEDY
        ) from error
    except ValueError as error:
        raise EmulatorError("this is not valid JSON", where, _SUPPORTED_FILES_REMEDY) from error
