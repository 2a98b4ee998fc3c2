"""The mapping core: what Segment's Insider One destination would send. Pure: no I/O, no clock."""

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
