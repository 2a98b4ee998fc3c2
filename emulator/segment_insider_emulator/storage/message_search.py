"""Search for stored messages: pages newest first, neighbours, and counts by verdict and time."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Row,
    Select,
    bindparam,
    func,
    select,
)

from segment_insider_emulator.storage.database import transaction
from segment_insider_emulator.storage.message_filters import (
    MESSAGE_DOCUMENT,
    MessageFilters,
    build_filter_conditions,
    build_time_conditions,
)
from segment_insider_emulator.storage.query_execution import (
    DEFAULT_TIME_BUDGET_S,
    IdRange,
    split_id_range,
)
from segment_insider_emulator.storage.records import Verdict
from segment_insider_emulator.storage.schema import deliveries, message_counts, messages
from segment_insider_emulator.types import JSONObject


@dataclass(frozen=True, slots=True)
class DeliverySummary:
    """Short form of a delivery, for the list of messages.

    Args:
        upsert: Id of the request shared with other deliveries; None if it has its own.
        requested: Whether a request was made at all.
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
    """Short form of a message with its deliveries, for the list of messages.

    Args:
        document: The normalised event; for a rejected message, the message as sent.
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
    def user_or_anonymous_id(self) -> str | None:
        """Return the message's user id, else its anonymous id; None without both."""
        return self.user_id or self.anonymous_id

    @property
    def title(self) -> str | None:
        """Return the title of a message in lists: the name of its event, page or screen."""
        name = self.document.get("name")
        return self.event or (name if isinstance(name, str) else None) or None

    @property
    def request_count(self) -> int:
        """Return how many requests to Insider One carry this message."""
        return len(
            {delivery.upsert or delivery.id for delivery in self.deliveries if delivery.requested}
        )


class OldestScannedMessage(NamedTuple):
    """The oldest message that a search scanned before its time ran out: where to continue."""

    id: int
    received_at: str


@dataclass(frozen=True, slots=True)
class MessagePage:
    """One page of a message search, newest first.

    Args:
        has_more: Whether more messages match.
        scan_limit: Where the scan stopped; None if it reached the limit or the end.
    """

    messages: list[MessageSummary]
    has_more: bool
    scan_limit: OldestScannedMessage | None

    @property
    def next_before_id(self) -> int | None:
        """Return the `before_id` of the next page of a message search; None after the last."""
        if self.scan_limit:
            return self.scan_limit.id
        return self.messages[-1].id if self.has_more else None


SECOND_PREFIX_LENGTH: Final = 19  # characters of an ISO 8601 time up to its seconds
WHOLE_SECOND_SUFFIX: Final = ".000Z"


def can_use_message_counts(filters: MessageFilters) -> bool:
    """Return whether the table `message_counts` can answer a message search.

    It can if *filters* has only verdicts and whole seconds.
    """
    times = (filters.since, filters.until)
    has_whole_seconds = all(time.endswith(WHOLE_SECOND_SUFFIX) for time in times if time)
    return has_whole_seconds and filters == MessageFilters(
        verdicts=filters.verdicts, since=filters.since, until=filters.until
    )


def build_message_counts_select(filters: MessageFilters, time_prefix_length: int) -> Select[Any]:
    """Build the SELECT of the counts of messages that match *filters*, by time and verdict.

    See `can_use_message_counts`.

    Args:
        time_prefix_length: Characters of the time to group by, at most SECOND_PREFIX_LENGTH.
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


_MAX_NAME_SUGGESTIONS = 500

_SELECT_MESSAGE_SUMMARIES = select(
    *(column for column in messages.c if column.name not in ("sent", "normalised", "filtering")),
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
_SELECT_OLDEST_TIME = select(func.min(messages.c.received_at))
_SELECT_NEWEST_TIME = select(func.max(messages.c.received_at))
# Two subqueries: each is looked up in the index, where one query would scan for both.
_SELECT_ID_BOUNDS = select(
    select(func.min(messages.c.id)).scalar_subquery(),
    select(func.max(messages.c.id)).scalar_subquery(),
)
_SELECT_FIRST_MESSAGE_FROM = (
    select(messages.c.id, messages.c.received_at)
    .where(messages.c.id >= bindparam("id"))
    .order_by(messages.c.id)
    .limit(1)
)


class MessageSearch:
    """Searches the messages of one database for pages, neighbours and counts, in limited time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find_message_page(
        self,
        filters: MessageFilters,
        *,
        before_id: int | None = None,
        after_id: int = 0,
        limit: int = 100,
        time_budget_s: float = DEFAULT_TIME_BUDGET_S,
    ) -> MessagePage:
        """Return the newest messages that match *filters*, as one page.

        Args:
            before_id, after_id: Only messages with a lower or a higher id.
            time_budget_s: Time after which the search stops with what it has.
        """
        rows: list[Row[Any]] = []
        with transaction(self._engine) as connection:
            chunk = ids = find_id_range_of_matches(connection, filters, before_id, after_id)
            for chunk in split_id_range(ids, time_budget_s=time_budget_s):
                statement = _SELECT_MESSAGE_SUMMARIES.where(
                    messages.c.id.between(*chunk), *build_filter_conditions(filters)
                )
                rows += connection.execute(statement.limit(limit + 1 - len(rows)))
                if len(rows) > limit:
                    break
            has_more = len(rows) > limit
            is_complete = has_more or chunk.low <= ids.low
            scan_limit = None if is_complete else load_oldest_scanned_message(connection, chunk.low)
        return MessagePage(self._build_message_summaries(rows[:limit]), has_more, scan_limit)

    def find_oldest_message_ids(
        self,
        filters: MessageFilters,
        *,
        after_id: int = 0,
        limit: int = 100,
        time_budget_s: float = DEFAULT_TIME_BUDGET_S,
    ) -> tuple[list[int], int | None]:
        """Return the ids of the oldest messages that match *filters*, and where to continue.

        Args:
            after_id: Only messages with a higher id.
            time_budget_s: Time after which the search stops with what it has.
        Returns: The ids, and the `after_id` of the next page or None after the last.
        """
        found: list[int] = []
        statement = (
            select(messages.c.id).where(*build_filter_conditions(filters)).order_by(messages.c.id)
        )
        with transaction(self._engine) as connection:
            chunk = ids = find_id_range_of_matches(connection, filters, None, after_id)
            for chunk in split_id_range(ids, ascending=True, time_budget_s=time_budget_s):
                rows = connection.scalars(
                    statement.where(messages.c.id.between(*chunk)).limit(limit + 1 - len(found))
                )
                found += rows
                if len(found) > limit:
                    return found[:limit], found[limit - 1]
        return found, chunk.high if chunk.high < ids.high else None

    def find_matching_messages_by_ids(
        self, ids: Sequence[int], filters: MessageFilters
    ) -> list[MessageSummary]:
        """Return the messages with these *ids* that match *filters*."""
        statement = _SELECT_MESSAGE_SUMMARIES.where(
            messages.c.id.in_(ids), *build_filter_conditions(filters)
        )
        return self._build_message_summaries(self._fetch_rows(statement))

    def find_first_message_from(self, id: int) -> OldestScannedMessage | None:
        """Return id and time of the first message with an id from *id* on; None after the last."""
        with transaction(self._engine) as connection:
            return load_oldest_scanned_message(connection, id)

    def find_neighbour_ids(self, id: int, filters: MessageFilters) -> tuple[int | None, int | None]:
        """Return the ids of the next newer and older matching message; None if none is near."""
        with transaction(self._engine) as connection:
            newer = find_id_range_of_matches(connection, filters, None, id)
            older = find_id_range_of_matches(connection, filters, id, 0)
            return (
                _find_nearest_matching_id(connection, filters, newer, ascending=True),
                _find_nearest_matching_id(connection, filters, older, ascending=False),
            )

    def find_message_time_range(self) -> tuple[str, str] | None:
        """Return when the first and the last message were received; None without messages."""
        with transaction(self._engine) as connection:
            oldest, newest = (
                connection.scalar(_SELECT_OLDEST_TIME),
                connection.scalar(_SELECT_NEWEST_TIME),
            )
        return (oldest, newest) if oldest and newest else None

    def count_messages_by_time_and_verdict(
        self,
        filters: MessageFilters,
        time_prefix_length: int,
        *,
        time_budget_s: float = DEFAULT_TIME_BUDGET_S,
    ) -> tuple[dict[tuple[str, Verdict], int], OldestScannedMessage | None]:
        """Count messages by time and verdict, and return how far the count reached.

        Args:
            time_prefix_length: Characters of the ISO 8601 time to group by; 16 groups by minute.
            time_budget_s: Time limit, used only where messages have to be scanned.
        """
        counts: Counter[tuple[str, Verdict]] = Counter()
        with transaction(self._engine) as connection:
            if can_use_message_counts(filters):
                for row in connection.execute(
                    build_message_counts_select(filters, time_prefix_length)
                ):
                    counts[row.time, row.verdict] = int(row.number)
                return counts, None
            time = func.substr(messages.c.received_at, 1, time_prefix_length).label("time")
            statement = (
                select(time, messages.c.verdict, func.count().label("number"))
                .where(*build_filter_conditions(filters))
                .group_by(time, messages.c.verdict)
            )
            chunk = ids = find_id_range_of_matches(connection, filters)
            for chunk in split_id_range(ids, time_budget_s=time_budget_s):
                for row in connection.execute(statement.where(messages.c.id.between(*chunk))):
                    counts[row.time, row.verdict] += row.number
            return counts, None if chunk.low <= ids.low else load_oldest_scanned_message(
                connection, chunk.low
            )

    def list_filter_choices(self) -> dict[str, list[str]]:
        """Return the event and subscription names to choose from in the message filters."""
        columns = {"event": messages.c.event, "subscription": deliveries.c.subscription}
        return {
            name: sorted(row[0] for row in self._fetch_rows(_build_distinct_values_select(column)))
            for name, column in columns.items()
        }

    def _build_message_summaries(self, rows: Sequence[Row[Any]]) -> list[MessageSummary]:
        # A rejected duplicate has the messageId of a delivered message, but no deliveries.
        delivered_ids = {row.message_id for row in rows if row.verdict != "rejected"}
        summaries = self._load_delivery_summaries(delivered_ids)
        return [
            MessageSummary(
                **row._mapping,
                deliveries=()
                if row.verdict == "rejected"
                else tuple(summaries.get(row.message_id, ())),
            )
            for row in rows
        ]

    def _load_delivery_summaries(
        self, message_ids: Iterable[str]
    ) -> dict[str, list[DeliverySummary]]:
        summaries: dict[str, list[DeliverySummary]] = {}
        values = {"message_ids": list(message_ids)}
        with transaction(self._engine) as connection:
            for row in connection.execute(_SELECT_DELIVERY_SUMMARIES, values):
                summaries.setdefault(row.message_id, []).append(DeliverySummary(**row._mapping))
        return summaries

    def _fetch_rows(self, statement: Select[Any]) -> list[Row[Any]]:
        with transaction(self._engine) as connection:
            return list(connection.execute(statement))


def find_id_range_of_matches(
    connection: Connection, filters: MessageFilters, before_id: int | None = None, after_id: int = 0
) -> IdRange:
    """Return the lowest and the highest id of messages that may match *filters*."""
    times = list(build_time_conditions(filters))
    bounds = select(func.min(messages.c.id), func.max(messages.c.id)).where(*times)
    lowest, highest = connection.execute(bounds if times else _SELECT_ID_BOUNDS).one()
    if lowest is None:
        return IdRange(1, 0)
    if before_id is not None:
        highest = min(highest, before_id - 1)
    return IdRange(max(lowest, after_id + 1), highest)


def _find_nearest_matching_id(
    connection: Connection, filters: MessageFilters, ids: IdRange, *, ascending: bool
) -> int | None:
    order = messages.c.id if ascending else messages.c.id.desc()
    statement = (
        select(messages.c.id).where(*build_filter_conditions(filters)).order_by(order).limit(1)
    )
    time_budget_s = DEFAULT_TIME_BUDGET_S / 2
    for chunk in split_id_range(ids, ascending=ascending, time_budget_s=time_budget_s):
        nearest_id = connection.scalar(statement.where(messages.c.id.between(*chunk)))
        if nearest_id is not None:
            return int(nearest_id)
    return None


def load_oldest_scanned_message(connection: Connection, id: int) -> OldestScannedMessage | None:
    """Return the first message with an id from *id* on, as the limit of a scan."""
    row = connection.execute(_SELECT_FIRST_MESSAGE_FROM, {"id": id}).first()
    return row and OldestScannedMessage(id, row.received_at)


def _build_distinct_values_select(column: Column[Any]) -> Select[Any]:
    """Build the SELECT of the distinct values of an indexed *column*.

    Each value is looked up from the one before, since few values repeat in very many rows.
    """
    first = select(func.min(column).label("name")).cte("names", recursive=True)
    following = select(func.min(column)).where(column > first.c.name).scalar_subquery()
    names = first.union_all(select(following).where(first.c.name.is_not(None)))
    return select(names.c.name).where(names.c.name.is_not(None)).limit(_MAX_NAME_SUGGESTIONS)
