"""The destination, compiled once: which requests an event makes, or why it makes none."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from emulator.mapping.subscription import Failure, Request, Subscription, compile_subscription
from emulator.types import JSON, JSONObject

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
        self.subscriptions = tuple(
            compile_subscription(subscription, document.get("settings", {}))
            for subscription in document.get("subscriptions", [])
            if subscription.get("enabled", True)
        )
        self._takers_by_name = lru_cache(_REMEMBERED_NAMES)(self._takers)

    def outcomes(self, event: JSONObject) -> Iterator[Outcome]:
        """The outcomes of the subscriptions that take *event*, in their order."""
        kind, name = event.get("type"), event.get("event")
        try:
            takers = self._takers_by_name(kind, name)
        except TypeError:  # a name that is a list or an object cannot be remembered
            takers = self._takers(kind, name)
        for subscription in takers:
            deliver = (
                subscription.deliver_matching
                if subscription.decided_by_name
                else subscription.deliver
            )
            result = deliver(event)
            if isinstance(result, Request):
                yield Outcome(subscription, result)
            elif result is not None:
                yield Outcome(subscription, None, result)

    def _takers(self, kind: JSON, name: JSON) -> tuple[Subscription, ...]:
        """The subscriptions that this type and name decide for, or cannot decide."""
        named = {"type": kind, "event": name}
        return tuple(
            subscription
            for subscription in self.subscriptions
            if not subscription.decided_by_name or subscription.matches(named)
        )
