"""The destination, compiled once: which requests an event makes, or why it makes none."""

from collections.abc import Iterator
from dataclasses import dataclass

from emulator.mapping.subscription import Failure, Request, Subscription, compile_subscription
from emulator.types import JSONObject


@dataclass(frozen=True, slots=True)
class Outcome:
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
        self._names = {each.takes_event for each in self.subscriptions}
        self._candidates: dict[tuple[str | None, str | None], tuple[Subscription, ...]] = {}

    def outcomes(self, event: JSONObject) -> Iterator[Outcome]:
        """The outcomes of the subscriptions that take *event*, in their order."""
        for subscription in self._may_take(event):
            result = subscription.deliver(event)
            if isinstance(result, Request):
                yield Outcome(subscription, request=result)
            elif result is not None:
                yield Outcome(subscription, failure=result)

    def _may_take(self, event: JSONObject) -> tuple[Subscription, ...]:
        """The subscriptions that no look at type and event name alone can rule out."""
        kind, name = event.get("type"), event.get("event")
        # Names that no trigger asks for share one entry, so that the cache stays small.
        key = (
            kind if isinstance(kind, str) and kind in _TYPES else None,
            name if isinstance(name, str) and name in self._names else None,
        )
        found = self._candidates.get(key)
        if found is None:
            found = self._candidates[key] = tuple(
                each
                for each in self.subscriptions
                if each.takes_type in (None, kind) and each.takes_event in (None, name)
            )
        return found


_TYPES = frozenset({"track", "identify", "page", "screen", "group", "alias"})
