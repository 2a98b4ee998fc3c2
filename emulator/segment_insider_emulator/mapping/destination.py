"""The destination, compiled once: which requests an event makes, or why it makes none."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from segment_insider_emulator.mapping.subscription import (
    Failure,
    Request,
    Subscription,
    compile_subscription,
)
from segment_insider_emulator.types import JSON, JSONObject

_REMEMBERED_NAMES = 1024


class Outcome(NamedTuple):
    """What one subscription makes of an event it takes: a request, or the reason for none."""

    subscription: Subscription
    request: Request | None = None
    failure: Failure | None = None


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
        self._takers_by_name = lru_cache(_REMEMBERED_NAMES)(self._takers)

    def outcomes(self, event: JSONObject) -> Iterator[Outcome]:
        """The outcomes of the subscriptions that take *event*, in their order."""
        for subscription in self.candidates(event):
            if found := outcome(subscription, event):
                yield found

    def candidates(self, event: JSONObject) -> tuple[Subscription, ...]:
        """The subscriptions whose trigger takes *event*, or needs all of it to decide."""
        kind, name = event.get("type"), event.get("event")
        try:
            return self._takers_by_name(kind, name)
        except TypeError:  # a name that is a list or an object cannot be remembered
            return self._takers(kind, name)

    def _takers(self, kind: JSON, name: JSON) -> tuple[Subscription, ...]:
        """The subscriptions that this type and name decide for, or cannot decide."""
        named = {"type": kind, "event": name}
        return tuple(
            subscription
            for subscription in self.subscriptions
            if not subscription.decided_by_name or subscription.matches(named)
        )


def outcome(subscription: Subscription, event: JSONObject) -> Outcome | None:
    """What one of an event's candidates makes of it; None when it does not take it."""
    deliver = (
        subscription.deliver_matching if subscription.decided_by_name else subscription.deliver
    )
    result = deliver(event)
    if isinstance(result, Request):
        return Outcome(subscription, result)
    return None if result is None else Outcome(subscription, None, result)
