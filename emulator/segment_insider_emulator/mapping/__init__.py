"""Compute the requests that Segment's Insider One destination sends for an event, without I/O."""

from segment_insider_emulator.mapping.destination import (
    BatchResult,
    Destination,
    InsiderRequest,
    MappingFailure,
    Subscription,
    SubscriptionOutcome,
    evaluate_subscription,
)

__all__ = [
    "BatchResult",
    "Destination",
    "InsiderRequest",
    "MappingFailure",
    "Subscription",
    "SubscriptionOutcome",
    "evaluate_subscription",
]
