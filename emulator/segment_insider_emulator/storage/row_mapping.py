"""Records as rows, and rows as records."""

from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import Row

from segment_insider_emulator.storage.query_execution import column_names
from segment_insider_emulator.storage.records import (
    BatchPosition,
    DeliveryAttempt,
    DeliveryRecord,
    MessageRecord,
    Profile,
    ProfileEvent,
    RecordedRequest,
    RecordedResponse,
    UpsertRecord,
)
from segment_insider_emulator.storage.schema import deliveries, messages

# Fields of the records that are columns of the same name; the database gives the ids.
MESSAGE_COLUMNS, DELIVERY_COLUMNS = column_names(messages, "id"), column_names(deliveries, "id")
_get_message_values, _get_delivery_values = (
    attrgetter(*MESSAGE_COLUMNS),
    attrgetter(*DELIVERY_COLUMNS),
)


def message_to_row(message: MessageRecord) -> dict[str, Any]:
    """The row of a message; the database gives the id."""
    return dict(zip(MESSAGE_COLUMNS, _get_message_values(message), strict=True)) | {
        "sent": _to_json_text(message.sent),
        "normalised": _to_json_text(message.normalised),
        "filtering": message.filtering and _to_json_text(message.filtering),
    }


def delivery_to_row(delivery: DeliveryRecord) -> dict[str, Any]:
    """The row of a delivery; the database gives the id."""
    return dict(zip(DELIVERY_COLUMNS, _get_delivery_values(delivery), strict=True)) | {
        "attempts": _to_json_text(delivery.attempts),
        "request": delivery.request and _to_json_text(delivery.request),
        "response": delivery.response and _to_json_text(delivery.response),
        "findings": _to_json_text(delivery.findings),
        "batch": delivery.batch and _to_json_text(delivery.batch),
        "changes": None if delivery.changes is None else _to_json_text(delivery.changes),
    }


def message_from_row(row: Row[Any]) -> MessageRecord:
    """The message of a row, without its deliveries."""
    parsed = {
        "sent": orjson.loads(row.sent),
        "normalised": orjson.loads(row.normalised),
        "filtering": orjson.loads(row.filtering) if row.filtering else None,
    }
    return MessageRecord(**{**row._mapping, **parsed})


def delivery_from_row(row: Row[Any]) -> DeliveryRecord:
    """The delivery of a row."""
    parsed = {
        **_request_and_attempts(row),
        "findings": tuple(orjson.loads(row.findings)),
        "batch": BatchPosition(**orjson.loads(row.batch)) if row.batch else None,
        "changes": None if row.changes is None else tuple(orjson.loads(row.changes)),
    }
    return DeliveryRecord(**{**row._mapping, **parsed})


def upsert_to_row(upsert: UpsertRecord) -> dict[str, Any]:
    """The row of an upsert."""
    return {
        "id": upsert.id,
        "request": _to_json_text(upsert.request),
        "response": upsert.response and _to_json_text(upsert.response),
        "attempts": _to_json_text(upsert.attempts),
        "due_at": upsert.due_at,
        "batched": upsert.batched,
        "notes": _to_json_text(upsert.notes),
    }


def upsert_from_row(row: Row[Any]) -> UpsertRecord:
    """The upsert of a row."""
    return UpsertRecord(
        **{**row._mapping, **_request_and_attempts(row), "notes": orjson.loads(row.notes)}
    )


def _request_and_attempts(row: Row[Any]) -> dict[str, Any]:
    return {
        "attempts": tuple(DeliveryAttempt(**attempt) for attempt in orjson.loads(row.attempts)),
        "request": RecordedRequest(**orjson.loads(row.request)) if row.request else None,
        "response": RecordedResponse(**orjson.loads(row.response)) if row.response else None,
    }


def _to_json_text(value: object) -> str:
    return orjson.dumps(value).decode()


def profile_to_row(profile: Profile) -> dict[str, Any]:
    """The row of a profile; the database gives the number."""
    return {
        "id": profile.id,
        "identifiers": orjson.dumps(profile.identifiers).decode(),
        "attributes": orjson.dumps(profile.attributes).decode(),
        "written": orjson.dumps(profile.written).decode(),
        "trail": orjson.dumps(profile.trail).decode(),
        "created_at": profile.created_at,
        "updated_at": profile.updated_at,
    }


def profile_from_row(row: Any) -> Profile:
    """The profile of a row, without its events."""
    return Profile(
        id=row.id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        identifiers=orjson.loads(row.identifiers),
        attributes=orjson.loads(row.attributes),
        written=orjson.loads(row.written),
        trail=orjson.loads(row.trail),
        number=row.number,
    )


def profile_event_to_row(profile_id: str, event: ProfileEvent) -> dict[str, Any]:
    """The row of an event that the profile *owner* has."""
    return {
        "profile_id": profile_id,
        "fingerprint": event.fingerprint,
        "name": event.name,
        "sent_as": event.sent_as,
        "timestamp": event.timestamp,
        "occurred_at": event.occurred_at,
        "params": orjson.dumps(event.params).decode(),
        "received_at": event.received_at,
        "skip_hook": event.skip_hook,
    }


def profile_event_from_row(row: Any) -> ProfileEvent:
    """The event of a row."""
    return ProfileEvent(
        name=row.name,
        sent_as=row.sent_as,
        timestamp=row.timestamp,
        occurred_at=row.occurred_at,
        params=orjson.loads(row.params),
        received_at=row.received_at,
        skip_hook=bool(row.skip_hook),
    )
