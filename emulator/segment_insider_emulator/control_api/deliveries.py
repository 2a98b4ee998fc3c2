"""Control API routes for retries, dry runs, injected faults and real-account differences."""

import secrets
from typing import TYPE_CHECKING

import orjson
from flask import Blueprint, abort, request

from segment_insider_emulator.control_api.message_models import (
    ConditionModel,
    DeliveryFields,
    DryRunMessageModel,
    DryRunModel,
    RetryModel,
    SubscriptionTraceModel,
    UpsertModel,
    build_delivery_field_values,
    build_message_field_values,
)
from segment_insider_emulator.control_api.models import (
    FaultListModel,
    ResponseDifferencePageModel,
)
from segment_insider_emulator.control_api.openapi import PAGE_PARAMETERS, api_operation
from segment_insider_emulator.control_api.request_parsing import parse_page_query, read_fault_body
from segment_insider_emulator.delivery.fault_injection import (
    INSIDER_FAULT_REMEDY,
    INSIDER_FAULT_VALIDATOR,
    parse_insider_fault,
)
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.segment.faults import (
    SEGMENT_FAULT_REMEDY,
    SEGMENT_FAULT_VALIDATOR,
    fault_from_json,
    fault_to_json,
)
from segment_insider_emulator.segment.ingest import (
    BATCH_KIND,
    Message,
    assign_sources,
    decode_request_body,
    generate_message_id,
    parse_messages,
)
from segment_insider_emulator.segment.validation import MESSAGE_TYPES
from segment_insider_emulator.storage.records import MessageRecord
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web.json_errors import build_json_error_response
from segment_insider_emulator.web.services import SandboxServices, current_services

if TYPE_CHECKING:
    from segment_insider_emulator.mapping.explanation import ConditionCheck, SubscriptionTrace

EVENT_EXAMPLE: JSONObject = {"type": "track", "event": "Order Completed", "userId": "ada"}
EVENT_REMEDY = 'Send an event such as {"type": "track", "event": "Song Played", "userId": "ada"}.'

delivery_routes = Blueprint("delivery", __name__, url_prefix="/emulator/v1")
dry_run_routes = Blueprint("dry_run", __name__, url_prefix="/emulator/v1")
segment_fault_routes = Blueprint(
    "segment_faults", __name__, url_prefix="/emulator/v1/faults/segment"
)


@delivery_routes.post("/deliveries/retry", endpoint="retry")
@api_operation()
def retry_deliveries() -> RetryModel:
    """Deliver queued messages and retry every unsettled request once, due or not.

    Returns {"attempts": sent requests, "retrying": requests that still wait for a retry}.
    """
    services = current_services()
    services.queue.wait_until_drained()
    return RetryModel(
        attempts=services.pipeline.retries.retry_all_upserts(),
        retrying=len(services.store.upserts.list_pending_upsert_ids()),
    )


@delivery_routes.get("/upserts/<id>", endpoint="upsert")
@api_operation(errors=(404,))
def get_upsert(id: str) -> UpsertModel:
    """Return a whole request to Insider One that carries a batch or waits for a retry."""
    upserts = current_services().store.upserts
    upsert = upserts.get_upsert(id)
    if upsert is None:
        remedy = "A delivery names its own under `upsert`: GET /emulator/v1/deliveries."
        abort(build_json_error_response(404, f"there is no upsert {id}", request.path, remedy))
    return UpsertModel.from_record(
        upsert, [delivery.id for delivery in upserts.list_deliveries_of_upsert(id)]
    )


@delivery_routes.get("/faults", endpoint="faults")
@api_operation()
def list_insider_faults() -> FaultListModel:
    """List the injected faults of requests to Insider One."""
    return _build_insider_fault_list()


@delivery_routes.post("/faults", endpoint="add_fault")
@api_operation(body=INSIDER_FAULT_VALIDATOR.schema, example={"status": 503, "times": 1})
def add_insider_fault() -> FaultListModel:
    """Inject a fault into deliveries; return all active faults."""
    fault_json = read_fault_body(INSIDER_FAULT_VALIDATOR, INSIDER_FAULT_REMEDY)
    current_services().insider_faults.add_fault(parse_insider_fault(fault_json))
    return _build_insider_fault_list()


@delivery_routes.delete("/faults", endpoint="clear_faults")
@api_operation()
def clear_insider_faults() -> FaultListModel:
    """Remove all injected faults of deliveries."""
    current_services().insider_faults.clear_faults()
    return _build_insider_fault_list()


@delivery_routes.get("/fidelity", endpoint="fidelity")
@api_operation(query=PAGE_PARAMETERS)
def list_response_differences() -> ResponseDifferencePageModel:
    """List how responses of a real account differ from emulated ones, each kind once."""
    services = current_services()
    query = parse_page_query(request.args, ())
    records, next_id = services.differences.list_differences(
        after_id=query.after, limit=query.limit
    )
    return ResponseDifferencePageModel(
        compared=services.pass_through.compared_response_count if services.pass_through else 0,
        differences=[
            {"id": record.id, "times": record.times, "at": record.at, **record.document}
            for record in records
        ],
        next=next_id,
    )


@segment_fault_routes.post("", endpoint="add")
@api_operation(body=SEGMENT_FAULT_VALIDATOR.schema, example={"status": 500})
def add_segment_fault() -> FaultListModel:
    """Inject a fault into the next requests to Segment; return all waiting faults."""
    fault_json = read_fault_body(SEGMENT_FAULT_VALIDATOR, SEGMENT_FAULT_REMEDY, min_fields=0)
    current_services().segment_faults.add_fault(fault_from_json(fault_json))
    return _build_segment_fault_list()


@segment_fault_routes.get("", endpoint="waiting")
@api_operation()
def list_segment_faults() -> FaultListModel:
    """List the injected faults that wait for a request to Segment, the next one first."""
    return _build_segment_fault_list()


@segment_fault_routes.delete("", endpoint="clear")
@api_operation()
def clear_segment_faults() -> FaultListModel:
    """Remove all faults of Segment's responses."""
    current_services().segment_faults.clear_faults()
    return _build_segment_fault_list()


@dry_run_routes.post("/dry-run", endpoint="dry_run")
@api_operation(body=JSONObject, example=EVENT_EXAMPLE)
def dry_run_events() -> DryRunModel:
    """Return what an event or a {"batch": [...]} would lead to; no write key is needed.

    Each message comes as it would be stored, with its "deliveries" and, for every subscription,
    whether it matches and why.
    """
    services = current_services()
    records = dry_run_messages(services, _parse_dry_run_messages(services, request.get_data()))
    destination = _enable_all_subscriptions(services.destination_overrides.current_destination)
    return DryRunModel(
        messages=[_build_dry_run_message(services, record, destination) for record in records]
    )


def _build_insider_fault_list() -> FaultListModel:
    return FaultListModel(faults=current_services().insider_faults.list_active_faults())


def _build_segment_fault_list() -> FaultListModel:
    faults = current_services().segment_faults.list_queued_faults()
    return FaultListModel(faults=[fault_to_json(fault) for fault in faults])


def dry_run_messages(services: SandboxServices, messages: list[Message]) -> list[MessageRecord]:
    """Return the records that a dry run of messages gives; known message ids count as new.

    Responses come from the emulated account, without faults and rate limits, also when deliveries
    go to another account.
    """
    with services.profiles.begin_dry_run():
        return services.pipeline.deliver_messages_as_dry_run(
            messages, services.endpoint.create_dry_run_copy().handle_request
        )


def _parse_dry_run_messages(services: SandboxServices, raw: bytes) -> list[Message]:
    call = decode_request_body(raw, None, BATCH_KIND)
    kind = BATCH_KIND if BATCH_KIND in call else call.get("type")
    if kind not in (BATCH_KIND, *MESSAGE_TYPES):
        raise EmulatorError("not an event", "body.type", EVENT_REMEDY)
    return _parse_dry_run_call(services, call, kind)


def dry_run_call(services: SandboxServices, call: JSONObject) -> MessageRecord:
    """Return the record that *call* gives if an SDK sends it in a batch; nothing is stored.

    Raises: IngestError, when Segment refuses it.
    """
    messages = _parse_dry_run_call(services, {BATCH_KIND: [call]}, BATCH_KIND)
    return dry_run_messages(services, messages)[0]


def _parse_dry_run_call(services: SandboxServices, call: JSONObject, kind: str) -> list[Message]:
    now = services.clock()
    received = parse_messages(
        {"writeKey": services.workspace.write_key, **call},
        kind=kind,
        authorization=None,
        received_at=now,
        new_id=lambda: generate_message_id(now, secrets.token_bytes(16)),
    )
    return assign_sources(received, services.sources, strict=services.config.strict)


def _enable_all_subscriptions(destination: JSONObject) -> Destination:
    """Return a copy of *destination* with all subscriptions enabled."""
    subscriptions = [
        {**subscription, "enabled": True} for subscription in destination["subscriptions"]
    ]
    return Destination({**destination, "subscriptions": subscriptions})


def _build_dry_run_message(
    services: SandboxServices, record: MessageRecord, all_enabled_destination: Destination
) -> DryRunMessageModel:
    # Imported here because only a dry run explains.
    from segment_insider_emulator.mapping.explanation import explain_event

    traces = (
        explain_event(all_enabled_destination, record.normalised).accounts
        if record.normalised
        else []
    )
    subscriptions = services.destination_overrides.current_destination["subscriptions"]
    return DryRunMessageModel(
        **build_message_field_values(record),
        deliveries=[
            DeliveryFields(**build_delivery_field_values(delivery))
            for delivery in record.deliveries
        ],
        subscriptions=[
            _build_subscription_trace_model(number, trace, enabled=subscription["enabled"])
            for number, (trace, subscription) in enumerate(
                zip(traces, subscriptions, strict=False), 1
            )
        ],
    )


def _build_subscription_trace_model(
    number: int, trace: "SubscriptionTrace", *, enabled: bool
) -> SubscriptionTraceModel:
    return SubscriptionTraceModel(
        number=number,
        name=trace.subscription,
        action_slug=trace.action_slug,
        enabled=enabled,
        matched=trace.matched,
        why=_explain_trigger_match(trace, enabled=enabled),
        conditions=[
            ConditionModel(condition=check.condition, holds=check.holds, found=check.found)
            for check in trace.conditions
        ],
    )


def _explain_trigger_match(trace: "SubscriptionTrace", *, enabled: bool) -> str:
    if trace.failure:
        return trace.failure.message
    if trace.matched:
        return (
            "its trigger matches the event"
            if enabled
            else "its trigger matches, but the subscription is disabled"
        )
    unmet = [check for check in trace.conditions if not check.holds]
    return (
        "; ".join(map(_describe_unmet_condition, unmet)) or "its trigger does not match the event"
    )


def _describe_unmet_condition(check: "ConditionCheck") -> str:
    found_text: JSON = (
        "missing" if check.found is None else orjson.dumps(check.found).decode()[:200]
    )
    return f"{check.condition}, but it is {found_text}"
