"""The mapping core: computes the requests of Segment's Insider One destination, without I/O."""

from segment_insider_emulator.mapping.destination import (
    BatchResult,
    Destination,
    InsiderRequest,
    MappingFailure,
    Subscription,
    SubscriptionOutcome,
    compile_destination,
    evaluate_subscription,
)

__all__ = [
    "BatchResult",
    "Destination",
    "InsiderRequest",
    "MappingFailure",
    "Subscription",
    "SubscriptionOutcome",
    "compile_destination",
    "evaluate_subscription",
]
