"""How many messages there are by second and verdict, counted as they come and go.

Counting a million of them anew would take a page most of a second, each time that one arrives. The
database counts by itself: whoever writes messages cannot forget it.
"""

from typing import Any, Final

from sqlalchemy import Column, Connection, Select, Table, Text, event, func, select

from segment_insider_emulator.capture.database import Int64, metadata
from segment_insider_emulator.capture.filters import MessageFilters
from segment_insider_emulator.capture.triggers import MESSAGE_COUNT_TRIGGERS

SECOND_PREFIX_LENGTH: Final = 19  # characters of an ISO 8601 time that say the second
WHOLE_SECOND_SUFFIX: Final = ".000Z"

message_counts = Table(
    "message_counts",
    metadata,
    Column("second", Text, primary_key=True),  # ISO 8601, UTC, without its end
    Column("verdict", Text, primary_key=True),
    Column("number", Int64, nullable=False),
    sqlite_with_rowid=False,
)


@event.listens_for(metadata, "after_create")
def _create_count_triggers(_metadata: object, connection: Connection, **_: Any) -> None:
    for statement in MESSAGE_COUNT_TRIGGERS[connection.dialect.name]:
        connection.exec_driver_sql(statement)


def can_use_counts(filters: MessageFilters) -> bool:
    """Whether what passes *filters* is counted already: they ask for seconds and verdicts alone."""
    times = (filters.since, filters.until)
    whole = all(each.endswith(WHOLE_SECOND_SUFFIX) for each in times if each)
    return whole and filters == MessageFilters(
        verdicts=filters.verdicts, since=filters.since, until=filters.until
    )


def select_counts(filters: MessageFilters, time_prefix_length: int) -> Select[Any]:
    """What passes *filters*, which `are_counted`: rows of time, verdict and number.

    Args:
        length: How many characters of the time tell two apart, SECOND at most.
    """
    time = func.substr(message_counts.c.second, 1, time_prefix_length).label("time")
    number = func.sum(message_counts.c.number).label("number")
    statement = (
        select(time, message_counts.c.verdict, number)
        .where(message_counts.c.number > 0)
        .group_by(time, message_counts.c.verdict)
    )
    if filters.verdicts:
        statement = statement.where(message_counts.c.verdict.in_(filters.verdicts))
    if filters.since:
        statement = statement.where(message_counts.c.second >= filters.since[:SECOND_PREFIX_LENGTH])
    if filters.until:
        statement = statement.where(message_counts.c.second < filters.until[:SECOND_PREFIX_LENGTH])
    return statement
