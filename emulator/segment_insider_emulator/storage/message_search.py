"""Messages in a list, and how far was looked for them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Row,
    Select,
    Table,
    Text,
    bindparam,
    event,
    func,
    select,
)

from segment_insider_emulator.storage.database import transaction
from segment_insider_emulator.storage.message_filters import (
    MESSAGE_DOCUMENT,
    MessageFilters,
    build_conditions,
    build_time_conditions,
)
from segment_insider_emulator.storage.query_execution import (
    DEFAULT_TIME_BUDGET_S,
    IdRange,
    split_into_chunks,
)
from segment_insider_emulator.storage.records import Verdict
from segment_insider_emulator.storage.schema import (
    MESSAGE_COUNT_TRIGGERS,
    Int64,
    deliveries,
    messages,
    metadata,
)
from segment_insider_emulator.types import JSONObject


@dataclass(frozen=True, slots=True)
class DeliverySummary:
    """One delivery in a list: which subscription took the message, and what came of it.

    Args:
        upsert: The request that it shares with others; None where it has its own.
        requested: Whether there was a request at all.
    """

    id: int
    message_id: str
    subscription: str
    action_slug: str
    verdict: Verdict
    reason: str | None
    upsert: str | None
    requested: bool


@dataclass(frozen=True, slots=True)
class MessageSummary:
    """One message in a list.

    Args:
        document: What destinations were handed; of a rejected message, what was sent.
    """

    id: int
    message_id: str
    type: str | None
    event: str | None
    user_id: str | None
    anonymous_id: str | None
    received_at: str
    verdict: Verdict
    reason: str | None
    source: str | None
    document: JSONObject
    deliveries: tuple[DeliverySummary, ...]

    @property
    def user(self) -> str | None:
        """Whose it is, as far as the message says."""
        return self.user_id or self.anonymous_id

    @property
    def title(self) -> str | None:
        """The event's name, or that of the page or screen."""
        name = self.document.get("name")
        return self.event or (name if isinstance(name, str) else None) or None

    @property
    def request_count(self) -> int:
        """How many requests to Insider One it has led to, or shares."""
        return len({each.upsert or each.id for each in self.deliveries if each.requested})


class ScanLimit(NamedTuple):
    """The oldest message that was looked at, where there was no time to look at all."""

    id: int
    received_at: str


@dataclass(frozen=True, slots=True)
class MessagePage:
    """What was found, newest first.

    Args:
        more: Whether there are more beyond the limit.
        reach: How far was looked; None where the limit or the end was reached.
    """

    messages: list[MessageSummary]
    has_more: bool
    scan_limit: ScanLimit | None

    @property
    def next_before_id(self) -> int | None:
        """From where to look on; None where all was looked at."""
        if self.scan_limit:
            return self.scan_limit.id
        return self.messages[-1].id if self.has_more else None


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


_MAX_NAME_SUGGESTIONS = 500  # suggested at most

_SELECT_MESSAGE_SUMMARIES = select(
    *(each for each in messages.c if each.name not in ("sent", "normalised", "filtering")),
    MESSAGE_DOCUMENT.label("document"),
).order_by(messages.c.id.desc())
_SELECT_DELIVERY_SUMMARIES = (
    select(
        deliveries.c.id,
        deliveries.c.message_id,
        deliveries.c.subscription,
        deliveries.c.action_slug,
        deliveries.c.verdict,
        deliveries.c.reason,
        deliveries.c.upsert,
        deliveries.c.request.is_not(None).label("requested"),
    )
    .where(deliveries.c.message_id.in_(bindparam("message_ids", expanding=True)))
    .order_by(deliveries.c.id)
)
_SELECT_OLDEST_TIME, _SELECT_NEWEST_TIME = (
    select(each(messages.c.received_at)) for each in (func.min, func.max)
)
_LOWEST_ID, _HIGHEST_ID = (
    select(each(messages.c.id)).scalar_subquery() for each in (func.min, func.max)
)
_SELECT_ID_BOUNDS = select(
    _LOWEST_ID, _HIGHEST_ID
)  # either is looked up, where both at once would be searched for
_SELECT_FIRST_MESSAGE_FROM = (
    select(messages.c.id, messages.c.received_at)
    .where(messages.c.id >= bindparam("id"))
    .order_by(messages.c.id)
    .limit(1)
)


class MessageSearch:
    """Looks through the messages of one database, for a fraction of a second at most."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find_page(
        self,
        filters: MessageFilters,
        *,
        before_id: int | None = None,
        after_id: int = 0,
        limit: int = 100,
        time_budget_s: float = DEFAULT_TIME_BUDGET_S,
    ) -> MessagePage:
        """Messages that pass *filters*, newest first.

        Args:
            before, after: Only those with a lower or higher id.
            patience: Seconds.
        """
        rows: list[Row[Any]] = []
        with transaction(self._engine) as connection:
            part = ids = _candidate_ids(connection, filters, before_id, after_id)
            for part in split_into_chunks(ids, time_budget_s=time_budget_s):
                statement = _SELECT_MESSAGE_SUMMARIES.where(
                    messages.c.id.between(*part), *build_conditions(filters)
                )
                rows += connection.execute(statement.limit(limit + 1 - len(rows)))
                if len(rows) > limit:
                    break
            ended = len(rows) > limit or part.low <= ids.low
            reach = None if ended else _scan_limit_at(connection, part.low)
        return MessagePage(self._build_summaries(rows[:limit]), len(rows) > limit, reach)

    def find_by_ids(self, ids: Sequence[int], filters: MessageFilters) -> list[MessageSummary]:
        """The messages with these *ids* that pass *filters*."""
        statement = _SELECT_MESSAGE_SUMMARIES.where(
            messages.c.id.in_(ids), *build_conditions(filters)
        )
        return self._build_summaries(self._fetch_all(statement))

    def find_neighbour_ids(self, id: int, filters: MessageFilters) -> tuple[int | None, int | None]:
        """The next newer and next older message that pass *filters*; None where none is near."""
        with transaction(self._engine) as connection:
            newer = _candidate_ids(connection, filters, None, id)
            older = _candidate_ids(connection, filters, id, 0)
            return (
                _find_nearest_id(connection, filters, newer, ascending=True),
                _find_nearest_id(connection, filters, older, ascending=False),
            )

    def find_time_range(self) -> tuple[str, str] | None:
        """When the first and the last message were received; None without any."""
        with transaction(self._engine) as connection:
            oldest, newest = (
                connection.scalar(_SELECT_OLDEST_TIME),
                connection.scalar(_SELECT_NEWEST_TIME),
            )
        return (oldest, newest) if oldest and newest else None

    def count_by_time_and_verdict(
        self,
        filters: MessageFilters,
        time_prefix_length: int,
        *,
        time_budget_s: float = DEFAULT_TIME_BUDGET_S,
    ) -> tuple[dict[tuple[str, Verdict], int], ScanLimit | None]:
        """How many messages there are by time and verdict, and how far was counted.

        Args:
            length: How many characters of the ISO 8601 time tell two apart: 16 counts by minute.
            patience: Seconds, where they have to be looked at.
        """
        sums: Counter[tuple[str, Verdict]] = Counter()
        with transaction(self._engine) as connection:
            if can_use_counts(filters):
                for row in connection.execute(select_counts(filters, time_prefix_length)):
                    sums[row.time, row.verdict] = int(row.number)
                return sums, None
            time = func.substr(messages.c.received_at, 1, time_prefix_length).label("time")
            statement = (
                select(time, messages.c.verdict, func.count().label("number"))
                .where(*build_conditions(filters))
                .group_by(time, messages.c.verdict)
            )
            part = ids = _candidate_ids(connection, filters)
            for part in split_into_chunks(ids, time_budget_s=time_budget_s):
                for row in connection.execute(statement.where(messages.c.id.between(*part))):
                    sums[row.time, row.verdict] += row.number
            return sums, None if part.low <= ids.low else _scan_limit_at(connection, part.low)

    def list_filter_choices(self) -> dict[str, list[str]]:
        """What there is to choose from: "event" and "subscription" -> names."""
        columns = {"event": messages.c.event, "subscription": deliveries.c.subscription}
        return {
            name: sorted(row[0] for row in self._fetch_all(_select_distinct(column)))
            for name, column in columns.items()
        }

    def _build_summaries(self, rows: Sequence[Row[Any]]) -> list[MessageSummary]:
        made = self._load_delivery_summaries(
            {row.message_id for row in rows if row.verdict != "rejected"}
        )
        return [_build_summary(row, made) for row in rows]

    def _load_delivery_summaries(
        self, message_ids: Iterable[str]
    ) -> dict[str, list[DeliverySummary]]:
        made: dict[str, list[DeliverySummary]] = {}
        with transaction(self._engine) as connection:
            for row in connection.execute(
                _SELECT_DELIVERY_SUMMARIES, {"message_ids": list(message_ids)}
            ):
                made.setdefault(row.message_id, []).append(DeliverySummary(**row._mapping))
        return made

    def _fetch_all(self, statement: Select[Any]) -> list[Row[Any]]:
        with transaction(self._engine) as connection:
            return list(connection.execute(statement))


def _build_summary(
    row: Row[Any], deliveries_by_message_id: dict[str, list[DeliverySummary]]
) -> MessageSummary:
    own = (
        () if row.verdict == "rejected" else tuple(deliveries_by_message_id.get(row.message_id, ()))
    )
    values = {**row._mapping, "document": orjson.loads(row.document)}
    return MessageSummary(**values, deliveries=own)


def _candidate_ids(
    connection: Connection, filters: MessageFilters, before_id: int | None = None, after_id: int = 0
) -> IdRange:
    """From the lowest to the highest id that may pass *filters*."""
    times = list(build_time_conditions(filters))
    ends = select(func.min(messages.c.id), func.max(messages.c.id)).where(*times)
    lowest, highest = connection.execute(ends if times else _SELECT_ID_BOUNDS).one()
    if lowest is None:
        return IdRange(1, 0)
    return IdRange(
        max(lowest, after_id + 1), highest if before_id is None else min(highest, before_id - 1)
    )


def _find_nearest_id(
    connection: Connection, filters: MessageFilters, ids: IdRange, *, ascending: bool
) -> int | None:
    order = messages.c.id if ascending else messages.c.id.desc()
    nearest = select(messages.c.id).where(*build_conditions(filters)).order_by(order).limit(1)
    for part in split_into_chunks(
        ids, ascending=ascending, time_budget_s=DEFAULT_TIME_BUDGET_S / 2
    ):
        found = connection.scalar(nearest.where(messages.c.id.between(*part)))
        if found is not None:
            return int(found)
    return None


def _scan_limit_at(connection: Connection, id: int) -> ScanLimit | None:
    row = connection.execute(_SELECT_FIRST_MESSAGE_FROM, {"id": id}).first()
    return row and ScanLimit(id, row.received_at)


def _select_distinct(column: Column[Any]) -> Select[Any]:
    """The values of *column*, which has an index: from each is looked for the next larger one,
    since there are few in very many rows."""
    first = select(func.min(column).label("name")).cte("names", recursive=True)
    following = select(func.min(column)).where(column > first.c.name).scalar_subquery()
    names = first.union_all(select(following).where(first.c.name.is_not(None)))
    return select(names.c.name).where(names.c.name.is_not(None)).limit(_MAX_NAME_SUGGESTIONS)
