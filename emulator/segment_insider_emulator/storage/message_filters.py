"""Paths into captured messages, such as `$.properties.products[0].id`, in Python and in SQL."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
from sqlalchemy import Boolean, ColumnElement, Integer, Text, and_, case, exists, literal, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.storage.records import Verdict
from segment_insider_emulator.storage.schema import deliveries, messages
from segment_insider_emulator.types import JSON

JsonPathSteps: TypeAlias = tuple[str | int, ...]

MAX_PATH_LENGTH = 400  # characters
PATH_EXAMPLE_HINT = "Write it like $.properties.cart_id or $.properties.products[0].price."
_STEP_PATTERN = re.compile(r"""\.?([^\s.\[\]"'=]+)|\[(\d{1,6})\]|\["([^"\\]+)"\]""")


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A place in a message: names of members and numbers of list entries.

    Raises: EmulatorError, from `parse`, for what is no path.
    """

    steps: JsonPathSteps

    @classmethod
    def parse(cls, text: str, where: str = "path") -> "JsonPath":
        """Read a path; its `$` may be left out."""
        rest = text.strip().removeprefix("$")
        steps: list[str | int] = []
        while rest and len(text) <= MAX_PATH_LENGTH:
            found = _STEP_PATTERN.match(rest)
            if found is None:
                break
            name, number, quoted = found.groups()
            steps.append(int(number) if number else name or quoted)
            rest = rest[found.end() :]
        if rest or not steps:
            raise EmulatorError(f"{text[:60]!r} is no path", where, PATH_EXAMPLE_HINT)
        return cls(tuple(steps))

    def __str__(self) -> str:
        return "$" + "".join(
            f"[{step}]" if isinstance(step, int) else _format_member(step) for step in self.steps
        )

    def find_value(self, document: JSON) -> JSON:
        """What *value* has there; None also for nothing."""
        for step in self.steps:
            if isinstance(step, int):
                document = (
                    document[step] if isinstance(document, list) and step < len(document) else None
                )
            else:
                document = document.get(step) if isinstance(document, dict) else None
        return document

    def sql_exists(self, json_column: ColumnElement[str]) -> ColumnElement[bool]:
        """Whether the JSON text *document* has anything there, null included."""
        found = self._sql_value(json_column).is_not(None)
        named = [f"{_to_json_text(step)}:" for step in self.steps if isinstance(step, str)]
        return and_(_contains_any_text(json_column, named[-1:]), found) if named else found

    def sql_equals(self, json_column: ColumnElement[str], value: str) -> ColumnElement[bool]:
        """Whether it has *wanted* there: a JSON value such as 8.5 or true, or a text."""
        text, found = _to_json_text(value), self._sql_value(json_column)
        places = [value] if value in text else [value, text]
        values = [found == _JsonLiteral(literal(each)) for each in (value, text) if is_json(each)]
        return and_(_contains_any_text(json_column, places), or_(*values))

    def _sql_value(self, json_column: ColumnElement[str]) -> "_JsonValueAtPath":
        return _JsonValueAtPath(
            json_column,
            literal(_to_sqlite_path(self.steps)),
            literal(_to_postgres_path(self.steps)),
        )


class _JsonValueAtPath(FunctionElement[str]):
    """What a JSON text has at a place, as the database compares it; NULL for nothing.

    Its clauses: the text, and the place in the language of either database.
    """

    name = "found"
    type = Text()
    inherit_cache = True


class _JsonLiteral(FunctionElement[str]):
    """A JSON text, as `_Found` is compared with it."""

    name = "value"
    type = Text()
    inherit_cache = True


class _TextPosition(FunctionElement[int]):
    """Where a text stands in another, from 1; 0 where it does not."""

    name = "position"
    type = Integer()
    inherit_cache = True


@compiles(_TextPosition)
def _compile_position_sqlite(element: _TextPosition, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(_TextPosition, "postgresql")
def _compile_position_postgres(
    element: _TextPosition, compiler: SQLCompiler, **options: Any
) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


@compiles(_JsonValueAtPath)
def _compile_json_value_sqlite(
    element: _JsonValueAtPath, compiler: SQLCompiler, **options: Any
) -> str:
    document, path, _ = (compiler.process(each, **options) for each in element.clauses)
    return f"({document} -> {path})"


@compiles(_JsonLiteral)
def _compile_json_literal_sqlite(
    element: _JsonLiteral, compiler: SQLCompiler, **options: Any
) -> str:
    return compiler.process(element.clauses, **options)


@compiles(_JsonValueAtPath, "postgresql")
def _compile_json_value_postgres(
    element: _JsonValueAtPath, compiler: SQLCompiler, **options: Any
) -> str:
    document, _, path = (compiler.process(each, **options) for each in element.clauses)
    found = f"jsonb_path_query_first({_cast_to_jsonb(document)}, CAST({path} AS jsonpath), '{{}}', true)"
    return f"({found})"


@compiles(_JsonLiteral, "postgresql")
def _compile_json_literal_postgres(
    element: _JsonLiteral, compiler: SQLCompiler, **options: Any
) -> str:
    return _cast_to_jsonb(compiler.process(element.clauses, **options))


def _cast_to_jsonb(sql_text: str) -> str:
    # PostgreSQL's JSON has every character but NUL.
    return rf"CAST(replace({sql_text}, '\u0000', '\ufffd') AS jsonb)"


def _contains_any_text(json_column: ColumnElement[str], texts: list[str]) -> ColumnElement[bool]:
    """Whether one of *texts* stands anywhere in *document*, which is kept without spaces.

    Looking for a text costs less than reading the JSON, and leaves few documents to be read.
    """
    return or_(*(_TextPosition(json_column, literal(each)) > 0 for each in texts))


def _to_json_text(value: str) -> str:
    """*value* as JSON writes it."""
    return orjson.dumps(value).decode()


def is_json(text: str) -> bool:
    """Whether *text* is a JSON value, and so means that value where it is looked for."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _to_sqlite_path(steps: JsonPathSteps) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f'."{step}"' for step in steps)


def _to_postgres_path(steps: JsonPathSteps) -> str:
    places = "".join(
        f"[{step}]" if isinstance(step, int) else f".{_to_json_text(step)}" for step in steps
    )
    # Else it would look into lists that no step names.
    return "strict $" + places.replace(r"\u0000", r"\ufffd")


def _format_member(name: str) -> str:
    return f".{name}" if re.fullmatch(r"[^\s.\[\]\"'=]+", name) else f'["{name}"]'


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
