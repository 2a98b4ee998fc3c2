"""The Event page: the road of one message, and the same message again."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import orjson
from flask import Blueprint, Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as Redirect

from segment_insider_emulator.capture.filters import Filters
from segment_insider_emulator.capture.records import Captured
from segment_insider_emulator.depth import MAX_DEPTH, depth
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.harness.queries import ID
from segment_insider_emulator.inspector import comparison, copies
from segment_insider_emulator.inspector.addresses import here
from segment_insider_emulator.inspector.event_road import road
from segment_insider_emulator.inspector.json_view import Tree
from segment_insider_emulator.inspector.redaction import without_secrets
from segment_insider_emulator.inspector.rendering import render
from segment_insider_emulator.inspector.scenario import Account, scenario
from segment_insider_emulator.inspector.sending import send
from segment_insider_emulator.inspector.stations import EventRoad
from segment_insider_emulator.inspector.view import View, number, read
from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.parts import Parts, parts
from segment_insider_emulator.workspace.loading import PRESETS, read_preset
from segment_insider_emulator.workspace.vocabulary import vocabulary_of

bp = Blueprint("event", __name__)

ALIKE = 30  # messages offered to compare with
REMEDY = 'Send one JSON object, such as {"type": "track", "event": "Song Played"}.'


@bp.get(f"/messages/{ID}")
def page(id: int) -> str:
    """One message; part `requests` is what its row in the list opens to."""
    own, message = parts(), _message(id)
    if request.args.get("part") == "requests":
        return render("event.html", "requests", message=message)
    told = road(message, own.configuration.destination, own.workspace.document)
    try:
        view = read(request.args, own.clock)
    except EmulatorError:  # a filter of the list, which has no say here
        view = View()
    newer, older = own.store.browsing.beside(id, view.filters)
    return render(
        "event.html",
        message=message,
        road=told,
        event=Tree("event", told.marks).draw(without_secrets(message.sent)),
        tree=lambda name, value, marks: Tree(name, marks).draw(without_secrets(value)),
        raw={"sent": without_secrets(message.sent), "event": without_secrets(message.normalised)},
        copied=_copied(own, told),
        view=view,
        newer=newer,
        older=older,
        alike=_alike(own, message),
    )


@bp.get(f"/messages/{ID}/<any(sent,event):what>.json")
def whole(id: int, what: str) -> Response:
    """All of a message, however long: as it was `sent`, or as the `event` it became."""
    message = _message(id)
    value = without_secrets(message.sent if what == "sent" else message.normalised)
    return Response(orjson.dumps(value, option=orjson.OPT_INDENT_2), mimetype="application/json")


@bp.get(f"/messages/{ID}/edit")
def edit(id: int) -> str:
    """A form with the message, to be changed and sent again."""
    message = _message(id)
    text = orjson.dumps(copies.again(message), option=orjson.OPT_INDENT_2).decode()
    return render("edit.html", message=message, text=text)


@bp.post(f"/messages/{ID}/edit")
def resend(id: int) -> str | Redirect:
    """Send what the form says, as an SDK would, and go to what became of it."""
    message, text = _message(id), request.form.get("call", "")
    try:
        sent = _resent(text)
    except EmulatorError as error:
        return render("edit.html", message=message, text=text, fault=error)
    return redirect(url_for("inspector.event.page", id=sent), 303)


@bp.get(f"/messages/{ID}/compare")
def compare(id: int) -> str:
    """Two messages side by side, or one alone and in a batch (`with=batch`)."""
    own, left = parts(), _message(id)
    other = request.args.get("with", "")
    if other == "batch":
        event, destination = without_secrets(left.normalised), own.configuration.destination
        compared = list(comparison.batch(event, destination)) if event else []
        titles = ("alone", "in a batch")
    else:
        right = _message(number(other, "with") or 0)
        compared = list(comparison.events(_redacted(left), _redacted(right)))
        titles = (f"message {left.id}", f"message {right.id}")
    return render("compare.html", message=left, compared=compared, titles=titles)


def _message(id: int) -> Captured:
    return parts().store.message(id) or abort(404)


def _alike(own: Parts, message: Captured) -> list[object]:
    """The newest other messages of the same event."""
    filters = Filters(type=message.type or "", event=message.event or "")
    found = own.store.browsing.page(filters, limit=ALIKE)
    return [each for each in found.messages if each.id != message.id]


def _copied(own: Parts, told: EventRoad) -> dict[str, str]:
    """The forms in which the message can be copied, without secrets."""
    message = _redacted(told.message)
    call = copies.again(message)
    sources = {each.name: each.write_key for each in own.workspace.sources}
    key = sources.get(message.source or "", own.workspace.write_key)
    account = Account(own.workspace.identifiers, own.workspace.options)
    return {
        "curl": copies.curl(call, message.type, here(), key),
        "json": orjson.dumps(call, option=orjson.OPT_INDENT_2).decode(),
        "contract case": copies.contract_cases(
            message, message.normalised, own.configuration.destination
        ),
        "scenario": scenario(
            told, call, _workspace(own), account, vocabulary_of(own.workspace.document)
        ),
    }


def _workspace(own: Parts) -> str:
    """The preset, or the name that the workspace's file has beside a scenario."""
    known = (name for name in PRESETS if read_preset(name) == own.workspace.document)
    return next(known, Path(own.config.workspace or "workspace.yaml").name)


def _redacted(message: Captured) -> Captured:
    return replace(
        message,
        sent=without_secrets(message.sent),
        normalised=without_secrets(message.normalised),
    )


def _resent(text: str) -> int:
    """Send the call of *text*; gives the id of the message it became. Raises: EmulatorError."""
    try:
        call = parse_json(text.encode())
    except orjson.JSONDecodeError as error:
        raise EmulatorError(f"this is no JSON ({error})", "", REMEDY) from None
    if not isinstance(call, dict) or depth(call) > MAX_DEPTH:
        raise EmulatorError("this is no call", "", REMEDY)
    message_id = call.get("messageId")
    if not isinstance(message_id, str) or not message_id:
        message_id = f"resent-{uuid4()}"
    send({**call, "messageId": message_id})
    found, _ = parts().store.messages({"messageId": message_id}, limit=1000)
    return found[-1].id
