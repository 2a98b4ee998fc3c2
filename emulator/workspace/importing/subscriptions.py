"""One subscription of Segment's as one of a workspace file."""

from collections.abc import Iterator

from emulator.mapping.catalog import ACTIONS, Action
from emulator.mapping.root import ROOT_KEY
from emulator.types import JSON, JSONObject
from emulator.workspace.exporting.hcl import Expression
from emulator.workspace.exporting.identity import SLUGS
from emulator.workspace.finding import Finding, did_you_mean
from emulator.workspace.lint.fields import AUTOMATIC

_TEXTS = ("name", "trigger")


def subscription(piece: JSONObject, where: str, findings: list[Finding]) -> JSONObject | None:
    """The subscription, with what is odd about it told; None when it cannot be used.

    Args:
        where: Its place in the workspace file.
    """
    action = _action(piece)
    unknown = _unusable(piece, action)
    if action is None or unknown:
        name = piece.get("name")
        findings.append(_left_out(name if isinstance(name, str) else where, unknown, where))
        return None
    known = {key: value for key, value in piece.items() if value is not None}
    own = {"name": piece["name"], "actionSlug": action.slug} | known | {"actionSlug": action.slug}
    settings = own.get("settings", {})
    own["settings"] = _known(settings if isinstance(settings, dict) else {}, where, findings)
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


def _unusable(piece: JSONObject, action: Action | None) -> str:
    """Why the subscription cannot be used; "" when it can."""
    if action is None:
        slug = piece.get("actionSlug") or piece.get("actionId")
        return f"its action {_said(slug)} is unknown"
    for key in _TEXTS:
        if isinstance(piece.get(key), Expression):
            return f"only Terraform knows its {key}, {piece[key].text}"
        if not isinstance(piece.get(key), str):
            return f"it has no {key}"
    return ""


def _said(value: JSON) -> str:
    return value.text if isinstance(value, Expression) else repr(value)


def _left_out(name: str, reason: str, where: str) -> Finding:
    remedy = f"Known actions: {', '.join(ACTIONS)}." if "action" in reason else "Write it there."
    place = where.rpartition("[")[0]
    return Finding("error", place, f"the subscription {name!r} is left out: {reason}", remedy)


def _known(settings: JSONObject, where: str, findings: list[Finding]) -> JSONObject:
    """The mapping without what only Terraform can work out, which is told."""
    return {
        key: _worked_out(each, f"{where}.settings.{key}", findings)
        for key, each in settings.items()
        if not _is_unknown(each, f"{where}.settings.{key}", findings)
    }


def _worked_out(value: JSON, where: str, findings: list[Finding]) -> JSON:
    if isinstance(value, dict):
        return {
            key: _worked_out(each, f"{where}.{key}", findings)
            for key, each in value.items()
            if not _is_unknown(each, f"{where}.{key}", findings)
        }
    if isinstance(value, list):
        return [
            _worked_out(each, f"{where}[{at}]", findings)
            for at, each in enumerate(value)
            if not _is_unknown(each, f"{where}[{at}]", findings)
        ]
    return value


def _is_unknown(value: JSON, where: str, findings: list[Finding]) -> bool:
    if isinstance(value, Expression):
        what = f"only Terraform knows {value.text}, so that it is left out"
        findings.append(Finding("warning", where, what, "Write its value."))
    return isinstance(value, Expression)


def _unknown_fields(settings: JSONObject, action: Action, where: str) -> Iterator[Finding]:
    known = [field.key for field in action.fields]
    for key in settings:
        if key not in (*known, *AUTOMATIC, ROOT_KEY) and not key.startswith("@"):
            what = f"{action.slug} has no field {key!r}, so that Segment drops it; it is kept here"
            place = f"{where}.settings.{key}"
            yield Finding("warning", place, what, did_you_mean(key, known))
