"""One person's way through a journey, and the trail it leaves."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from segment_insider_emulator.types import JSONObject

JourneyRunStatus = Literal["in_progress", "dropped", "completed", "exited"]
JOURNEY_RUN_STATUSES: tuple[str, ...] = get_args(JourneyRunStatus)

TrailEntryKind = Literal[
    "entered",
    "waiting",  # at a wait, until the time that the entry names
    "checked",  # at a check, and where it led
    "would_send",  # at a channel that reaches the person
    "held_back",  # at a channel that does not, and why
    "skipped",  # at a channel that had sent the same a moment ago
    "goal",
    "merged",  # the profile was merged into another one, which goes on
    "completed",
    "dropped",
    "exited",
]


@dataclass(frozen=True, slots=True)
class JourneyRun:
    """One person in one journey.

    Args:
        mark: Fingerprint of the event on the profile after which others are "since entry".
        element: Place in the workspace file of the element that comes next; None is the end.
        due_at: When it goes on; None once it has ended.
        watched_until: Until when goals count although the run has ended.
        goals: Names of those reached, in that order.
        id: Order of entry; 0 until stored.
    """

    journey_id: int
    profile_id: str
    entered_at: datetime
    mark: str
    element: str | None
    due_at: datetime | None
    status: JourneyRunStatus = "in_progress"
    ended_at: datetime | None = None
    watched_until: datetime | None = None
    goals: tuple[str, ...] = ()
    id: int = 0


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """One line of a trail.

    Args:
        what: A sentence for people.
        element: Place of the element it happened at; None for what concerns the whole run.
        details: The same for tests and tools, by kind.
    """

    at: datetime
    kind: TrailEntryKind
    what: str
    element: str | None = None
    details: JSONObject = field(default_factory=dict)
