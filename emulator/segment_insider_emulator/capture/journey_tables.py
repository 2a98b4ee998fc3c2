"""Tables of journey runs and their trails, and the statements on them. Times are ISO 8601, UTC,
with milliseconds, so that they sort as text."""

from sqlalchemy import (
    Column,
    Index,
    Table,
    Text,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from segment_insider_emulator.capture.database import Int64, JsonText, metadata
from segment_insider_emulator.capture.prepared import CompiledStatement, column_names

journey_runs = Table(
    "journey_runs",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("journey_id", Int64, nullable=False),
    Column("profile_id", Text, nullable=False),
    Column("entered_at", Text, nullable=False),
    Column("mark", Text, nullable=False),
    Column("element", Text),  # NULL is the end
    Column("due_at", Text, index=True),  # NULL once ended
    Column("status", Text, nullable=False),
    Column("ended_at", Text),
    Column("watched_until", Text),
    Column("goals", JsonText, nullable=False),  # JSON list
    Index("journey_runs_of", "profile_id", "journey_id"),
    Index("journey_runs_in", "journey_id", "status"),
    sqlite_autoincrement=True,
)
journey_trails = Table(
    "journey_trails",
    metadata,
    Column("number", Int64, primary_key=True),
    Column("run_id", Int64, nullable=False, index=True),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("element", Text),
    Column("details", JsonText, nullable=False),  # JSON object
    sqlite_autoincrement=True,
)

_IN_PROGRESS = journey_runs.c.status == "in_progress"
_OF_PROFILES = journey_runs.c.profile_id.in_(bindparam("profile_ids", expanding=True))

_OF_PROFILE = journey_runs.c.profile_id == bindparam("profile_id")

SELECT_DUE_RUNS = CompiledStatement(
    select(journey_runs)
    .where(journey_runs.c.due_at <= bindparam("now"))
    .order_by(journey_runs.c.due_at, journey_runs.c.id)
    .limit(bindparam("limit"))
)
SELECT_WATCHED_RUNS = CompiledStatement(
    select(journey_runs)
    .where(_OF_PROFILE, or_(_IN_PROGRESS, journey_runs.c.watched_until >= bindparam("now")))
    .order_by(journey_runs.c.id)
)
_LAST_RUN_IDS = (
    select(func.max(journey_runs.c.id)).where(_OF_PROFILE).group_by(journey_runs.c.journey_id)
)
# The last run in each journey besides, which says whether the person may enter again.
SELECT_WATCHED_AND_LAST_RUNS = CompiledStatement(
    select(journey_runs)
    .where(
        _OF_PROFILE,
        or_(
            _IN_PROGRESS,
            journey_runs.c.watched_until >= bindparam("now"),
            journey_runs.c.id.in_(_LAST_RUN_IDS),
        ),
    )
    .order_by(journey_runs.c.id)
)
SELECT_EARLIEST_DUE_AT = CompiledStatement(
    select(journey_runs.c.due_at)
    .where(journey_runs.c.due_at.is_not(None))
    .order_by(journey_runs.c.due_at)
    .limit(1)
)
INSERT_RUN = CompiledStatement(
    insert(journey_runs).returning(journey_runs.c.id), column_names(journey_runs, "id")
)
UPDATE_RUN = CompiledStatement(
    update(journey_runs).where(journey_runs.c.id == bindparam("which")),
    column_names(journey_runs, "id"),
)
INSERT_TRAIL_ENTRY = CompiledStatement(
    insert(journey_trails), column_names(journey_trails, "number")
)
REASSIGN_RUNS = update(journey_runs).where(_OF_PROFILES).values(profile_id=bindparam("survivor"))
SELECT_RUNS = (
    select(journey_runs)
    .where(
        journey_runs.c.journey_id == bindparam("journey_id"),
        journey_runs.c.id > bindparam("after"),
    )
    .order_by(journey_runs.c.id)
)
RUN_FILTERS = {
    "profile_id": _OF_PROFILE,
    "status": journey_runs.c.status == bindparam("status"),
}
SELECT_TRAIL_ENTRIES = (
    select(journey_trails)
    .where(journey_trails.c.run_id.in_(bindparam("run_ids", expanding=True)))
    .order_by(journey_trails.c.number)
)
SELECT_LAST_SENT_TIMES = CompiledStatement(
    select(journey_trails.c.element, func.max(journey_trails.c.at).label("at"))
    .join(journey_runs, journey_runs.c.id == journey_trails.c.run_id)
    .where(
        journey_runs.c.profile_id == bindparam("profile_id"),
        journey_runs.c.journey_id == bindparam("journey_id"),
        journey_trails.c.kind == "would_send",
    )
    .group_by(journey_trails.c.element)
)
COUNT_RUNS_BY_STATUS = (
    select(journey_runs.c.status, func.count().label("number"))
    .where(journey_runs.c.journey_id == bindparam("journey_id"))
    .group_by(journey_runs.c.status)
)
COUNT_ENTRIES_BY_ELEMENT = (
    select(journey_trails.c.element, journey_trails.c.kind, func.count().label("number"))
    .join(journey_runs, journey_runs.c.id == journey_trails.c.run_id)
    .where(journey_runs.c.journey_id == bindparam("journey_id"))
    .group_by(journey_trails.c.element, journey_trails.c.kind)
)
SELECT_REACHED_GOALS = select(journey_runs.c.goals).where(
    journey_runs.c.journey_id == bindparam("journey_id"), journey_runs.c.goals != "[]"
)

_LAST_ENTRY_NUMBER = select(func.max(journey_trails.c.number)).join(
    journey_runs, journey_runs.c.id == journey_trails.c.run_id
)
# Whoever is in progress waits where the last entry about a wait says.
COUNT_WAITING_BY_ELEMENT = (
    select(journey_trails.c.element, func.count().label("number"))
    .where(
        journey_trails.c.number.in_(
            _LAST_ENTRY_NUMBER.where(
                _IN_PROGRESS,
                journey_runs.c.journey_id == bindparam("journey_id"),
                journey_trails.c.kind == "waiting",
            ).group_by(journey_trails.c.run_id)
        )
    )
    .group_by(journey_trails.c.element)
)
SELECT_NEWEST_RUNS = (
    select(journey_runs)
    .where(
        journey_runs.c.journey_id == bindparam("journey_id"),
        journey_runs.c.id < bindparam("before"),
    )
    .order_by(journey_runs.c.id.desc())
)
SELECT_RUNS_OF_PROFILE = (
    select(journey_runs)
    .where(journey_runs.c.profile_id == bindparam("profile_id"))
    .order_by(journey_runs.c.id.desc())
    .limit(bindparam("limit"))
)
SELECT_CHANNEL_ENTRIES = (
    select(journey_trails, journey_runs.c.journey_id, journey_runs.c.profile_id)
    .join(journey_runs, journey_runs.c.id == journey_trails.c.run_id)
    .where(journey_trails.c.kind.in_(("would_send", "held_back", "skipped")))
    .order_by(journey_trails.c.number.desc())
    .limit(bindparam("limit"))
)
