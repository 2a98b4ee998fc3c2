"""Runner of all journeys of an Insider One account, and the JSON of journeys and runs.

Nothing runs in the background: `advance_due_runs` is called before each request, each read and
each change of the clock, so that a due step uses the data of the time when it was due.
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
    matches_journey_trigger,
)
from segment_insider_emulator.insider.journey_engine import (
    ElementVisitContext,
    JourneyOccurrenceFilter,
)
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

RUNS_PER_TRANSACTION = 200

RunUpdates = list[tuple[JourneyRun, list[TrailEntry]]]


class JourneyRunner:
    """Runs all journeys of one Insider One account. Thread-safe."""

    def __init__(
        self,
        definitions: Mapping[int, JourneyDefinition],
        run_store: JourneyStore,
        profiles: ProfileStore,
        clock: Clock,
    ) -> None:
        self.definitions, self.run_store = definitions, run_store
        self._profiles, self._clock = profiles, clock
        self._occurrence_filter = JourneyOccurrenceFilter(definitions.values())
        # Two parallel requests for one person must not start the same journey twice.
        self._lock = profiles.write_lock

    def handle_profile_changes(self, changes: list[ProfileChange]) -> None:
        """Start, update or end journey runs after an upsert, in the upsert's transaction."""
        with self._lock:
            run_updates: RunUpdates = []
            for change in changes:
                if change.absorbed_profile_ids:
                    self._move_runs_of_merged_profiles(change)
                if occurrences := self._occurrence_filter.select_relevant_occurrences(change):
                    run_updates += self._apply_profile_change_to_runs(change, occurrences)
            if run_updates:
                now = self._clock()
                self._save_runs(
                    [self._advance_run_to_time(run, entries, now) for run, entries in run_updates]
                )

    def advance_due_runs(self) -> None:
        """Advance all journey runs that are due by now."""
        if self.run_store.has_no_due_run(self._clock()):
            return
        with self._lock:
            now = self._clock()
            while self.run_store.list_due_runs(now, 1):
                with self._profiles.unit_of_work():
                    # Query again: another process may have advanced them before this transaction.
                    due_runs = self.run_store.list_due_runs(now, RUNS_PER_TRANSACTION)
                    self._save_runs([self._advance_run_or_drop_it(run) for run in due_runs])
            self.run_store.reload_next_due_time()

    def delete_all_runs(self) -> None:
        """Delete all journey runs of the account."""
        with self._lock:
            self.run_store.delete_all_runs()

    def _apply_profile_change_to_runs(
        self, change: ProfileChange, occurrences: list[Occurrence]
    ) -> RunUpdates:
        """Apply *occurrences* to the person's journey runs; return changed runs and entries."""
        profile_id, now = change.profile_id, change.changed_at
        known_runs: list[JourneyRun] = []
        if not change.is_new_profile or change.absorbed_profile_ids:
            known_runs = self.run_store.list_active_and_last_runs(profile_id, now)
        run_updates: RunUpdates = [(run, []) for run in known_runs]
        for occurrence in occurrences:
            for journey in self._occurrence_filter.list_journeys_with_trigger(occurrence):
                is_inside = any(
                    run.journey_id == journey.id and run.status == "in_progress"
                    for run, _ in run_updates
                )
                run_updates = [
                    _apply_occurrence_to_run(journey, run, entries, occurrence, now)
                    for run, entries in run_updates
                ]
                if not is_inside and self._can_enter_journey(
                    journey, occurrence, change, run_updates
                ):
                    run_updates.append(self._start_run(journey, occurrence, change))
        return [(run, entries) for run, entries in run_updates if entries]

    def _advance_run_to_time(
        self, run: JourneyRun, entries: list[TrailEntry], now: datetime
    ) -> tuple[JourneyRun, list[TrailEntry]]:
        """Advance a changed journey run until *now*."""
        while run.due_at and run.due_at <= now:
            run, new_entries = self._advance_run_or_drop_it(run)
            entries = [*entries, *new_entries]
        return run, entries

    def _can_enter_journey(
        self,
        journey: JourneyDefinition,
        occurrence: Occurrence,
        change: ProfileChange,
        run_updates: RunUpdates,
    ) -> bool:
        """Return whether the journey's eligibility and segment let this person enter.

        Documented: skip_hook data starts no journey.
        """
        if change.skip_hook or not matches_journey_trigger(journey.starter, occurrence):
            return False
        entry_times = [run.entered_at for run, _ in run_updates if run.journey_id == journey.id]
        if entry_times:
            # Assumed: the period counts from the last entry.
            since_last_entry = change.changed_at - max(entry_times)
            if journey.reentry_period is None or since_last_entry < journey.reentry_period:
                return False
        return self._is_in_journey_segment(journey, change.profile_id)

    def _is_in_journey_segment(self, journey: JourneyDefinition, profile_id: str) -> bool:
        if not journey.segment_conditions:
            return True
        attributes = self._get_profile_attributes(profile_id)
        return all(
            matches_attribute_condition(condition, attributes)
            for condition in journey.segment_conditions
        )

    def _get_profile_attributes(self, profile_id: str) -> Mapping[str, JSON]:
        profile = self._get_profile(profile_id)
        return profile.attributes if profile else {}

    def _get_profile(self, profile_id: str) -> Profile | None:
        """Return the profile of a journey run without its events; None if it was deleted."""
        return next(iter(self._profiles.find_by_identifiers((), [profile_id])), None)

    def _start_run(
        self, journey: JourneyDefinition, occurrence: Occurrence, change: ProfileChange
    ) -> tuple[JourneyRun, list[TrailEntry]]:
        run, entries, entered_event = journey_engine.start_journey_run(
            journey, change.profile_id, occurrence, change.changed_at
        )
        self._profiles.save_changes(ProfileChanges(new_events={change.profile_id: [entered_event]}))
        return run, entries

    def _move_runs_of_merged_profiles(self, change: ProfileChange) -> None:
        """Move journey runs to the surviving profile, which has at most one run in each journey."""
        survivor_id, merged_at = change.profile_id, change.changed_at
        run_updates: RunUpdates = []
        for run in self.run_store.list_active_runs(change.absorbed_profile_ids, merged_at):
            if run.status == "in_progress":
                what = f"{run.profile_id} was merged into {survivor_id}, which continues the run"
                run_updates.append((run, [TrailEntry(merged_at, "merged", what)]))
        self._save_runs(run_updates)
        self.run_store.reassign_runs(change.absorbed_profile_ids, survivor_id)
        journey_ids_inside: set[int] = set()
        for run in self.run_store.list_active_runs([survivor_id], merged_at):
            if run.status == "in_progress" and run.journey_id in journey_ids_inside:
                # Assumed: of two runs the earlier one continues.
                reason = "the profile already has a run in this journey"
                ended_run, entry = journey_engine.end_journey_run(run, "exited", reason, merged_at)
                self._save_runs([(ended_run, [entry])])
            elif run.status == "in_progress":
                journey_ids_inside.add(run.journey_id)

    def _advance_run_or_drop_it(self, run: JourneyRun) -> tuple[JourneyRun, list[TrailEntry]]:
        """Advance one due journey run to its next wait or to its end.

        Drop the run if the emulator itself fails, so that it does not block the other runs.
        """
        try:
            return self._advance_due_run(run)
        except DatabaseUnavailable:
            raise
        except Exception as error:
            log.exception("dropped journey=%d run=%s", run.journey_id, run.id)
            reason = f"internal error of the emulator: {type(error).__name__}; see its log"
            return _drop_run(run, reason)

    def _advance_due_run(self, run: JourneyRun) -> tuple[JourneyRun, list[TrailEntry]]:
        journey, context = self.definitions.get(run.journey_id), self._build_visit_context(run)
        if context is None:
            return _drop_run(run, "the profile was deleted")
        if journey is None or run.element not in {None, *journey.elements}:
            # Documented: when a journey is stopped, all runs in progress are dropped.
            return _drop_run(run, "the workspace no longer has the next step")
        return journey_engine.advance_journey_run(journey, run, context)

    def _build_visit_context(self, run: JourneyRun) -> ElementVisitContext | None:
        """Collect what a journey run must know about the person; None if the profile is gone."""
        profile = self._get_profile(run.profile_id)
        if profile is None:
            return None
        return ElementVisitContext(
            profile.attributes,
            lambda: journey_engine.select_events_since_entry(
                run, self._profiles.list_events(run.profile_id)
            ),
            lambda: self.run_store.find_last_sent_times(run.journey_id, run.profile_id),
        )

    def _save_runs(self, run_updates: RunUpdates) -> None:
        self.run_store.save_run_progress(run_updates)
        if not log.isEnabledFor(logging.INFO):
            return
        for run, entries in run_updates:
            for entry in entries:
                log.info("moved journey=%d kind=%s", run.journey_id, entry.kind)


def _apply_occurrence_to_run(
    journey: JourneyDefinition,
    run: JourneyRun,
    entries: list[TrailEntry],
    occurrence: Occurrence,
    now: datetime,
) -> tuple[JourneyRun, list[TrailEntry]]:
    if run.journey_id != journey.id:
        return run, entries
    run, new_entries = journey_engine.apply_occurrence_to_run(journey, run, occurrence, now)
    return run, [*entries, *new_entries]


def _drop_run(run: JourneyRun, reason: str) -> tuple[JourneyRun, list[TrailEntry]]:
    assert run.due_at is not None  # only a run in progress is due
    ended_run, entry = journey_engine.end_journey_run(run, "dropped", reason, run.due_at)
    return ended_run, [entry]


SIMULATION_NOTICE = (
    "Simulated by the emulator's small model of Architect, not by Architect: see docs/journeys.md."
)

_ELEMENT_KINDS = {
    WaitElement: "wait",
    CheckElement: "check",
    ReachabilityElement: "check_reachability",
    ChannelElement: "channel",
}


def serialize_journey(journey: JourneyDefinition, counts: JourneyCounts) -> JSONObject:
    """Serialize a journey with its counters, goals, elements and definition."""
    statuses = {status: counts.statuses.get(status, 0) for status in JOURNEY_RUN_STATUSES}
    return {
        "id": journey.id,
        "name": journey.name,
        "counters": {"entered": sum(statuses.values()), **statuses},
        "goals": {name: counts.goals.get(name, 0) for name in journey.goals},
        "elements": [
            _serialize_element_with_counts(element, counts.elements)
            for element in journey.elements.values()
        ],
        "definition": journey.document,
    }


def serialize_journey_run(run: JourneyRun, trail: Sequence[TrailEntry]) -> JSONObject:
    """Serialize a journey run: {"id", "journey_id", "profile_id", ..., "trail": [...]}."""
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


def _serialize_element_with_counts(
    element: JourneyElement, entry_counts: Mapping[tuple[str | None, str], int]
) -> JSONObject:
    """Serialize a journey element with its counts; each arrival has one trail entry."""
    counts_by_kind = {
        kind: count for (path, kind), count in entry_counts.items() if path == element.step_path
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
