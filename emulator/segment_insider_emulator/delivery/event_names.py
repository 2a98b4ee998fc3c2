"""Event names that miss a known one by little, so that another mapping takes the event, or none.

Known are the events of Segment's e-commerce spec and those that an enabled trigger names. A name
that is meant is named in a trigger, or in the tracking plan.
"""

from collections.abc import Collection
from functools import lru_cache

from segment_insider_emulator.delivery import unsupported
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.triggers import EmptyGroupError, list_event_names
from segment_insider_emulator.near_misses import find_similar_name
from segment_insider_emulator.segment.notes import SenderWarning
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.lint.spec import SPEC_EVENT_NAMES

_NEAR_MISS_CACHE_SIZE = 1024
_ANY_EVENT_ACTION = "trackEvent"  # the action that records every event under its own name


class EventNameChecker:
    """The event names that a destination's mappings, Segment's spec and the plan know.

    Args:
        planned: Names in the tracking plan.
    """

    def __init__(
        self, destination: Destination, tracking_plan_events: Collection[str] = ()
    ) -> None:
        named = (
            name for each in destination.subscriptions for name in list_event_names(each.trigger)
        )
        self._known_names = (*dict.fromkeys((*named, *SPEC_EVENT_NAMES)),)
        self._tracking_plan_events = frozenset(tracking_plan_events)
        self._destination = destination
        self._near_miss = lru_cache(_NEAR_MISS_CACHE_SIZE)(
            lambda name: find_similar_name(name, self._known_names)
        )

    def find_warnings(self, event: JSONObject) -> list[SenderWarning]:
        """List what is odd about the name and the type of an *event* that no stage stopped."""
        return [
            note
            for note in (self.find_misspelled_name(event), unsupported.warn_unsupported_type(event))
            if note
        ]

    def find_misspelled_name(self, event: JSONObject) -> SenderWarning | None:
        """Name the event that *event* was probably meant to be; None when its name is fine."""
        name = event.get("event")
        if (
            event.get("type") != "track"
            or not isinstance(name, str)
            or name in self._tracking_plan_events
        ):
            return None
        near = self._near_miss(name)
        if near is None or self._has_own_mapping(event):
            return None
        general = f"the name is not {near!r}, and Segment compares every letter of it"
        what = f"event {name!r} is not {near!r}, and Segment compares every letter of a name."
        remedy = "Send that name, or name this one in a trigger if it is meant."
        return SenderWarning("event", f"{what} {remedy}", general)

    def _has_own_mapping(self, event: JSONObject) -> bool:
        """Whether a mapping of its own takes *event*."""
        for subscription in self._destination.find_candidates(event):
            try:
                if subscription.action_slug != _ANY_EVENT_ACTION and subscription.matches(event):
                    return True
            except EmptyGroupError:
                continue
        return False
