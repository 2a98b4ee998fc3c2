"""What the journeys of an account look at: most of what happens concerns none of them."""

from collections.abc import Iterable

from segment_insider_emulator.insider.changes import Change
from segment_insider_emulator.insider.journeys.conditions import Happening, Written
from segment_insider_emulator.insider.journeys.definition import EventCondition, Journey


class Interest:
    """The names of events and the places of attributes that *journeys* start, end or score by."""

    def __init__(self, journeys: Iterable[Journey]) -> None:
        causes = [
            cause
            for journey in journeys
            for cause in (journey.starter, *journey.exits, *journey.goals.values())
        ]
        events = [cause for cause in causes if isinstance(cause, EventCondition)]
        self._names = {name for cause in events for name in cause.names}
        self._places = {cause.place for cause in causes if not isinstance(cause, EventCondition)}

    def in_what(self, change: Change) -> list[Happening]:
        """What of *change* may matter. Assumed: attributes count as written before its events."""
        written = [
            Written(place, *change.attributes[place])
            for place in change.attributes
            if place in self._places
        ]
        return [*written, *(event for event in change.events if event.name in self._names)]
