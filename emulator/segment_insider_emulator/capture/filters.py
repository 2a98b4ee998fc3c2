"""What a person filters messages by, as conditions on their table."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, ColumnElement, and_, case, exists, literal, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from segment_insider_emulator.capture.json_paths import JsonPath
from segment_insider_emulator.capture.records import Verdict
from segment_insider_emulator.capture.tables import deliveries, messages

# What destinations were handed; of a rejected message, which came to none, what was sent.
MESSAGE_DOCUMENT = case(
    (messages.c.verdict == "rejected", messages.c.sent), else_=messages.c.normalised
)

# What LIKE would take for a placeholder, and for what takes its meaning away.
_LIKE_ESCAPES = str.maketrans({each: f"/{each}" for each in "%_/"})


@dataclass(frozen=True, slots=True)
class MessageFilters:
    """What a message must have to be shown; what is empty does not matter.

    Args:
        text: Stands in what was sent, in its id or in the reason, in any case.
        user: A user id or an anonymous id.
        verdicts: Any of them.
        since, until: ISO 8601, UTC, milliseconds; the latter is not included.
        paths: Each with the value wanted there, or None where any will do.
    """

    text: str = ""
    type: str = ""
    event: str = ""
    user: str = ""
    source: str = ""
    subscription: str = ""
    verdicts: tuple[Verdict, ...] = ()
    since: str = ""
    until: str = ""
    paths: tuple[tuple[JsonPath, str | None], ...] = ()


def build_conditions(filters: MessageFilters) -> Iterator[ColumnElement[bool]]:
    """What a row of messages must fulfil, all of it, to pass *filters*."""
    yield from (
        messages.c[name] == getattr(filters, name)
        for name in ("type", "event", "source")
        if getattr(filters, name)
    )
    if filters.user:
        yield or_(messages.c.user_id == filters.user, messages.c.anonymous_id == filters.user)
    if filters.verdicts:
        yield messages.c.verdict.in_(filters.verdicts)
    if filters.subscription:
        yield _is_delivered_by(filters.subscription)
    yield from build_time_conditions(filters)
    yield from _build_content_conditions(filters)


def build_time_conditions(filters: MessageFilters) -> Iterator[ColumnElement[bool]]:
    """The part of it that asks for a time."""
    if filters.since:
        yield messages.c.received_at >= filters.since
    if filters.until:
        yield messages.c.received_at < filters.until


def _build_content_conditions(filters: MessageFilters) -> Iterator[ColumnElement[bool]]:
    for path, wanted in filters.paths:
        yield (
            path.sql_exists(MESSAGE_DOCUMENT)
            if wanted is None
            else path.sql_equals(MESSAGE_DOCUMENT, wanted)
        )
    if filters.text:
        places = (messages.c.sent, messages.c.message_id, messages.c.reason)
        yield or_(
            *(_ContainsText(each, literal(_build_like_pattern(filters.text))) for each in places)
        )


def _build_like_pattern(text: str) -> str:
    return f"%{text.translate(_LIKE_ESCAPES)}%"


def _is_delivered_by(subscription: str) -> ColumnElement[bool]:
    # A duplicate has the id of a message that was delivered, but led to nothing itself.
    taken = exists().where(
        deliveries.c.subscription == subscription, deliveries.c.message_id == messages.c.message_id
    )
    return and_(taken, messages.c.verdict != "rejected")


class _ContainsText(FunctionElement[bool]):
    """Whether a text has another in it, in any case. Its clauses: the text, and a pattern."""

    name = "contains"
    type = Boolean()
    inherit_cache = True


@compiles(_ContainsText)
def _compile_contains_sqlite(element: _ContainsText, compiler: SQLCompiler, **options: Any) -> str:
    # SQLite's LIKE heeds no case; to have it compare lower() of both, as SQLAlchemy would, takes
    # half as long again.
    text, pattern = (compiler.process(each, **options) for each in element.clauses)
    return f"{text} LIKE {pattern} ESCAPE '/'"


@compiles(_ContainsText, "postgresql")
def _compile_contains_postgres(
    element: _ContainsText, compiler: SQLCompiler, **options: Any
) -> str:
    text, pattern = (compiler.process(each, **options) for each in element.clauses)
    return f"{text} ILIKE {pattern} ESCAPE '/'"
