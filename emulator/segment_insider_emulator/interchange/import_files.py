"""Answers of Segment's Public API, alone or together, wrapped or not, and its request bodies.

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
from segment_insider_emulator.interchange.import_resources import ImportedResources, merge_resources
from segment_insider_emulator.json_text import MAX_DEPTH
from segment_insider_emulator.text_encoding import decode_utf8
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.parsing import JsonTooDeep, parse_json_documents
from segment_insider_emulator.workspace.validation import WorkspaceFinding

# The key of a result -> what it is. An answer holds one object or a list of them.
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
# What a request is about, told by its path; the first that fits.
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
    (re.compile(r"/sources(?:/(?P<id>[^/]+))?"), "sources"),
)
# What an export writes for the id of a plan that is not there yet.
_NEW_PLAN_ID = "{trackingPlanId}"
# What a path names besides the thing itself -> the key it is kept under.
_ID_KEY_BY_PATH_PART = {
    "id": "id",
    "destination": "destinationId",
    "plan": "trackingPlanId",
    "source": "sourceId",
}


def parse_public_api(document: JSON, where: str) -> ImportedResources:
    """Everything of a workspace in *document*, however it is wrapped.

    Raises: EmulatorError, when the document is an error that Segment answered with.
    """
    found = ImportedResources()
    _collect_resources(document, where, found)
    return found


def _collect_resources(document: JSON, where: str, resources: ImportedResources) -> None:
    if isinstance(document, list):
        for each in document:
            _collect_resources(each, where, resources)
    elif isinstance(document, dict):
        _raise_api_error(document, where)
        kind = _guess_resource_kind(document)
        if isinstance(document.get("body"), dict) and isinstance(document.get("path"), str):
            _collect_from_request(document, where, resources)
        elif kind:
            _add_nested_resource(kind, document, where, resources)
        else:
            _collect_from_answer(document, where, resources)
    else:
        _report_non_object(document, where, "an answer", resources)


def _report_non_object(
    value: JSON, where: str, expected: str, resources: ImportedResources
) -> None:
    """Say that *value* is in the place of an object; null says nothing."""
    if value is not None:
        what = f"{json.dumps(value)[:40]} is in the place of {expected}, left out"
        resources.findings.append(
            WorkspaceFinding("error", where, what, "Give it as Segment does.")
        )


def _collect_from_answer(document: JSONObject, where: str, resources: ImportedResources) -> None:
    for key, value in document.items():
        if key in _KIND_BY_RESULT_KEY:
            _collect_results(_KIND_BY_RESULT_KEY[key], value, f"{where}: {key}", resources)
        elif key in _WRAPPER_KEYS:
            _collect_resources(value, where, resources)
        elif key == "rules":
            _collect_rules(value, where, resources)
        elif key == "settings" and isinstance(value, dict):
            resources.add_resource("connections", {"schemaSettings": value}, f"{where}: settings")
        elif key == "trackingPlanId":
            resources.add_resource(
                "connections", _plan_connection(document, value), f"{where}: trackingPlanId"
            )
        elif key not in ("pagination", "leftOut"):
            what = f"a workspace file has no place for {key!r}, left out"
            resources.findings.append(
                WorkspaceFinding("note", where, what, "Nothing to do, unless you need it.")
            )
    _warn_about_next_page(document, where, resources)


def _collect_rules(value: JSON, where: str, resources: ImportedResources) -> None:
    if isinstance(value, list):
        resources.add_resource("rules", {"rules": value}, f"{where}: rules")
        return
    if not isinstance(value, dict):
        _report_non_object(value, f"{where}: rules", "a list", resources)
        return
    what = "this tracking plan has the shape of older exports and is left out"
    remedy = "Name its file under trackingPlan in the workspace file, which takes it as it is."
    resources.findings.append(WorkspaceFinding("warning", where, what, remedy))


def _plan_connection(document: JSONObject, plan_id: JSON) -> JSONObject:
    source = document.get("source")
    named = {"sourceId": source.get("id")} if isinstance(source, dict) else {}
    return named | {"trackingPlanId": plan_id}


def _raise_api_error(document: JSONObject, where: str) -> None:
    errors = document.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        said = errors[0].get("message") or errors[0].get("type")
        what = f"Segment answered with an error instead ({said})"
        raise EmulatorError(what, where, "Make the call again with a token that may read this.")


def _collect_results(kind: str, value: JSON, where: str, resources: ImportedResources) -> None:
    if isinstance(value, dict) and ("data" in value or _KIND_BY_RESULT_KEY.keys() & value.keys()):
        # A whole answer under the name of what it holds.
        _collect_resources(value, where, resources)
        if not _guess_resource_kind(value):
            return
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            _add_nested_resource(kind, each, where, resources, deduplicate=True)
        else:
            _report_non_object(each, where, "an object", resources)


def _add_nested_resource(
    kind: str,
    resource: JSONObject,
    where: str,
    resources: ImportedResources,
    *,
    deduplicate: bool = False,
) -> None:
    """Keep a piece, and what is inside of it as one of its own."""
    inner = {key: value for key, value in resource.items() if key in ("subscriptions", "filters")}
    name = resource.get("name") or resource.get("title") or resource.get("id")
    place = f"{where} {name!r}" if isinstance(name, str) else where
    own = {key: value for key, value in resource.items() if key not in inner}
    resources.add_resource(kind, own, place, deduplicate=deduplicate)
    for key, value in inner.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                about = {"destinationId": resource.get("id"), **each}
                _add_nested_resource(key, about, f"{place}: {key}", resources)
            else:
                _report_non_object(each, f"{place}: {key}", "an object", resources)


def _guess_resource_kind(document: JSONObject) -> str | None:
    """What an object is that has no name around it, by the keys that only it has."""
    keys = document.keys()
    if {"actionId", "trigger"} <= keys or {"actionSlug", "name"} <= keys:
        return "subscriptions"
    if {"if", "actions"} <= keys:
        return "filters"
    if "resourceSchemaId" in keys:
        return "plans"
    if {"propertyRenames", "if"} <= keys or "functionId" in keys:
        return "functions" if "functionId" in keys else "transformations"
    if {"metadata", "settings"} <= keys:
        return "sources" if "slug" in keys else "destinations"
    return None


def _collect_from_request(request: JSONObject, where: str, resources: ImportedResources) -> None:
    for pattern, kind in _KIND_BY_REQUEST_PATH:
        match = pattern.fullmatch(request["path"])
        if match:
            body = request["body"].get("input")
            body = body if isinstance(body, dict) else request["body"]
            about = {
                _ID_KEY_BY_PATH_PART[name]: value
                for name, value in match.groupdict().items()
                if value
            }
            extra = {"actionId": request["actionId"]} if "actionId" in request else {}
            if "sourceId" in about:
                body = {"schemaSettings": body}
            if kind == "plans":
                about.setdefault("id", _NEW_PLAN_ID)
            _add_nested_resource(
                kind, about | extra | body, f"{where}: {request['path']}", resources
            )
            return
    what = f"the request to {request['path']} is about nothing that a workspace file has"
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
# What a folder is looked through for; Segment's Git Sync writes .tf, one file a resource.
IMPORT_FILE_SUFFIXES = (".tf", ".json", ".tfstate")
_SUPPORTED_FILES_REMEDY = (
    "Give an answer of Segment's Public API, `terraform show -json`, a state file or configuration."
)


@dataclass(slots=True)
class _ParsedFiles:
    """What files have of a workspace, and configuration by its folder, which shares its names."""

    api_resources: list[ImportedResources] = field(default_factory=list)
    config_folders: dict[PurePath, list[tuple[str, HclBody]]] = field(default_factory=dict)
    state_folders: set[PurePath] = field(default_factory=set)


def read_import_file(raw: bytes, where: str) -> ImportedResources:
    """Return what one file has of a workspace. Raises: as `read_files`."""
    return read_import_files([(where, raw)])


def read_import_files(files: Iterable[tuple[str, bytes]]) -> ImportedResources:
    """Return what files have of a workspace.

    Args:
        files: Name and content: JSON (one document, or several one after the other), or Terraform
            configuration. Configuration of one folder shares its variables and locals.
    Raises: EmulatorError, when one is none of them, or nothing of a workspace is in any.
    """
    read = _ParsedFiles()
    names = []
    for where, raw in files:
        names.append(where)
        _parse_file(raw, where, read)
    found = merge_resources(
        [
            *read.api_resources,
            *(_config_folder_resources(*each, read) for each in read.config_folders.items()),
        ]
    )
    if not found and all(each.severity != "warning" for each in found.findings):
        raise EmulatorError(
            "nothing of a workspace is in here", _format_file_names(names), _SUPPORTED_FILES_REMEDY
        )
    return found


def _config_folder_resources(
    folder: PurePath, files: list[tuple[str, HclBody]], parsed: _ParsedFiles
) -> ImportedResources:
    """The resources of the configuration in one folder, which a state beside it makes idle."""
    if folder not in parsed.state_folders:
        return import_terraform.collect_terraform_resources(
            terraform_config.list_config_resources(files)
        )
    what = "the state in this folder says what exists, so that its configuration is not read"
    remedy = "Give the configuration alone to import what is to be."
    return ImportedResources(findings=[WorkspaceFinding("note", str(folder), what, remedy)])


def list_import_files(path: Path) -> Iterator[Path]:
    """Yield the files to import below a folder, or *path* itself where it is a file.

    Raises: EmulatorError, when the folder has none, or too many.
    """
    if not path.is_dir():
        yield path
        return
    found = sorted(
        file
        for file in path.rglob("*")
        if file.suffix in IMPORT_FILE_SUFFIXES
        and file.is_file()
        and not _is_tool_file(file.relative_to(path))
    )
    if not found:
        what = f"no file in this folder ends in {', '.join(IMPORT_FILE_SUFFIXES)}"
        raise EmulatorError(what, str(path), _SUPPORTED_FILES_REMEDY)
    if len(found) > MAX_IMPORT_FILES:
        what = f"this folder has {len(found):,} files to import"
        raise EmulatorError(what, str(path), f"Give a folder of {MAX_IMPORT_FILES:,} at most.")
    yield from found


def _is_tool_file(file: Path) -> bool:
    """Whether a folder or a file that belongs to a tool is on the way: .git, .terraform."""
    return any(part.startswith(".") for part in file.parts) or "node_modules" in file.parts


def _format_file_names(file_names: list[str]) -> str:
    return file_names[0] if len(file_names) == 1 else f"{len(file_names)} files"


def _parse_file(raw: bytes, where: str, parsed: _ParsedFiles) -> None:
    if len(raw) > MAX_IMPORT_FILE_BYTES:
        raise EmulatorError(
            "the file is too large", where, f"Keep it below {MAX_IMPORT_FILE_BYTES:,}."
        )
    text = decode_utf8(raw, where)
    if not text.lstrip().startswith(("{", "[")):
        _add_config_body(terraform_config.parse_configuration(text, where), where, parsed)
        return
    for document in _parse_json_file(text, where):
        if terraform_config.is_json_configuration(document) and isinstance(document, dict):
            _add_config_body(
                terraform_config.parse_json_configuration(document, where), where, parsed
            )
            continue
        if import_terraform.is_terraform_state(document):
            parsed.state_folders.add(PurePath(where).parent)
        parsed.api_resources.append(_resources_of_json(document, where))


def _add_config_body(body: HclBody, where: str, parsed: _ParsedFiles) -> None:
    parsed.config_folders.setdefault(PurePath(where).parent, []).append((where, body))


def _resources_of_json(document: JSON, where: str) -> ImportedResources:
    if import_terraform.is_terraform_state(document) and isinstance(document, dict):
        try:
            return import_terraform.collect_terraform_resources(
                list(import_terraform.list_state_resources(document, where))
            )
        except (AttributeError, KeyError, TypeError) as error:
            what = "this is no state of Terraform's, though it begins like one"
            raise EmulatorError(what, where, "Write it anew with terraform show -json.") from error
    return parse_public_api(document, where)


def _parse_json_file(text: str, where: str) -> Iterator[JSON]:
    try:
        yield from parse_json_documents(text)
    except json.JSONDecodeError as error:
        what = f"broken JSON: {error.msg}"
        raise EmulatorError(what, f"{where}, line {error.lineno}", "Correct it.") from error
    except JsonTooDeep as error:
        raise EmulatorError(
            f"nested deeper than {MAX_DEPTH} levels", where, _SUPPORTED_FILES_REMEDY
        ) from error
    except ValueError as error:
        raise EmulatorError(
            "this is no JSON that can be used", where, _SUPPORTED_FILES_REMEDY
        ) from error
