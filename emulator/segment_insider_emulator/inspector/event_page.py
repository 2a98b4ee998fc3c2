"""The Event page: the road of one message, and the same message again."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import orjson
from flask import Blueprint, Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as Redirect

from segment_insider_emulator.control_api.request_parsing import ID_ROUTE
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.inspector import copy_as, event_comparison
from segment_insider_emulator.inspector.copy_as import (
    InsiderAccountSettings,
    build_gherkin_scenario,
)
from segment_insider_emulator.inspector.event_view_model import (
    EventViewModel,
    build_event_view_model,
)
from segment_insider_emulator.inspector.json_tree import JsonTree, redact_secrets
from segment_insider_emulator.inspector.list_query import ListQuery, parse_id, parse_list_query
from segment_insider_emulator.inspector.live_page import send_call
from segment_insider_emulator.inspector.rendering import current_sandbox_url, render_page
from segment_insider_emulator.json_text import MAX_DEPTH, nesting_depth, parse_json
from segment_insider_emulator.storage.message_filters import MessageFilters
from segment_insider_emulator.storage.records import MessageRecord
from segment_insider_emulator.web.services import SandboxServices, current_services
from segment_insider_emulator.workspace.known_names import collect_known_names
from segment_insider_emulator.workspace.loading import PRESET_NAMES, read_preset

bp = Blueprint("event", __name__)

MAX_SIMILAR_MESSAGES = 30  # messages offered to compare with
CALL_REMEDY = 'Send one JSON object, such as {"type": "track", "event": "Song Played"}.'


@bp.get(f"/messages/{ID_ROUTE}")
def show_message(id: int) -> str:
    """One message; part `requests` is what its row in the list opens to."""
    services, message = current_services(), _get_message_or_404(id)
    if request.args.get("part") == "requests":
        return render_page("event.html", "requests", message=message)
    event_view = build_event_view_model(
        message, services.destination_overrides.destination, services.workspace.document
    )
    try:
        list_query = parse_list_query(request.args, services.clock)
    except EmulatorError:  # a filter of the list, which has no say here
        list_query = ListQuery()
    newer, older = services.store.message_search.find_neighbour_ids(id, list_query.filters)
    return render_page(
        "event.html",
        message=message,
        road=event_view,
        event=JsonTree("event", event_view.marks).render(redact_secrets(message.sent)),
        tree=lambda name, value, marks: JsonTree(name, marks).render(redact_secrets(value)),
        raw={"sent": redact_secrets(message.sent), "event": redact_secrets(message.normalised)},
        copied=_build_copy_texts(services, event_view),
        view=list_query,
        newer=newer,
        older=older,
        alike=_find_similar_messages(services, message),
    )


@bp.get(f"/messages/{ID_ROUTE}/<any(sent,event):what>.json")
def download_message_json(id: int, what: str) -> Response:
    """All of a message, however long: as it was `sent`, or as the `event` it became."""
    message = _get_message_or_404(id)
    value = redact_secrets(message.sent if what == "sent" else message.normalised)
    return Response(orjson.dumps(value, option=orjson.OPT_INDENT_2), mimetype="application/json")


@bp.get(f"/messages/{ID_ROUTE}/edit")
def show_resend_form(id: int) -> str:
    """A form with the message, to be changed and sent again."""
    message = _get_message_or_404(id)
    text = orjson.dumps(copy_as.without_message_id(message), option=orjson.OPT_INDENT_2).decode()
    return render_page("edit.html", message=message, text=text)


@bp.post(f"/messages/{ID_ROUTE}/edit")
def resend_message(id: int) -> str | Redirect:
    """Send what the form says, as an SDK would, and go to what became of it."""
    message, text = _get_message_or_404(id), request.form.get("call", "")
    try:
        sent = _send_edited_call(text)
    except EmulatorError as error:
        return render_page("edit.html", message=message, text=text, fault=error)
    return redirect(url_for("inspector.event.show_message", id=sent), 303)


@bp.get(f"/messages/{ID_ROUTE}/compare")
def show_comparison(id: int) -> str:
    """Two messages side by side, or one alone and in a batch (`with=batch`)."""
    services, left = current_services(), _get_message_or_404(id)
    other = request.args.get("with", "")
    if other == "batch":
        event, destination = (
            redact_secrets(left.normalised),
            services.destination_overrides.destination,
        )
        compared = (
            list(event_comparison.compare_single_and_batch(event, destination)) if event else []
        )
        titles = ("alone", "in a batch")
    else:
        right = _get_message_or_404(parse_id(other, "with") or 0)
        compared = list(
            event_comparison.compare_messages(_redact_message(left), _redact_message(right))
        )
        titles = (f"message {left.id}", f"message {right.id}")
    return render_page("compare.html", message=left, compared=compared, titles=titles)


def _get_message_or_404(id: int) -> MessageRecord:
    return current_services().store.get_message(id) or abort(404)


def _find_similar_messages(services: SandboxServices, message: MessageRecord) -> list[object]:
    """The newest other messages of the same event."""
    filters = MessageFilters(type=message.type or "", event=message.event or "")
    page = services.store.message_search.find_page(filters, limit=MAX_SIMILAR_MESSAGES)
    return [each for each in page.messages if each.id != message.id]


def _build_copy_texts(services: SandboxServices, event_view: EventViewModel) -> dict[str, str]:
    """The forms in which the message can be copied, without secrets."""
    message = _redact_message(event_view.message)
    call = copy_as.without_message_id(message)
    sources = {each.name: each.write_key for each in services.workspace.sources}
    key = sources.get(message.source or "", services.workspace.write_key)
    account = InsiderAccountSettings(
        services.workspace.identifiers, services.workspace.insider_options
    )
    return {
        "curl": copy_as.build_curl_command(call, message.type, current_sandbox_url(), key),
        "json": orjson.dumps(call, option=orjson.OPT_INDENT_2).decode(),
        "contract case": copy_as.build_contract_cases(
            message, message.normalised, services.destination_overrides.destination
        ),
        "scenario": build_gherkin_scenario(
            event_view,
            call,
            _scenario_workspace_name(services),
            account,
            collect_known_names(services.workspace.document),
        ),
    }


def _scenario_workspace_name(services: SandboxServices) -> str:
    """The preset, or the name that the workspace's file has beside a scenario."""
    known = (name for name in PRESET_NAMES if read_preset(name) == services.workspace.document)
    return next(known, Path(services.config.workspace or "workspace.yaml").name)


def _redact_message(message: MessageRecord) -> MessageRecord:
    return replace(
        message,
        sent=redact_secrets(message.sent),
        normalised=redact_secrets(message.normalised),
    )


def _send_edited_call(call_json: str) -> int:
    """Send the call of *text*; gives the id of the message it became. Raises: EmulatorError."""
    try:
        call = parse_json(call_json.encode())
    except orjson.JSONDecodeError as error:
        raise EmulatorError(f"this is no JSON ({error})", "", CALL_REMEDY) from None
    if not isinstance(call, dict) or nesting_depth(call) > MAX_DEPTH:
        raise EmulatorError("this is no call", "", CALL_REMEDY)
    message_id = call.get("messageId")
    if not isinstance(message_id, str) or not message_id:
        message_id = f"resent-{uuid4()}"
    send_call({**call, "messageId": message_id})
    messages, _ = current_services().store.list_messages({"messageId": message_id}, limit=1000)
    return messages[-1].id
