"""Event names that miss a known one by little, so that another mapping takes the event, or none.

Known are the events of Segment's e-commerce spec and those that an enabled trigger names. A name
that is meant is named in a trigger, or in the tracking plan.
"""

from collections.abc import Collection
from functools import lru_cache

from segment_insider_emulator.delivery import unsupported
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.triggers import BrokenGroupError, event_names
from segment_insider_emulator.near_misses import near_miss
from segment_insider_emulator.segment.notes import Note
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.lint.spec import EVENTS

_REMEMBERED_NAMES = 1024
_ANY_EVENT = "trackEvent"  # the action that records every event under its own name


class EventNames:
    """The event names that a destination's mappings, Segment's spec and the plan know.

    Args:
        planned: Names in the tracking plan.
    """

    def __init__(self, destination: Destination, planned: Collection[str] = ()) -> None:
        named = (name for each in destination.subscriptions for name in event_names(each.trigger))
        self._known = (*dict.fromkeys((*named, *EVENTS)),)
        self._planned = frozenset(planned)
        self._destination = destination
        self._near_miss = lru_cache(_REMEMBERED_NAMES)(lambda name: near_miss(name, self._known))

    def notes(self, event: JSONObject) -> list[Note]:
        """List what is odd about the name and the type of an *event* that no stage stopped."""
        return [note for note in (self.note(event), unsupported.note(event)) if note]

    def note(self, event: JSONObject) -> Note | None:
        """Name the event that *event* was probably meant to be; None when its name is fine."""
        name = event.get("event")
        if event.get("type") != "track" or not isinstance(name, str) or name in self._planned:
            return None
        near = self._near_miss(name)
        if near is None or self._is_mapped(event):
            return None
        general = f"the name is not {near!r}, and Segment compares every letter of it"
        what = f"event {name!r} is not {near!r}, and Segment compares every letter of a name."
        remedy = "Send that name, or name this one in a trigger if it is meant."
        return Note("event", f"{what} {remedy}", general)

    def _is_mapped(self, event: JSONObject) -> bool:
        """Whether a mapping of its own takes *event*."""
        for subscription in self._destination.candidates(event):
            try:
                if subscription.action_slug != _ANY_EVENT and subscription.matches(event):
                    return True
            except BrokenGroupError:
                continue
        return False
