"""Filters of message searches as SQL conditions: verdicts, times, and conditions of a query."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import orjson
from sqlalchemy import ColumnElement, and_, case, exists, false, func, not_, or_

from segment_insider_emulator.clock import Clock, format_iso_utc, parse_duration
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.storage.json_conditions import (
    JsonPath,
    JsonTest,
    build_contains_condition,
    build_json_condition,
    extract_text,
)
from segment_insider_emulator.storage.query_language import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Negation,
    build_query_error,
    is_path,
    join_conjuncts,
    list_conjuncts,
    parse_number,
    parse_query,
    split_range,
)
from segment_insider_emulator.storage.records import Verdict
from segment_insider_emulator.storage.schema import deliveries, messages

# The normalised event; for a rejected message, which has none, the message as sent.
MESSAGE_DOCUMENT = case(
    (messages.c.verdict == "rejected", messages.c.sent), else_=messages.c.normalised
)
_TEXT_COLUMNS = {
    "type": (messages.c.type,),
    "event": (messages.c.event,),
    "user": (messages.c.user_id, messages.c.anonymous_id),
    "source": (messages.c.source,),
    "message": (messages.c.message_id,),
    "reason": (messages.c.reason,),
}
_JSON_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class MessageFilters:
    """Filters of a search for messages; empty filters match everything.

    Verdicts and times that must hold in any case are apart: indexes and counts answer them.

    Args:
        verdicts: Any of these.
        since, until: ISO 8601, UTC, milliseconds; `until` is exclusive.
        condition: What else has to hold; `since:` and `until:` in it are ISO 8601, too.
    """

    verdicts: tuple[Verdict, ...] = ()
    since: str = ""
    until: str = ""
    condition: Condition | None = None


def parse_message_query(text: str, clock: Clock) -> MessageFilters:
    """Parse the text of a query to filters of messages.

    Args:
        clock: From which durations such as `since:10m` count back.
    Raises: QueryError.
    """
    return build_message_filters(parse_query(text), clock)


def build_message_filters(condition: Condition | None, clock: Clock) -> MessageFilters:
    """Return the filters of messages for a condition of a query. Raises: QueryError."""
    verdicts: tuple[Verdict, ...] = ()
    since, until = "", ""
    others = []
    for part in list_conjuncts(condition and _resolve_times(condition, clock)):
        match part:
            case Comparison(name="since"):
                since = max(since, part.value)
            case Comparison(name="until"):
                until = min(until or part.value, part.value)
            case Comparison(name="verdict") if not verdicts:
                verdicts = cast(tuple[Verdict, ...], tuple(part.value.split(",")))
            case _:
                others.append(part)
    return MessageFilters(verdicts, since, until, join_conjuncts(tuple(others)))


def _resolve_times(condition: Condition, clock: Clock) -> Condition:
    match condition:
        case Comparison(name="since" | "until"):
            time = _parse_time(condition, clock)
            return Comparison(condition.name, "=", time, True, condition.column)
        case Negation(part):
            return Negation(_resolve_times(part, clock))
        case AllOf(parts):
            return AllOf(tuple(_resolve_times(part, clock) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_resolve_times(part, clock) for part in parts))
    return condition


def _parse_time(comparison: Comparison, clock: Clock) -> str:
    """Parse an ISO 8601 time (UTC by default) or a duration before now, such as "15 minutes"."""
    text = comparison.value
    try:
        moment = datetime.fromisoformat(text)
        return format_iso_utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        pass
    try:
        # Full seconds, because messages are counted by second.
        return format_iso_utc((clock() - parse_duration(text, "since")).replace(microsecond=0))
    except EmulatorError:
        remedy = "Give a time such as 2026-11-23T10:00, or a length such as 10m or 2h."
        what = f"{text[:40]!r} is not a time"
        raise build_query_error(what, comparison.column, remedy) from None


def build_filter_conditions(filters: MessageFilters) -> Iterator[ColumnElement[bool]]:
    """Yield the SQL conditions on the messages table for the *filters* of a message search."""
    if filters.verdicts:
        yield messages.c.verdict.in_(filters.verdicts)
    yield from build_time_conditions(filters)
    for part in list_conjuncts(filters.condition):
        yield _build_condition(part)


def build_time_conditions(filters: MessageFilters) -> Iterator[ColumnElement[bool]]:
    """Yield the SQL conditions for the times `since` and `until` of a message search."""
    if filters.since:
        yield messages.c.received_at >= filters.since
    if filters.until:
        yield messages.c.received_at < filters.until


def _build_condition(condition: Condition) -> ColumnElement[bool]:
    match condition:
        case AllOf(parts):
            return and_(*map(_build_condition, parts))
        case AnyOf(parts):
            return or_(*map(_build_condition, parts))
        case Negation(part):
            # A missing value compares as NULL, which NOT would leave NULL.
            return not_(func.coalesce(_build_condition(part), false()))
    return _build_comparison(condition)


def _build_comparison(comparison: Comparison) -> ColumnElement[bool]:
    if is_path(comparison.name) or comparison.name == "has":
        return _build_path_condition(comparison)
    if columns := _TEXT_COLUMNS.get(comparison.name):
        return or_(*(_build_text_condition(column, comparison) for column in columns))
    return _FIELD_CONDITIONS[comparison.name](comparison)


def _build_text_condition(
    column: ColumnElement[Any], comparison: Comparison
) -> ColumnElement[bool]:
    if comparison.operator == "~":
        return build_contains_condition(column, comparison.value)
    return column == comparison.value


def _build_search_condition(comparison: Comparison) -> ColumnElement[bool]:
    """Build the SQL condition that the call, its reason or its requests contain a text."""
    text = comparison.value
    in_json = _encode_within_json(text)
    columns = (messages.c.message_id, messages.c.reason, messages.c.sent)
    conditions = [build_contains_condition(column, text) for column in columns]
    if in_json != text:
        conditions.append(build_contains_condition(messages.c.sent, in_json))
    # The body of a request is a text within its JSON.
    in_request = build_contains_condition(deliveries.c.request, _encode_within_json(in_json))
    return or_(*conditions, _has_delivery(in_request))


def _encode_within_json(text: str) -> str:
    return orjson.dumps(text).decode()[1:-1]


def _has_delivery(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    # A rejected duplicate has the messageId of a delivered message, but no deliveries.
    of_message = deliveries.c.message_id == messages.c.message_id
    return and_(messages.c.verdict != "rejected", exists().where(of_message, condition))


def _build_path_condition(comparison: Comparison) -> ColumnElement[bool]:
    path, tests = comparison.path, tuple(_list_tests(comparison))
    if path.document == "event":
        return build_json_condition(MESSAGE_DOCUMENT, path.path, tests)
    if path.document == "sent":
        return build_json_condition(messages.c.sent, path.path, tests)
    in_body = JsonPath(("users", None, *path.path.steps))
    body = extract_text(deliveries.c.request, "body")
    request: ColumnElement[Any] = deliveries.c.request
    return _has_delivery(
        build_json_condition(request, in_body, tests, is_encoded_twice=True, document=body)
    )


def _list_tests(comparison: Comparison) -> Iterator[JsonTest]:
    if comparison.name == "has":
        yield JsonTest("has")
    elif comparison.operator == "..":
        for operator, end in zip((">=", "<="), split_range(comparison), strict=True):
            number = parse_number(end)
            yield JsonTest(operator, (end if number is None else number,))
    else:
        yield JsonTest(comparison.operator, tuple(_list_wanted_values(comparison)))


def _list_wanted_values(comparison: Comparison) -> Iterator[str | int | float | bool | None]:
    """Yield the JSON values that a value of a query may mean."""
    text, operator = comparison.value, comparison.operator
    number = None if comparison.is_quoted else parse_number(text)
    if operator in ("=", "~") or number is None:
        yield text
    if operator != "~" and number is not None:
        yield number
    if operator == "=" and not comparison.is_quoted and text in _JSON_WORDS:
        yield _JSON_WORDS[text]


def _build_cause_condition(comparison: Comparison) -> ColumnElement[bool]:
    """Build the SQL condition that a finding has a cause: findings are compact JSON."""
    cause = f'"cause":"{_encode_within_json(comparison.value)}"'
    return _has_delivery(build_contains_condition(deliveries.c.findings, cause))


_FIELD_CONDITIONS: dict[str, Callable[[Comparison], ColumnElement[bool]]] = {
    "": _build_search_condition,
    "verdict": lambda comparison: messages.c.verdict.in_(comparison.value.split(",")),
    "subscription": lambda comparison: _has_delivery(
        _build_text_condition(deliveries.c.subscription, comparison)
    ),
    "cause": _build_cause_condition,
    "since": lambda comparison: messages.c.received_at >= comparison.value,
    "until": lambda comparison: messages.c.received_at < comparison.value,
}
