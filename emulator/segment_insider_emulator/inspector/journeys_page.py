"""Journeys pages of the inspector: journeys, runs, messages that would be sent, and the clock."""

from datetime import datetime, timedelta

from flask import Blueprint, Response, abort, request

from segment_insider_emulator.clock import LATEST_TIME, format_duration, format_iso_utc
from segment_insider_emulator.control_api.clock import apply_clock_command
from segment_insider_emulator.control_api.request_parsing import ID_ROUTE
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.inspector import rendering
from segment_insider_emulator.inspector.journey_view_model import (
    ARRIVAL_ICONS,
    STATUS_TITLES,
    build_journey_view_model,
    build_run_view,
)
from segment_insider_emulator.inspector.list_query import get_int_parameter
from segment_insider_emulator.inspector.profiles_page import get_person_display_name
from segment_insider_emulator.inspector.rendering import (
    RejectedForm,
    build_rejected_form,
    render_page,
)
from segment_insider_emulator.storage.records import JourneyRun
from segment_insider_emulator.types import JSON
from segment_insider_emulator.web.services import SandboxServices, current_services

bp = Blueprint("journeys", __name__, url_prefix="/journeys")

MAX_UPCOMING_RUNS = 10
MAX_SENT_MESSAGES = 30  # arrivals at a channel
RUNS_PER_PAGE = 50
CLOCK_COMMANDS = ("advance", "set", "freeze", "resume")


@bp.get("")
def list_journeys() -> str:
    """Serve the Journeys page: all journeys, upcoming runs and messages that would be sent."""
    return _render_journeys_page()


@bp.get(f"/{ID_ROUTE}")
def show_journey(id: int) -> str:
    """Serve the page of one journey and its runs; `status` filters the runs."""
    services = current_services()
    journey = services.journeys.definitions.get(id) or abort(404)
    store, now = services.journeys.run_store, services.clock()
    status = request.args.get("status")
    status = status if status in STATUS_TITLES else None
    runs, next_page = store.list_newest_runs(
        id, status, before_id=get_int_parameter("before"), limit=RUNS_PER_PAGE
    )
    names = _get_person_names(services, [run.profile_id for run, _ in runs])
    visits = [build_run_view(run, trail, names[run.profile_id], now) for run, trail in runs]
    journey_view = build_journey_view_model(
        journey, store.count_run_outcomes(id), store.count_waiting_runs_by_element(id)
    )
    return render_page(
        "journey.html",
        "journey_now",
        journey=journey_view,
        visits=visits,
        status=status,
        statuses=STATUS_TITLES,
        following=next_page,
        clock=services.clock.read_time_and_offset(),
    )


@bp.post("/clock")
def change_clock() -> Response | str:
    """Handle the clock form: advance, set, freeze or resume the clock, then run what is due."""
    services = current_services()
    try:
        order, value = _read_clock_command()
        apply_clock_command(services.clock, {order: value})
    except EmulatorError as error:
        return _render_journeys_page(build_rejected_form("clock", error))
    services.journeys.advance_due_runs()
    services.pipeline.retries.retry_due_upserts()
    notices = {
        "advance": f"The clock was advanced by {value}",
        "set": f"The clock is frozen at {format_iso_utc(services.clock())}",
        "freeze": "The clock is frozen",
        "resume": "The clock is running",
    }
    return rendering.redirect_to_endpoint(notices[order], "inspector.journeys.list_journeys")


@bp.post("/reset")
def reset_sandbox() -> Response:
    """Handle the reset button: delete the sandbox's captured data and reset the clock."""
    current_services().reset_sandbox()
    return rendering.redirect_to_endpoint(
        "All data was deleted", "inspector.journeys.list_journeys"
    )


def _read_clock_command() -> tuple[str, JSON]:
    """Return the clock command of the pressed form button, and the command's value."""
    order = request.form.get("order", "")
    if order not in CLOCK_COMMANDS:
        remedy = f"Use one of the buttons: {', '.join(CLOCK_COMMANDS)}."
        raise EmulatorError("unknown clock command", "clock", remedy)
    if order in ("freeze", "resume"):
        return order, True
    return order, request.form.get("quick") or request.form.get(order, "")


def _render_journeys_page(rejected_form: RejectedForm | None = None) -> str:
    services = current_services()
    store, now = services.journeys.run_store, services.clock.read_time_and_offset()
    pages = [
        build_journey_view_model(
            journey,
            store.count_run_outcomes(journey.id),
            store.count_waiting_runs_by_element(journey.id),
        )
        for journey in services.journeys.definitions.values()
    ]
    upcoming, sent = (
        store.list_due_runs(LATEST_TIME, MAX_UPCOMING_RUNS),
        store.list_channel_arrivals(MAX_SENT_MESSAGES),
    )
    people = [run.profile_id for run in upcoming] + [message.profile_id for message in sent]
    names = _get_person_names(services, people)
    return render_page(
        "journeys.html",
        "journeys_now",
        "clock_now",
        journeys=pages,
        titles={page.id: page.name for page in pages},
        upcoming=[build_run_view(run, [], names[run.profile_id], now.now) for run in upcoming],
        upcoming_in=_get_time_until_next_run(upcoming, now.now),
        signs=ARRIVAL_ICONS,
        sent=sent,
        names=names,
        clock=now,
        ahead=format_duration(timedelta(seconds=round(abs(now.offset).total_seconds()))),
        rejected_form=rejected_form,
    )


def _get_time_until_next_run(upcoming: list[JourneyRun], now: datetime) -> str:
    """Return the time until the next journey run is due, as text for the clock form."""
    due = upcoming[0].due_at if upcoming else None
    return format_duration(due - now) if due and due > now else "1 second"


def _get_person_names(services: SandboxServices, profile_ids: list[str]) -> dict[str, str]:
    """Map profile ids to display names of people; a deleted profile has its id as name."""
    names = {
        profile.id: get_person_display_name(profile)
        for profile in services.profiles.find_by_identifiers((), dict.fromkeys(profile_ids))
    }
    return {id: names.get(id, id) for id in profile_ids}
