"""The mapping core: what Segment's Insider One destination would send. Pure: no I/O, no clock."""

from segment_insider_emulator.mapping.destination import Destination, Outcome, outcome
from segment_insider_emulator.mapping.subscription import Batch, Failure, Request, Subscription

__all__ = ["Batch", "Destination", "Failure", "Outcome", "Request", "Subscription", "outcome"]
