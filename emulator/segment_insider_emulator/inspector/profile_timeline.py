"""Timeline of a profile: what changed it, by which message, and the steps of its journeys."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.catalog import get_event_display_name
from segment_insider_emulator.insider.journey_definition import JourneyDefinition
from segment_insider_emulator.storage.profile_history import MessageOfChange, ProfileHistoryStore
from segment_insider_emulator.storage.profiles import ProfileStore
from segment_insider_emulator.storage.records import (
    JourneyRun,
    Profile,
    ProfileHistoryEntry,
    TrailEntry,
)
from segment_insider_emulator.types import JSON, JSONObject

CHANGES_PER_PAGE: Final = 20
NEWER_CHANGES_SHOWN: Final = 5  # above the selected one
MAX_EVENTS: Final = 2000  # that the page of one profile reads
MAX_AT_CHARS: Final = 40

RunsWithTrails = list[tuple[JourneyRun, list[TrailEntry]]]


@dataclass(frozen=True, slots=True)
class ProfileMoment:
    """A profile at one moment of its history.

    Args:
        number: Of the last change until then; None if the profile has no history.
        is_latest: Whether no later change is known.
        event_count: Events until then; *profile* has at most MAX_EVENTS, the latest ones.
        is_known: Whether identifiers and attributes of the moment are known.
        survivor_id: The profile that this one was merged into; None if it still exists.
    """

    profile: Profile
    at: str
    number: int | None
    is_latest: bool
    event_count: int
    is_known: bool = True
    survivor_id: str | None = None


@dataclass(frozen=True, slots=True)
class TimelineChange:
    """One change of a profile in its timeline, with the messages that made it."""

    number: int
    at: str
    changes: JSONObject
    messages: tuple[MessageOfChange, ...]

    @property
    def events(self) -> list[tuple[str, str]]:
        """Return the new events: system name, and title with how often if more than once."""
        titles = {name: get_event_display_name(name) for name in self.changes.get("events", ())}
        times: Counter[str] = Counter(self.changes.get("events", ()))
        return [
            (name, title if times[name] == 1 else f"{times[name]} x {title}")
            for name, title in titles.items()
        ]

    @property
    def is_empty(self) -> bool:
        """Return whether the change changed nothing that is shown."""
        return not self.changes.keys() - {"source"}


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """One step of a journey in the timeline of a profile, with its position in the run."""

    at: str
    journey_id: int
    journey_name: str
    run_id: int
    position: int
    what: str


TimelineRow = TimelineChange | TimelineStep


@dataclass(frozen=True, slots=True)
class Timeline:
    """One page of a profile's timeline, newest first.

    Args:
        bounds: First and last number of the history; None without one.
        before_newer, before_older: The parameter `before` of the next pages; None without one,
            0 for the newest page.
        missing_beginning: Why the first changes are not at the end of this page; "" if they are,
            or if there are older pages.
    """

    rows: tuple[TimelineRow, ...]
    bounds: tuple[int, int] | None = None
    before_newer: int | None = None
    before_older: int | None = None
    missing_beginning: str = ""


_DELETED_BEGINNING: Final = "Older changes were deleted."
_UNRECORDED_BEGINNING: Final = (
    "Earlier changes are not known: an older version of the emulator wrote this profile."
)


def find_moment(profiles: ProfileStore, profile_id: str, at: str) -> ProfileMoment | None:
    """Return a profile at a moment; None if there is no such profile.

    Args:
        at: The number of a change, or an ISO 8601 time; "" is the latest moment.
    Raises: EmulatorError, when *at* is neither.
    """
    bounds = profiles.history.get_number_bounds(profile_id)
    number = _parse_moment(profiles.history, profile_id, at, bounds)
    if bounds is None or number in (None, bounds[1]):
        loaded = profiles.get_with_latest_events(profile_id, MAX_EVENTS)
        if loaded:
            profile, event_count = loaded
            last = bounds[1] if bounds else None
            return ProfileMoment(profile, profile.updated_at, last, True, event_count)
    return _restore_moment(profiles, profile_id, number or bounds[1], bounds) if bounds else None


def _parse_moment(
    history: ProfileHistoryStore, profile_id: str, at: str, bounds: tuple[int, int] | None
) -> int | None:
    if not at or bounds is None:
        return None
    first, last = bounds
    if at.isascii() and at.isdecimal() and len(at) < 20:
        return max(first, min(int(at), last))
    try:
        # A space is what a browser makes of a "+" that was not escaped.
        time = format_iso_utc(datetime.fromisoformat(at[:MAX_AT_CHARS].replace(" ", "+")))
    except (ValueError, OverflowError):
        what = f"{at[:MAX_AT_CHARS]!r} is no change of this profile and no time"
        remedy = "Give the number of a change, or a time such as 2026-11-23T10:00:00Z."
        raise EmulatorError(what, "at", remedy) from None
    return history.find_last_number_at(profile_id, time, bounds)


def _restore_moment(
    profiles: ProfileStore, profile_id: str, number: int, bounds: tuple[int, int]
) -> ProfileMoment | None:
    history = profiles.history
    entries = history.list_entries_before(profile_id, number + 1, 1)
    if not entries:  # deleted between two queries
        return None
    at = entries[0].at
    loaded = profiles.get_with_latest_events(profile_id, MAX_EVENTS, at)
    state = history.restore_state(profile_id, number, loaded[0] if loaded else None)
    profile = loaded[0] if loaded else Profile(profile_id, "", at)
    survivor_id = None
    if loaded is None:
        last_entries = history.list_entries_before(profile_id, bounds[1] + 1, 1)
        survivor_id = last_entries[0].merged_into if last_entries else None
    return ProfileMoment(
        replace(
            profile,
            identifiers=state.identifiers if state else {},
            attributes=state.attributes if state else {},
            written={},
            trail=[entry for entry in profile.trail if str(entry["at"]) <= at],
            updated_at=at,
        ),
        at,
        number,
        number == bounds[1],
        loaded[1] if loaded else 0,
        state is not None,
        survivor_id,
    )


def build_timeline(
    history: ProfileHistoryStore,
    moment: ProfileMoment,
    before: int | None,
    runs: RunsWithTrails,
    journeys: Mapping[int, JourneyDefinition],
) -> Timeline:
    """Build one page of the timeline of the profile of *moment*.

    Args:
        before: Only changes with a lower number; None chooses the page with the moment.
        runs: The profile's journey runs with their trails.
    """
    profile_id = moment.profile.id
    bounds = history.get_number_bounds(profile_id)
    if bounds is None:
        was_recorded = moment.profile.change_count > 0
        return Timeline(
            _sort_rows(_list_steps(runs, journeys)),
            missing_beginning=_DELETED_BEGINNING if was_recorded else _UNRECORDED_BEGINNING,
        )
    first, last = bounds
    if before is None:
        shown = last if moment.is_latest else (moment.number or last) + NEWER_CHANGES_SHOWN
        before = shown + 1
    before = max(first + 1, min(before, last + 1))
    entries = history.list_entries_before(profile_id, before, CHANGES_PER_PAGE)
    oldest = entries[-1].number if entries else first
    newer = history.list_entries_after(profile_id, before - 1, 1)
    messages = history.list_messages_of_changes(profile_id, [entry.number for entry in entries])
    since = entries[-1].at if entries and oldest > first else ""
    until = newer[0].at if newer else None
    newer_page = before + CHANGES_PER_PAGE
    return Timeline(
        _sort_rows((*_list_changes(entries, messages), *_list_steps(runs, journeys, since, until))),
        bounds,
        before_newer=None if not newer else 0 if newer_page > last else newer_page,
        before_older=oldest if oldest > first else None,
        missing_beginning=_explain_beginning(entries),
    )


def _explain_beginning(entries: Sequence[ProfileHistoryEntry]) -> str:
    """Return why the last of *entries* is not the profile's first change; "" if it is."""
    if not entries or "created" in entries[-1].changes:
        return ""
    return _DELETED_BEGINNING if entries[-1].number > 1 else _UNRECORDED_BEGINNING


def _sort_rows(rows: Iterable[TimelineRow]) -> tuple[TimelineRow, ...]:
    """Sort newest first; steps of the same time come after the change that caused them."""

    def get_order(row: TimelineRow) -> tuple[str, int, int, int]:
        if isinstance(row, TimelineChange):
            return row.at, 0, row.number, 0
        return row.at, 1, row.run_id, row.position

    return tuple(sorted(rows, key=get_order, reverse=True))


def _list_changes(
    entries: Iterable[ProfileHistoryEntry], messages: Iterable[MessageOfChange]
) -> Iterator[TimelineChange]:
    messages_by_number: dict[int, dict[int, MessageOfChange]] = {}
    for message in messages:
        # A message that matched several mappings is listed once.
        messages_by_number.setdefault(message.change_number, {}).setdefault(message.id, message)
    for entry in entries:
        made_by = tuple(messages_by_number.get(entry.number, {}).values())
        yield TimelineChange(entry.number, entry.at, entry.changes, made_by)


def _list_steps(
    runs: RunsWithTrails,
    journeys: Mapping[int, JourneyDefinition],
    since: str = "",
    until: str | None = None,
) -> Iterator[TimelineStep]:
    for run, trail in runs:
        journey = journeys.get(run.journey_id)
        name = journey.name if journey else f"Journey {run.journey_id}"
        for position, entry in enumerate(trail):
            at = format_iso_utc(entry.at)
            if since <= at and (until is None or at < until):
                yield TimelineStep(at, run.journey_id, name, run.id, position, entry.what)


def find_values_before_change(
    history: ProfileHistoryStore, moment: ProfileMoment
) -> dict[str, JSON]:
    """Map the attributes that the change of a moment changed to their values before it."""
    if moment.number is None:
        return {}
    entries = history.list_entries_before(moment.profile.id, moment.number + 1, 1)
    changed = entries[0].changes.get("attributes", {}) if entries else {}
    return {path: old for path, (old, _) in changed.items()}
