"""Control API routes for messages, deliveries, profiles, journeys, storage and resets."""

from collections.abc import Callable
from datetime import datetime
from typing import Never

from flask import Blueprint, abort, request

from segment_insider_emulator import __version__
from segment_insider_emulator.control_api.clock import RESET_EXAMPLE, parse_reset_time
from segment_insider_emulator.control_api.message_models import (
    DeliveryModel,
    DeliveryPageModel,
    MessageModel,
    MessagePageModel,
    MessageWithDeliveriesModel,
)
from segment_insider_emulator.control_api.models import (
    EmptyModel,
    HealthModel,
    JourneyListModel,
    JourneyModel,
    JourneyRunModel,
    JourneyRunPageModel,
    ProfileEventPageModel,
    ProfileModel,
    ProfilePageModel,
    RetentionModel,
    StorageModel,
)
from segment_insider_emulator.control_api.openapi import (
    PAGE_PARAMETERS,
    QUERY_SCHEMA,
    TEXT_SCHEMA,
    api_operation,
    build_filter_parameters,
)
from segment_insider_emulator.control_api.request_parsing import (
    ID_ROUTE,
    PROFILE_FILTERS,
    EmptyBody,
    ResetBody,
    WebPushBody,
    parse_message_filters,
    parse_page_query,
    parse_record_filters,
    read_request_body,
    refuse_query_parameters,
)
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.journey_definition import JourneyDefinition
from segment_insider_emulator.insider.journey_runner import (
    SIMULATION_NOTICE,
    serialize_journey,
    serialize_journey_run,
)
from segment_insider_emulator.insider.profile_json import serialize_profile, serialize_profile_event
from segment_insider_emulator.storage.messages import DELIVERY_FILTERS, MESSAGE_FILTERS
from segment_insider_emulator.storage.records import JOURNEY_RUN_STATUSES, Profile
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.json_errors import build_json_error_response
from segment_insider_emulator.web.services import current_services

MAX_PAGE_CHARACTERS = 4_000_000  # of JSON; a page that is longer ends early
MAX_TOKEN_CHARACTERS = 4096  # of a browser for web push
MAX_EVENTS_PER_PROFILE = 1000  # in the JSON of the profile
MAX_EVENTS_PER_PAGE = 5000  # a page of profiles with more events ends early
OLDEST_FIRST, NEWEST_FIRST = "oldest", "newest"
JOURNEY_RUN_FILTERS = ("identifier", "status")

_MESSAGE_PARAMETERS = {**build_filter_parameters(MESSAGE_FILTERS), "query": QUERY_SCHEMA}
_ORDER_PARAMETERS: JSONObject = {
    "order": {"enum": [OLDEST_FIRST, NEWEST_FIRST]},
    "before": PAGE_PARAMETERS["after"],
}
_DELIVERY_PARAMETERS = build_filter_parameters(DELIVERY_FILTERS)
_IDENTIFIER_PARAMETER: JSONObject = {"identifier": {**TEXT_SCHEMA, "pattern": ":"}}
_STATUS_PARAMETER: JSONObject = {"status": {"enum": list(JOURNEY_RUN_STATUSES)}}

capture_routes = Blueprint("harness", __name__, url_prefix="/emulator/v1")
journey_routes = Blueprint("journeys", __name__, url_prefix="/emulator/v1")
storage_routes = Blueprint("storage", __name__, url_prefix="/emulator/v1")


@capture_routes.get("/health", endpoint="health")
@api_operation()
def check_health() -> HealthModel:
    """Return 200 as soon as the emulator accepts events."""
    return HealthModel(status="ok", version=__version__)


@capture_routes.get("/messages", endpoint="messages")
@api_operation(query=_MESSAGE_PARAMETERS | PAGE_PARAMETERS | _ORDER_PARAMETERS)
def list_messages() -> MessagePageModel:
    """List the messages that SDKs sent, oldest first; `order=newest` reverses the order.

    Newest first, `next` is the `before` of the next page.
    """
    order = request.args.get("order") or OLDEST_FIRST
    if order == NEWEST_FIRST:
        return _list_newest_messages()
    if order != OLDEST_FIRST:
        remedy = f"Known: {OLDEST_FIRST}, {NEWEST_FIRST}."
        raise EmulatorError(f"unknown order {order[:40]!r}", "order", remedy)
    query = parse_page_query(request.args, [*_MESSAGE_PARAMETERS, "order"])
    query.filters.pop("order", None)
    services = current_services()
    page = {"after_id": query.after, "limit": query.limit}
    if "query" in query.filters:
        records, next_id = services.store.list_messages_of_query(
            parse_message_filters(query.filters, services.clock),
            **page,
            max_json_characters=MAX_PAGE_CHARACTERS,
        )
    else:
        records, next_id = services.store.list_messages(
            query.filters, **page, max_json_characters=MAX_PAGE_CHARACTERS
        )
    return MessagePageModel(
        messages=[MessageModel.from_record(message) for message in records], next=next_id
    )


def _list_newest_messages() -> MessagePageModel:
    query = parse_page_query(request.args, [*_MESSAGE_PARAMETERS, "order"], cursor="before")
    filters = {"query": "", **query.filters}
    del filters["order"]
    services = current_services()
    records, next_id = services.store.list_newest_messages_of_query(
        parse_message_filters(filters, services.clock),
        before_id=query.after or None,
        limit=query.limit,
        max_json_characters=MAX_PAGE_CHARACTERS,
    )
    return MessagePageModel(
        messages=[MessageModel.from_record(message) for message in records], next=next_id
    )


@capture_routes.get("/messages/newest", endpoint="newest_message")
@api_operation(query=_MESSAGE_PARAMETERS, errors=(404,))
def get_newest_message() -> MessageWithDeliveriesModel:
    """Return the newest message that matches the filters, with its deliveries.

    A query is searched for during two seconds; the error says how far that was.
    """
    filters = parse_record_filters(request.args, _MESSAGE_PARAMETERS)
    services, scan_limit = current_services(), None
    if "query" in filters:
        query = parse_message_filters(filters, services.clock)
        message, scan_limit = services.store.find_newest_message_of_query(query)
    else:
        message = services.store.find_newest_message(filters)
    if message is None:
        since = f" since {scan_limit.received_at}" if scan_limit else ""
        _abort_no_matching_record(f"message{since}")
    return MessageWithDeliveriesModel.from_record(message)


@capture_routes.get("/deliveries/newest", endpoint="newest_delivery")
@api_operation(query=_DELIVERY_PARAMETERS, errors=(404,))
def get_newest_delivery() -> DeliveryModel:
    """Return the newest delivery that matches the filters."""
    filters = parse_record_filters(request.args, DELIVERY_FILTERS)
    delivery = current_services().store.find_newest_delivery(filters)
    return DeliveryModel.from_record(delivery or _abort_no_matching_record("delivery"))


@capture_routes.get(f"/messages/{ID_ROUTE}", endpoint="message")
@api_operation(errors=(404,))
def get_message(id: int) -> MessageWithDeliveriesModel:
    """Return one message by its id, with its deliveries."""
    message = current_services().store.get_message(id) or _abort_record_not_found("message", id)
    return MessageWithDeliveriesModel.from_record(message)


@capture_routes.get("/deliveries", endpoint="deliveries")
@api_operation(query=_DELIVERY_PARAMETERS | PAGE_PARAMETERS)
def list_deliveries() -> DeliveryPageModel:
    """List the deliveries to Insider One, oldest first."""
    query = parse_page_query(request.args, DELIVERY_FILTERS)
    records, next_id = current_services().store.list_deliveries(
        query.filters,
        after_id=query.after,
        limit=query.limit,
        max_json_characters=MAX_PAGE_CHARACTERS,
    )
    return DeliveryPageModel(
        deliveries=[DeliveryModel.from_record(delivery) for delivery in records], next=next_id
    )


@capture_routes.get(f"/deliveries/{ID_ROUTE}", endpoint="delivery")
@api_operation(errors=(404,))
def get_delivery(id: int) -> DeliveryModel:
    """Return one delivery by its id."""
    delivery = current_services().store.get_delivery(id) or _abort_record_not_found("delivery", id)
    return DeliveryModel.from_record(delivery)


@capture_routes.get("/profiles", endpoint="profiles")
@api_operation(query=_IDENTIFIER_PARAMETER | PAGE_PARAMETERS)
def list_profiles() -> ProfilePageModel:
    """List the profiles in Insider One, oldest first, or the one with an identifier.

    A page ends early when its profiles have many events; each shows its oldest ones.
    """
    query = parse_page_query(request.args, PROFILE_FILTERS)
    current_services().endpoint.delete_expired_data()
    records, next_number = current_services().profiles.list_profiles_with_events(
        query.filters.get("identifier"), after_number=query.after, limit=query.limit
    )
    page: list[ProfileModel] = []
    event_count = 0
    for profile in records:
        if event_count > MAX_EVENTS_PER_PAGE:
            break
        page.append(_build_profile_model(profile))
        event_count += len(page[-1].events)
    if len(page) < len(records):
        next_number = records[len(page) - 1].number
    return ProfilePageModel(profiles=page, next=next_number)


@capture_routes.get("/profiles/<id>", endpoint="profile")
@api_operation(errors=(404,))
def get_profile(id: str) -> ProfileModel:
    """Return one profile of Insider One by its Profile ID."""
    return _build_profile_model(_load_profile(id))


@capture_routes.get("/profiles/<id>/events", endpoint="profile_events")
@api_operation(query=PAGE_PARAMETERS, errors=(404,))
def list_profile_events(id: str) -> ProfileEventPageModel:
    """List the events of a profile, oldest first; `after` is the number of events to skip."""
    query = parse_page_query(request.args, ())
    events = _load_profile(id).events
    end = query.after + query.limit
    return ProfileEventPageModel(
        events=[serialize_profile_event(event) for event in events[query.after : end]],
        next=end if end < len(events) else None,
    )


@capture_routes.put("/profiles/<id>/web-push", endpoint="web_push")
@api_operation(body=WebPushBody, example={"optin": True, "token": "browser-1"}, errors=(404,))
def save_profile_web_push(id: str) -> ProfileModel:
    """Store a browser's permission for web push, which no upsert can contain.

    A body {"optin": true, "token"} gives it, {"optin": false} refuses it.
    """
    token = _parse_web_push_token()
    if not current_services().endpoint.save_web_push(id, token):
        _abort_record_not_found("profile", id, request.path.rpartition("/")[0])
    return _build_profile_model(_load_profile(id))


@capture_routes.post("/reset", endpoint="reset")
@api_operation(body=ResetBody, example=RESET_EXAMPLE)
def reset_sandbox_data() -> EmptyModel:
    """Delete all data and faults, and let the clock follow real time again.

    A body {"now": time} freezes the clock at that time, which may be in the past. The settings of
    the destination and the integrations are set back to the workspace file.
    """
    current_services().reset_sandbox(_parse_reset_body())
    return EmptyModel()


@capture_routes.post("/reset/captures", endpoint="reset_captures")
@api_operation()
def delete_messages_and_deliveries() -> EmptyModel:
    """Delete all messages and deliveries of the sandbox, and nothing else."""
    return _run_reset_action(current_services().delete_traffic)


@capture_routes.post("/reset/profiles", endpoint="reset_profiles")
@api_operation()
def delete_profiles_and_journey_runs() -> EmptyModel:
    """Delete all profiles and journey runs of the sandbox, and nothing else."""
    return _run_reset_action(current_services().delete_profiles_and_journey_runs)


@capture_routes.post("/reset/faults", endpoint="reset_faults")
@api_operation()
def clear_all_faults() -> EmptyModel:
    """Remove all injected faults, of Segment and of Insider One."""
    return _run_reset_action(current_services().clear_all_faults)


@capture_routes.post("/reset/clock", endpoint="reset_clock")
@api_operation(body=ResetBody, example=RESET_EXAMPLE)
def reset_clock() -> EmptyModel:
    """Let the clock follow real time again, or freeze it at a time: {"now"}."""
    current_services().clock.reset(_parse_reset_body())
    return EmptyModel()


@journey_routes.get("/journeys", endpoint="journeys")
@api_operation()
def list_journeys() -> JourneyListModel:
    """List the journeys of the workspace with their counters, in the order of the file."""
    refuse_query_parameters(request.args)
    journeys = current_services().journeys
    models = [
        JourneyModel(
            **serialize_journey(journey, journeys.run_store.count_run_outcomes(journey.id))
        )
        for journey in journeys.definitions.values()
    ]
    return JourneyListModel(simulated=SIMULATION_NOTICE, journeys=models, next=None)


@journey_routes.get(f"/journeys/{ID_ROUTE}", endpoint="journey")
@api_operation(errors=(404,))
def get_journey(id: int) -> JourneyModel:
    """Return one journey of the workspace with its counters."""
    journey = _find_journey(id)
    outcomes = current_services().journeys.run_store.count_run_outcomes(id)
    return JourneyModel(simulated=SIMULATION_NOTICE, **serialize_journey(journey, outcomes))


@journey_routes.get(f"/journeys/{ID_ROUTE}/runs", endpoint="runs")
@api_operation(query=_IDENTIFIER_PARAMETER | _STATUS_PARAMETER | PAGE_PARAMETERS, errors=(404,))
def list_journey_runs(id: int) -> JourneyRunPageModel:
    """List the runs of a journey with their trails, oldest first, or those of one profile."""
    _find_journey(id)
    query = parse_page_query(request.args, JOURNEY_RUN_FILTERS)
    filters = _build_journey_run_filters(query.filters)
    if filters is None:
        return JourneyRunPageModel(simulated=SIMULATION_NOTICE, runs=[], next=None)
    page, next_id = current_services().journeys.run_store.list_runs(
        id, filters, after_id=query.after, limit=query.limit
    )
    runs = [JourneyRunModel(**serialize_journey_run(run, trail)) for run, trail in page]
    return JourneyRunPageModel(simulated=SIMULATION_NOTICE, runs=runs, next=next_id)


@storage_routes.get("/storage", endpoint="storage")
@api_operation()
def get_storage_size() -> StorageModel:
    """Return the number and size of stored records; slow with millions of messages."""
    refuse_query_parameters(request.args)
    services = current_services()
    size, config = services.store.measure_database_size(), services.config
    return StorageModel(
        messages=size.messages,
        deliveries=size.deliveries,
        oldest=size.oldest,
        remembered_ids=size.remembered,
        used_bytes=size.used_bytes,
        file_bytes=size.file_bytes,
        keep=RetentionModel(
            days=config.keep_days, messages=config.keep_messages, bytes=config.keep_bytes
        ),
    )


def _run_reset_action(reset_action: Callable[[], None]) -> EmptyModel:
    read_request_body(EmptyBody, min_fields=0)
    reset_action()
    return EmptyModel()


def _parse_reset_body() -> datetime | None:
    return parse_reset_time(read_request_body(ResetBody, min_fields=0))


def _parse_web_push_token() -> str | None:
    """Return the token of a web push request; None for a refused permission.

    Raises: EmulatorError.
    """
    body = read_request_body(WebPushBody)
    token: str | None = body.get("token")
    if body["optin"] is not bool(token):
        what = "optin is true without a token" if body["optin"] else "optin is false with a token"
        remedy = 'Send {"optin": true, "token": "browser-1"} or {"optin": false}.'
        raise EmulatorError(what, "body", remedy)
    if token and len(token) > MAX_TOKEN_CHARACTERS:
        what = f"{len(token):,} characters are too many"
        raise EmulatorError(what, "body.token", f"Send at most {MAX_TOKEN_CHARACTERS:,}.")
    return token


def _load_profile(id: str) -> Profile:
    current_services().endpoint.delete_expired_data()
    return current_services().profiles.get_with_events(id) or _abort_record_not_found("profile", id)


def _build_profile_model(profile: Profile) -> ProfileModel:
    """Return the response model of a profile with its first events and the event count."""
    fields = serialize_profile(profile)
    events = fields.pop("events")
    return ProfileModel(
        **fields,
        events=events[:MAX_EVENTS_PER_PROFILE],
        event_count=len(events),
        events_next=MAX_EVENTS_PER_PROFILE if len(events) > MAX_EVENTS_PER_PROFILE else None,
    )


def _build_journey_run_filters(query_filters: dict[str, str]) -> dict[str, str] | None:
    """Return the store's filters for journey runs; None when no profile has the identifier."""
    filters = {}
    if "status" in query_filters:
        if query_filters["status"] not in JOURNEY_RUN_STATUSES:
            what = f"unknown status {query_filters['status']!r}"
            raise EmulatorError(what, "status", f"Known: {', '.join(JOURNEY_RUN_STATUSES)}.")
        filters["status"] = query_filters["status"]
    if "identifier" in query_filters:
        profiles = current_services().profiles.find_by_identifiers([query_filters["identifier"]])
        profile = next(iter(profiles), None)
        if profile is None:
            return None
        filters["profile_id"] = profile.id
    return filters


def _find_journey(id: int) -> JourneyDefinition:
    return current_services().journeys.definitions.get(id) or _abort_journey_not_found(id)


def _abort_no_matching_record(kind: str) -> Never:
    remedy = "Use fewer filters, or wait for it with POST /emulator/v1/wait-for."
    abort(build_json_error_response(404, f"no {kind} matches", request.path, remedy))


def _abort_record_not_found(kind: str, id: int | str, path: str | None = None) -> Never:
    list_path = (path or request.path).rpartition("/")[0]
    remedy = f"List them with GET {list_path}."
    abort(build_json_error_response(404, f"there is no {kind} {id}", request.path, remedy))


def _abort_journey_not_found(id: int) -> Never:
    remedy = "List them with GET /emulator/v1/journeys, or define it in the workspace file."
    abort(build_json_error_response(404, f"there is no journey {id}", request.path, remedy))
