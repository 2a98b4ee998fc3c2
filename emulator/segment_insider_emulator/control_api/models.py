"""JSON of messages, deliveries and upserts, and the JSON Schemas of responses."""

from typing import Final

import orjson

from segment_insider_emulator.delivery.results import describe_delivery_status
from segment_insider_emulator.storage.records import (
    JOURNEY_RUN_STATUSES,
    VERDICTS,
    DeliveryAttempt,
    DeliveryRecord,
    MessageRecord,
    UpsertRecord,
)
from segment_insider_emulator.types import JSON, JSONObject

EMPTY_FILTER_REPORT: JSONObject = {
    "violations": [],
    "filtered_by": None,
    "omitted": [],
    "hints": [],
}


def message_json(record: MessageRecord) -> JSONObject:
    """Return a message as JSON: `message` is the SDK's, `normalised` the destination's.

    `violations`, `filtered_by`, `omitted` and `hints` say what tracking plan and filters did.
    """
    return {
        "id": record.id,
        "messageId": record.message_id,
        "type": record.type,
        "event": record.event,
        "userId": record.user_id,
        "anonymousId": record.anonymous_id,
        "source": record.source,
        "receivedAt": record.received_at,
        "verdict": record.verdict,
        "reason": record.reason,
        **(record.filtering or EMPTY_FILTER_REPORT),
        "message": record.sent,
        "normalised": record.normalised,
    }


def delivery_json(delivery: DeliveryRecord) -> JSONObject:
    """Return a delivery as JSON; without a request or a response these are null.

    Of a batch, both are the part that is this event's; `upsert` names the whole.
    """
    return {
        "id": delivery.id,
        "messageId": delivery.message_id,
        "event": delivery.event,
        "subscription": delivery.subscription,
        "actionSlug": delivery.action_slug,
        "verdict": delivery.verdict,
        "reason": delivery.reason,
        "status": describe_delivery_status(delivery),
        "attempts": [_attempt_json(each) for each in delivery.attempts],
        "upsert": delivery.upsert,
        "batch": delivery.batch
        and {"size": delivery.batch.size, "position": delivery.batch.position},
        **_exchange_json(delivery),
        "findings": list(delivery.findings),
    }


def upsert_json(upsert: UpsertRecord) -> JSONObject:
    """Return an upsert as JSON; `dueAt` is null when no retry follows."""
    return {
        "id": upsert.id,
        "dueAt": upsert.due_at,
        "attempts": [_attempt_json(each) for each in upsert.attempts],
        **_exchange_json(upsert),
    }


def _exchange_json(record: DeliveryRecord | UpsertRecord) -> JSONObject:
    request, response = record.request, record.response
    return {
        "request": request
        and {
            "method": request.method,
            "url": request.url,
            "headers": request.headers,
            "json": _json_or_text(request.body),
        },
        "response": response and {"status": response.status, "json": _json_or_text(response.body)},
    }


def _attempt_json(attempt: DeliveryAttempt) -> JSONObject:
    return {
        "number": attempt.number,
        "at": attempt.at,
        "durationMs": attempt.duration_ms,
        "status": attempt.status,
        "error": attempt.error,
    }


def _json_or_text(body: str) -> JSON:
    """Parse *body* as JSON; return other bodies, such as a proxy's page, as text."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body


ANY_SCHEMA: Final[JSONObject] = {}
TEXT_SCHEMA: Final[JSONObject] = {"type": "string"}
BOOLEAN_SCHEMA: Final[JSONObject] = {"type": "boolean"}
NUMBER_SCHEMA: Final[JSONObject] = {"type": "number"}
COUNT_SCHEMA: Final[JSONObject] = {"type": "integer", "minimum": 0}
OBJECT_SCHEMA: Final[JSONObject] = {"type": "object"}
TEXT_LIST_SCHEMA: Final[JSONObject] = {"type": "array", "items": TEXT_SCHEMA}
OBJECT_LIST_SCHEMA: Final[JSONObject] = {"type": "array", "items": OBJECT_SCHEMA}


def schema_reference(name: str) -> JSONObject:
    """Return a reference to the component schema *name*."""
    return {"$ref": f"#/components/schemas/{name}"}


def object_schema(properties: JSONObject, required: list[str] | None = None) -> JSONObject:
    """Return the schema of an object without other properties."""
    required_names = list(properties) if required is None else required
    return {
        "type": "object",
        "properties": properties,
        "required": required_names,
        "additionalProperties": False,
    }


def list_schema(items: JSONObject) -> JSONObject:
    """Return the schema of a list of *items*."""
    return {"type": "array", "items": items}


def page_schema(list_name: str, items: JSONObject, **others: JSONObject) -> JSONObject:
    """Return the schema of one page of a list; `next` is null on the last page."""
    return object_schema(
        {**others, list_name: list_schema(items), "next": nullable_schema(COUNT_SCHEMA)}
    )


def nullable_schema(schema: JSONObject) -> JSONObject:
    """Return *schema* extended by null."""
    return {"anyOf": [schema, {"type": "null"}]}


_VERDICT_SCHEMA: JSONObject = {"enum": list(VERDICTS)}
_EXCHANGE_PROPERTIES: JSONObject = {
    "request": nullable_schema(
        object_schema(
            {
                "method": TEXT_SCHEMA,
                "url": TEXT_SCHEMA,
                "headers": OBJECT_SCHEMA,
                "json": ANY_SCHEMA,
            }
        )
    ),
    "response": nullable_schema(object_schema({"status": COUNT_SCHEMA, "json": ANY_SCHEMA})),
}
_ATTEMPTS_SCHEMA = list_schema(
    object_schema(
        {
            "number": COUNT_SCHEMA,
            "at": TEXT_SCHEMA,
            "durationMs": NUMBER_SCHEMA,
            "status": nullable_schema(COUNT_SCHEMA),
            "error": nullable_schema(TEXT_SCHEMA),
        }
    )
)
_MESSAGE_PROPERTIES: JSONObject = {
    "id": COUNT_SCHEMA,
    "messageId": TEXT_SCHEMA,
    "type": nullable_schema(TEXT_SCHEMA),
    "event": nullable_schema(TEXT_SCHEMA),
    "userId": nullable_schema(TEXT_SCHEMA),
    "anonymousId": nullable_schema(TEXT_SCHEMA),
    "source": nullable_schema(TEXT_SCHEMA),
    "receivedAt": TEXT_SCHEMA,
    "verdict": _VERDICT_SCHEMA,
    "reason": nullable_schema(TEXT_SCHEMA),
    "violations": OBJECT_LIST_SCHEMA,
    "filtered_by": nullable_schema(OBJECT_SCHEMA),
    "omitted": OBJECT_LIST_SCHEMA,
    "hints": {"type": "array"},
    "message": OBJECT_SCHEMA,
    "normalised": OBJECT_SCHEMA,
}
_DELIVERY_PROPERTIES: JSONObject = {
    "id": COUNT_SCHEMA,
    "messageId": TEXT_SCHEMA,
    "event": nullable_schema(TEXT_SCHEMA),
    "subscription": TEXT_SCHEMA,
    "actionSlug": TEXT_SCHEMA,
    "verdict": _VERDICT_SCHEMA,
    "reason": nullable_schema(TEXT_SCHEMA),
    "status": OBJECT_SCHEMA,
    "attempts": _ATTEMPTS_SCHEMA,
    "upsert": nullable_schema(TEXT_SCHEMA),
    "batch": nullable_schema(object_schema({"size": COUNT_SCHEMA, "position": COUNT_SCHEMA})),
    **_EXCHANGE_PROPERTIES,
    "findings": OBJECT_LIST_SCHEMA,
}
_SUBSCRIPTION_PROPERTIES: JSONObject = {
    "number": COUNT_SCHEMA,
    "name": TEXT_SCHEMA,
    "actionSlug": TEXT_SCHEMA,
    "enabled": BOOLEAN_SCHEMA,
    "trigger": ANY_SCHEMA,
}
_EXPLAINED_SUBSCRIPTION_SCHEMA = object_schema(
    {
        "number": COUNT_SCHEMA,
        "name": TEXT_SCHEMA,
        "actionSlug": TEXT_SCHEMA,
        "enabled": BOOLEAN_SCHEMA,
        "matched": BOOLEAN_SCHEMA,
        "why": TEXT_SCHEMA,
        "conditions": list_schema(
            object_schema({"condition": TEXT_SCHEMA, "holds": BOOLEAN_SCHEMA, "found": ANY_SCHEMA})
        ),
    }
)
_SANDBOX_PROPERTIES: JSONObject = {
    "id": TEXT_SCHEMA,
    "url": TEXT_SCHEMA,
    "writeKey": TEXT_SCHEMA,
    "account": TEXT_SCHEMA,
    "key": TEXT_SCHEMA,
    "workspace": TEXT_SCHEMA,
    "now": TEXT_SCHEMA,
    "createdAt": TEXT_SCHEMA,
    "team": nullable_schema(TEXT_SCHEMA),
}
_INTEGRATION_PROPERTIES: JSONObject = {
    "id": COUNT_SCHEMA,
    "name": TEXT_SCHEMA,
    "type": TEXT_SCHEMA,
    "accountName": TEXT_SCHEMA,
    "key": TEXT_SCHEMA,
    "origin": {"enum": ["panel", "workspace"]},
    "createdAt": TEXT_SCHEMA,
    "createdBy": nullable_schema(TEXT_SCHEMA),
    "revokedAt": nullable_schema(TEXT_SCHEMA),
}


def _without_properties(properties: JSONObject, *names: str) -> JSONObject:
    return {name: schema for name, schema in properties.items() if name not in names}


RESPONSE_SCHEMAS: Final[JSONObject] = {
    "Error": object_schema(
        {"error": object_schema({"what": TEXT_SCHEMA, "where": TEXT_SCHEMA, "remedy": TEXT_SCHEMA})}
    ),
    "Message": object_schema(_MESSAGE_PROPERTIES),
    "MessageWithDeliveries": object_schema(
        {**_MESSAGE_PROPERTIES, "deliveries": list_schema(schema_reference("Delivery"))}
    ),
    "Delivery": object_schema(_DELIVERY_PROPERTIES),
    "Upsert": object_schema(
        {
            "id": TEXT_SCHEMA,
            "dueAt": nullable_schema(TEXT_SCHEMA),
            "attempts": _ATTEMPTS_SCHEMA,
            **_EXCHANGE_PROPERTIES,
            "deliveries": list_schema(COUNT_SCHEMA),
        }
    ),
    "Profile": {
        "type": "object",
        "required": [
            *("id", "identifiers", "attributes", "events", "reach"),
            *("event_count", "events_next"),
        ],
        "properties": {
            "id": TEXT_SCHEMA,
            "identifiers": OBJECT_SCHEMA,
            "attributes": OBJECT_SCHEMA,
            "events": OBJECT_LIST_SCHEMA,
            "event_count": COUNT_SCHEMA,
            "events_next": nullable_schema(COUNT_SCHEMA),
            "reach": OBJECT_SCHEMA,
        },
    },
    "Journey": object_schema(
        {
            "simulated": TEXT_SCHEMA,
            "id": COUNT_SCHEMA,
            "name": TEXT_SCHEMA,
            "counters": OBJECT_SCHEMA,
            "goals": OBJECT_SCHEMA,
            "elements": OBJECT_LIST_SCHEMA,
            "definition": OBJECT_SCHEMA,
        },
        ["id", "name", "counters", "goals", "elements", "definition"],
    ),
    "Run": object_schema(
        {
            "id": COUNT_SCHEMA,
            "journey_id": COUNT_SCHEMA,
            "profile_id": TEXT_SCHEMA,
            "status": {"enum": list(JOURNEY_RUN_STATUSES)},
            "entered_at": TEXT_SCHEMA,
            "waits_until": nullable_schema(TEXT_SCHEMA),
            "ended_at": nullable_schema(TEXT_SCHEMA),
            "goals": TEXT_LIST_SCHEMA,
            "trail": OBJECT_LIST_SCHEMA,
        }
    ),
    "Clock": object_schema({"now": TEXT_SCHEMA, "frozen": BOOLEAN_SCHEMA, "offset": NUMBER_SCHEMA}),
    "Destination": object_schema(
        {
            "name": nullable_schema(TEXT_SCHEMA),
            "enabled": BOOLEAN_SCHEMA,
            "settings": OBJECT_SCHEMA,
            "subscriptions": list_schema(schema_reference("Subscription")),
        }
    ),
    "Subscription": object_schema(_SUBSCRIPTION_PROPERTIES),
    "Integration": object_schema(_INTEGRATION_PROPERTIES),
    "Sandbox": object_schema(_SANDBOX_PROPERTIES),
    "Outcome": object_schema(
        {
            "ok": BOOLEAN_SCHEMA,
            "of": TEXT_SCHEMA,
            "expected": TEXT_SCHEMA,
            "count": COUNT_SCHEMA,
            "matched": OBJECT_LIST_SCHEMA,
            "near": list_schema(
                {
                    "type": "object",
                    "required": ["id", "differences"],
                    "properties": {
                        "id": ANY_SCHEMA,
                        "differences": list_schema(
                            object_schema(
                                {
                                    "path": TEXT_SCHEMA,
                                    "expected": TEXT_SCHEMA,
                                    "received": TEXT_SCHEMA,
                                    "why": TEXT_SCHEMA,
                                }
                            )
                        ),
                    },
                }
            ),
        }
    ),
    "Rehearsed": object_schema(
        {
            **_without_properties(_MESSAGE_PROPERTIES, "id"),
            "deliveries": list_schema(
                object_schema(_without_properties(_DELIVERY_PROPERTIES, "id", "upsert"))
            ),
            "subscriptions": list_schema(_EXPLAINED_SUBSCRIPTION_SCHEMA),
        }
    ),
}
