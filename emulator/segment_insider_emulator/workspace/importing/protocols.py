"""The tracking plan of a source, and what the source does about violations of it."""

import json
from collections.abc import Iterator

from segment_insider_emulator.segment.filtering.plans.file import read_plan
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.finding import Finding, Severity
from segment_insider_emulator.workspace.importing.pieces import Pieces
from segment_insider_emulator.workspace.importing.values import Unknown, printable

CONTROLLED = ("track", "identify", "group")


def controls(pieces: Pieces, source: JSON, findings: list[Finding]) -> JSONObject:
    """The schema settings of the source, which a workspace file has under `source.settings`.

    Args:
        source: Its id, where it is known.
    """
    found: JSONObject = {}
    for connection in _of_source(pieces, source):
        theirs, given = connection.get("sourceId"), connection.get("schemaSettings") or {}
        if isinstance(theirs, Unknown) and _is_open_link(theirs, pieces):
            what = f"{theirs}, so that this connection is taken as the source's"
            findings.append(Finding("warning", theirs.where, what, "Name the source there."))
        if isinstance(given, Unknown):
            what = f"{given}, so that violations of the plan are let through here"
            findings.append(Finding("warning", given.where, what, "Write its values."))
        else:
            found |= given
    for key in found:
        if key not in CONTROLLED:
            what = f"{key} is kept, and nothing is forwarded here"
            findings.append(Finding("note", f"source.settings.{key}", what, "Nothing to do."))
    return found


def plan(pieces: Pieces, source: JSON, findings: list[Finding]) -> JSONObject | None:
    """The plan that the source is connected to, with its rules; None when it is not in the pieces.

    Args:
        source: Id of the source, where it is known.
    """
    connected = [each["trackingPlanId"] for each in _of_source(pieces, source) if _names(each)]
    wanted = connected[0] if connected else None
    own = _chosen(pieces, wanted, findings)
    if own is None:
        if wanted is not None:
            findings.append(_absent(wanted))
        return None
    if isinstance(own["rules"], Unknown):
        what = f"{own['rules']}, so that the tracking plan{_named(own)} is left out"
        findings.append(Finding("error", own["rules"].where, what, "Write its rules."))
        return None
    if wanted is None:
        what = f"the tracking plan{_named(own)} is taken as the source's; nothing here says so"
        remedy = "Take the key out, if the source has another plan or none."
        findings.append(Finding("note", "trackingPlan", what, remedy))
    return own


def problems(own: JSONObject | None) -> Iterator[Finding]:
    """Yield what of a plan cannot be checked, once it is assembled."""
    if own is None:
        return
    if not own["rules"]:
        what = "the tracking plan has no rules here, so that all events are unplanned"
        remedy = "Give the answer of GET /tracking-plans/{id}/rules too."
        yield Finding("warning", "trackingPlan.rules", what, remedy)
    for problem in read_plan(own, "trackingPlan").problems:
        yield Finding("warning", problem.where, problem.what, problem.remedy)


def _of_source(pieces: Pieces, source: JSON) -> Iterator[JSONObject]:
    for each in pieces.connections:
        theirs = each.get("sourceId")
        if (
            theirs in (None, source, "<sourceId>")
            or source is None
            or _is_open_link(theirs, pieces)
        ):
            yield each


def _is_open_link(source: JSON, pieces: Pieces) -> bool:
    """Whether a *source* is named in a way that nothing here is known by."""
    return isinstance(source, Unknown) and source not in (each.get("id") for each in pieces.sources)


def _names(connection: JSONObject) -> bool:
    return connection.get("trackingPlanId") is not None


def _chosen(pieces: Pieces, wanted: JSON, findings: list[Finding]) -> JSONObject | None:
    own = _own_plan(pieces, wanted, findings)
    loose = []
    for each in pieces.rules:
        theirs = each.get("trackingPlanId")
        if theirs in (None, wanted) or (own is not None and theirs == own.get("id")):
            loose.append(each)
        else:
            said = theirs if isinstance(theirs, Unknown) else f"they are of the plan {theirs!r}"
            severity: Severity = "warning" if isinstance(theirs, Unknown) else "note"
            place = theirs.where if isinstance(theirs, Unknown) else "trackingPlan.rules"
            what = f"{said}, so that {len(each.get('rules') or [])} rules are left out"
            findings.append(Finding(severity, place, what, "Name this source's plan there."))
    if own is None and (not loose or pieces.plans):
        return None
    described = {"id": wanted} if own is None else own
    known = {key: value for key, value in described.items() if not _is_open(key, value)}
    given = [known.get("rules", []), *(each.get("rules", []) for each in loose)]
    if unknown := [rules for rules in given if isinstance(rules, Unknown)]:
        return known | {"rules": unknown[0]}
    return known | {"rules": _once([rule for rules in given for rule in rules])}


def _own_plan(pieces: Pieces, wanted: JSON, findings: list[Finding]) -> JSONObject | None:
    """The plan that is *wanted*, or the only one where nothing says which is."""
    plans = [each for each in pieces.plans if wanted in (None, each.get("id"))]
    if wanted is None:
        # A library of properties is connected to no source.
        plans = [each for each in plans if each.get("type") != "PROPERTY_LIBRARY"]
    if wanted is None and len(plans) > 1:
        what = f"nothing says which of {len(plans)} tracking plans is the source's"
        remedy = "Name one under trackingPlan in the workspace file."
        findings.append(Finding("warning", "trackingPlan", what, remedy))
        plans = []
    own = plans[0] if plans else None
    for each in pieces.plans:
        if each is not own:
            what = f"the tracking plan{_named(each)} is not this source's and is left out"
            findings.append(Finding("note", "trackingPlan", what, "Nothing to do."))
    return own


def _once(rules: list[JSON]) -> list[JSON]:
    """*rules* without those that are the same as an earlier one."""
    known = {json.dumps(printable(rule), sort_keys=True): rule for rule in reversed(rules)}
    return [*reversed(known.values())]


def _is_open(key: str, value: JSON) -> bool:
    """Whether a value says nothing: an export leaves it open, or Terraform links by it alone."""
    placeholder = isinstance(value, str) and value.startswith(("<", "{"))
    return placeholder or value is None or (key == "id" and isinstance(value, Unknown))


def _absent(wanted: JSON) -> Finding:
    said = wanted.text if isinstance(wanted, Unknown) else repr(wanted)
    asked = "{id}" if isinstance(wanted, Unknown) else wanted
    what = f"the source is connected to the tracking plan {said}, whose rules are not in here"
    remedy = f"Give the answer of GET /tracking-plans/{asked}/rules too."
    where = wanted.where if isinstance(wanted, Unknown) else "trackingPlan"
    return Finding("warning", where, what, remedy)


def _named(own: JSONObject) -> str:
    name = own.get("name") or own.get("id")
    return f" {name!r}" if isinstance(name, str) else ""
