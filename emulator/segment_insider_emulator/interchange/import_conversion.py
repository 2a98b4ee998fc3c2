"""One subscription of Segment's as one of a workspace file."""

import json
from collections.abc import Iterator

from segment_insider_emulator.analysis.lint.mapping_rules import AUTOMATIC_FIELDS
from segment_insider_emulator.filtering.tracking_plan import parse_plan
from segment_insider_emulator.interchange.export_public_api import (
    ACTION_SLUGS,
    DESTINATION_METADATA_ID,
)
from segment_insider_emulator.interchange.import_resources import (
    ImportedResources,
    UnknownValue,
    make_printable,
)
from segment_insider_emulator.mapping.catalog import ACTIONS, DestinationAction
from segment_insider_emulator.mapping.validation import ROOT_DIRECTIVE_KEY
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.validation import Severity, WorkspaceFinding, suggest_name


def convert_subscription(
    resource: JSONObject, where: str, findings: list[WorkspaceFinding]
) -> JSONObject | None:
    """Return the subscription, with its oddities in the findings; None when it is unusable.

    Unknown values inside it stay for the walk over the whole document.

    Args:
        where: Its place in the workspace file.
    """
    action = _find_action(resource)
    reason, place = _unusable_reason(resource, action)
    name = resource.get("name")
    if action is None or reason:
        said = name if isinstance(name, str) else where
        findings.append(
            _skipped_subscription_finding(said, reason, place or where.rpartition("[")[0])
        )
        return None
    if not isinstance(name, str) or not name:
        why = str(name) if isinstance(name, UnknownValue) else "it has no name"
        place = name.where if isinstance(name, UnknownValue) else where
        what = f"{why}, so that the subscription has its action's, {action.title!r}"
        findings.append(WorkspaceFinding("warning", place, what, "Write its name."))
        name = action.title
    known = {key: value for key, value in resource.items() if value is not None}
    own = {"name": name, "actionSlug": action.slug} | known
    own |= {"name": name, "actionSlug": action.slug}
    findings.extend(_find_unknown_mapping_fields(own["settings"], action, where))
    if own.get("modelId"):
        what = "this mapping is fed by a reverse-ETL model, whose rows do not come through here"
        findings.append(
            WorkspaceFinding("warning", where, what, "Send its rows as track calls to try it.")
        )
    else:
        own.pop("modelId", None)
    return own


def _find_action(resource: JSONObject) -> DestinationAction | None:
    slug, action_id = resource.get("actionSlug"), resource.get("actionId")
    if isinstance(slug, str) and slug in ACTIONS:
        return ACTIONS[slug]
    return (
        ACTIONS[ACTION_SLUGS[action_id]]
        if isinstance(action_id, str) and action_id in ACTION_SLUGS
        else None
    )


def _unusable_reason(resource: JSONObject, action: DestinationAction | None) -> tuple[str, str]:
    """Why the subscription cannot be used, "" when it can, and the place of what is missing."""
    if action is None:
        slug = resource.get("actionSlug") or resource.get("actionId")
        if isinstance(slug, UnknownValue):
            return f"its action is not known: {slug}", slug.where
        return f"its action {slug!r} is unknown", ""
    for key, kind in (("trigger", str), ("settings", dict)):
        value = resource.get(key)
        if isinstance(value, UnknownValue):
            return f"its {key} cannot be read: {value}", value.where
        if not isinstance(value, kind):
            return f"it has no {key}", ""
    return "", ""


def _skipped_subscription_finding(name: str, reason: str, location: str) -> WorkspaceFinding:
    remedy = f"Known actions: {', '.join(ACTIONS)}." if "action" in reason else "Write it there."
    return WorkspaceFinding(
        "error", location, f"the subscription {name!r} is left out: {reason}", remedy
    )


def _find_unknown_mapping_fields(
    settings: JSON, action: DestinationAction, where: str
) -> Iterator[WorkspaceFinding]:
    known = [field.key for field in action.fields]
    for key in settings:
        if key not in (*known, *AUTOMATIC_FIELDS, ROOT_DIRECTIVE_KEY) and not key.startswith("@"):
            what = f"{action.slug} has no field {key!r}, so that Segment drops it; it is kept here"
            place = f"{where}.settings.{key}"
            yield WorkspaceFinding("warning", place, what, suggest_name(key, known))


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


_TRANSFORMATION_REMEDY = (
    "Send the events as they are after it, or change the mapping to what it makes of them."
)


def find_transformations(
    resources: ImportedResources, destination: JSONObject, source_id: JSON
) -> Iterator[WorkspaceFinding]:
    """Yield what would change the events of this source on their way to this destination.

    Args:
        source: Id of the source, where it is known.
    """
    own_source = destination.get("sourceId") or source_id
    for piece in resources.transformations:
        catalogue_id = piece.get("destinationMetadataId")
        ours = catalogue_id in (None, "", DESTINATION_METADATA_ID) or isinstance(
            catalogue_id, UnknownValue
        )
        ours = ours and _may_refer_to(piece.get("sourceId"), (own_source,), resources)
        yield _transformation_finding(piece, "the transformation", ours, "events of this source")
    for piece in resources.functions:
        if "functionId" in piece or "integrationId" in piece:
            ends = (destination.get("id"), own_source)
            ours = _may_refer_to(piece.get("integrationId"), ends, resources)
            yield _transformation_finding(
                piece, "the insert function", ours, "events of this destination"
            )
        else:
            ours = piece.get("resourceType") != "DESTINATION"
            yield _transformation_finding(
                piece, "the function", ours, "events that pass through it"
            )


def _may_refer_to(
    referenced_id: JSON, candidate_ids: tuple[JSON, ...], resources: ImportedResources
) -> bool:
    """Whether an id is one of our *own*, as far as they are known."""
    if referenced_id in (None, "") or referenced_id in candidate_ids:
        return True
    if referenced_id in (each.get("id") for each in (*resources.destinations, *resources.sources)):
        return False
    return isinstance(referenced_id, UnknownValue) or None in candidate_ids


def _transformation_finding(
    resource: JSONObject, description: str, applies: bool, affected_events: str
) -> WorkspaceFinding:
    name = make_printable(resource.get("name") or resource.get("displayName") or resource.get("id"))
    where = resource["place"]
    said = f"{description} {name!r}"
    if not applies:
        return WorkspaceFinding(
            "note", where, f"{said} is another road's and is left out", "Nothing to do."
        )
    if resource.get("enabled", True) is False:
        return WorkspaceFinding("note", where, f"{said} is off and is left out", "Nothing to do.")
    renamed = resource.get("newEventName")
    more = f": it renames events to {renamed!r}" if isinstance(renamed, str) and renamed else ""
    what = f"{said} changes {affected_events} at Segment and does nothing here{more}"
    return WorkspaceFinding("warning", where, what, _TRANSFORMATION_REMEDY)
