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

from segment_insider_emulator.capture.database import JsonText, Whole, metadata
from segment_insider_emulator.capture.prepared import Prepared, without

journey_runs = Table(
    "journey_runs",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("journey_id", Whole, nullable=False),
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
    Column("number", Whole, primary_key=True),
    Column("run_id", Whole, nullable=False, index=True),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("element", Text),
    Column("details", JsonText, nullable=False),  # JSON object
    sqlite_autoincrement=True,
)

_IN_PROGRESS = journey_runs.c.status == "in_progress"
_OF_PEOPLE = journey_runs.c.profile_id.in_(bindparam("profile_ids", expanding=True))

_OF_ONE = journey_runs.c.profile_id == bindparam("profile_id")

DUE = Prepared(
    select(journey_runs)
    .where(journey_runs.c.due_at <= bindparam("now"))
    .order_by(journey_runs.c.due_at, journey_runs.c.id)
    .limit(bindparam("limit"))
)
WATCHED = Prepared(
    select(journey_runs)
    .where(_OF_ONE, or_(_IN_PROGRESS, journey_runs.c.watched_until >= bindparam("now")))
    .order_by(journey_runs.c.id)
)
_LAST = select(func.max(journey_runs.c.id)).where(_OF_ONE).group_by(journey_runs.c.journey_id)
# The last run in each journey besides, which says whether the person may enter again.
KNOWN = Prepared(
    select(journey_runs)
    .where(
        _OF_ONE,
        or_(
            _IN_PROGRESS,
            journey_runs.c.watched_until >= bindparam("now"),
            journey_runs.c.id.in_(_LAST),
        ),
    )
    .order_by(journey_runs.c.id)
)
EARLIEST = Prepared(
    select(journey_runs.c.due_at)
    .where(journey_runs.c.due_at.is_not(None))
    .order_by(journey_runs.c.due_at)
    .limit(1)
)
ADD = Prepared(insert(journey_runs).returning(journey_runs.c.id), without(journey_runs, "id"))
CHANGE = Prepared(
    update(journey_runs).where(journey_runs.c.id == bindparam("which")),
    without(journey_runs, "id"),
)
NOTE = Prepared(insert(journey_trails), without(journey_trails, "number"))
HAND_OVER = update(journey_runs).where(_OF_PEOPLE).values(profile_id=bindparam("survivor"))
RUNS = (
    select(journey_runs)
    .where(
        journey_runs.c.journey_id == bindparam("journey_id"),
        journey_runs.c.id > bindparam("after"),
    )
    .order_by(journey_runs.c.id)
)
RUN_FILTERS = {
    "profile_id": _OF_ONE,
    "status": journey_runs.c.status == bindparam("status"),
}
TRAILS = (
    select(journey_trails)
    .where(journey_trails.c.run_id.in_(bindparam("run_ids", expanding=True)))
    .order_by(journey_trails.c.number)
)
SENT = Prepared(
    select(journey_trails.c.element, func.max(journey_trails.c.at).label("at"))
    .join(journey_runs, journey_runs.c.id == journey_trails.c.run_id)
    .where(
        journey_runs.c.profile_id == bindparam("profile_id"),
        journey_runs.c.journey_id == bindparam("journey_id"),
        journey_trails.c.kind == "would_send",
    )
    .group_by(journey_trails.c.element)
)
BY_STATUS = (
    select(journey_runs.c.status, func.count().label("number"))
    .where(journey_runs.c.journey_id == bindparam("journey_id"))
    .group_by(journey_runs.c.status)
)
BY_ELEMENT = (
    select(journey_trails.c.element, journey_trails.c.kind, func.count().label("number"))
    .join(journey_runs, journey_runs.c.id == journey_trails.c.run_id)
    .where(journey_runs.c.journey_id == bindparam("journey_id"))
    .group_by(journey_trails.c.element, journey_trails.c.kind)
)
GOALS = select(journey_runs.c.goals).where(
    journey_runs.c.journey_id == bindparam("journey_id"), journey_runs.c.goals != "[]"
)

_INSIDE = select(func.max(journey_trails.c.number)).join(
    journey_runs, journey_runs.c.id == journey_trails.c.run_id
)
# Whoever is in progress waits where the last entry about a wait says.
WAITING = (
    select(journey_trails.c.element, func.count().label("number"))
    .where(
        journey_trails.c.number.in_(
            _INSIDE.where(
                _IN_PROGRESS,
                journey_runs.c.journey_id == bindparam("journey_id"),
                journey_trails.c.kind == "waiting",
            ).group_by(journey_trails.c.run_id)
        )
    )
    .group_by(journey_trails.c.element)
)
NEWEST = (
    select(journey_runs)
    .where(
        journey_runs.c.journey_id == bindparam("journey_id"),
        journey_runs.c.id < bindparam("before"),
    )
    .order_by(journey_runs.c.id.desc())
)
OF_PROFILE = (
    select(journey_runs)
    .where(journey_runs.c.profile_id == bindparam("profile_id"))
    .order_by(journey_runs.c.id.desc())
    .limit(bindparam("limit"))
)
MESSAGES = (
    select(journey_trails, journey_runs.c.journey_id, journey_runs.c.profile_id)
    .join(journey_runs, journey_runs.c.id == journey_trails.c.run_id)
    .where(journey_trails.c.kind.in_(("would_send", "held_back", "skipped")))
    .order_by(journey_trails.c.number.desc())
    .limit(bindparam("limit"))
)
