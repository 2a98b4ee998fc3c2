"""What the journeys of an account look at: most of what happens concerns none of them."""

from collections.abc import Iterable

from segment_insider_emulator.insider.changes import ProfileChange
from segment_insider_emulator.insider.journeys.conditions import AttributeUpdate, Occurrence
from segment_insider_emulator.insider.journeys.definition import EventCondition, JourneyDefinition


class OccurrenceFilter:
    """The names of events and the places of attributes that *journeys* start, end or score by."""

    def __init__(self, journeys: Iterable[JourneyDefinition]) -> None:
        triggers = [
            cause
            for journey in journeys
            for cause in (journey.starter, *journey.exits, *journey.goals.values())
        ]
        event_conditions = [cause for cause in triggers if isinstance(cause, EventCondition)]
        self._event_names = {name for cause in event_conditions for name in cause.event_names}
        self._attribute_paths = {
            cause.attribute_path for cause in triggers if not isinstance(cause, EventCondition)
        }

    def select_relevant(self, change: ProfileChange) -> list[Occurrence]:
        """What of *change* may matter. Assumed: attributes count as written before its events."""
        updates = [
            AttributeUpdate(place, *change.attribute_changes[place])
            for place in change.attribute_changes
            if place in self._attribute_paths
        ]
        return [*updates, *(event for event in change.events if event.name in self._event_names)]
