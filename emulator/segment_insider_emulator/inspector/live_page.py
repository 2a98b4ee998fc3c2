"""Live page of the inspector: the message list, its numbers, and what its query completes."""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as Redirect

from segment_insider_emulator.analysis.drift.traffic_stats import remove_list_indexes
from segment_insider_emulator.clock import NEVER_DUE, Stopwatch
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.inspector import histogram
from segment_insider_emulator.inspector.event_view_model import VERDICTS_BEFORE_MAPPING
from segment_insider_emulator.inspector.json_tree import redact_secrets
from segment_insider_emulator.inspector.list_query import (
    MessageListQuery,
    format_query,
    has_other_form,
    parse_id,
    parse_list_query,
)
from segment_insider_emulator.inspector.rendering import get_current_sandbox_url, render_page
from segment_insider_emulator.inspector.sdk_calls import (
    build_sdk_snippets,
    load_sample_calls,
    send_call_batch_to_segment,
)
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.explanation import find_unmapped_event_paths
from segment_insider_emulator.mapping.path_tracking import iter_leaves
from segment_insider_emulator.segment.validation import MESSAGE_TYPES
from segment_insider_emulator.storage.json_conditions import MessagePath
from segment_insider_emulator.storage.message_search import MessageSummary, can_use_message_counts
from segment_insider_emulator.storage.message_sorting import FIXED_RANGE_BUDGET_S, SortOrder
from segment_insider_emulator.storage.query_execution import DEFAULT_TIME_BUDGET_S
from segment_insider_emulator.storage.query_language import (
    FIELDS,
    MAX_QUERY_LENGTH,
    Comparison,
    QueryError,
)
from segment_insider_emulator.storage.records import VERDICTS, Verdict
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web.services import SandboxServices, current_services

bp = Blueprint("live", __name__)

MESSAGES_PER_PAGE = 100
CONTINUED_SEARCH_BUDGET_S = 2.0
MESSAGES_FOR_SUGGESTIONS = 20
MAX_PATH_SUGGESTIONS, MAX_SUGGESTION_LENGTH = 300, 200
INSIDER_PATHS = (
    "insider.events[].event_name",
    "insider.attributes.email",
    "insider.identifiers.email",
    "insider.identifiers.uuid",
)
MAX_WATCHED_MESSAGES = 200  # messages whose verdict may still change


@bp.get("/")
def show_messages() -> str | tuple[str, int] | Redirect:
    """Serve the Live page: the message list, newest first.

    Parts: `rows` has those after id `after`, and those of `watch` as they are now; `list` and
    `totals` are the rest of the page.
    """
    services = current_services()
    try:
        query = parse_list_query(request.args, services.clock)
    except EmulatorError as error:
        text = request.args.get("query", "")[:MAX_QUERY_LENGTH]
        empty: dict[str, object] = {"rows": [], "stages": [], "bars": []}
        return render_page(
            "live.html",
            "list",
            "totals",
            "rows",
            list_query=MessageListQuery(parameter_values={"query": (text,)} if text else {}),
            fault=error,
            mistake=_split_at_mistake(text, error),
            **_build_filter_choices(),
            **empty,
        ), 200 if "part" in request.args else 400  # a query that is being typed is no failure
    if "part" not in request.args and has_other_form(request.args):
        opened = request.args.get("message")  # beside the list
        return redirect(query.build_url(before=query.before_id, message=opened))
    if request.args.get("part") == "rows":
        return render_page(
            "live.html", "rows", list_query=query, **_build_new_message_rows_context(query)
        )
    listing = _build_list_context(query) if request.args.get("part") != "totals" else {}
    totals = _build_stage_totals_context(query) if request.args.get("part") != "list" else {}
    return render_page(
        "live.html",
        "list",
        "totals",
        list_query=query,
        **_build_filter_choices(),
        **listing,
        **totals,
    )


@bp.post("/sample")
def send_sample_calls() -> Redirect:
    """Handle the sample button: send the calls of a sample shopper to Segment's API."""
    send_call_batch_to_segment(load_sample_calls())
    return redirect(url_for("inspector.live.show_messages"), 303)


@bp.post("/clear")
def reset_sandbox() -> Redirect:
    """Handle the clear button: delete the sandbox's captured data and reset the clock."""
    current_services().reset_sandbox()
    return redirect(url_for("inspector.live.show_messages"), 303)


def _split_at_mistake(text: str, error: EmulatorError) -> tuple[str, str, str] | None:
    """Return the text of a query before, at and after its mistake; None without a query."""
    if not text or not isinstance(error, QueryError):
        return None
    before, rest = text[: error.column - 1], text[error.column - 1 :]
    mistake = rest.split(" ", 1)[0]
    return before, mistake, rest[len(mistake) :]


def _build_list_context(query: MessageListQuery) -> dict[str, object]:
    if query.sort == "time":
        return _build_oldest_first_context(query)
    if query.sort_order:
        return _build_sorted_list_context(query, query.sort_order)
    started = time.monotonic()
    # A continued search may take more time, because the user asked for it.
    patience = DEFAULT_TIME_BUDGET_S if query.before_id is None else CONTINUED_SEARCH_BUDGET_S
    browsing = current_services().store.message_search
    page = browsing.find_message_page(
        query.filters, before_id=query.before_id, limit=MESSAGES_PER_PAGE, time_budget_s=patience
    )
    older = page.next_before_id
    return {
        **_build_message_rows_context(query, order_by_time(page.messages), started),
        "next_url": query.build_url(before=older) if older else None,
        "reach": page.scan_limit,
    }


def _build_oldest_first_context(query: MessageListQuery) -> dict[str, object]:
    started = time.monotonic()
    search, cursor = current_services().store.message_search, query.sort_cursor
    patience = CONTINUED_SEARCH_BUDGET_S if cursor else DEFAULT_TIME_BUDGET_S
    ids, next_after_id = search.find_oldest_message_ids(
        query.filters,
        after_id=cursor.id if cursor else 0,
        limit=MESSAGES_PER_PAGE,
        time_budget_s=patience,
    )
    newest_first = sorted(
        search.find_matching_messages_by_ids(ids, query.filters), key=lambda message: -message.id
    )
    stopped_at = next_after_id if len(ids) < MESSAGES_PER_PAGE else None
    return {
        **_build_message_rows_context(query, order_by_time(newest_first)[::-1], started),
        "next_url": query.build_url(last=f"[0,0,{next_after_id}]") if next_after_id else None,
        "reach": search.find_first_message_from(stopped_at) if stopped_at else None,
    }


def _build_sorted_list_context(query: MessageListQuery, order: SortOrder) -> dict[str, object]:
    started = time.monotonic()
    is_thorough = query.sorted_ids is not None and query.sorted_ids.low == 0
    patience = CONTINUED_SEARCH_BUDGET_S if is_thorough else DEFAULT_TIME_BUDGET_S
    page = current_services().store.message_sorter.find_sorted_page(
        query.filters,
        order,
        ids=query.sorted_ids,
        after=query.sort_cursor,
        limit=MESSAGES_PER_PAGE,
        time_budget_s=FIXED_RANGE_BUDGET_S if query.sort_cursor else patience,
    )
    return {
        **_build_message_rows_context(query, page.messages, started),
        "next_url": query.build_next_sorted_url(page),
        "sorted_page": page,
        "thorough_url": None if is_thorough else query.build_thorough_sort_url(page),
    }


def _build_new_message_rows_context(query: MessageListQuery) -> dict[str, object]:
    """Return rows for messages newer than the page, and for watched messages that changed."""
    started = time.monotonic()
    after = parse_id(request.args.get("after", ""), "after") or 0
    watched = [
        parse_id(value, "watch") or 0
        for value in request.args.getlist("watch")[:MAX_WATCHED_MESSAGES]
    ]
    browsing = current_services().store.message_search
    page = browsing.find_message_page(query.filters, after_id=after, limit=MESSAGES_PER_PAGE)
    changed = browsing.find_matching_messages_by_ids(watched, query.filters) if watched else []
    return {
        **_build_message_rows_context(query, [*page.messages, *changed], started),
        "gap": page.next_before_id is not None,
    }


MAX_OVERTAKING = timedelta(minutes=1)  # live.js has the same


def order_by_time(messages: Iterable[MessageSummary]) -> list[MessageSummary]:
    """Order the messages of a page, newest id first, by the time at which they were received.

    Messages that arrive together can be stored in another order. A clock that goes back further
    was reset: then the order of arrival stays.
    """
    ordered: list[tuple[datetime, MessageSummary]] = []  # oldest first
    for message in reversed(list(messages)):
        received_at, place = datetime.fromisoformat(message.received_at), len(ordered)
        while place and timedelta() < ordered[place - 1][0] - received_at <= MAX_OVERTAKING:
            place -= 1
        ordered.insert(place, (received_at, message))
    return [message for _, message in reversed(ordered)]


def _build_message_rows_context(
    query: MessageListQuery, messages: list[MessageSummary], started: float
) -> dict[str, object]:
    services = current_services()
    values = services.store.message_sorter.load_values(query.columns, messages)
    unread = find_unmapped_message_properties(
        messages,
        services.destination_overrides.current_destination,
        time_budget_s=max(MIN_UNMAPPED_TIME_S, started + UNMAPPED_TIME_BUDGET_S - time.monotonic()),
    )
    return {
        "rows": messages,
        "unmapped": unread,
        "now": services.clock(),
        "column_values": {id: _redact_values(query.columns, row) for id, row in values.items()},
    }


def _redact_values(columns: Sequence[MessagePath], values: Sequence[JSON]) -> list[JSON]:
    """Redact the values of columns as on a message's page: by the names in their paths."""
    names = [_find_last_name(column) for column in columns]
    return [redact_secrets({name: value})[name] for name, value in zip(names, values, strict=True)]


def _find_last_name(column: MessagePath) -> str:
    return next((step for step in reversed(column.path.steps) if isinstance(step, str)), "")


def _build_stage_totals_context(query: MessageListQuery) -> dict[str, object]:
    browsing = current_services().store.message_search
    span = browsing.find_message_time_range()
    if span is None or ("part" not in request.args and not can_use_message_counts(query.filters)):
        # Counting these reads messages: the script asks for it after the list is shown.
        return {
            "stages": histogram.count_messages_by_stage({}),
            "bars": [],
            "pending": span is not None,
        }
    # The part of the requested time range that has messages.
    since, until = max(query.filters.since, span[0]), min(query.filters.until or NEVER_DUE, span[1])
    bar_unit = histogram.choose_bar_unit(since, until)
    counts, reach = browsing.count_messages_by_time_and_verdict(
        query.filters, bar_unit.time_prefix_length
    )
    if reach is None and can_use_message_counts(query.filters):
        counts, bar_unit = _count_by_finer_time(query, counts, bar_unit)
    return {
        "stages": histogram.count_messages_by_stage(counts),
        "bars": histogram.build_histogram_bars(
            counts, reach.received_at if reach else since, until, bar_unit
        ),
        "drawing": (histogram.HISTOGRAM_WIDTH, histogram.HISTOGRAM_HEIGHT),
        "counted": reach,
    }


def _count_by_finer_time(
    query: MessageListQuery, counts: dict[tuple[str, Verdict], int], bar_unit: histogram.BarUnit
) -> tuple[dict[tuple[str, Verdict], int], histogram.BarUnit]:
    """Count by shorter times while few bars have messages, as after the clock was moved."""
    search = current_services().store.message_search
    while finer := histogram.choose_finer_bar_unit(counts, bar_unit):
        finer_counts, _ = search.count_messages_by_time_and_verdict(
            query.filters, finer.time_prefix_length
        )
        if not histogram.fits_in_bars(finer_counts, finer):
            break
        counts, bar_unit = finer_counts, finer
    return counts, bar_unit


def _build_filter_choices() -> dict[str, object]:
    """Return the choices of each filter field above the message list."""
    services = current_services()
    host = get_current_sandbox_url()
    return {
        "host": host,
        "sdks": build_sdk_snippets(host, services.workspace.write_key),
        "suggestions": [*_list_query_suggestions(services)],
    }


def _list_query_suggestions(services: SandboxServices) -> Iterator[str]:
    """Yield what the search line completes: fields, known values of fields, and captured paths."""
    yield from (f"{name}:" for name in FIELDS)
    names = services.store.message_search.list_filter_choices()
    values_by_field: dict[str, Iterable[str]] = {
        **names,
        "type": MESSAGE_TYPES,
        "verdict": VERDICTS,
        "source": [source.name for source in services.sources],
        "since": ("10m", "1h", "1d"),
    }
    for name, values in values_by_field.items():
        yield from (
            format_query(Comparison(name, "=", value))
            for value in values
            if value and len(value) <= MAX_SUGGESTION_LENGTH
        )
    latest, _ = services.store.list_latest_messages(MESSAGES_FOR_SUGGESTIONS)
    paths = dict.fromkeys(
        remove_list_indexes(path)
        for message in latest
        for path, _ in iter_leaves(message.normalised)
        if "." in path and len(path) <= MAX_SUGGESTION_LENGTH
    )
    yield from list(paths)[:MAX_PATH_SUGGESTIONS]
    yield from INSIDER_PATHS


UNMAPPED_TIME_BUDGET_S: Final = 0.2  # for all messages of a list, with the search for them
MIN_UNMAPPED_TIME_S: Final = 0.02


def find_unmapped_message_properties(
    messages: Iterable[MessageSummary],
    destination: JSONObject,
    stopwatch: Stopwatch = time.monotonic,
    time_budget_s: float = UNMAPPED_TIME_BUDGET_S,
) -> dict[int, list[str] | None]:
    """Find the properties that no subscription reads, for each message that matched one.

    Returns: Id of the message -> paths, the entries of a list as one, e.g.
        "properties.products[].sku"; None where there was no time to look.
    """
    compiled, until = Destination(destination), stopwatch() + time_budget_s
    looked_at = (message for message in messages if message.verdict not in VERDICTS_BEFORE_MAPPING)
    return {
        message.id: _find_message_unmapped_properties(message, compiled)
        if stopwatch() < until
        else None
        for message in looked_at
    }


def _find_message_unmapped_properties(
    message: MessageSummary, destination: Destination
) -> list[str]:
    unread_paths = find_unmapped_event_paths(destination, message.document)
    if not unread_paths.has_matching_subscription and not message.deliveries:
        return []
    return list(dict.fromkeys(map(remove_list_indexes, unread_paths.paths)))
