"""Event page of the inspector: shows, edits, resends and compares a message."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple
from uuid import uuid4

import orjson
from flask import Blueprint, Response, abort, redirect, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as Redirect

from segment_insider_emulator.control_api.request_parsing import ID_ROUTE
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.inspector import copy_as
from segment_insider_emulator.inspector.event_view_model import (
    EventViewModel,
    build_event_view_model,
)
from segment_insider_emulator.inspector.json_tree import JsonTree, ValueMark, redact_secrets
from segment_insider_emulator.inspector.list_query import (
    MessageListQuery,
    parse_id,
    parse_list_query,
)
from segment_insider_emulator.inspector.rendering import get_current_sandbox_url, render_page
from segment_insider_emulator.inspector.sdk_calls import send_call_to_segment
from segment_insider_emulator.json_text import (
    MAX_DEPTH,
    measure_nesting_depth,
    parse_json,
    parse_json_or_text,
)
from segment_insider_emulator.mapping import Destination, InsiderRequest
from segment_insider_emulator.mapping.path_tracking import iter_leaves
from segment_insider_emulator.storage.message_filters import MessageFilters
from segment_insider_emulator.storage.query_language import Comparison, join_conjuncts
from segment_insider_emulator.storage.records import MessageRecord
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web.services import SandboxServices, current_services


class ComparedValue(NamedTuple):
    """The values of two compared JSON documents at one path; None if a document has none there."""

    path: str
    left: JSON
    right: JSON

    @property
    def is_different(self) -> bool:
        """Return whether the two compared values differ; true and 1 are different."""
        return type(self.left) is not type(self.right) or bool(self.left != self.right)


class ValueComparison(NamedTuple):
    """A comparison of two JSON documents: a title and the values at each path."""

    title: str
    compared_values: list[ComparedValue]

    @property
    def differences(self) -> list[ComparedValue]:
        """Return the compared values that differ."""
        return [line for line in self.compared_values if line.is_different]

    @property
    def difference_count(self) -> int:
        """Return the number of compared values that differ."""
        return len(self.differences)


def compare_messages(left: MessageRecord, right: MessageRecord) -> Iterator[ValueComparison]:
    """Compare two messages: their Segment events, then the upsert of each subscription."""
    yield compare_values("Event", left.normalised or left.sent, right.normalised or right.sent)
    names = dict.fromkeys(
        delivery.subscription for message in (left, right) for delivery in message.deliveries
    )
    for name in names:
        yield compare_values(
            name, _get_sent_upsert_body(left, name), _get_sent_upsert_body(right, name)
        )


def compare_single_and_batch_requests(
    event: JSONObject, destination: JSONObject
) -> Iterator[ValueComparison]:
    """Compare for the event page each subscription's request for *event* alone and in a batch."""
    for subscription in Destination(destination).subscriptions:
        single = subscription.build_request(event)
        if single is None:
            continue
        batch_result = subscription.build_batch_request([event])
        alone = single.json if isinstance(single, InsiderRequest) else single._asdict()
        in_batch = (
            batch_result.request.json
            if batch_result.request
            else _mapping_failure_to_json(batch_result.results[0])
        )
        yield compare_values(subscription.name, alone, in_batch)


def compare_values(title: str, left: JSON, right: JSON) -> ValueComparison:
    """Compare two JSON documents at every path that either one has."""
    have, other = (dict(iter_leaves(value)) if value is not None else {} for value in (left, right))
    paths = dict.fromkeys([*have, *other])
    return ValueComparison(
        title, [ComparedValue(path, have.get(path), other.get(path)) for path in paths]
    )


def _get_sent_upsert_body(message: MessageRecord, subscription_name: str) -> JSON:
    matching_deliveries = (
        delivery for delivery in message.deliveries if delivery.subscription == subscription_name
    )
    return next(
        (
            parse_json_or_text(delivery.request.body)
            for delivery in matching_deliveries
            if delivery.request
        ),
        None,
    )


def _mapping_failure_to_json(result: object) -> JSON:
    return result._asdict() if hasattr(result, "_asdict") else str(result)


bp = Blueprint("event", __name__)

MAX_SIMILAR_MESSAGES = 30
CALL_REMEDY = 'Send one JSON object, such as {"type": "track", "event": "Song Played"}.'


@bp.get(f"/messages/{ID_ROUTE}")
def show_message(id: int) -> str:
    """Serve the Event page of one message; part `requests` has only its requests, for the list."""
    services, message = current_services(), _get_message_or_404(id)
    next_attempt = find_next_attempt(services, message)
    if "part" in request.args:
        return render_page(
            "event.html", "requests", "retry", message=message, next_attempt=next_attempt
        )
    event_view = build_event_view_model(
        message, services.destination_overrides.current_destination, services.workspace.document
    )
    try:
        list_query = parse_list_query(request.args, services.clock)
    except EmulatorError:  # an invalid list filter does not matter here
        list_query = MessageListQuery()
    newer, older = services.store.message_search.find_neighbour_ids(id, list_query.filters)
    return render_page(
        "event.html",
        message=message,
        next_attempt=next_attempt,
        event_view=event_view,
        event=JsonTree(
            "event",
            event_view.marks,
            "event",
            {*event_view.changed_values, *event_view.removed_paths},
        ).render(redact_secrets(message.sent)),
        tree=_render_tree,
        raw={"sent": redact_secrets(message.sent), "event": redact_secrets(message.normalised)},
        copied=_build_copyable_texts(services, event_view),
        list_query=list_query,
        newer=newer,
        older=older,
        alike=_find_similar_messages(services, message),
    )


@bp.get(f"/messages/{ID_ROUTE}/<any(sent,event):what>.json")
def download_message_json(id: int, what: str) -> Response:
    """Serve a message as a JSON download: as `sent`, or the normalised `event`."""
    message = _get_message_or_404(id)
    value = redact_secrets(message.sent if what == "sent" else message.normalised)
    return Response(orjson.dumps(value, option=orjson.OPT_INDENT_2), mimetype="application/json")


@bp.get(f"/messages/{ID_ROUTE}/edit")
def show_resend_form(id: int) -> str:
    """Serve the page with a form to edit a captured message and send it again."""
    message = _get_message_or_404(id)
    text = orjson.dumps(copy_as.remove_message_id(message), option=orjson.OPT_INDENT_2).decode()
    return render_page("edit.html", message=message, text=text)


@bp.post(f"/messages/{ID_ROUTE}/edit")
def resend_message(id: int) -> str | Redirect:
    """Handle the resend form: send the edited call as an SDK would, then show the new message."""
    message, text = _get_message_or_404(id), request.form.get("call", "")
    try:
        sent = _send_edited_call(text)
    except EmulatorError as error:
        return render_page("edit.html", message=message, text=text, fault=error)
    return redirect(url_for("inspector.event.show_message", id=sent), 303)


@bp.get(f"/messages/{ID_ROUTE}/compare")
def show_message_comparison(id: int) -> str:
    """Serve the page that compares two messages, or one alone and in a batch (`with=batch`).

    It shows the differences, with `show=all` all values.
    """
    services, left = current_services(), _get_message_or_404(id)
    other = request.args.get("with", "")
    if other == "batch":
        event, destination = (
            redact_secrets(left.normalised),
            services.destination_overrides.current_destination,
        )
        compared = list(compare_single_and_batch_requests(event, destination)) if event else []
        titles = ("alone", "in a batch")
    else:
        right = _get_message_or_404(parse_id(other, "with") or 0)
        compared = list(
            compare_messages(_redact_message_secrets(left), _redact_message_secrets(right))
        )
        titles = (f"message {left.id}", f"message {right.id}")
    return render_page(
        "compare.html",
        message=left,
        other=other,
        differences_only=request.args.get("show") != "all",
        compared=compared,
        titles=titles,
    )


def _render_tree(
    name: str, value: JSON, marks: Mapping[str, ValueMark], document: str = ""
) -> Markup:
    return JsonTree(name, marks, document).render(redact_secrets(value))


def _get_message_or_404(id: int) -> MessageRecord:
    return current_services().store.get_message(id) or abort(404)


class NextAttempt(NamedTuple):
    """The next attempt to deliver a message: its number, its time, whether the clock is frozen."""

    number: int
    due_at: str
    is_clock_frozen: bool


def find_next_attempt(services: SandboxServices, message: MessageRecord) -> NextAttempt | None:
    """Return the next attempt to deliver *message*; None if none is due later."""
    upserts = [
        upsert
        for delivery in message.deliveries
        if delivery.verdict == "retrying" and delivery.upsert
        if (upsert := services.store.upserts.get_upsert(delivery.upsert)) and upsert.due_at
    ]
    if not upserts:
        return None
    first = min(upserts, key=lambda upsert: upsert.due_at or "")
    frozen = services.clock.read_time_and_offset().frozen
    return NextAttempt(len(first.attempts) + 1, first.due_at or "", frozen)


def _find_similar_messages(services: SandboxServices, message: MessageRecord) -> list[object]:
    """Return the newest other messages with the same type and event name as *message*."""
    names = {"type": message.type, "event": message.event}
    same = tuple(Comparison(name, "=", value) for name, value in names.items() if value)
    filters = MessageFilters(condition=join_conjuncts(same))
    page = services.store.message_search.find_message_page(filters, limit=MAX_SIMILAR_MESSAGES)
    return [other for other in page.messages if other.id != message.id]


def _build_copyable_texts(services: SandboxServices, event_view: EventViewModel) -> dict[str, str]:
    """Return a message in each format that its page can copy, without secrets."""
    message = _redact_message_secrets(event_view.message)
    call = copy_as.remove_message_id(message)
    sources = {source.name: source.write_key for source in services.sources}
    key = sources.get(message.source or "", services.workspace.write_key)
    return {
        "curl": copy_as.build_curl_command(call, message.type, get_current_sandbox_url(), key),
        "json": orjson.dumps(call, option=orjson.OPT_INDENT_2).decode(),
        "contract case": copy_as.build_contract_cases(
            message, message.normalised, services.destination_overrides.current_destination
        ),
    }


def _redact_message_secrets(message: MessageRecord) -> MessageRecord:
    return replace(
        message,
        sent=redact_secrets(message.sent),
        normalised=redact_secrets(message.normalised),
    )


def _send_edited_call(call_json: str) -> int:
    """Send a call, given as JSON text, to Segment's API and return the id of the new message.

    Raises: EmulatorError.
    """
    try:
        call = parse_json(call_json.encode())
    except orjson.JSONDecodeError as error:
        raise EmulatorError(f"invalid JSON ({error})", "", CALL_REMEDY) from None
    if not isinstance(call, dict) or measure_nesting_depth(call) > MAX_DEPTH:
        raise EmulatorError("not a Segment call", "", CALL_REMEDY)
    message_id = call.get("messageId")
    if not isinstance(message_id, str) or not message_id:
        message_id = f"resent-{uuid4()}"
    send_call_to_segment({**call, "messageId": message_id})
    messages, _ = current_services().store.list_messages({"messageId": message_id}, limit=1000)
    return messages[-1].id
