"""The tracking plan of a source, and what the source does about violations of it."""

import json
from collections.abc import Iterator

from segment_insider_emulator.segment.filtering.plans.file import parse_plan
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.finding import Severity, WorkspaceFinding
from segment_insider_emulator.workspace.importing.pieces import ImportedResources
from segment_insider_emulator.workspace.importing.values import UnknownValue, make_printable

CONTROLLED_CALL_TYPES = ("track", "identify", "group")


def collect_schema_settings(
    resources: ImportedResources, source_id: JSON, findings: list[WorkspaceFinding]
) -> JSONObject:
    """The schema settings of the source, which a workspace file has under `source.settings`.

    Args:
        source: Its id, where it is known.
    """
    found: JSONObject = {}
    for connection in _connections_of_source(resources, source_id):
        theirs, given = connection.get("sourceId"), connection.get("schemaSettings") or {}
        if isinstance(theirs, UnknownValue) and _is_unresolved_source(theirs, resources):
            what = f"{theirs}, so that this connection is taken as the source's"
            findings.append(
                WorkspaceFinding("warning", theirs.where, what, "Name the source there.")
            )
        if isinstance(given, UnknownValue):
            what = f"{given}, so that violations of the plan are let through here"
            findings.append(WorkspaceFinding("warning", given.where, what, "Write its values."))
        else:
            found |= given
    for key in found:
        if key not in CONTROLLED_CALL_TYPES:
            what = f"{key} is kept, and nothing is forwarded here"
            findings.append(
                WorkspaceFinding("note", f"source.settings.{key}", what, "Nothing to do.")
            )
    return found


def select_tracking_plan(
    resources: ImportedResources, source_id: JSON, findings: list[WorkspaceFinding]
) -> JSONObject | None:
    """The plan that the source is connected to, with its rules; None when it is not in the pieces.

    Args:
        source: Id of the source, where it is known.
    """
    connected = [
        each["trackingPlanId"]
        for each in _connections_of_source(resources, source_id)
        if _names_plan(each)
    ]
    wanted = connected[0] if connected else None
    own = _build_tracking_plan(resources, wanted, findings)
    if own is None:
        if wanted is not None:
            findings.append(_missing_plan_finding(wanted))
        return None
    if isinstance(own["rules"], UnknownValue):
        what = f"{own['rules']}, so that the tracking plan{_quoted_name(own)} is left out"
        findings.append(WorkspaceFinding("error", own["rules"].where, what, "Write its rules."))
        return None
    if wanted is None:
        what = (
            f"the tracking plan{_quoted_name(own)} is taken as the source's; nothing here says so"
        )
        remedy = "Take the key out, if the source has another plan or none."
        findings.append(WorkspaceFinding("note", "trackingPlan", what, remedy))
    return own


def find_plan_problems(tracking_plan: JSONObject | None) -> Iterator[WorkspaceFinding]:
    """Yield what of a plan cannot be checked, once it is assembled."""
    if tracking_plan is None:
        return
    if not tracking_plan["rules"]:
        what = "the tracking plan has no rules here, so that all events are unplanned"
        remedy = "Give the answer of GET /tracking-plans/{id}/rules too."
        yield WorkspaceFinding("warning", "trackingPlan.rules", what, remedy)
    for problem in parse_plan(tracking_plan, "trackingPlan").problems:
        yield WorkspaceFinding("warning", problem.where, problem.what, problem.remedy)


def _connections_of_source(resources: ImportedResources, source_id: JSON) -> Iterator[JSONObject]:
    for each in resources.connections:
        theirs = each.get("sourceId")
        if (
            theirs in (None, source_id, "<sourceId>")
            or source_id is None
            or _is_unresolved_source(theirs, resources)
        ):
            yield each


def _is_unresolved_source(source_id: JSON, resources: ImportedResources) -> bool:
    """Whether a *source* is named in a way that nothing here is known by."""
    return isinstance(source_id, UnknownValue) and source_id not in (
        each.get("id") for each in resources.sources
    )


def _names_plan(connection: JSONObject) -> bool:
    return connection.get("trackingPlanId") is not None


def _build_tracking_plan(
    resources: ImportedResources, plan_id: JSON, findings: list[WorkspaceFinding]
) -> JSONObject | None:
    own = _find_tracking_plan(resources, plan_id, findings)
    loose = []
    for each in resources.rules:
        theirs = each.get("trackingPlanId")
        if theirs in (None, plan_id) or (own is not None and theirs == own.get("id")):
            loose.append(each)
        else:
            said = (
                theirs if isinstance(theirs, UnknownValue) else f"they are of the plan {theirs!r}"
            )
            severity: Severity = "warning" if isinstance(theirs, UnknownValue) else "note"
            place = theirs.where if isinstance(theirs, UnknownValue) else "trackingPlan.rules"
            what = f"{said}, so that {len(each.get('rules') or [])} rules are left out"
            findings.append(
                WorkspaceFinding(severity, place, what, "Name this source's plan there.")
            )
    if own is None and (not loose or resources.plans):
        return None
    described = {"id": plan_id} if own is None else own
    known = {key: value for key, value in described.items() if not _is_placeholder(key, value)}
    given = [known.get("rules", []), *(each.get("rules", []) for each in loose)]
    if unknown := [rules for rules in given if isinstance(rules, UnknownValue)]:
        return known | {"rules": unknown[0]}
    return known | {"rules": _unique_rules([rule for rules in given for rule in rules])}


def _find_tracking_plan(
    resources: ImportedResources, plan_id: JSON, findings: list[WorkspaceFinding]
) -> JSONObject | None:
    """The plan that is *wanted*, or the only one where nothing says which is."""
    plans = [each for each in resources.plans if plan_id in (None, each.get("id"))]
    if plan_id is None:
        # A library of properties is connected to no source.
        plans = [each for each in plans if each.get("type") != "PROPERTY_LIBRARY"]
    if plan_id is None and len(plans) > 1:
        what = f"nothing says which of {len(plans)} tracking plans is the source's"
        remedy = "Name one under trackingPlan in the workspace file."
        findings.append(WorkspaceFinding("warning", "trackingPlan", what, remedy))
        plans = []
    own = plans[0] if plans else None
    for each in resources.plans:
        if each is not own:
            what = f"the tracking plan{_quoted_name(each)} is not this source's and is left out"
            findings.append(WorkspaceFinding("note", "trackingPlan", what, "Nothing to do."))
    return own


def _unique_rules(rules: list[JSON]) -> list[JSON]:
    """*rules* without those that are the same as an earlier one."""
    known = {json.dumps(make_printable(rule), sort_keys=True): rule for rule in reversed(rules)}
    return [*reversed(known.values())]


def _is_placeholder(key: str, value: JSON) -> bool:
    """Whether a value says nothing: an export leaves it open, or Terraform links by it alone."""
    placeholder = isinstance(value, str) and value.startswith(("<", "{"))
    return placeholder or value is None or (key == "id" and isinstance(value, UnknownValue))


def _missing_plan_finding(plan_id: JSON) -> WorkspaceFinding:
    said = plan_id.text if isinstance(plan_id, UnknownValue) else repr(plan_id)
    asked = "{id}" if isinstance(plan_id, UnknownValue) else plan_id
    what = f"the source is connected to the tracking plan {said}, whose rules are not in here"
    remedy = f"Give the answer of GET /tracking-plans/{asked}/rules too."
    where = plan_id.where if isinstance(plan_id, UnknownValue) else "trackingPlan"
    return WorkspaceFinding("warning", where, what, remedy)


def _quoted_name(tracking_plan: JSONObject) -> str:
    name = tracking_plan.get("name") or tracking_plan.get("id")
    return f" {name!r}" if isinstance(name, str) else ""
