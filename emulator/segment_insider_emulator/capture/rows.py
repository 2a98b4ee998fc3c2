"""Records as rows, and rows as records."""

from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import Row

from segment_insider_emulator.capture.prepared import without
from segment_insider_emulator.capture.records import (
    Answer,
    Attempt,
    Batch,
    Captured,
    Delivery,
    SentRequest,
    Upsert,
)
from segment_insider_emulator.capture.tables import deliveries, messages

# Fields of the records that are columns of the same name; the database gives the ids.
MESSAGE_COLUMNS, DELIVERY_COLUMNS = without(messages, "id"), without(deliveries, "id")
_OF_MESSAGE, _OF_DELIVERY = attrgetter(*MESSAGE_COLUMNS), attrgetter(*DELIVERY_COLUMNS)


def message_row(message: Captured) -> dict[str, Any]:
    """The row of a message; the database gives the id."""
    return dict(zip(MESSAGE_COLUMNS, _OF_MESSAGE(message), strict=True)) | {
        "sent": _text(message.sent),
        "normalised": _text(message.normalised),
        "filtering": message.filtering and _text(message.filtering),
    }


def delivery_row(delivery: Delivery) -> dict[str, Any]:
    """The row of a delivery; the database gives the id."""
    return dict(zip(DELIVERY_COLUMNS, _OF_DELIVERY(delivery), strict=True)) | {
        "attempts": _text(delivery.attempts),
        "request": delivery.request and _text(delivery.request),
        "response": delivery.response and _text(delivery.response),
        "findings": _text(delivery.findings),
        "batch": delivery.batch and _text(delivery.batch),
        "changes": None if delivery.changes is None else _text(delivery.changes),
    }


def captured(row: Row[Any]) -> Captured:
    """The message of a row, without its deliveries."""
    parsed = {
        "sent": orjson.loads(row.sent),
        "normalised": orjson.loads(row.normalised),
        "filtering": orjson.loads(row.filtering) if row.filtering else None,
    }
    return Captured(**{**row._mapping, **parsed})


def delivery(row: Row[Any]) -> Delivery:
    """The delivery of a row."""
    parsed = {
        **_exchange(row),
        "findings": tuple(orjson.loads(row.findings)),
        "batch": Batch(**orjson.loads(row.batch)) if row.batch else None,
        "changes": None if row.changes is None else tuple(orjson.loads(row.changes)),
    }
    return Delivery(**{**row._mapping, **parsed})


def upsert_row(upsert: Upsert) -> dict[str, Any]:
    """The row of an upsert."""
    return {
        "id": upsert.id,
        "request": _text(upsert.request),
        "response": upsert.response and _text(upsert.response),
        "attempts": _text(upsert.attempts),
        "due_at": upsert.due_at,
        "batched": upsert.batched,
        "notes": _text(upsert.notes),
    }


def upsert(row: Row[Any]) -> Upsert:
    """The upsert of a row."""
    return Upsert(**{**row._mapping, **_exchange(row), "notes": orjson.loads(row.notes)})


def _exchange(row: Row[Any]) -> dict[str, Any]:
    return {
        "attempts": tuple(Attempt(**attempt) for attempt in orjson.loads(row.attempts)),
        "request": SentRequest(**orjson.loads(row.request)) if row.request else None,
        "response": Answer(**orjson.loads(row.response)) if row.response else None,
    }


def _text(value: object) -> str:
    return orjson.dumps(value).decode()
