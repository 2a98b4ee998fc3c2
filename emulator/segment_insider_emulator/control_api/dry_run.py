"""Control API route of the dry run: results of events without sending or storing them."""

import secrets

import orjson
from flask import Blueprint, request

from segment_insider_emulator.control_api import models
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.explanation import (
    ConditionCheck,
    SubscriptionTrace,
    explain_event,
)
from segment_insider_emulator.segment.ingest import (
    BATCH_KIND,
    Message,
    decode_body,
    generate_message_id,
    parse_messages,
)
from segment_insider_emulator.segment.sources import assign_sources
from segment_insider_emulator.segment.validation import MESSAGE_TYPES
from segment_insider_emulator.storage.records import MessageRecord
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web.services import SandboxServices, current_services

dry_run_routes = Blueprint("dry_run", __name__, url_prefix="/emulator/v1")

EVENT_REMEDY = 'Send an event such as {"type": "track", "event": "Song Played", "userId": "ada"}.'


@dry_run_routes.post("/dry-run")
def dry_run() -> JSONObject:
    """Return what an event or a {"batch": [...]} would lead to; no write key is needed.

    Each message as it would be kept, with its "deliveries" and, for every subscription, whether it
    matches and why: {"messages": [{..., "deliveries", "subscriptions"}]}.
    """
    services = current_services()
    records = dry_run_messages(services, _parse_messages(services, request.get_data()))
    all_enabled_destination = _with_all_enabled(services.destination_overrides.destination)
    return {
        "messages": [_dry_run_json(services, each, all_enabled_destination) for each in records]
    }


def dry_run_messages(services: SandboxServices, messages: list[Message]) -> list[MessageRecord]:
    """Return the records that *messages* would get; known message ids count as new.

    Responses come from the emulated account, without faults and rate limits, also when deliveries
    go to another account.
    """
    with services.profiles.dry_run():
        return services.pipeline.dry_run(
            messages, services.endpoint.create_dry_run_copy().handle_request
        )


def _parse_messages(services: SandboxServices, raw: bytes) -> list[Message]:
    call = decode_body(raw, None, BATCH_KIND)
    kind = BATCH_KIND if BATCH_KIND in call else call.get("type")
    if kind not in (BATCH_KIND, *MESSAGE_TYPES):
        raise EmulatorError("this is no event", "body.type", EVENT_REMEDY)
    now = services.clock()
    received = parse_messages(
        {"writeKey": services.workspace.write_key, **call},
        kind=kind,
        authorization=None,
        received_at=now,
        new_id=lambda: generate_message_id(now, secrets.token_bytes(16)),
    )
    return assign_sources(received, services.workspace.sources, strict=services.config.strict)


def _with_all_enabled(destination: JSONObject) -> Destination:
    """Return *destination* with all subscriptions enabled."""
    every = [{**each, "enabled": True} for each in destination["subscriptions"]]
    return Destination({**destination, "subscriptions": every})


def _dry_run_json(
    services: SandboxServices, record: MessageRecord, all_enabled_destination: Destination
) -> JSONObject:
    message = models.message_json(record)
    accounts = (
        explain_event(all_enabled_destination, record.normalised).accounts
        if record.normalised
        else []
    )
    switches = services.destination_overrides.destination["subscriptions"]
    return {
        **_without_ids(message),
        "deliveries": [_without_ids(models.delivery_json(each)) for each in record.deliveries],
        "subscriptions": [
            _subscription_explanation_json(number, account, enabled=switch["enabled"])
            for number, (account, switch) in enumerate(zip(accounts, switches, strict=False), 1)
        ],
    }


def _without_ids(record_json: JSONObject) -> JSONObject:
    """Return *record_json* without the ids of stored records."""
    return {name: value for name, value in record_json.items() if name not in ("id", "upsert")}


def _subscription_explanation_json(
    number: int, trace: SubscriptionTrace, *, enabled: bool
) -> JSONObject:
    return {
        "number": number,
        "name": trace.subscription,
        "actionSlug": trace.action_slug,
        "enabled": enabled,
        "matched": trace.matched,
        "why": _explain_match(trace, enabled=enabled),
        "conditions": [
            {"condition": each.condition, "holds": each.holds, "found": each.found}
            for each in trace.conditions
        ],
    }


def _explain_match(trace: SubscriptionTrace, *, enabled: bool) -> str:
    if trace.failure:
        return trace.failure.message
    if trace.matched:
        return "its trigger takes the event" if enabled else "its trigger would, but it is disabled"
    unmet = [each for each in trace.conditions if not each.holds]
    return "; ".join(map(_describe_unmet_condition, unmet)) or "its trigger does not take the event"


def _describe_unmet_condition(check: ConditionCheck) -> str:
    found_text: JSON = (
        "missing" if check.found is None else orjson.dumps(check.found).decode()[:200]
    )
    return f"{check.condition}, but it is {found_text}"
