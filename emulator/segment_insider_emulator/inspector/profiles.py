"""The Profiles pages: everybody whom Insider One would know, and one of them."""

from flask import Blueprint, abort, request

from segment_insider_emulator.inspector.journey_page import build_run_view
from segment_insider_emulator.inspector.paging import get_int_parameter
from segment_insider_emulator.inspector.profile_page import (
    build_profile_view_model,
    list_channels,
    person_name,
)
from segment_insider_emulator.inspector.rendering import render_page
from segment_insider_emulator.parts import current_services

bp = Blueprint("profiles", __name__, url_prefix="/profiles")

PROFILES_PER_PAGE = 50  # people
MAX_SEARCH_CHARS = 200  # characters


@bp.get("")
def list_profiles() -> str:
    """Everybody, newest first; `q` is a text in an identifier or an attribute."""
    services = current_services()
    services.endpoint.delete_expired_data()
    # PostgreSQL has no texts with that character.
    search = request.args.get("q", "").replace("\0", "").strip()[:MAX_SEARCH_CHARS]
    profiles, next_page = services.profiles.list_newest(
        search, before_number=get_int_parameter("before"), limit=PROFILES_PER_PAGE
    )
    people = [
        (profile, person_name(profile), events, list_channels(profile))
        for profile, events in profiles
    ]
    return render_page("profiles.html", "people", people=people, search=search, following=next_page)


@bp.get("/<id>")
def show_profile(id: str) -> str:
    """One person."""
    services = current_services()
    services.endpoint.delete_expired_data()
    profile = services.profiles.get_with_events(id) or abort(404)
    profile_view = build_profile_view_model(profile)
    now = services.clock()
    runs = [
        (
            services.journeys.definitions.get(run.journey_id),
            build_run_view(run, trail, profile_view.name, now),
        )
        for run, trail in services.journeys.run_store.list_runs_of_profile(id)
    ]
    return render_page("profile.html", "person", profile=profile_view, runs=runs)
