"""Journeys that follow what happens: people come in, time passes, people leave.

Nothing runs by itself: whoever moves the clock, brings a request or reads calls `run_due` first,
so that what is due is decided by what was known when it was due.
"""

import logging
from collections.abc import Mapping
from datetime import datetime

from segment_insider_emulator.capture.database import StorageFault
from segment_insider_emulator.capture.journey import Entry, Run
from segment_insider_emulator.capture.journeys import JourneyStore
from segment_insider_emulator.capture.profile import Changes, Profile
from segment_insider_emulator.capture.profiles import ProfileStore
from segment_insider_emulator.clock import Clock
from segment_insider_emulator.insider.changes import Change
from segment_insider_emulator.insider.journeys import engine
from segment_insider_emulator.insider.journeys.conditions import Happening, attribute_holds, matches
from segment_insider_emulator.insider.journeys.definition import Journey
from segment_insider_emulator.insider.journeys.interest import Interest
from segment_insider_emulator.insider.journeys.visiting import Facts
from segment_insider_emulator.types import JSON

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
        self._interest = Interest(journeys.values())
        # Two requests of one person must not both find nobody inside and let them in twice.
        self._lock = profiles.lock

    def observe(self, changes: list[Change]) -> None:
        """Act on what an upsert changed, in its transaction; the listener of an endpoint."""
        with self._lock:
            steps: Steps = []
            for change in changes:
                self._merge(change)
                if happenings := self._interest.in_what(change):
                    steps += self._followed(change, happenings)
            if steps:
                now = self._clock()
                self._keep([self._caught_up(*step, now) for step in steps])

    def run_due(self) -> None:
        """Take every run that is due as far as it goes by now."""
        if self.store.is_quiet(self._clock()):
            return
        with self._lock:
            now = self._clock()
            while self.store.due(now, 1):
                with self._profiles.writing():  # looked for again: another may have been faster
                    self._keep([self._taken_on(run) for run in self.store.due(now, AT_ONCE)])
            self.store.look_ahead()

    def reset(self) -> None:
        """Forget every run."""
        with self._lock:
            self.store.reset()

    def _followed(self, change: Change, happenings: list[Happening]) -> Steps:
        """The runs that *happenings* move, and what is added to their trails."""
        is_new = change.created and not change.absorbed
        known = [] if is_new else self.store.known(change.profile_id, change.at)
        steps: Steps = [(run, []) for run in known]
        for happening in happenings:
            for journey in self.journeys.values():
                inside = any(
                    run.journey_id == journey.id and run.status == "in_progress" for run, _ in steps
                )
                steps = [_heard(journey, *step, happening, change.at) for step in steps]
                if not inside and self._lets_in(journey, happening, change, steps):
                    steps.append(self._enter(journey, happening, change))
        return [(run, entries) for run, entries in steps if entries]

    def _caught_up(self, run: Run, entries: list[Entry], now: datetime) -> tuple[Run, list[Entry]]:
        """A run that was moved, taken as far as it goes by *now*."""
        while run.due_at and run.due_at <= now:
            run, more = self._taken_on(run)
            entries = [*entries, *more]
        return run, entries

    def _lets_in(
        self, journey: Journey, happening: Happening, change: Change, steps: Steps
    ) -> bool:
        """Documented: data with skip_hook starts nothing; each journey has an eligibility."""
        if change.skip_hook or not matches(journey.starter, happening):
            return False
        # Assumed: the period counts from the last entry.
        last_entry = max(
            (run.entered_at for run, _ in steps if run.journey_id == journey.id), default=None
        )
        if last_entry and (journey.period is None or change.at - last_entry < journey.period):
            return False
        return self._in_segment(journey, change.profile_id)

    def _in_segment(self, journey: Journey, profile_id: str) -> bool:
        if not journey.segment:
            return True
        attributes = self._attributes(profile_id)
        return all(attribute_holds(condition, attributes) for condition in journey.segment)

    def _attributes(self, profile_id: str) -> Mapping[str, JSON]:
        profile = self._profile(profile_id)
        return profile.attributes if profile else {}

    def _profile(self, id: str) -> Profile | None:
        """A profile without its events."""
        return next(iter(self._profiles.find((), [id])), None)

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
        """Take one run that is due to its next wait, or to its end.

        One on which the emulator itself fails is dropped, so that it stops no other.
        """
        try:
            return self._continued(run)
        except StorageFault:
            raise
        except Exception as error:
            log.exception("dropped journey=%d run=%s", run.journey_id, run.id)
            why = f"the emulator has a fault: {type(error).__name__}. Its log says more"
            return _dropped(run, why)

    def _continued(self, run: Run) -> tuple[Run, list[Entry]]:
        journey, facts = self.journeys.get(run.journey_id), self._facts(run)
        if facts is None:
            return _dropped(run, "the profile was deleted")
        if journey is None or run.element not in {None, *journey.elements}:
            # Documented: taking a journey out of service drops everyone in progress.
            return _dropped(run, "the workspace no longer has what comes next")
        return engine.go_on(journey, run, facts)

    def _facts(self, run: Run) -> Facts | None:
        """What is known of the person; None when the profile is gone."""
        profile = self._profile(run.profile_id)
        if profile is None:
            return None
        return Facts(
            profile.attributes,
            lambda: engine.since_entry(run, self._profiles.events(run.profile_id)),
            lambda: self.store.sent(run.journey_id, run.profile_id),
        )

    def _keep(self, steps: Steps) -> None:
        self.store.save(steps)
        for run, entries in steps:
            for entry in entries:
                log.info("moved journey=%d kind=%s", run.journey_id, entry.kind)


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
