"""The Profiles pages: everybody whom Insider One would know, and one of them."""

from flask import Blueprint, abort, request

from segment_insider_emulator.inspector.journey_page import visit
from segment_insider_emulator.inspector.paging import number
from segment_insider_emulator.inspector.profile_page import called, channels, profile_page
from segment_insider_emulator.inspector.rendering import render
from segment_insider_emulator.parts import parts

bp = Blueprint("profiles", __name__, url_prefix="/profiles")

PAGE = 50  # people
SEARCH = 200  # characters


@bp.get("")
def page() -> str:
    """Everybody, newest first; `q` is a text in an identifier or an attribute."""
    own = parts()
    own.endpoint.keep_up()
    # PostgreSQL has no texts with that character.
    search = request.args.get("q", "").replace("\0", "").strip()[:SEARCH]
    found, following = own.profiles.newest(search, before=number("before"), limit=PAGE)
    people = [(profile, called(profile), events, channels(profile)) for profile, events in found]
    return render("profiles.html", "people", people=people, search=search, following=following)


@bp.get("/<id>")
def one(id: str) -> str:
    """One person."""
    own = parts()
    own.endpoint.keep_up()
    profile = own.profiles.get(id) or abort(404)
    shown = profile_page(profile)
    now = own.clock()
    runs = [
        (own.journeys.journeys.get(run.journey_id), visit(run, trail, shown.name, now))
        for run, trail in own.journeys.store.of_profile(id)
    ]
    return render("profile.html", "person", profile=shown, runs=runs)
