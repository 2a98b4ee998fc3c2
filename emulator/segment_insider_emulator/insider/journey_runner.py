"""Journeys that follow what happens: people come in, time passes, people leave.

Nothing runs by itself: whoever moves the clock, brings a request or reads calls `run_due` first,
so that what is due is decided by what was known when it was due.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from segment_insider_emulator.clock import Clock, format_iso_utc
from segment_insider_emulator.insider import journey_engine
from segment_insider_emulator.insider.journey_definition import (
    ChannelElement,
    CheckElement,
    JourneyDefinition,
    JourneyElement,
    Occurrence,
    ReachabilityElement,
    WaitElement,
    matches_attribute_condition,
    matches_trigger,
)
from segment_insider_emulator.insider.journey_engine import OccurrenceFilter, VisitContext
from segment_insider_emulator.insider.profile_changes import ProfileChange
from segment_insider_emulator.storage.database import DatabaseUnavailable
from segment_insider_emulator.storage.journeys import JourneyCounts, JourneyStore
from segment_insider_emulator.storage.profiles import ProfileStore
from segment_insider_emulator.storage.records import (
    JOURNEY_RUN_STATUSES,
    JourneyRun,
    Profile,
    ProfileChanges,
    TrailEntry,
)
from segment_insider_emulator.types import JSON, JSONObject

log = logging.getLogger(__name__)

RUNS_PER_TRANSACTION = 200  # runs taken on in one transaction

RunUpdates = list[tuple[JourneyRun, list[TrailEntry]]]


class JourneyRunner:
    """All journeys of one account. Safe for threads."""

    def __init__(
        self,
        definitions: Mapping[int, JourneyDefinition],
        run_store: JourneyStore,
        profiles: ProfileStore,
        clock: Clock,
    ) -> None:
        self.definitions, self.run_store = definitions, run_store
        self._profiles, self._clock = profiles, clock
        self._occurrence_filter = OccurrenceFilter(definitions.values())
        # Two requests of one person must not both find nobody inside and let them in twice.
        self._lock = profiles.write_lock

    def handle_changes(self, changes: list[ProfileChange]) -> None:
        """Act on what an upsert changed, in its transaction; the listener of an endpoint."""
        with self._lock:
            run_updates: RunUpdates = []
            for change in changes:
                self._merge_runs(change)
                if happenings := self._occurrence_filter.select_relevant(change):
                    run_updates += self._update_runs(change, happenings)
            if run_updates:
                now = self._clock()
                self._save_runs([self._advance_until(*step, now) for step in run_updates])

    def advance_due_runs(self) -> None:
        """Take every run that is due as far as it goes by now."""
        if self.run_store.has_nothing_due(self._clock()):
            return
        with self._lock:
            now = self._clock()
            while self.run_store.list_due_runs(now, 1):
                with (
                    self._profiles.unit_of_work()
                ):  # looked for again: another may have been faster
                    self._save_runs(
                        [
                            self._advance_or_drop_on_error(run)
                            for run in self.run_store.list_due_runs(now, RUNS_PER_TRANSACTION)
                        ]
                    )
            self.run_store.reload_next_due()

    def reset(self) -> None:
        """Forget every run."""
        with self._lock:
            self.run_store.reset()

    def _update_runs(self, change: ProfileChange, occurrences: list[Occurrence]) -> RunUpdates:
        """The runs that *happenings* move, and what is added to their trails."""
        is_new = change.is_new_profile and not change.absorbed_profile_ids
        known_runs = (
            []
            if is_new
            else self.run_store.list_watched_and_last_runs(change.profile_id, change.changed_at)
        )
        run_updates: RunUpdates = [(run, []) for run in known_runs]
        for occurrence in occurrences:
            for journey in self.definitions.values():
                is_inside = any(
                    run.journey_id == journey.id and run.status == "in_progress"
                    for run, _ in run_updates
                )
                run_updates = [
                    _apply_occurrence(journey, *step, occurrence, change.changed_at)
                    for step in run_updates
                ]
                if not is_inside and self._can_enter(journey, occurrence, change, run_updates):
                    run_updates.append(self._start_run(journey, occurrence, change))
        return [(run, entries) for run, entries in run_updates if entries]

    def _advance_until(
        self, run: JourneyRun, entries: list[TrailEntry], now: datetime
    ) -> tuple[JourneyRun, list[TrailEntry]]:
        """A run that was moved, taken as far as it goes by *now*."""
        while run.due_at and run.due_at <= now:
            run, new_entries = self._advance_or_drop_on_error(run)
            entries = [*entries, *new_entries]
        return run, entries

    def _can_enter(
        self,
        journey: JourneyDefinition,
        occurrence: Occurrence,
        change: ProfileChange,
        run_updates: RunUpdates,
    ) -> bool:
        """Documented: data with skip_hook starts nothing; each journey has an eligibility."""
        if change.skip_hook or not matches_trigger(journey.starter, occurrence):
            return False
        # Assumed: the period counts from the last entry.
        last_entry = max(
            (run.entered_at for run, _ in run_updates if run.journey_id == journey.id), default=None
        )
        if last_entry and (
            journey.reentry_period is None
            or change.changed_at - last_entry < journey.reentry_period
        ):
            return False
        return self._is_in_segment(journey, change.profile_id)

    def _is_in_segment(self, journey: JourneyDefinition, profile_id: str) -> bool:
        if not journey.segment_conditions:
            return True
        attributes = self._get_attributes(profile_id)
        return all(
            matches_attribute_condition(condition, attributes)
            for condition in journey.segment_conditions
        )

    def _get_attributes(self, profile_id: str) -> Mapping[str, JSON]:
        profile = self._get_profile(profile_id)
        return profile.attributes if profile else {}

    def _get_profile(self, profile_id: str) -> Profile | None:
        """A profile without its events."""
        return next(iter(self._profiles.find_by_identifiers((), [profile_id])), None)

    def _start_run(
        self, journey: JourneyDefinition, occurrence: Occurrence, change: ProfileChange
    ) -> tuple[JourneyRun, list[TrailEntry]]:
        run, entries, entered_event = journey_engine.start_run(
            journey, change.profile_id, occurrence, change.changed_at
        )
        self._profiles.save(ProfileChanges([], [], [], {}, {change.profile_id: [entered_event]}))
        return run, entries

    def _merge_runs(self, change: ProfileChange) -> None:
        """Let runs follow the profile that goes on, which stays at most once in each journey."""
        if not change.absorbed_profile_ids:
            return
        survivor_id, merged_at = change.profile_id, change.changed_at
        run_updates: RunUpdates = []
        for run in self.run_store.list_watched_runs(change.absorbed_profile_ids, merged_at):
            if run.status == "in_progress":
                what = f"{run.profile_id} was merged into {survivor_id}, which goes on from here"
                run_updates.append((run, [TrailEntry(merged_at, "merged", what)]))
        self._save_runs(run_updates)
        self.run_store.reassign_runs(change.absorbed_profile_ids, survivor_id)
        journey_ids_inside: set[int] = set()
        for run in self.run_store.list_watched_runs([survivor_id], merged_at):
            if run.status == "in_progress" and run.journey_id in journey_ids_inside:
                # Assumed: of two runs the earlier one goes on.
                ended_run, entry = journey_engine.end_run(
                    run, "exited", "the profile is inside already", merged_at
                )
                self._save_runs([(ended_run, [entry])])
            elif run.status == "in_progress":
                journey_ids_inside.add(run.journey_id)

    def _advance_or_drop_on_error(self, run: JourneyRun) -> tuple[JourneyRun, list[TrailEntry]]:
        """Take one run that is due to its next wait, or to its end.

        One on which the emulator itself fails is dropped, so that it stops no other.
        """
        try:
            return self._advance(run)
        except DatabaseUnavailable:
            raise
        except Exception as error:
            log.exception("dropped journey=%d run=%s", run.journey_id, run.id)
            reason = f"the emulator has a fault: {type(error).__name__}. Its log says more"
            return _drop_run(run, reason)

    def _advance(self, run: JourneyRun) -> tuple[JourneyRun, list[TrailEntry]]:
        journey, context = self.definitions.get(run.journey_id), self._build_visit_context(run)
        if context is None:
            return _drop_run(run, "the profile was deleted")
        if journey is None or run.element not in {None, *journey.elements}:
            # Documented: taking a journey out of service drops everyone in progress.
            return _drop_run(run, "the workspace no longer has what comes next")
        return journey_engine.advance_run(journey, run, context)

    def _build_visit_context(self, run: JourneyRun) -> VisitContext | None:
        """What is known of the person; None when the profile is gone."""
        profile = self._get_profile(run.profile_id)
        if profile is None:
            return None
        return VisitContext(
            profile.attributes,
            lambda: journey_engine.select_events_since_entry(
                run, self._profiles.list_events(run.profile_id)
            ),
            lambda: self.run_store.find_last_sent_times(run.journey_id, run.profile_id),
        )

    def _save_runs(self, run_updates: RunUpdates) -> None:
        self.run_store.save_steps(run_updates)
        for run, entries in run_updates:
            for entry in entries:
                log.info("moved journey=%d kind=%s", run.journey_id, entry.kind)


def _apply_occurrence(
    journey: JourneyDefinition,
    run: JourneyRun,
    entries: list[TrailEntry],
    occurrence: Occurrence,
    now: datetime,
) -> tuple[JourneyRun, list[TrailEntry]]:
    if run.journey_id != journey.id:
        return run, entries
    run, new_entries = journey_engine.handle_occurrence(journey, run, occurrence, now)
    return run, [*entries, *new_entries]


def _drop_run(run: JourneyRun, reason: str) -> tuple[JourneyRun, list[TrailEntry]]:
    assert run.due_at is not None  # only a run in progress is due
    ended_run, entry = journey_engine.end_run(run, "dropped", reason, run.due_at)
    return ended_run, [entry]


SIMULATION_NOTICE = (
    "This emulator's small model of Architect, not an Architect run: see docs/journeys.md."
)

_ELEMENT_KINDS = {
    WaitElement: "wait",
    CheckElement: "check",
    ReachabilityElement: "check_reachability",
    ChannelElement: "channel",
}


def serialize_journey(journey: JourneyDefinition, tally: JourneyCounts) -> JSONObject:
    """{"id", "name", "counters", "goals", "elements", "definition"}, counted as Architect does."""
    statuses = {status: tally.statuses.get(status, 0) for status in JOURNEY_RUN_STATUSES}
    return {
        "id": journey.id,
        "name": journey.name,
        "counters": {"entered": sum(statuses.values()), **statuses},
        "goals": {name: tally.goals.get(name, 0) for name in journey.goals},
        "elements": [
            _serialize_element(each, tally.elements) for each in journey.elements.values()
        ],
        "definition": journey.document,
    }


def serialize_run(run: JourneyRun, trail: Sequence[TrailEntry]) -> JSONObject:
    """{"id", "journey_id", "profile_id", "status", ..., "trail": [{"at", "kind", "what", ...}]}."""
    return {
        "id": run.id,
        "journey_id": run.journey_id,
        "profile_id": run.profile_id,
        "status": run.status,
        "entered_at": format_iso_utc(run.entered_at),
        "waits_until": format_iso_utc(run.due_at) if run.due_at else None,
        "ended_at": format_iso_utc(run.ended_at) if run.ended_at else None,
        "goals": list(run.goals),
        "trail": [_serialize_trail_entry(entry) for entry in trail],
    }


def _serialize_trail_entry(entry: TrailEntry) -> JSONObject:
    return {
        "at": format_iso_utc(entry.at),
        "kind": entry.kind,
        "what": entry.what,
        "element": entry.element,
        "details": entry.details,
    }


def _serialize_element(
    element: JourneyElement, entry_counts: Mapping[tuple[str | None, str], int]
) -> JSONObject:
    """Every arrival leaves one entry, whose kind says what came of it."""
    counts_by_kind = {
        kind: count for (place, kind), count in entry_counts.items() if place == element.step_path
    }
    serialized = {
        "element": element.step_path,
        "kind": _ELEMENT_KINDS[type(element)],
        "arrived": sum(counts_by_kind.values()),
    }
    if not isinstance(element, ChannelElement):
        return serialized
    return {
        **serialized,
        "channel": element.channel,
        "reachable": counts_by_kind.get("would_send", 0) + counts_by_kind.get("skipped", 0),
        "dropped": counts_by_kind.get("held_back", 0),
        "skipped": counts_by_kind.get("skipped", 0),
    }
