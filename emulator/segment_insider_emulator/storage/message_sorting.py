"""Messages sorted by a column or by a value in their JSON, and such values for lists."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    Text,
    bindparam,
    case,
    cast,
    func,
    select,
)

from segment_insider_emulator.storage.database import transaction
from segment_insider_emulator.storage.json_conditions import MessagePath, extract_text
from segment_insider_emulator.storage.message_filters import (
    MESSAGE_DOCUMENT,
    MessageFilters,
    build_filter_conditions,
)
from segment_insider_emulator.storage.message_search import (
    MessageSearch,
    MessageSummary,
    OldestScannedMessage,
    find_id_range_of_matches,
    load_oldest_scanned_message,
)
from segment_insider_emulator.storage.query_execution import (
    DEFAULT_TIME_BUDGET_S,
    IdRange,
    split_id_range,
)
from segment_insider_emulator.storage.records import VERDICTS
from segment_insider_emulator.storage.schema import deliveries, messages
from segment_insider_emulator.types import JSON

MAX_KEY_LENGTH: Final = 100  # characters of a text that are compared
FIXED_RANGE_BUDGET_S: Final = 5.0  # to sort a range again that took a fraction of this before

SortValue: TypeAlias = str | int | float
_NUMBER_RANK, _TEXT_RANK, _BOOLEAN_RANK = range(3)


class SortKey(NamedTuple):
    """Where a message comes in a sorted list: numbers, then texts, then booleans."""

    rank: int
    value: SortValue

    @property
    def is_valid(self) -> bool:
        """Return whether a key can be compared with others, also if it comes from an address."""
        return isinstance(self.value, str if self.rank == _TEXT_RANK else int | float)


class SortCursor(NamedTuple):
    """The last message of a sorted page, after which the next page begins."""

    key: SortKey
    id: int


@dataclass(frozen=True, slots=True)
class SortOrder:
    """Order of a list of messages.

    Args:
        column: A key of COLUMN_VALUES; "" for a path.
        path: Value to sort by, if there is no column.
    """

    column: str = ""
    path: MessagePath | None = None
    is_descending: bool = False

    def build_key(self, value: JSON) -> SortKey:
        """Return the sort key of a value; missing ones come last in both directions.

        A list is sorted by its first value.
        """
        if isinstance(value, list):
            return self.build_key(next((entry for entry in value if entry is not None), None))
        if value is None:
            return SortKey(-1 if self.is_descending else _BOOLEAN_RANK + 1, 0)
        if isinstance(value, bool):
            return SortKey(_BOOLEAN_RANK, int(value))
        if isinstance(value, int | float):
            return SortKey(_NUMBER_RANK, value)
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        return SortKey(_TEXT_RANK, text[:MAX_KEY_LENGTH].casefold())


@dataclass(frozen=True, slots=True)
class SortedPage:
    """One page of sorted messages.

    Args:
        sorted_ids: Range of the messages that were sorted; further pages sort the same range.
        scan_limit: Where the time was over; None if all matching messages were sorted.
        next_cursor: Where the next page begins; None after the last.
    """

    messages: list[MessageSummary]
    sorted_ids: IdRange
    scan_limit: OldestScannedMessage | None
    next_cursor: SortCursor | None


_REQUEST_COUNT = (
    select(func.count(func.coalesce(deliveries.c.upsert, cast(deliveries.c.id, Text)).distinct()))
    .where(deliveries.c.message_id == messages.c.message_id, deliveries.c.request.is_not(None))
    .scalar_subquery()
)
COLUMN_VALUES: Final[Mapping[str, ColumnElement[Any]]] = {
    "type": messages.c.type,
    "event": case(
        (func.coalesce(messages.c.event, "") != "", messages.c.event),
        else_=func.coalesce(extract_text(MESSAGE_DOCUMENT, "name"), messages.c.type),
    ),
    "user": func.coalesce(messages.c.user_id, messages.c.anonymous_id),
    # A rejected duplicate has the messageId of a delivered message, but no deliveries.
    "requests": case((messages.c.verdict == "rejected", 0), else_=_REQUEST_COUNT),
    "verdict": messages.c.verdict,
}
_OF_MESSAGE = deliveries.alias("of_message")  # a filter may look at deliveries, too
_OF_DELIVERED_MESSAGE = (_OF_MESSAGE.c.message_id == messages.c.message_id) & (
    messages.c.verdict != "rejected"
)
_SELECT_SENT = select(messages.c.id, messages.c.sent).where(
    messages.c.id.in_(bindparam("ids", expanding=True))
)
_SELECT_REQUESTS = (
    select(messages.c.id, _OF_MESSAGE.c.request)
    .join(_OF_MESSAGE, _OF_DELIVERED_MESSAGE)
    .where(messages.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(_OF_MESSAGE.c.id)
)


class MessageSorter:
    """Sorts the messages of one database in limited time.

    Args:
        search: Loads the messages of a page.
    """

    def __init__(self, engine: Engine, search: MessageSearch) -> None:
        self._engine, self._search = engine, search

    def find_sorted_page(
        self,
        filters: MessageFilters,
        order: SortOrder,
        *,
        ids: IdRange | None = None,
        after: SortCursor | None = None,
        limit: int = 100,
        time_budget_s: float = DEFAULT_TIME_BUDGET_S,
    ) -> SortedPage:
        """Return the first messages in *order* of all that match, as far as the time allows.

        Messages are read from the newest on. Equal ones keep the newest first.

        Args:
            ids: Range to sort; None for all.
            after: Last message of the page before.
        """
        first: list[tuple[SortKey, int]] = []
        with transaction(self._engine) as connection:
            all_ids = find_id_range_of_matches(connection, filters)
            chunk = all_ids = all_ids if ids is None else _intersect(all_ids, ids)
            for chunk in split_id_range(all_ids, time_budget_s=time_budget_s):
                values = _iter_chunk_values(connection, filters, order, chunk)
                first = _select_first((*first, *_iter_keys(values, order, after)), order, limit + 1)
            is_complete = chunk.low <= all_ids.low
            scan_limit = None if is_complete else load_oldest_scanned_message(connection, chunk.low)
        cursor = SortCursor(*first[limit - 1]) if len(first) > limit else None
        return SortedPage(
            self._load_messages([id for _, id in first[:limit]], filters),
            IdRange(chunk.low, all_ids.high),
            scan_limit,
            cursor,
        )

    def find_sorted_neighbour_ids(
        self,
        id: int,
        filters: MessageFilters,
        order: SortOrder,
        *,
        ids: IdRange | None = None,
        time_budget_s: float = DEFAULT_TIME_BUDGET_S,
    ) -> tuple[int | None, int | None]:
        """Return the ids of the messages before and after a message in a sorted list.

        Args:
            ids: Range that the list sorts; None for all, from the newest on as time allows.
        """
        before: list[tuple[SortKey, int]] = []
        after: list[tuple[SortKey, int]] = []
        with transaction(self._engine) as connection:
            own_values = _iter_chunk_values(connection, filters, order, IdRange(id, id))
            own = next((key for key, _ in _iter_keys(own_values, order, None)), None)
            if own is None:
                return None, None
            place = SortCursor(own, id)
            all_ids = find_id_range_of_matches(connection, filters)
            all_ids = all_ids if ids is None else _intersect(all_ids, ids)
            for chunk in split_id_range(all_ids, time_budget_s=time_budget_s):
                for key, other in _iter_keys(
                    _iter_chunk_values(connection, filters, order, chunk), order, None
                ):
                    if other != id:
                        is_after = _is_after(key, other, order, place)
                        (after if is_after else before).append((key, other))
                after = _select_first(after, order, 1)
                before = _select_last(before, order)
        return next((id for _, id in before), None), next((id for _, id in after), None)

    def load_values(
        self, paths: Sequence[MessagePath], summaries: Sequence[MessageSummary]
    ) -> dict[int, list[JSON]]:
        """Return for each message, by its id, the values at *paths*; None where there is none."""
        sent: Mapping[int, JSON] = {}
        users: Mapping[int, list[JSON]] = {}
        documents = {path.document for path in paths}
        values = {"ids": [message.id for message in summaries]}
        with transaction(self._engine) as connection:
            if "sent" in documents:
                sent = {row.id: row.sent for row in connection.execute(_SELECT_SENT, values)}
            if "insider" in documents:
                rows = connection.execute(_SELECT_REQUESTS, values)
                users = _group_users((row.id, row.request) for row in rows)
        return {
            message.id: [
                find_received_value(users.get(message.id, ()), path)
                if path.document == "insider"
                else path.path.find_value(
                    sent.get(message.id) if path.document == "sent" else message.document
                )
                for path in paths
            ]
            for message in summaries
        }

    def _load_messages(self, ids: list[int], filters: MessageFilters) -> list[MessageSummary]:
        found = self._search.find_matching_messages_by_ids(ids, filters) if ids else []
        by_id = {message.id: message for message in found}
        return [by_id[id] for id in ids if id in by_id]


def find_received_value(users: Iterable[JSON], path: MessagePath) -> JSON:
    """Return the value that Insider One received at a path: one, or a list of different ones."""
    found: dict[bytes, JSON] = {}
    for user in users:
        value = path.path.find_value(user)
        for entry in value if isinstance(value, list) else [value]:
            if entry is not None:
                found.setdefault(orjson.dumps(entry), entry)
    values = list(found.values())
    return values[0] if len(values) == 1 else values or None


def _intersect(one: IdRange, other: IdRange) -> IdRange:
    return IdRange(max(one.low, other.low), min(one.high, other.high))


def _iter_chunk_values(
    connection: Connection, filters: MessageFilters, order: SortOrder, chunk: IdRange
) -> Iterator[tuple[int, JSON]]:
    """Yield id and value of each matching message of a range of ids."""
    path = order.path
    statement = _build_value_select(order).where(
        messages.c.id.between(*chunk), *build_filter_conditions(filters)
    )
    rows = connection.execute(statement)
    if path is None:
        yield from ((row.id, row.value) for row in rows)
    elif path.document == "insider":
        for id, users in _group_users((row.id, row.value) for row in rows).items():
            yield id, find_received_value(users, path)
    else:
        yield from ((row.id, path.path.find_value(row.value)) for row in rows)


def _build_value_select(order: SortOrder) -> Select[Any]:
    if order.path is None:
        return select(messages.c.id, COLUMN_VALUES[order.column].label("value"))
    if order.path.document == "insider":
        value = _OF_MESSAGE.c.request.label("value")
        return select(messages.c.id, value).outerjoin_from(
            messages, _OF_MESSAGE, _OF_DELIVERED_MESSAGE
        )
    document = messages.c.sent if order.path.document == "sent" else MESSAGE_DOCUMENT
    return select(messages.c.id, document.label("value"))


def _group_users(requests_by_id: Iterable[tuple[int, JSON]]) -> dict[int, list[JSON]]:
    """Return the users that Insider One received of each message, by its id."""
    users: dict[int, list[JSON]] = {}
    for id, request in requests_by_id:
        of_message = users.setdefault(id, [])
        body = request.get("body") if isinstance(request, dict) else None
        try:
            document = orjson.loads(body) if isinstance(body, str) else None
        except orjson.JSONDecodeError:  # captured text
            continue
        found = document.get("users") if isinstance(document, dict) else None
        of_message += found if isinstance(found, list) else []
    return users


def _iter_keys(
    values: Iterable[tuple[int, JSON]], order: SortOrder, after: SortCursor | None
) -> Iterator[tuple[SortKey, int]]:
    for id, value in values:
        if order.column == "verdict" and isinstance(value, str):
            value = VERDICTS.index(value)
        key = order.build_key(value)
        if after is None or _is_after(key, id, order, after):
            yield key, id


def _is_after(key: SortKey, id: int, order: SortOrder, after: SortCursor) -> bool:
    if key == after.key:
        return id < after.id
    return (key < after.key) is order.is_descending


def _select_first(
    keys: Iterable[tuple[SortKey, int]], order: SortOrder, number: int
) -> list[tuple[SortKey, int]]:
    if order.is_descending:
        return heapq.nlargest(number, keys)
    return heapq.nsmallest(number, keys, key=lambda entry: (entry[0], -entry[1]))


def _select_last(
    keys: Sequence[tuple[SortKey, int]], order: SortOrder
) -> list[tuple[SortKey, int]]:
    if not keys:
        return []
    if order.is_descending:
        return [min(keys)]
    return [max(keys, key=lambda entry: (entry[0], -entry[1]))]
