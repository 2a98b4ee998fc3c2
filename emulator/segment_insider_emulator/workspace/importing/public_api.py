"""Answers of Segment's Public API, alone or together, wrapped or not, and its request bodies.

Source: Segment's Public API, destinations, subscriptions, destination filters, sources and their
schema settings, tracking plans and their rules, transformations, functions.
"""

import json
import re

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.finding import Finding
from segment_insider_emulator.workspace.importing.pieces import Pieces

# The key of a result -> what it is. An answer holds one object or a list of them.
_RESULTS = {
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
_WRAPPERS = ("data", "requests")
# What a request is about, told by its path; the first that fits.
_PATHS = (
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
_NEW_PLAN = "{trackingPlanId}"
# What a path names besides the thing itself -> the key it is kept under.
_NAMED = {
    "id": "id",
    "destination": "destinationId",
    "plan": "trackingPlanId",
    "source": "sourceId",
}


def pieces(document: JSON, where: str) -> Pieces:
    """Everything of a workspace in *document*, however it is wrapped.

    Raises: EmulatorError, when the document is an error that Segment answered with.
    """
    found = Pieces()
    _gather(document, where, found)
    return found


def _gather(document: JSON, where: str, found: Pieces) -> None:
    if isinstance(document, list):
        for each in document:
            _gather(each, where, found)
    elif isinstance(document, dict):
        _refuse_errors(document, where)
        kind = _kind(document)
        if isinstance(document.get("body"), dict) and isinstance(document.get("path"), str):
            _request(document, where, found)
        elif kind:
            _piece(kind, document, where, found)
        else:
            _answer(document, where, found)
    else:
        _no_object(document, where, "an answer", found)


def _no_object(value: JSON, where: str, wanted: str, found: Pieces) -> None:
    """Say that *value* is in the place of an object; null says nothing."""
    if value is not None:
        what = f"{json.dumps(value)[:40]} is in the place of {wanted}, left out"
        found.findings.append(Finding("error", where, what, "Give it as Segment does."))


def _answer(document: JSONObject, where: str, found: Pieces) -> None:
    for key, value in document.items():
        if key in _RESULTS:
            _results(_RESULTS[key], value, f"{where}: {key}", found)
        elif key in _WRAPPERS:
            _gather(value, where, found)
        elif key == "rules":
            _rules(value, where, found)
        elif key == "settings" and isinstance(value, dict):
            found.add("connections", {"schemaSettings": value}, f"{where}: settings")
        elif key == "trackingPlanId":
            found.add("connections", _connection(document, value), f"{where}: trackingPlanId")
        elif key not in ("pagination", "leftOut"):
            what = f"a workspace file has no place for {key!r}, left out"
            found.findings.append(
                Finding("note", where, what, "Nothing to do, unless you need it.")
            )
    _pages(document, where, found)


def _rules(value: JSON, where: str, found: Pieces) -> None:
    if isinstance(value, list):
        found.add("rules", {"rules": value}, f"{where}: rules")
        return
    if not isinstance(value, dict):
        _no_object(value, f"{where}: rules", "a list", found)
        return
    what = "this tracking plan has the shape of older exports and is left out"
    remedy = "Name its file under trackingPlan in the workspace file, which takes it as it is."
    found.findings.append(Finding("warning", where, what, remedy))


def _connection(document: JSONObject, plan: JSON) -> JSONObject:
    source = document.get("source")
    named = {"sourceId": source.get("id")} if isinstance(source, dict) else {}
    return named | {"trackingPlanId": plan}


def _refuse_errors(document: JSONObject, where: str) -> None:
    errors = document.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        said = errors[0].get("message") or errors[0].get("type")
        what = f"Segment answered with an error instead ({said})"
        raise EmulatorError(what, where, "Make the call again with a token that may read this.")


def _results(kind: str, value: JSON, where: str, found: Pieces) -> None:
    if isinstance(value, dict) and ("data" in value or _RESULTS.keys() & value.keys()):
        # A whole answer under the name of what it holds.
        _gather(value, where, found)
        if not _kind(value):
            return
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            _piece(kind, each, where, found, once=True)
        else:
            _no_object(each, where, "an object", found)


def _piece(kind: str, piece: JSONObject, where: str, found: Pieces, *, once: bool = False) -> None:
    """Keep a piece, and what is inside of it as one of its own."""
    inner = {key: value for key, value in piece.items() if key in ("subscriptions", "filters")}
    name = piece.get("name") or piece.get("title") or piece.get("id")
    place = f"{where} {name!r}" if isinstance(name, str) else where
    own = {key: value for key, value in piece.items() if key not in inner}
    found.add(kind, own, place, once=once)
    for key, value in inner.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                about = {"destinationId": piece.get("id"), **each}
                _piece(key, about, f"{place}: {key}", found)
            else:
                _no_object(each, f"{place}: {key}", "an object", found)


def _kind(document: JSONObject) -> str | None:
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


def _request(request: JSONObject, where: str, found: Pieces) -> None:
    for pattern, kind in _PATHS:
        match = pattern.fullmatch(request["path"])
        if match:
            body = request["body"].get("input")
            body = body if isinstance(body, dict) else request["body"]
            about = {_NAMED[name]: value for name, value in match.groupdict().items() if value}
            extra = {"actionId": request["actionId"]} if "actionId" in request else {}
            if "sourceId" in about:
                body = {"schemaSettings": body}
            if kind == "plans":
                about.setdefault("id", _NEW_PLAN)
            _piece(kind, about | extra | body, f"{where}: {request['path']}", found)
            return
    what = f"the request to {request['path']} is about nothing that a workspace file has"
    found.findings.append(Finding("note", where, what, "Nothing to do, unless you need it."))


def _pages(document: JSONObject, where: str, found: Pieces) -> None:
    pagination = document.get("pagination")
    if isinstance(pagination, dict) and pagination.get("next"):
        what = "this is not the last page of the answer"
        remedy = f"Give the next page as well, cursor {pagination['next']!r}."
        found.findings.append(Finding("warning", where, what, remedy))
