"""Control API routes for messages, deliveries, profiles, journeys, storage and resets."""

from collections.abc import Callable
from typing import Never

from flask import Blueprint, abort, request

from segment_insider_emulator import __version__
from segment_insider_emulator.control_api import models, request_parsing
from segment_insider_emulator.control_api.clock import RESET_FIELDS, parse_reset_time
from segment_insider_emulator.control_api.request_parsing import (
    ID_ROUTE,
    PROFILE_FILTERS,
    parse_filters,
    parse_page_query,
    refuse_parameters,
)
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.journey_definition import JourneyDefinition
from segment_insider_emulator.insider.journey_runner import (
    SIMULATION_NOTICE,
    serialize_journey,
    serialize_run,
)
from segment_insider_emulator.insider.profile_json import serialize_profile, serialize_profile_event
from segment_insider_emulator.storage.messages import DELIVERY_FILTERS, MESSAGE_FILTERS
from segment_insider_emulator.storage.records import JOURNEY_RUN_STATUSES, MessageRecord, Profile
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.json_errors import error_response
from segment_insider_emulator.web.services import current_services

MAX_PAGE_CHARACTERS = 4_000_000  # characters of JSON, behind which a page of a list ends
MAX_EVENTS_PER_PROFILE = 1000  # shown with it
MAX_EVENTS_PER_PAGE = 5000  # behind which a page of profiles ends

capture_routes = Blueprint("harness", __name__, url_prefix="/emulator/v1")


@capture_routes.get("/health")
def health() -> JSONObject:
    """Return 200 as soon as the emulator accepts events."""
    return {"status": "ok", "version": __version__}


@capture_routes.get("/messages")
def messages() -> JSONObject:
    """List the messages that SDKs sent, oldest first."""
    query = parse_page_query(request.args, MESSAGE_FILTERS)
    records, following = current_services().store.list_messages(
        query.filters,
        after_id=query.after,
        limit=query.limit,
        max_json_characters=MAX_PAGE_CHARACTERS,
    )
    return {"messages": [models.message_json(each) for each in records], "next": following}


@capture_routes.get("/messages/newest")
def newest_message() -> JSONObject:
    """Return the newest message that matches the filters, with its deliveries."""
    record = current_services().store.find_newest_message(
        parse_filters(request.args, MESSAGE_FILTERS)
    )
    return _message_with_deliveries(record or _abort_no_match("message"))


@capture_routes.get("/deliveries/newest")
def newest_delivery() -> JSONObject:
    """Return the newest delivery that matches the filters."""
    newest = current_services().store.find_newest_delivery(
        parse_filters(request.args, DELIVERY_FILTERS)
    )
    return models.delivery_json(newest or _abort_no_match("delivery"))


@capture_routes.get(f"/messages/{ID_ROUTE}")
def message(id: int) -> JSONObject:
    """Return one message with its deliveries."""
    return _message_with_deliveries(
        current_services().store.get_message(id) or _abort_not_found("message", id)
    )


@capture_routes.get("/deliveries")
def deliveries() -> JSONObject:
    """List the deliveries to Insider One, oldest first."""
    query = parse_page_query(request.args, DELIVERY_FILTERS)
    records, following = current_services().store.list_deliveries(
        query.filters,
        after_id=query.after,
        limit=query.limit,
        max_json_characters=MAX_PAGE_CHARACTERS,
    )
    return {"deliveries": [models.delivery_json(each) for each in records], "next": following}


@capture_routes.get(f"/deliveries/{ID_ROUTE}")
def delivery(id: int) -> JSONObject:
    """Return one delivery."""
    return models.delivery_json(
        current_services().store.get_delivery(id) or _abort_not_found("delivery", id)
    )


@capture_routes.get("/profiles")
def profiles() -> JSONObject:
    """List the profiles in Insider One, oldest first, or the one with an identifier.

    A page ends early when its profiles have many events; each shows its oldest ones.
    """
    query = parse_page_query(request.args, PROFILE_FILTERS)
    current_services().endpoint.delete_expired_data()
    records, following = current_services().profiles.list_with_events(
        query.filters.get("identifier"), after_number=query.after, limit=query.limit
    )
    page: list[JSONObject] = []
    events = 0
    for profile in records:
        if events > MAX_EVENTS_PER_PAGE:
            break
        page.append(_profile_with_first_events(profile))
        events += len(page[-1]["events"])
    if len(page) < len(records):
        following = records[len(page) - 1].number
    return {"profiles": page, "next": following}


@capture_routes.get("/profiles/<id>")
def profile(id: str) -> JSONObject:
    """Return one profile by its Profile ID."""
    current_services().endpoint.delete_expired_data()
    return _profile_with_first_events(
        current_services().profiles.get_with_events(id) or _abort_not_found("profile", id)
    )


@capture_routes.get("/profiles/<id>/events")
def profile_events(id: str) -> JSONObject:
    """List the events of a profile, oldest first; `after` is the number of events to skip."""
    query = parse_page_query(request.args, ())
    current_services().endpoint.delete_expired_data()
    profile = current_services().profiles.get_with_events(id) or _abort_not_found("profile", id)
    end = query.after + query.limit
    events_json = [serialize_profile_event(event) for event in profile.events[query.after : end]]
    return {"events": events_json, "next": end if end < len(profile.events) else None}


@capture_routes.post("/reset")
def reset() -> JSONObject:
    """Delete all data and faults, and let the clock follow real time again.

    A body {"now": time} freezes the clock at that time, which may be in the past. The settings of
    the destination and the integrations are set back to the workspace file.
    """
    current_services().reset(
        parse_reset_time(request_parsing.read_body(RESET_FIELDS, min_fields=0))
    )
    return {}


@capture_routes.post("/reset/captures")
def reset_captures() -> JSONObject:
    """Delete messages and deliveries only."""
    return _run_reset(current_services().reset_traffic)


@capture_routes.post("/reset/profiles")
def reset_profiles() -> JSONObject:
    """Delete profiles and their journey runs only."""
    return _run_reset(current_services().reset_profiles)


@capture_routes.post("/reset/faults")
def reset_faults() -> JSONObject:
    """Remove all injected faults, of Segment and of Insider One."""
    return _run_reset(current_services().reset_faults)


@capture_routes.post("/reset/clock")
def reset_clock() -> JSONObject:
    """Let the clock follow real time again, or freeze it at a time: {"now"}."""
    current_services().clock.reset(
        parse_reset_time(request_parsing.read_body(RESET_FIELDS, min_fields=0))
    )
    return {}


def _run_reset(reset_action: Callable[[], None]) -> JSONObject:
    request_parsing.read_body({}, min_fields=0)
    reset_action()
    return {}


def _profile_with_first_events(profile: Profile) -> JSONObject:
    """Return *profile* as JSON with its first events, its event count and the next offset."""
    shown_profile = serialize_profile(profile)
    count = len(shown_profile["events"])
    following = MAX_EVENTS_PER_PROFILE if count > MAX_EVENTS_PER_PROFILE else None
    events = shown_profile["events"][:MAX_EVENTS_PER_PROFILE]
    return {**shown_profile, "events": events, "event_count": count, "events_next": following}


def _message_with_deliveries(record: MessageRecord) -> JSONObject:
    deliveries_json = [models.delivery_json(each) for each in record.deliveries]
    return {**models.message_json(record), "deliveries": deliveries_json}


def _abort_no_match(kind: str) -> Never:
    remedy = "Ask for less, or wait for it with POST /emulator/v1/wait-for."
    abort(error_response(404, f"no {kind} matches", request.path, remedy))


def _abort_not_found(kind: str, id: int | str) -> Never:
    listed = request.path.rpartition("/")[0]
    abort(
        error_response(
            404, f"there is no {kind} {id}", request.path, f"List them with GET {listed}."
        )
    )


journey_routes = Blueprint("journeys", __name__, url_prefix="/emulator/v1")

JOURNEY_RUN_FILTERS = ("identifier", "status")


@journey_routes.get("/journeys")
def journeys() -> JSONObject:
    """List the journeys of the workspace with their counters, in the order of the file."""
    refuse_parameters(request.args)
    journey_services = current_services().journeys
    journeys_json = [
        serialize_journey(each, journey_services.run_store.count_outcomes(each.id))
        for each in journey_services.definitions.values()
    ]
    return {"simulated": SIMULATION_NOTICE, "journeys": journeys_json, "next": None}


@journey_routes.get(f"/journeys/{ID_ROUTE}")
def journey(id: int) -> JSONObject:
    """Return one journey."""
    definition = _find_journey(id)
    tally = current_services().journeys.run_store.count_outcomes(id)
    return {"simulated": SIMULATION_NOTICE, **serialize_journey(definition, tally)}


@journey_routes.get(f"/journeys/{ID_ROUTE}/runs")
def runs(id: int) -> JSONObject:
    """List the runs of a journey with their trails, oldest first, or those of one profile."""
    _find_journey(id)
    query = parse_page_query(request.args, JOURNEY_RUN_FILTERS)
    filters = _journey_run_filters(query.filters)
    if filters is None:
        return {"simulated": SIMULATION_NOTICE, "runs": [], "next": None}
    page, following = current_services().journeys.run_store.list_runs(
        id, filters, after_id=query.after, limit=query.limit
    )
    runs_json = [serialize_run(run, trail) for run, trail in page]
    return {"simulated": SIMULATION_NOTICE, "runs": runs_json, "next": following}


def _journey_run_filters(query_filters: dict[str, str]) -> dict[str, str] | None:
    """Return the filters for the store; None when no profile has the identifier."""
    filters = {}
    if "status" in query_filters:
        if query_filters["status"] not in JOURNEY_RUN_STATUSES:
            what = f"unknown status {query_filters['status']!r}"
            raise EmulatorError(what, "status", f"Known: {', '.join(JOURNEY_RUN_STATUSES)}.")
        filters["status"] = query_filters["status"]
    if "identifier" in query_filters:
        owner = next(
            iter(current_services().profiles.find_by_identifiers([query_filters["identifier"]])),
            None,
        )
        if owner is None:
            return None
        filters["profile_id"] = owner.id
    return filters


def _find_journey(id: int) -> JourneyDefinition:
    return current_services().journeys.definitions.get(id) or _abort_journey_not_found(id)


def _abort_journey_not_found(id: int) -> Never:
    remedy = "List them with GET /emulator/v1/journeys, or define it in the workspace file."
    abort(error_response(404, f"there is no journey {id}", request.path, remedy))


storage_routes = Blueprint("storage", __name__, url_prefix="/emulator/v1")


@storage_routes.get("/storage")
def storage() -> JSONObject:
    """Return the number and size of stored records; slow with millions of messages."""
    request_parsing.refuse_parameters(request.args)
    services = current_services()
    sizes, config = services.store.measure_size(), services.config
    return {
        "messages": sizes.messages,
        "deliveries": sizes.deliveries,
        "oldest": sizes.oldest,
        "rememberedIds": sizes.remembered,
        "usedBytes": sizes.used_bytes,
        "fileBytes": sizes.file_bytes,
        "keep": {
            "days": config.keep_days,
            "messages": config.keep_messages,
            "bytes": config.keep_bytes,
        },
    }
