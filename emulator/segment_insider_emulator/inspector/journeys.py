"""The Journeys pages: who is where, what would be sent, and the clock that moves it all."""

from datetime import datetime, timedelta

from flask import Blueprint, Response, abort, request

from segment_insider_emulator.capture.journey import Run
from segment_insider_emulator.clock import LATEST, iso
from segment_insider_emulator.duration import words
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.harness.clock_orders import obey
from segment_insider_emulator.harness.queries import ID
from segment_insider_emulator.inspector import forms
from segment_insider_emulator.inspector.forms import Mistake, mistake
from segment_insider_emulator.inspector.journey_page import SIGNS, STATUSES, journey_page, visit
from segment_insider_emulator.inspector.paging import number
from segment_insider_emulator.inspector.profile_page import called
from segment_insider_emulator.inspector.rendering import render
from segment_insider_emulator.parts import Parts, parts
from segment_insider_emulator.types import JSON

bp = Blueprint("journeys", __name__, url_prefix="/journeys")

NEXT = 10  # runs that go on next
SENT = 30  # arrivals at a channel
PAGE = 50  # runs
ORDERS = ("advance", "set", "freeze", "resume")


@bp.get("")
def page() -> str:
    """All journeys, what would be sent, and who goes on next."""
    return _page()


@bp.get(f"/{ID}")
def one(id: int) -> str:
    """One journey with its runs; `status` narrows them."""
    own = parts()
    journey = own.journeys.journeys.get(id) or abort(404)
    store, now = own.journeys.store, own.clock()
    status = request.args.get("status")
    status = status if status in STATUSES else None
    runs, following = store.newest(id, status, before=number("before"), limit=PAGE)
    names = _names(own, [run.profile_id for run, _ in runs])
    visits = [visit(run, trail, names[run.profile_id], now) for run, trail in runs]
    shown = journey_page(journey, store.tally(id), store.waiting(id))
    return render(
        "journey.html",
        "journey_now",
        journey=shown,
        visits=visits,
        status=status,
        statuses=STATUSES,
        following=following,
        clock=own.clock.read(),
    )


@bp.post("/clock")
def clock() -> Response | str:
    """Move, set, stop or start the clock, and take on what is due by then."""
    own = parts()
    try:
        order, value = _order()
        obey(own.clock, {order: value})
    except EmulatorError as error:
        return _page(mistake("clock", error))
    own.journeys.run_due()
    own.road.backlog.retry_due()
    notices = {
        "advance": f"Moved forward by {value}",
        "set": f"The clock stands still at {iso(own.clock())}",
        "freeze": "The clock stands still",
        "resume": "The clock runs",
    }
    return forms.done(notices[order], "inspector.journeys.page")


@bp.post("/reset")
def start_afresh() -> Response:
    """Forget all that was captured; the clock follows the machine."""
    parts().reset()
    return forms.done("Everything was forgotten", "inspector.journeys.page")


def _order() -> tuple[str, JSON]:
    """What the form asks for: its button names the order, a field may have the value."""
    order = request.form.get("order", "")
    if order not in ORDERS:
        remedy = f"Use one of the buttons: {', '.join(ORDERS)}."
        raise EmulatorError("no order for the clock", "clock", remedy)
    if order in ("freeze", "resume"):
        return order, True
    return order, request.form.get("quick") or request.form.get(order, "")


def _page(wrong: Mistake | None = None) -> str:
    own = parts()
    store, now = own.journeys.store, own.clock.read()
    pages = [
        journey_page(each, store.tally(each.id), store.waiting(each.id))
        for each in own.journeys.journeys.values()
    ]
    upcoming, sent = store.due(LATEST, NEXT), store.messages(SENT)
    people = [run.profile_id for run in upcoming] + [each.profile_id for each in sent]
    names = _names(own, people)
    return render(
        "journeys.html",
        "journeys_now",
        "clock_now",
        journeys=pages,
        titles={each.id: each.name for each in pages},
        upcoming=[visit(run, [], names[run.profile_id], now.now) for run in upcoming],
        upcoming_in=_until_next(upcoming, now.now),
        signs=SIGNS,
        sent=sent,
        names=names,
        clock=now,
        ahead=words(timedelta(seconds=round(abs(now.offset).total_seconds()))),
        mistake=wrong,
    )


def _until_next(upcoming: list[Run], now: datetime) -> str:
    """How long to go forward until the next of *upcoming* goes on, as the clock's form takes it."""
    due = upcoming[0].due_at if upcoming else None
    return words(due - now) if due and due > now else "1 second"


def _names(own: Parts, ids: list[str]) -> dict[str, str]:
    """Profile id -> what to call that person; the id where the profile has ended."""
    found = {each.id: called(each) for each in own.profiles.find((), dict.fromkeys(ids))}
    return {id: found.get(id, id) for id in ids}
