"""Answers of Segment's Public API, alone or together, wrapped or not, and its request bodies.

Source: Segment's Public API, destinations, subscriptions, destination filters, sources and their
schema settings, tracking plans and their rules, transformations, functions.
"""

import json
import re

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.finding import WorkspaceFinding
from segment_insider_emulator.workspace.importing.pieces import ImportedResources

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
