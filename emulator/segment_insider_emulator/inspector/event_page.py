"""Event page of the inspector: shows a message, and compares it with another."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import orjson
from flask import Blueprint, Response, abort, request
from markupsafe import Markup

from segment_insider_emulator.control_api.request_parsing import ID_ROUTE
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.inspector import copy_as
from segment_insider_emulator.inspector.cause_edits import CauseEditor
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
from segment_insider_emulator.inspector.live_page import order_by_time
from segment_insider_emulator.inspector.message_comparison import (
    compare_messages,
    compare_single_and_batch_requests,
)
from segment_insider_emulator.inspector.rendering import get_current_sandbox_url, render_page
from segment_insider_emulator.storage.message_filters import MessageFilters
from segment_insider_emulator.storage.message_sorting import FIXED_RANGE_BUDGET_S
from segment_insider_emulator.storage.query_execution import DEFAULT_TIME_BUDGET_S
from segment_insider_emulator.storage.query_language import Comparison, join_conjuncts
from segment_insider_emulator.storage.records import MessageRecord
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web.services import SandboxServices, current_services
from segment_insider_emulator.workspace.edits import WorkspaceEdit

bp = Blueprint("event", __name__)

MAX_SIMILAR_MESSAGES = 30
MAX_OVERTAKEN_IDS = 20


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
        neighbours=find_neighbours(list_query, id),
        verdict_edits=_list_verdict_edits(services, message),
        list_finding_edits=_FindingEdits(services, message).list_edits,
        alike=_find_similar_messages(services, message),
    )


@bp.get(f"/messages/{ID_ROUTE}/<any(sent,event):what>.json")
def download_message_json(id: int, what: str) -> Response:
    """Serve a message as a JSON download: as `sent`, or the normalised `event`."""
    message = _get_message_or_404(id)
    value = redact_secrets(message.sent if what == "sent" else message.normalised)
    return Response(orjson.dumps(value, option=orjson.OPT_INDENT_2), mimetype="application/json")


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
        titles = ("Alone", "In a batch")
        right = None
    else:
        right = _get_message_or_404(parse_id(other, "with") or 0)
        compared = list(
            compare_messages(_redact_message_secrets(left), _redact_message_secrets(right))
        )
        titles = (f"Message {left.id}", f"Message {right.id}")
    return render_page(
        "compare.html",
        message=left,
        messages=(left, right) if right else (),
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
    upsert_ids = [
        delivery.upsert
        for delivery in message.deliveries
        if delivery.verdict == "retrying" and delivery.upsert
    ]
    if message.verdict == "retrying" and "retry" in (message.filtering or {}):
        upsert_ids.append((message.filtering or {})["retry"])  # a function runs again
    upserts = [
        upsert
        for upsert_id in upsert_ids
        if (upsert := services.store.upserts.get_upsert(upsert_id)) and upsert.due_at
    ]
    if not upserts:
        return None
    first = min(upserts, key=lambda upsert: upsert.due_at or "")
    frozen = services.clock.read_time_and_offset().frozen
    return NextAttempt(len(first.attempts) + 1, first.due_at or "", frozen)


def _list_verdict_edits(
    services: SandboxServices, message: MessageRecord
) -> Sequence[WorkspaceEdit]:
    """Return the edit after which a message would be delivered that no mapping took; or ()."""
    rules = {"not_subscribed": "not-subscribed", "disabled": "disabled"}
    rule = rules.get(message.verdict)
    return CauseEditor(services).list_edits(rule, "", message.id) if rule else ()


class _FindingEdits:
    """Suggests edits for the findings of one message."""

    def __init__(self, services: SandboxServices, message: MessageRecord) -> None:
        self._editor, self._message_id = CauseEditor(services), message.id
        self._mappings = {
            id(finding): delivery.subscription
            for delivery in message.deliveries
            for finding in delivery.findings
        }

    def list_edits(self, finding: JSONObject) -> Sequence[WorkspaceEdit]:
        """Return the edits that solve a finding of the message; () without one."""
        mapping = self._mappings.get(id(finding), "")
        cause = str(finding.get("cause", ""))
        return self._editor.list_edits(cause, mapping, self._message_id) if mapping else ()


class MessageNeighbours(NamedTuple):
    """Ids of the messages before and after a message in the list, and what the links say.

    Args:
        previous, following: None at the ends of the list.
    """

    previous: int | None
    following: int | None
    titles: tuple[str, str]


def find_neighbours(query: MessageListQuery, id: int) -> MessageNeighbours:
    """Return the neighbours of a message in a list, in its order."""
    store = current_services().store
    if query.sort_order:
        ids = query.sorted_ids
        budget = FIXED_RANGE_BUDGET_S if ids else DEFAULT_TIME_BUDGET_S
        previous, following = store.message_sorter.find_sorted_neighbour_ids(
            id, query.filters, query.sort_order, ids=ids, time_budget_s=budget
        )
        return MessageNeighbours(previous, following, ("Previous", "Next"))
    newer, older = store.message_search.find_neighbour_ids(id, query.filters)
    # Messages that arrive together can be stored in another order than the list has.
    near_ids = range(max(id - MAX_OVERTAKEN_IDS, 1), id + MAX_OVERTAKEN_IDS + 1)
    near = store.message_search.find_matching_messages_by_ids(near_ids, query.filters)
    listed = [
        message.id for message in order_by_time(sorted(near, key=lambda message: -message.id))
    ]
    if id in listed:
        place = listed.index(id)
        newer = listed[place - 1] if place else newer
        older = listed[place + 1] if place + 1 < len(listed) else older
    if query.sort == "time":
        return MessageNeighbours(older, newer, ("Older", "Newer"))
    return MessageNeighbours(newer, older, ("Newer", "Older"))


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
