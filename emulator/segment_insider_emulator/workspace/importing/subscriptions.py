"""One subscription of Segment's as one of a workspace file."""

from collections.abc import Iterator

from segment_insider_emulator.mapping.catalog import ACTIONS, DestinationAction
from segment_insider_emulator.mapping.root import ROOT_DIRECTIVE_KEY
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.exporting.identity import ACTION_SLUGS
from segment_insider_emulator.workspace.finding import WorkspaceFinding, suggest_name
from segment_insider_emulator.workspace.importing.values import UnknownValue
from segment_insider_emulator.workspace.lint.fields import AUTOMATIC_FIELDS


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
