"""What the control API answers with, as JSON Schemas by name."""

from typing import Final

from segment_insider_emulator.capture.journey import STATUSES
from segment_insider_emulator.capture.records import VERDICTS
from segment_insider_emulator.types import JSONObject

ANY: Final[JSONObject] = {}
TEXT: Final[JSONObject] = {"type": "string"}
BOOLEAN: Final[JSONObject] = {"type": "boolean"}
NUMBER: Final[JSONObject] = {"type": "number"}
COUNT: Final[JSONObject] = {"type": "integer", "minimum": 0}
OBJECT: Final[JSONObject] = {"type": "object"}
TEXTS: Final[JSONObject] = {"type": "array", "items": TEXT}
OBJECTS: Final[JSONObject] = {"type": "array", "items": OBJECT}


def ref(name: str) -> JSONObject:
    """A reference to the component *name*."""
    return {"$ref": f"#/components/schemas/{name}"}


def closed(properties: JSONObject, required: list[str] | None = None) -> JSONObject:
    """An object with all of *properties*, or those that are *required*, and no others."""
    wanted = list(properties) if required is None else required
    return {
        "type": "object",
        "properties": properties,
        "required": wanted,
        "additionalProperties": False,
    }


def many(items: JSONObject) -> JSONObject:
    """A list of *items*."""
    return {"type": "array", "items": items}


def page(name: str, items: JSONObject, **others: JSONObject) -> JSONObject:
    """One page of a list; `next` is the `after` of the next one, null at the end."""
    return closed({**others, name: many(items), "next": maybe(COUNT)})


def maybe(schema: JSONObject) -> JSONObject:
    """*schema*, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


_VERDICT: JSONObject = {"enum": list(VERDICTS)}
_EXCHANGE: JSONObject = {
    "request": maybe(closed({"method": TEXT, "url": TEXT, "headers": OBJECT, "json": ANY})),
    "response": maybe(closed({"status": COUNT, "json": ANY})),
}
_ATTEMPTS = many(
    closed(
        {
            "number": COUNT,
            "at": TEXT,
            "durationMs": NUMBER,
            "status": maybe(COUNT),
            "error": maybe(TEXT),
        }
    )
)
_MESSAGE: JSONObject = {
    "id": COUNT,
    "messageId": TEXT,
    "type": maybe(TEXT),
    "event": maybe(TEXT),
    "userId": maybe(TEXT),
    "anonymousId": maybe(TEXT),
    "source": maybe(TEXT),
    "receivedAt": TEXT,
    "verdict": _VERDICT,
    "reason": maybe(TEXT),
    "violations": OBJECTS,
    "filtered_by": maybe(OBJECT),
    "omitted": OBJECTS,
    "hints": {"type": "array"},
    "message": OBJECT,
    "normalised": OBJECT,
}
_DELIVERY: JSONObject = {
    "id": COUNT,
    "messageId": TEXT,
    "event": maybe(TEXT),
    "subscription": TEXT,
    "actionSlug": TEXT,
    "verdict": _VERDICT,
    "reason": maybe(TEXT),
    "status": OBJECT,
    "attempts": _ATTEMPTS,
    "upsert": maybe(TEXT),
    "batch": maybe(closed({"size": COUNT, "position": COUNT})),
    **_EXCHANGE,
    "findings": OBJECTS,
}
_SUBSCRIPTION: JSONObject = {
    "number": COUNT,
    "name": TEXT,
    "actionSlug": TEXT,
    "enabled": BOOLEAN,
    "trigger": ANY,
}
_CONSIDERED = closed(
    {
        "number": COUNT,
        "name": TEXT,
        "actionSlug": TEXT,
        "enabled": BOOLEAN,
        "matched": BOOLEAN,
        "why": TEXT,
        "conditions": many(closed({"condition": TEXT, "holds": BOOLEAN, "found": ANY})),
    }
)
_SANDBOX: JSONObject = {
    "id": TEXT,
    "url": TEXT,
    "writeKey": TEXT,
    "account": TEXT,
    "key": TEXT,
    "workspace": TEXT,
    "now": TEXT,
    "createdAt": TEXT,
    "team": maybe(TEXT),
}
_INTEGRATION: JSONObject = {
    "id": COUNT,
    "name": TEXT,
    "type": TEXT,
    "accountName": TEXT,
    "key": TEXT,
    "origin": {"enum": ["panel", "workspace"]},
    "createdAt": TEXT,
    "createdBy": maybe(TEXT),
    "revokedAt": maybe(TEXT),
}


def _without(properties: JSONObject, *names: str) -> JSONObject:
    return {name: schema for name, schema in properties.items() if name not in names}


ANSWERS: Final[JSONObject] = {
    "Error": closed({"error": closed({"what": TEXT, "where": TEXT, "remedy": TEXT})}),
    "Message": closed(_MESSAGE),
    "MessageWithDeliveries": closed({**_MESSAGE, "deliveries": many(ref("Delivery"))}),
    "Delivery": closed(_DELIVERY),
    "Upsert": closed(
        {
            "id": TEXT,
            "dueAt": maybe(TEXT),
            "attempts": _ATTEMPTS,
            **_EXCHANGE,
            "deliveries": many(COUNT),
        }
    ),
    "Profile": {
        "type": "object",
        "required": [
            *("id", "identifiers", "attributes", "events", "reach"),
            *("event_count", "events_next"),
        ],
        "properties": {
            "id": TEXT,
            "identifiers": OBJECT,
            "attributes": OBJECT,
            "events": OBJECTS,
            "event_count": COUNT,
            "events_next": maybe(COUNT),
            "reach": OBJECT,
        },
    },
    "Journey": closed(
        {
            "simulated": TEXT,
            "id": COUNT,
            "name": TEXT,
            "counters": OBJECT,
            "goals": OBJECT,
            "elements": OBJECTS,
            "definition": OBJECT,
        },
        ["id", "name", "counters", "goals", "elements", "definition"],
    ),
    "Run": closed(
        {
            "id": COUNT,
            "journey_id": COUNT,
            "profile_id": TEXT,
            "status": {"enum": list(STATUSES)},
            "entered_at": TEXT,
            "waits_until": maybe(TEXT),
            "ended_at": maybe(TEXT),
            "goals": TEXTS,
            "trail": OBJECTS,
        }
    ),
    "Clock": closed({"now": TEXT, "frozen": BOOLEAN, "offset": NUMBER}),
    "Destination": closed(
        {
            "name": maybe(TEXT),
            "enabled": BOOLEAN,
            "settings": OBJECT,
            "subscriptions": many(ref("Subscription")),
        }
    ),
    "Subscription": closed(_SUBSCRIPTION),
    "Integration": closed(_INTEGRATION),
    "Sandbox": closed(_SANDBOX),
    "Outcome": closed(
        {
            "ok": BOOLEAN,
            "of": TEXT,
            "expected": TEXT,
            "count": COUNT,
            "matched": OBJECTS,
            "near": many(
                {
                    "type": "object",
                    "required": ["id", "differences"],
                    "properties": {
                        "id": ANY,
                        "differences": many(
                            closed({"path": TEXT, "expected": TEXT, "received": TEXT, "why": TEXT})
                        ),
                    },
                }
            ),
        }
    ),
    "Rehearsed": closed(
        {
            **_without(_MESSAGE, "id"),
            "deliveries": many(closed(_without(_DELIVERY, "id", "upsert"))),
            "subscriptions": many(_CONSIDERED),
        }
    ),
}
