"""The tester's page: an event through every mapping, and an edited mapping beside the real one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

import orjson
from flask import Blueprint, Response, abort, request

from segment_insider_emulator.capture.records import Captured
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.inspector import forms
from segment_insider_emulator.inspector.current import document
from segment_insider_emulator.inspector.forms import Mistake, mistake
from segment_insider_emulator.inspector.paging import number
from segment_insider_emulator.inspector.rendering import render
from segment_insider_emulator.inspector.tester import (
    MOST_EVENTS,
    MOST_SHOWN,
    Comparison,
    compare,
    try_out,
)
from segment_insider_emulator.inspector.tester_form import Filled, draft, editing, read_event
from segment_insider_emulator.inspector.trigger_words import trigger_words
from segment_insider_emulator.parts import Parts, parts
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import Workspace
from segment_insider_emulator.workspace.exporting.public_api import requests
from segment_insider_emulator.workspace.exporting.terraform import configuration
from segment_insider_emulator.workspace.exporting.workspace_file import workspace_file
from segment_insider_emulator.workspace.finding import Finding
from segment_insider_emulator.workspace.lint import lint
from segment_insider_emulator.workspace.model import workspace_of

bp = Blueprint("tester", __name__, url_prefix="/workspace/test")

RECENT = 40  # captured events to choose from


class Edit(NamedTuple):
    """What an edited mapping would change.

    Args:
        here: The event at hand, when its request changes.
        others: The first few captured events whose request changes.
        changed, looked_at: How many captured events change, of how many.
        findings: What lint says of the edited mapping and did not say of the real one.
    """

    takes: str
    here: Comparison | None
    others: Sequence[Comparison]
    changed: int
    looked_at: int
    findings: Sequence[Finding]


@bp.get("")
def page() -> str:
    """The tester; `message` is a captured one's id, `subscription` the number of a mapping."""
    own = parts()
    found = own.store.message(number("message", 0))
    event = _pretty(found.normalised or found.sent) if found else ""
    chosen = number("subscription", 0)
    if chosen:
        return _page(editing(event, chosen, _subscription(own, chosen)))
    return _page(Filled(event))


@bp.post("")
def run() -> str:
    """Try an event; nothing is sent and nothing changes."""
    filled = _filled()
    try:
        read_event(filled.event, parts().clock())
        _drafted(parts(), filled)
    except EmulatorError as error:
        return _page(filled, mistake("test", error))
    return _page(filled)


@bp.post("/apply")
def apply() -> Response | str:
    """Use the edited mapping in this sandbox from now on."""
    own, filled = parts(), _filled()
    try:
        after = _drafted(own, filled)
    except EmulatorError as error:
        return _page(filled, mistake("test", error))
    if after is None or filled.number is None:
        abort(404)
    own.configuration.edit(
        filled.number - 1, {"trigger": after["trigger"], "settings": after["settings"]}
    )
    notice = f"{after['name']} is used as edited, until a reset"
    return forms.done(notice, "inspector.workspace.subscription", id=filled.number)


@bp.post("/export/<form>")
def export(form: str) -> Response | str:
    """The destination with the edited mapping as a file, its key left out."""
    own, filled = parts(), _filled()
    if form not in EXPORTS:
        abort(404)
    try:
        after = _drafted(own, filled)
    except EmulatorError as error:
        return _page(filled, mistake("test", error))
    return _file(form, document(own, filled.number or 0, after))


@bp.get("/export/<form>")
def written(form: str) -> Response:
    """The workspace as it is now as a file, its key left out."""
    if form not in EXPORTS:
        abort(404)
    return _file(form, document(parts()))


def _file(form: str, whole: JSONObject) -> Response:
    # A plan that stands in a file of its own was read when the workspace was loaded.
    workspace = replace(workspace_of(whole), plan=parts().workspace.plan)
    headers = {"Content-Disposition": f'attachment; filename="{FILES[form]}"'}
    return Response(EXPORTS[form](workspace), mimetype="text/plain", headers=headers)


def _public_api(workspace: Workspace) -> str:
    return _pretty({"requests": requests(workspace)})


EXPORTS: Mapping[str, Callable[[Workspace], str]] = {
    "public-api": _public_api,
    "terraform": configuration,
    "workspace": workspace_file,
}
FILES = {
    "public-api": "public-api.json",
    "terraform": "insider.tf",
    "workspace": "workspace.yaml",
}


def _filled() -> Filled:
    """The form that was sent: `edit` asks to begin with a mapping as it is."""
    form = request.form
    event, chosen = form.get("event", ""), form.get("edit") or form.get("subscription", "")
    if not (chosen.isdecimal() and len(chosen) < 7 and int(chosen)):
        return Filled(event)
    if form.get("edit"):
        return editing(event, int(chosen), _subscription(parts(), int(chosen)))
    mapping = form.get("mapping", "")
    return Filled(event, int(chosen), form.get("trigger", ""), mapping)


def _subscription(own: Parts, chosen: int) -> JSONObject:
    subscriptions = own.configuration.destination["subscriptions"]
    if not 1 <= chosen <= len(subscriptions):
        abort(404)
    found: JSONObject = subscriptions[chosen - 1]
    return found


def _drafted(own: Parts, filled: Filled) -> JSONObject | None:
    """The edited subscription; None when none is edited."""
    if filled.number is None:
        return None
    return draft(filled, _subscription(own, filled.number))


def _page(filled: Filled, wrong: Mistake | None = None) -> str:
    own = parts()
    recent, _ = own.store.overview.latest(MOST_EVENTS)
    trial = edit = None
    if not wrong:
        event, after = _event(own, filled), _drafted(own, filled)
        whole = document(own, filled.number or 0, after)
        trial = try_out(whole, event, own.workspace.options) if event else None
        edit = _edit(own, filled.number, after, event, recent) if after and filled.number else None
    return render(
        "tester.html",
        filled=filled,
        trial=trial,
        edit=edit,
        recent=[each for each in recent if each.normalised][:RECENT],
        names=[each["name"] for each in own.configuration.destination["subscriptions"]],
        mistake=wrong,
    )


def _event(own: Parts, filled: Filled) -> JSONObject | None:
    return read_event(filled.event, own.clock()) if filled.event else None


def _edit(
    own: Parts,
    chosen: int,
    after: JSONObject,
    event: JSONObject | None,
    recent: Sequence[Captured],
) -> Edit:
    before, settings = _subscription(own, chosen), own.configuration.destination["settings"]
    here = next(compare(before, after, settings, [event] if event else []), None)
    events = [each.normalised for each in recent if each.normalised]
    changed = list(compare(before, after, settings, events))
    return Edit(
        trigger_words(after["trigger"]),
        here,
        list(islice(changed, MOST_SHOWN)),
        len(changed),
        len(events),
        _new_findings(own, chosen, after),
    )


def _new_findings(own: Parts, chosen: int, after: JSONObject) -> list[Finding]:
    """What lint says with the edit and did not say without."""
    known = set(lint(document(own)))
    return [each for each in lint(document(own, chosen, after)) if each not in known]


def _pretty(value: JSONObject) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
