"""The destination, compiled once: which requests an event makes, or why it makes none."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from segment_insider_emulator.mapping.subscription import (
    InsiderRequest,
    MappingFailure,
    Subscription,
    compile_subscription,
)
from segment_insider_emulator.types import JSON, JSONObject

_EVENT_NAME_CACHE_SIZE = 1024


class SubscriptionOutcome(NamedTuple):
    """What one subscription makes of an event it takes: a request, or the reason for none."""

    subscription: Subscription
    request: InsiderRequest | None = None
    failure: MappingFailure | None = None


class Destination:
    """A destination with its settings and enabled subscriptions.

    Args:
        document: In the shape of Segment's Public API: "name", "enabled", "settings" and
            "subscriptions", each with "name", "actionSlug", "enabled", "trigger" and "settings".
    Raises: EmulatorError, when a subscription names an action that is not in the catalogue.
    """

    def __init__(self, document: JSONObject) -> None:
        self.enabled: bool = document.get("enabled", True)
        self.settings: JSONObject = document.get("settings", {})
        self.subscriptions = tuple(
            compile_subscription(subscription, self.settings)
            for subscription in document.get("subscriptions", [])
            if subscription.get("enabled", True)
        )
        self._select_candidates_cached = lru_cache(_EVENT_NAME_CACHE_SIZE)(self._select_candidates)

    def iter_outcomes(self, event: JSONObject) -> Iterator[SubscriptionOutcome]:
        """The outcomes of the subscriptions that take *event*, in their order."""
        for subscription in self.find_candidates(event):
            if found := evaluate_subscription(subscription, event):
                yield found

    def find_candidates(self, event: JSONObject) -> tuple[Subscription, ...]:
        """The subscriptions whose trigger takes *event*, or needs all of it to decide."""
        kind, name = event.get("type"), event.get("event")
        try:
            return self._select_candidates_cached(kind, name)
        except TypeError:  # a name that is a list or an object cannot be remembered
            return self._select_candidates(kind, name)

    def _select_candidates(self, event_type: JSON, event_name: JSON) -> tuple[Subscription, ...]:
        """The subscriptions that this type and name decide for, or cannot decide."""
        named = {"type": event_type, "event": event_name}
        return tuple(
            subscription
            for subscription in self.subscriptions
            if not subscription.is_decided_by_name or subscription.matches(named)
        )


def evaluate_subscription(
    subscription: Subscription, event: JSONObject
) -> SubscriptionOutcome | None:
    """What one of an event's candidates makes of it; None when it does not take it."""
    deliver = (
        subscription.build_request_for_match
        if subscription.is_decided_by_name
        else subscription.build_request
    )
    result = deliver(event)
    if isinstance(result, InsiderRequest):
        return SubscriptionOutcome(subscription, result)
    return None if result is None else SubscriptionOutcome(subscription, None, result)
