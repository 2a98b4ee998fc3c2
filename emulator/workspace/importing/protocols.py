"""The tracking plan of a source, and what the source does about violations of it."""

from collections.abc import Iterator

from emulator.errors import EmulatorError
from emulator.segment.filtering.plans.file import read_plan
from emulator.types import JSON, JSONObject
from emulator.workspace.exporting.hcl import Expression
from emulator.workspace.finding import Finding
from emulator.workspace.importing.pieces import Pieces

CONTROLLED = ("track", "identify", "group")


def controls(pieces: Pieces, source: JSON, findings: list[Finding]) -> JSONObject:
    """The schema settings of the source, which a workspace file has under `source.settings`.

    Args:
        source: Its id, where it is known.
    """
    found: JSONObject = {}
    for connection in _of_source(pieces, source):
        found |= connection.get("schemaSettings") or {}
    for key in found:
        if key not in CONTROLLED:
            what = f"{key} is kept, and nothing is forwarded here"
            findings.append(Finding("note", f"source.settings.{key}", what, "Nothing to do."))
    return {key: value for key, value in found.items() if not isinstance(value, Expression)}


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
    if wanted is None:
        what = f"the tracking plan{_named(own)} is taken as the source's; nothing here says so"
        remedy = "Take the key out, if the source has another plan or none."
        findings.append(Finding("note", "trackingPlan", what, remedy))
    findings.extend(_unusable(own))
    return own


def _of_source(pieces: Pieces, source: JSON) -> Iterator[JSONObject]:
    for each in pieces.connections:
        if each.get("sourceId") in (None, source, "<sourceId>") or source is None:
            yield each


def _names(connection: JSONObject) -> bool:
    return connection.get("trackingPlanId") is not None


def _chosen(pieces: Pieces, wanted: JSON, findings: list[Finding]) -> JSONObject | None:
    own: JSONObject | None = None
    for each in pieces.plans:
        if own is None and wanted in (None, each.get("id")):
            own = each
        else:
            what = f"the tracking plan{_named(each)} is not this source's and is left out"
            findings.append(Finding("note", "trackingPlan", what, "Nothing to do."))
    loose = [each for each in pieces.rules if each.get("trackingPlanId") in (None, wanted)]
    if own is None and (not loose or pieces.plans):
        return None
    described = {"id": wanted} if own is None else own
    known = {key: value for key, value in described.items() if not _unknown(value)}
    rules = [*known.get("rules", []), *(rule for each in loose for rule in each["rules"])]
    return known | {"rules": [rule for at, rule in enumerate(rules) if rule not in rules[:at]]}


def _unknown(value: JSON) -> bool:
    placeholder = isinstance(value, str) and value.startswith(("<", "{"))
    return placeholder or value is None or isinstance(value, Expression)


def _unusable(own: JSONObject) -> Iterator[Finding]:
    if not own["rules"]:
        what = "the tracking plan has no rules here, so that all events are unplanned"
        remedy = "Give the answer of GET /tracking-plans/{id}/rules too."
        yield Finding("warning", "trackingPlan.rules", what, remedy)
    try:
        read_plan(own, "trackingPlan")
    except EmulatorError as error:
        yield Finding("error", error.where, error.what, error.remedy)


def _absent(wanted: JSON) -> Finding:
    said = wanted.text if isinstance(wanted, Expression) else repr(wanted)
    asked = "{id}" if isinstance(wanted, Expression) else wanted
    what = f"the source is connected to the tracking plan {said}, whose rules are not in here"
    remedy = f"Give the answer of GET /tracking-plans/{asked}/rules too."
    return Finding("warning", "trackingPlan", what, remedy)


def _named(own: JSONObject) -> str:
    name = own.get("name") or own.get("id")
    return f" {name!r}" if isinstance(name, str) else ""
