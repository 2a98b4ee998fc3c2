"""How many messages there are by second and verdict, counted as they come and go.

Counting a million of them anew would take a page most of a second, each time that one arrives. The
database counts by itself: whoever writes messages cannot forget it.
"""

from typing import Any, Final

from sqlalchemy import Column, Connection, Select, Table, Text, event, func, select

from segment_insider_emulator.capture.database import Whole, metadata
from segment_insider_emulator.capture.filters import Filters
from segment_insider_emulator.capture.triggers import COUNTING

SECOND: Final = 19  # characters of an ISO 8601 time that say the second
ON_THE_SECOND: Final = ".000Z"

message_counts = Table(
    "message_counts",
    metadata,
    Column("second", Text, primary_key=True),  # ISO 8601, UTC, without its end
    Column("verdict", Text, primary_key=True),
    Column("number", Whole, nullable=False),
    sqlite_with_rowid=False,
)


@event.listens_for(metadata, "after_create")
def _let_count(_metadata: object, connection: Connection, **_: Any) -> None:
    for statement in COUNTING[connection.dialect.name]:
        connection.exec_driver_sql(statement)


def are_counted(filters: Filters) -> bool:
    """Whether what passes *filters* is counted already: they ask for seconds and verdicts alone."""
    times = (filters.since, filters.until)
    whole = all(each.endswith(ON_THE_SECOND) for each in times if each)
    return whole and filters == Filters(
        verdicts=filters.verdicts, since=filters.since, until=filters.until
    )


def counted(filters: Filters, length: int) -> Select[Any]:
    """What passes *filters*, which `are_counted`: rows of time, verdict and number.

    Args:
        length: How many characters of the time tell two apart, SECOND at most.
    """
    time = func.substr(message_counts.c.second, 1, length).label("time")
    number = func.sum(message_counts.c.number).label("number")
    statement = (
        select(time, message_counts.c.verdict, number)
        .where(message_counts.c.number > 0)
        .group_by(time, message_counts.c.verdict)
    )
    if filters.verdicts:
        statement = statement.where(message_counts.c.verdict.in_(filters.verdicts))
    if filters.since:
        statement = statement.where(message_counts.c.second >= filters.since[:SECOND])
    if filters.until:
        statement = statement.where(message_counts.c.second < filters.until[:SECOND])
    return statement
