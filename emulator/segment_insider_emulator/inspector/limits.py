"""The limits of both ends, each with its value here."""

from typing import NamedTuple

from segment_insider_emulator.delivery.batching import MOST_BYTES, MOST_EVENTS
from segment_insider_emulator.delivery.senders import TIMEOUT
from segment_insider_emulator.insider.options import RATES, Options
from segment_insider_emulator.insider.replies import LARGEST_BODY, MOST_USERS
from segment_insider_emulator.segment.limits import BATCH_BYTES, BATCH_EVENTS, EVENT_BYTES

KIB = 1024
TITLES = {
    "upsert": "Upserts and attribute deletions",
    "profile": "Profile reads",
    "identityUpdate": "Changes of identifiers",
    "identityDelete": "Deletions of identifiers",
    "delete": "Deletions of users",
    "anonymize": "Anonymisations",
}


class Limit(NamedTuple):
    """One limit: whose, of what, and how much."""

    end: str
    what: str
    value: str


def limits(options: Options) -> list[Limit]:
    """Segment's, those between, and Insider One's in this account."""
    return [
        Limit("Segment", "One call", f"{EVENT_BYTES // KIB} KB"),
        Limit("Segment", "One batch", f"{BATCH_BYTES // KIB} KB, {BATCH_EVENTS:,} calls"),
        Limit(
            "Destination", "One batched delivery", f"{MOST_EVENTS:,} events, {MOST_BYTES:,} bytes"
        ),
        Limit("Destination", "Waits for an answer", f"{TIMEOUT:g} s"),
        Limit("Insider One", "One request", f"{MOST_USERS:,} users, {LARGEST_BODY:,} bytes"),
        *(Limit("Insider One", TITLES[name], _rate(options.rate(name))) for name in RATES),
    ]


def _rate(limit: int | None) -> str:
    return "no limit" if limit is None else f"{limit:,} a minute"
