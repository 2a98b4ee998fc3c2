"""The limits of both ends, each with its value here."""

from typing import NamedTuple

from segment_insider_emulator.delivery.batching import MAX_EVENTS_PER_REQUEST, MAX_REQUEST_BYTES
from segment_insider_emulator.delivery.senders import RESPONSE_TIMEOUT_S
from segment_insider_emulator.insider.options import DEFAULT_RATE_LIMITS, InsiderOptions
from segment_insider_emulator.insider.replies import MAX_BODY_BYTES, MAX_USERS_PER_REQUEST
from segment_insider_emulator.segment.limits import (
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    MAX_EVENT_BYTES,
)

BYTES_PER_KIB = 1024
RATE_LIMIT_TITLES = {
    "upsert": "Upserts and attribute deletions",
    "profile": "Profile reads",
    "identityUpdate": "Changes of identifiers",
    "identityDelete": "Deletions of identifiers",
    "delete": "Deletions of users",
    "anonymize": "Anonymisations",
}


class LimitRow(NamedTuple):
    """One limit: whose, of what, and how much."""

    side: str
    subject: str
    value: str


def list_limits(options: InsiderOptions) -> list[LimitRow]:
    """Segment's, those between, and Insider One's in this account."""
    return [
        LimitRow("Segment", "One call", f"{MAX_EVENT_BYTES // BYTES_PER_KIB} KB"),
        LimitRow(
            "Segment",
            "One batch",
            f"{MAX_BATCH_BYTES // BYTES_PER_KIB} KB, {MAX_BATCH_EVENTS:,} calls",
        ),
        LimitRow(
            "Destination",
            "One batched delivery",
            f"{MAX_EVENTS_PER_REQUEST:,} events, {MAX_REQUEST_BYTES:,} bytes",
        ),
        LimitRow("Destination", "Waits for an answer", f"{RESPONSE_TIMEOUT_S:g} s"),
        LimitRow(
            "Insider One",
            "One request",
            f"{MAX_USERS_PER_REQUEST:,} users, {MAX_BODY_BYTES:,} bytes",
        ),
        *(
            LimitRow(
                "Insider One", RATE_LIMIT_TITLES[name], _format_rate(options.get_rate_limit(name))
            )
            for name in DEFAULT_RATE_LIMITS
        ),
    ]


def _format_rate(limit: int | None) -> str:
    return "no limit" if limit is None else f"{limit:,} a minute"
