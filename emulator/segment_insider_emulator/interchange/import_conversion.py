"""Conversion of imported Segment subscriptions and tracking plans for a workspace file.

Source: Segment, Protocols and its transformations; insert functions; Terraform provider 1.6.0.
"""

import json
from collections.abc import Callable, Iterator

from segment_insider_emulator.analysis.lint.mapping_rules import AUTOMATIC_FIELDS
from segment_insider_emulator.filtering.tracking_plan import parse_tracking_plan
from segment_insider_emulator.functions.segment_function import FunctionKind
from segment_insider_emulator.interchange.export_workspace import ACTION_SLUGS
from segment_insider_emulator.interchange.import_resources import (
    ImportedResources,
    UnknownValue,
    replace_unknown_values_by_text,
)
from segment_insider_emulator.mapping.catalog import (
    ACTIONS,
    DESTINATION_METADATA_ID,
    DestinationAction,
)
from segment_insider_emulator.mapping.validation import ROOT_DIRECTIVE_KEY
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.validation import Severity, WorkspaceFinding, suggest_name


def convert_subscription(
    resource: JSONObject, where: str, findings: list[WorkspaceFinding]
) -> JSONObject | None:
    """Convert an imported subscription for a workspace file; None when it is unusable.

    Unknown values inside it stay; `UnknownValueRemover` handles them later.

    Args:
        where: Its path in the workspace file.
    """
    action = _find_subscription_action(resource)
    reason, place = _explain_unusable_subscription(resource, action)
    name = resource.get("name")
    if action is None or reason:
        label = name if isinstance(name, str) else where
        findings.append(
            _build_skipped_subscription_finding(label, reason, place or where.rpartition("[")[0])
        )
        return None
    if not isinstance(name, str) or not name:
        why = str(name) if isinstance(name, UnknownValue) else "it has no name"
        place = name.where if isinstance(name, UnknownValue) else where
        what = f"{why}, so the subscription has its action's, {action.title!r}"
        findings.append(WorkspaceFinding("warning", place, what, "Write its name."))
        name = action.title
    known = {key: value for key, value in resource.items() if value is not None}
    converted = {"name": name, "actionSlug": action.slug} | known
    converted |= {"name": name, "actionSlug": action.slug}
    findings.extend(_find_unknown_mapping_fields(converted["settings"], action, where))
    if converted.get("modelId"):
        what = "this mapping belongs to a reverse-ETL model; the emulator does not receive its rows"
        findings.append(
            WorkspaceFinding("warning", where, what, "Send its rows as track calls to try it.")
        )
    else:
        converted.pop("modelId", None)
    return converted


def _find_subscription_action(resource: JSONObject) -> DestinationAction | None:
    slug, action_id = resource.get("actionSlug"), resource.get("actionId")
    if isinstance(slug, str) and slug in ACTIONS:
        return ACTIONS[slug]
    return (
        ACTIONS[ACTION_SLUGS[action_id]]
        if isinstance(action_id, str) and action_id in ACTION_SLUGS
        else None
    )


def _explain_unusable_subscription(
    resource: JSONObject, action: DestinationAction | None
) -> tuple[str, str]:
    """Return why an imported subscription is unusable, and where; two "" when it is usable."""
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


def _build_skipped_subscription_finding(name: str, reason: str, location: str) -> WorkspaceFinding:
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
            what = f"{action.slug} has no field {key!r}, so Segment drops it; the import keeps it"
            place = f"{where}.settings.{key}"
            yield WorkspaceFinding("warning", place, what, suggest_name(key, known))


CONTROLLED_CALL_TYPES = ("track", "identify", "group")


def collect_schema_settings(
    resources: ImportedResources, source_id: JSON, findings: list[WorkspaceFinding]
) -> JSONObject:
    """Collect an imported source's schema settings; in a workspace file, `source.settings`.

    Args:
        source_id: None when it is unknown.
    """
    settings: JSONObject = {}
    for connection in _list_plan_connections_of_source(resources, source_id):
        connection_source, connection_settings = (
            connection.get("sourceId"),
            connection.get("schemaSettings") or {},
        )
        if isinstance(connection_source, UnknownValue) and _is_unresolved_source_id(
            connection_source, resources
        ):
            what = f"{connection_source}, so this connection is taken as the source's"
            findings.append(
                WorkspaceFinding("warning", connection_source.where, what, "Name the source there.")
            )
        if isinstance(connection_settings, UnknownValue):
            what = f"{connection_settings}, so violations of the plan are let through here"
            findings.append(
                WorkspaceFinding("warning", connection_settings.where, what, "Write its values.")
            )
        else:
            settings |= connection_settings
    for key in settings:
        if key not in CONTROLLED_CALL_TYPES:
            what = f"{key} is imported, but the emulator forwards no events"
            findings.append(
                WorkspaceFinding("note", f"source.settings.{key}", what, "Nothing to do.")
            )
    return settings


def select_tracking_plan(
    resources: ImportedResources, source_id: JSON, findings: list[WorkspaceFinding]
) -> JSONObject | None:
    """Return the imported tracking plan of the source; None when no usable one is imported.

    Args:
        source_id: None when it is unknown.
    """
    connected = [
        connection["trackingPlanId"]
        for connection in _list_plan_connections_of_source(resources, source_id)
        if _has_tracking_plan_id(connection)
    ]
    plan_id = connected[0] if connected else None
    plan = _build_tracking_plan(resources, plan_id, findings)
    if plan is None:
        if plan_id is not None:
            findings.append(_build_missing_plan_finding(plan_id))
        return None
    if isinstance(plan["rules"], UnknownValue):
        what = f"{plan['rules']}, so the tracking plan{_format_quoted_plan_name(plan)} is left out"
        findings.append(WorkspaceFinding("error", plan["rules"].where, what, "Write its rules."))
        return None
    if plan_id is None:
        name = _format_quoted_plan_name(plan)
        what = f"the tracking plan{name} is used for the source, although no file connects them"
        remedy = "Remove the key if the source has another plan or none."
        findings.append(WorkspaceFinding("note", "trackingPlan", what, remedy))
    return plan


def find_uncheckable_plan_rules(tracking_plan: JSONObject | None) -> Iterator[WorkspaceFinding]:
    """Find rules of an imported tracking plan that the emulator cannot check."""
    if tracking_plan is None:
        return
    if not tracking_plan["rules"]:
        what = "the tracking plan has no rules here, so all events are unplanned"
        remedy = "Give the answer of GET /tracking-plans/{id}/rules too."
        yield WorkspaceFinding("warning", "trackingPlan.rules", what, remedy)
    for problem in parse_tracking_plan(tracking_plan, "trackingPlan").problems:
        yield WorkspaceFinding("warning", problem.where, problem.what, problem.remedy)


def _list_plan_connections_of_source(
    resources: ImportedResources, source_id: JSON
) -> Iterator[JSONObject]:
    for connection in resources.connections:
        connection_source = connection.get("sourceId")
        if (
            connection_source in (None, source_id, "<sourceId>")
            or source_id is None
            or _is_unresolved_source_id(connection_source, resources)
        ):
            yield connection


def _is_unresolved_source_id(source_id: JSON, resources: ImportedResources) -> bool:
    """Return whether an imported source id is a reference that matches no imported source."""
    return isinstance(source_id, UnknownValue) and source_id not in (
        source.get("id") for source in resources.sources
    )


def _has_tracking_plan_id(connection: JSONObject) -> bool:
    return connection.get("trackingPlanId") is not None


def _build_tracking_plan(
    resources: ImportedResources, plan_id: JSON, findings: list[WorkspaceFinding]
) -> JSONObject | None:
    plan = _find_tracking_plan(resources, plan_id, findings)
    rule_sets = []
    for rule_set in resources.rules:
        rules_plan_id = rule_set.get("trackingPlanId")
        if rules_plan_id in (None, plan_id) or (
            plan is not None and rules_plan_id == plan.get("id")
        ):
            rule_sets.append(rule_set)
        else:
            reason = (
                rules_plan_id
                if isinstance(rules_plan_id, UnknownValue)
                else f"they are of the plan {rules_plan_id!r}"
            )
            severity: Severity = "warning" if isinstance(rules_plan_id, UnknownValue) else "note"
            place = (
                rules_plan_id.where
                if isinstance(rules_plan_id, UnknownValue)
                else "trackingPlan.rules"
            )
            what = f"{reason}, so {len(rule_set.get('rules') or [])} rules are left out"
            findings.append(
                WorkspaceFinding(severity, place, what, "Name this source's plan there.")
            )
    if plan is None and (not rule_sets or resources.plans):
        return None
    described = {"id": plan_id} if plan is None else plan
    known = {key: value for key, value in described.items() if not _is_placeholder(key, value)}
    rule_lists = [known.get("rules", []), *(rule_set.get("rules", []) for rule_set in rule_sets)]
    if unknown := [rules for rules in rule_lists if isinstance(rules, UnknownValue)]:
        return known | {"rules": unknown[0]}
    return known | {
        "rules": _remove_duplicate_rules([rule for rules in rule_lists for rule in rules])
    }


def _find_tracking_plan(
    resources: ImportedResources, plan_id: JSON, findings: list[WorkspaceFinding]
) -> JSONObject | None:
    """Return the imported plan with *plan_id*, or the only imported plan when the id is None."""
    plans = [plan for plan in resources.plans if plan_id in (None, plan.get("id"))]
    if plan_id is None:
        # A property library is never connected to a source.
        plans = [plan for plan in plans if plan.get("type") != "PROPERTY_LIBRARY"]
    if plan_id is None and len(plans) > 1:
        what = f"no file says which of {len(plans)} tracking plans the source uses"
        remedy = "Name one under trackingPlan in the workspace file."
        findings.append(WorkspaceFinding("warning", "trackingPlan", what, remedy))
        plans = []
    chosen = plans[0] if plans else None
    for plan in resources.plans:
        if plan is not chosen:
            quoted_name = _format_quoted_plan_name(plan)
            what = f"the tracking plan{quoted_name} is not this source's and is left out"
            findings.append(WorkspaceFinding("note", "trackingPlan", what, "Nothing to do."))
    return chosen


def _remove_duplicate_rules(rules: list[JSON]) -> list[JSON]:
    """Remove duplicate rules of a tracking plan; the first of equal rules stays."""
    known = {
        json.dumps(replace_unknown_values_by_text(rule), sort_keys=True): rule
        for rule in reversed(rules)
    }
    return [*reversed(known.values())]


def _is_placeholder(key: str, value: JSON) -> bool:
    """Return whether a plan's value is left open by an export, or is a Terraform reference."""
    placeholder = isinstance(value, str) and value.startswith(("<", "{"))
    return placeholder or value is None or (key == "id" and isinstance(value, UnknownValue))


def _build_missing_plan_finding(plan_id: JSON) -> WorkspaceFinding:
    plan_text = plan_id.text if isinstance(plan_id, UnknownValue) else repr(plan_id)
    path_id = "{id}" if isinstance(plan_id, UnknownValue) else plan_id
    what = f"the source uses the tracking plan {plan_text}, but the files do not contain its rules"
    remedy = f"Give the answer of GET /tracking-plans/{path_id}/rules too."
    where = plan_id.where if isinstance(plan_id, UnknownValue) else "trackingPlan"
    return WorkspaceFinding("warning", where, what, remedy)


def _format_quoted_plan_name(tracking_plan: JSONObject) -> str:
    name = tracking_plan.get("name") or tracking_plan.get("id")
    return f" {name!r}" if isinstance(name, str) else ""


def convert_transformations(
    resources: ImportedResources,
    destination: JSONObject,
    source_id: JSON,
    findings: list[WorkspaceFinding],
) -> Iterator[JSONObject]:
    """Yield the imported transformations that change the source's events; report the others.

    Args:
        source_id: None when it is unknown.
    """
    destination_source = destination.get("sourceId") or source_id
    for resource in resources.transformations:
        catalogue_id = resource.get("destinationMetadataId")
        is_scope_unknown = isinstance(catalogue_id, UnknownValue)
        applies = is_scope_unknown or catalogue_id in (None, "", DESTINATION_METADATA_ID)
        if not applies or not _may_refer_to_any_id(
            resource.get("sourceId"), (destination_source,), resources
        ):
            findings.append(_build_other_piece_finding(resource, "the transformation"))
            continue
        converted = {key: value for key, value in resource.items() if key != "place"}
        if is_scope_unknown:
            what = (
                f"{catalogue_id}, so {_format_piece_name(resource)} is taken as this destination's"
            )
            findings.append(
                WorkspaceFinding("warning", resource["place"], what, "Name the destination there.")
            )
            converted["destinationMetadataId"] = DESTINATION_METADATA_ID
        yield converted


def build_function_scope(
    resources: ImportedResources, destination: JSONObject, source_id: JSON
) -> Callable[[JSON, FunctionKind], bool]:
    """Return whether an integrationId may be that of the destination, or of its source.

    Args:
        source_id: None when it is unknown.
    """
    destination_source = destination.get("sourceId") or source_id

    def refers_to(integration_id: JSON, kind: FunctionKind) -> bool:
        own = destination_source if kind == "sourceInsert" else destination.get("id")
        other = destination.get("id") if kind == "sourceInsert" else destination_source
        if other is not None and integration_id == other:
            return False
        # An export names the destination that it creates.
        is_new = integration_id in ("{destinationId}", "<sourceId>")
        return is_new or _may_refer_to_any_id(integration_id, (own,), resources)

    return refers_to


def _may_refer_to_any_id(
    referenced_id: JSON, candidate_ids: tuple[JSON, ...], resources: ImportedResources
) -> bool:
    """Return whether an imported id may be one of *candidate_ids*; an unknown id may be any."""
    if referenced_id in (None, "") or referenced_id in candidate_ids:
        return True
    if referenced_id in (
        known.get("id") for known in (*resources.destinations, *resources.sources)
    ):
        return False
    return isinstance(referenced_id, UnknownValue) or None in candidate_ids


def _build_other_piece_finding(resource: JSONObject, description: str) -> WorkspaceFinding:
    subject = f"{description} {_format_piece_name(resource)}"
    what = f"{subject} belongs to another source or destination and is left out"
    return WorkspaceFinding("note", resource["place"], what, "Nothing to do.")


def _format_piece_name(resource: JSONObject) -> str:
    name = resource.get("name") or resource.get("displayName") or resource.get("id")
    return repr(replace_unknown_values_by_text(name))
