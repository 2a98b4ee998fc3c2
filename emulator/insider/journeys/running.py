"""Journeys that follow what happens: people come in, time passes, people leave.

Nothing runs by itself: whoever moves the clock, brings a request or reads calls `run_due` first,
so that what is due is decided by what was known when it was due.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime

from emulator.capture.journey import Entry, Run
from emulator.capture.journeys import JourneyStore
from emulator.capture.profile import Changes
from emulator.capture.profiles import ProfileStore
from emulator.clock import Clock
from emulator.insider.changes import Change
from emulator.insider.journeys import engine
from emulator.insider.journeys.conditions import Happening, Written, attribute_holds, matches
from emulator.insider.journeys.definition import Journey
from emulator.insider.journeys.visiting import Facts
from emulator.types import JSON

log = logging.getLogger(__name__)

AT_ONCE = 200  # runs taken on in one transaction

Steps = list[tuple[Run, list[Entry]]]


class Journeys:
    """All journeys of one account. Safe for threads."""

    def __init__(
        self,
        journeys: Mapping[int, Journey],
        store: JourneyStore,
        profiles: ProfileStore,
        clock: Clock,
    ) -> None:
        self.journeys, self.store = journeys, store
        self._profiles, self._clock = profiles, clock
        # Two requests of one person must not both find nobody inside and let them in twice.
        self._lock = profiles.lock

    def observe(self, changes: list[Change]) -> None:
        """Act on what an upsert changed, in its transaction; the listener of an endpoint."""
        concerned = [change for change in changes if change.absorbed or self._concerns(change)]
        if not concerned:
            return
        with self._lock:
            for change in concerned:
                self._merge(change)
                self._follow(change)
            self.run_due()

    def run_due(self) -> None:
        """Take every run that is due as far as it goes by now."""
        with self._lock:
            now = self._clock()
            while due := self.store.due(now, AT_ONCE):
                self._keep([self._taken_on(run) for run in due])

    def reset(self) -> None:
        """Forget every run."""
        with self._lock:
            self.store.reset()

    def _concerns(self, change: Change) -> bool:
        return any(
            matches(cause, happening)
            for happening in _happenings(change)
            for journey in self.journeys.values()
            for cause in (journey.starter, *journey.exits, *journey.goals.values())
        )

    def _follow(self, change: Change) -> None:
        steps: Steps = [(run, []) for run in self.store.watched([change.profile_id], change.at)]
        for happening in _happenings(change):
            for journey in self.journeys.values():
                inside = any(
                    run.journey_id == journey.id and run.status == "in_progress" for run, _ in steps
                )
                steps = [_heard(journey, *step, happening, change.at) for step in steps]
                if not inside and self._lets_in(journey, happening, change, steps):
                    steps.append(self._enter(journey, happening, change))
        self._keep([(run, entries) for run, entries in steps if entries])

    def _lets_in(
        self, journey: Journey, happening: Happening, change: Change, steps: Steps
    ) -> bool:
        """Documented: data with skip_hook starts nothing; each journey has an eligibility."""
        if change.skip_hook or not matches(journey.starter, happening):
            return False
        runs = [run for run, _ in steps if run.journey_id == journey.id]
        if last := self.store.last(journey.id, change.profile_id):
            runs.append(last)
        # Assumed: the period counts from the last entry.
        last_entry = max((run.entered_at for run in runs), default=None)
        if last_entry and (journey.period is None or change.at - last_entry < journey.period):
            return False
        return self._in_segment(journey, change.profile_id)

    def _in_segment(self, journey: Journey, profile_id: str) -> bool:
        if not journey.segment:
            return True
        attributes = self._attributes(profile_id)
        return all(attribute_holds(condition, attributes) for condition in journey.segment)

    def _attributes(self, profile_id: str) -> Mapping[str, JSON]:
        profile = self._profiles.get(profile_id)
        return profile.attributes if profile else {}

    def _enter(
        self, journey: Journey, because: Happening, change: Change
    ) -> tuple[Run, list[Entry]]:
        run, entries, entered = engine.enter(journey, change.profile_id, because, change.at)
        self._profiles.save(Changes([], [], [], {}, {change.profile_id: [entered]}))
        return run, entries

    def _merge(self, change: Change) -> None:
        """Let runs follow the profile that goes on, which stays at most once in each journey."""
        if not change.absorbed:
            return
        survivor, at = change.profile_id, change.at
        moved: Steps = []
        for run in self.store.watched(change.absorbed, at):
            if run.status == "in_progress":
                what = f"{run.profile_id} was merged into {survivor}, which goes on from here"
                moved.append((run, [Entry(at, "merged", what)]))
        self._keep(moved)
        self.store.hand_over(change.absorbed, survivor)
        inside: set[int] = set()
        for run in self.store.watched([survivor], at):
            if run.status == "in_progress" and run.journey_id in inside:
                # Assumed: of two runs the earlier one goes on.
                ended, entry = engine.end(run, "exited", "the profile is inside already", at)
                self._keep([(ended, [entry])])
            elif run.status == "in_progress":
                inside.add(run.journey_id)

    def _taken_on(self, run: Run) -> tuple[Run, list[Entry]]:
        """Take one run that is due to its next wait, or to its end."""
        journey, facts = self.journeys.get(run.journey_id), self._facts(run)
        if facts is None:
            return _dropped(run, "the profile was deleted")
        if journey is None or run.element not in {None, *journey.elements}:
            # Documented: taking a journey out of service drops everyone in progress.
            return _dropped(run, "the workspace no longer has what comes next")
        return engine.go_on(journey, run, facts)

    def _facts(self, run: Run) -> Facts | None:
        """What is known of the person; None when the profile is gone."""
        profile = self._profiles.get(run.profile_id)
        if profile is None:
            return None
        sent = self.store.sent(run.journey_id, run.profile_id)
        return Facts(profile.attributes, engine.since_entry(run, profile.events), sent)

    def _keep(self, steps: Steps) -> None:
        self.store.save(steps)
        for run, entries in steps:
            for entry in entries:
                log.info("moved journey=%d kind=%s", run.journey_id, entry.kind)


def _happenings(change: Change) -> Iterator[Happening]:
    """What a request did to one profile. Assumed: attributes count as written before its events."""
    for place, (old, new) in change.attributes.items():
        yield Written(place, old, new)
    yield from change.events


def _heard(
    journey: Journey, run: Run, entries: list[Entry], happening: Happening, now: datetime
) -> tuple[Run, list[Entry]]:
    if run.journey_id != journey.id:
        return run, entries
    run, more = engine.hear(journey, run, happening, now)
    return run, [*entries, *more]


def _dropped(run: Run, why: str) -> tuple[Run, list[Entry]]:
    assert run.due_at is not None  # only a run in progress is due
    ended, entry = engine.end(run, "dropped", why, run.due_at)
    return ended, [entry]
