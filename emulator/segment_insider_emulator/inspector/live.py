"""The Live page: every message as it comes, newest first."""

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as Redirect

from segment_insider_emulator.capture.counting import can_use_counts
from segment_insider_emulator.capture.listed import MessageSummary
from segment_insider_emulator.capture.records import VERDICTS
from segment_insider_emulator.capture.walking import DEFAULT_TIME_BUDGET_S
from segment_insider_emulator.clock import NEVER_DUE
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.inspector import volume
from segment_insider_emulator.inspector.addresses import current_sandbox_url
from segment_insider_emulator.inspector.rendering import render_page
from segment_insider_emulator.inspector.sdks import build_sdk_snippets
from segment_insider_emulator.inspector.sending import load_sample_calls, send_calls
from segment_insider_emulator.inspector.unmapped import find_unmapped_properties
from segment_insider_emulator.inspector.view import ListQuery, parse_id, parse_list_query
from segment_insider_emulator.parts import current_services
from segment_insider_emulator.segment.rules import MESSAGE_TYPES

bp = Blueprint("live", __name__)

MESSAGES_PER_PAGE = 100  # messages
CONTINUED_SEARCH_BUDGET_S = 2.0  # seconds
MAX_WATCHED_MESSAGES = 200  # messages on a page whose verdict may still change


@bp.get("/")
def show_messages() -> str | tuple[str, int]:
    """What arrived, newest first.

    Parts: `rows` has those after id `after`, and those of `watch` as they are now; `list` and
    `totals` are the rest of the page.
    """
    services = current_services()
    try:
        query = parse_list_query(request.args, services.clock)
    except EmulatorError as error:
        empty: dict[str, object] = {"rows": [], "stages": [], "bars": []}
        return render_page(
            "live.html", view=ListQuery(), fault=error, **_build_filter_choices(), **empty
        ), 400
    if request.args.get("part") == "rows":
        return render_page("live.html", "rows", view=query, **_build_new_rows_context(query))
    listing = _build_list_context(query) if request.args.get("part") != "totals" else {}
    totals = _build_totals_context(query) if request.args.get("part") != "list" else {}
    return render_page(
        "live.html", "list", "totals", view=query, **_build_filter_choices(), **listing, **totals
    )


@bp.post("/sample")
def send_sample_calls() -> Redirect:
    """Send what a sample shopper does."""
    send_calls(load_sample_calls())
    return redirect(url_for("inspector.live.show_messages"), 303)


@bp.post("/clear")
def reset_sandbox() -> Redirect:
    """Forget all that happened; the clock follows the machine again."""
    current_services().reset()
    return redirect(url_for("inspector.live.show_messages"), 303)


def _build_list_context(query: ListQuery) -> dict[str, object]:
    # Whoever has a search go on has said that it may take its time.
    patience = DEFAULT_TIME_BUDGET_S if query.before_id is None else CONTINUED_SEARCH_BUDGET_S
    browsing = current_services().store.message_search
    page = browsing.find_page(
        query.filters, before_id=query.before_id, limit=MESSAGES_PER_PAGE, time_budget_s=patience
    )
    return {
        **_build_rows_context(page.messages),
        "older": page.next_before_id,
        "reach": page.scan_limit,
    }


def _build_new_rows_context(query: ListQuery) -> dict[str, object]:
    """What came after the newest message of a page, and what became of those it watches."""
    after = parse_id(request.args.get("after", ""), "after") or 0
    watched = [
        parse_id(each, "watch") or 0
        for each in request.args.getlist("watch")[:MAX_WATCHED_MESSAGES]
    ]
    browsing = current_services().store.message_search
    page = browsing.find_page(query.filters, after_id=after, limit=MESSAGES_PER_PAGE)
    changed = browsing.find_by_ids(watched, query.filters) if watched else []
    return {
        **_build_rows_context([*page.messages, *changed]),
        "gap": page.next_before_id is not None,
    }


def _build_rows_context(messages: list[MessageSummary]) -> dict[str, object]:
    services = current_services()
    unread = find_unmapped_properties(messages, services.destination_overrides.destination)
    return {"rows": messages, "unmapped": unread, "now": services.clock()}


def _build_totals_context(query: ListQuery) -> dict[str, object]:
    browsing = current_services().store.message_search
    span = browsing.find_time_range()
    if span is None or ("part" not in request.args and not can_use_counts(query.filters)):
        # Messages are looked at to count these: the list does not wait, the script asks.
        return {"stages": volume.count_by_stage({}), "bars": [], "pending": span is not None}
    # Of a time that is asked for, the part that has messages.
    since, until = max(query.filters.since, span[0]), min(query.filters.until or NEVER_DUE, span[1])
    bar_unit = volume.choose_bar_unit(since, until)
    counts, reach = browsing.count_by_time_and_verdict(query.filters, bar_unit.time_prefix_length)
    return {
        "stages": volume.count_by_stage(counts),
        "bars": volume.build_bars(counts, reach.received_at if reach else since, until, bar_unit),
        "drawing": (volume.HISTOGRAM_WIDTH, volume.HISTOGRAM_HEIGHT),
        "counted": reach,
    }


def _build_filter_choices() -> dict[str, object]:
    """What the fields of the filters offer."""
    services = current_services()
    host = current_sandbox_url()
    return {
        "host": host,
        "sdks": build_sdk_snippets(host, services.workspace.write_key),
        "types": MESSAGE_TYPES,
        "verdicts": VERDICTS,
        "sources": [each.name for each in services.workspace.sources],
        "names": services.store.message_search.list_filter_choices(),
    }
