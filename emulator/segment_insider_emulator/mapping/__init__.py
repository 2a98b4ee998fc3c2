"""The mapping core: what Segment's Insider One destination would send. Pure: no I/O, no clock."""

from segment_insider_emulator.mapping.destination import (
    Destination,
    SubscriptionOutcome,
    evaluate_subscription,
)
from segment_insider_emulator.mapping.subscription import (
    BatchResult,
    InsiderRequest,
    MappingFailure,
    Subscription,
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
