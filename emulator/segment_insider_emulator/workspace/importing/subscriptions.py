"""One subscription of Segment's as one of a workspace file."""

from collections.abc import Iterator

from segment_insider_emulator.mapping.catalog import ACTIONS, Action
from segment_insider_emulator.mapping.root import ROOT_KEY
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.exporting.identity import SLUGS
from segment_insider_emulator.workspace.finding import Finding, did_you_mean
from segment_insider_emulator.workspace.importing.values import Unknown
from segment_insider_emulator.workspace.lint.fields import AUTOMATIC


def subscription(piece: JSONObject, where: str, findings: list[Finding]) -> JSONObject | None:
    """Return the subscription, with its oddities in the findings; None when it is unusable.

    Unknown values inside it stay for the walk over the whole document.

    Args:
        where: Its place in the workspace file.
    """
    action = _action(piece)
    reason, place = _unusable(piece, action)
    name = piece.get("name")
    if action is None or reason:
        said = name if isinstance(name, str) else where
        findings.append(_left_out(said, reason, place or where.rpartition("[")[0]))
        return None
    if not isinstance(name, str) or not name:
        why = str(name) if isinstance(name, Unknown) else "it has no name"
        place = name.where if isinstance(name, Unknown) else where
        what = f"{why}, so that the subscription has its action's, {action.title!r}"
        findings.append(Finding("warning", place, what, "Write its name."))
        name = action.title
    known = {key: value for key, value in piece.items() if value is not None}
    own = {"name": name, "actionSlug": action.slug} | known
    own |= {"name": name, "actionSlug": action.slug}
    findings.extend(_unknown_fields(own["settings"], action, where))
    if own.get("modelId"):
        what = "this mapping is fed by a reverse-ETL model, whose rows do not come through here"
        findings.append(Finding("warning", where, what, "Send its rows as track calls to try it."))
    else:
        own.pop("modelId", None)
    return own


def _action(piece: JSONObject) -> Action | None:
    slug, action_id = piece.get("actionSlug"), piece.get("actionId")
    if isinstance(slug, str) and slug in ACTIONS:
        return ACTIONS[slug]
    return ACTIONS[SLUGS[action_id]] if isinstance(action_id, str) and action_id in SLUGS else None


def _unusable(piece: JSONObject, action: Action | None) -> tuple[str, str]:
    """Why the subscription cannot be used, "" when it can, and the place of what is missing."""
    if action is None:
        slug = piece.get("actionSlug") or piece.get("actionId")
        if isinstance(slug, Unknown):
            return f"its action is not known: {slug}", slug.where
        return f"its action {slug!r} is unknown", ""
    for key, kind in (("trigger", str), ("settings", dict)):
        value = piece.get(key)
        if isinstance(value, Unknown):
            return f"its {key} cannot be read: {value}", value.where
        if not isinstance(value, kind):
            return f"it has no {key}", ""
    return "", ""


def _left_out(name: str, reason: str, place: str) -> Finding:
    remedy = f"Known actions: {', '.join(ACTIONS)}." if "action" in reason else "Write it there."
    return Finding("error", place, f"the subscription {name!r} is left out: {reason}", remedy)


def _unknown_fields(settings: JSON, action: Action, where: str) -> Iterator[Finding]:
    known = [field.key for field in action.fields]
    for key in settings:
        if key not in (*known, *AUTOMATIC, ROOT_KEY) and not key.startswith("@"):
            what = f"{action.slug} has no field {key!r}, so that Segment drops it; it is kept here"
            place = f"{where}.settings.{key}"
            yield Finding("warning", place, what, did_you_mean(key, known))
