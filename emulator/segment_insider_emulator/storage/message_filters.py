"""Filters of message searches, and JSON paths such as `$.context.ip`, as SQL conditions."""

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
    """Path to a value in the JSON of a message, e.g. `$.properties.products[0].id`.

    Args:
        steps: Member names and list indexes.
    Raises: EmulatorError, from `parse`, for an invalid path.
    """

    steps: JsonPathSteps

    @classmethod
    def parse(cls, text: str, where: str = "path") -> "JsonPath":
        """Parse the text of a JSON path; its leading `$` is optional."""
        rest = text.strip().removeprefix("$")
        steps: list[str | int] = []
        while rest and len(text) <= MAX_PATH_LENGTH:
            match = _STEP_PATTERN.match(rest)
            if match is None:
                break
            name, number, quoted_name = match.groups()
            steps.append(int(number) if number else name or quoted_name)
            rest = rest[match.end() :]
        if rest or not steps:
            raise EmulatorError(f"{text[:60]!r} is not a path", where, PATH_EXAMPLE_HINT)
        return cls(tuple(steps))

    def __str__(self) -> str:
        return "$" + "".join(
            f"[{step}]" if isinstance(step, int) else _format_path_member(step)
            for step in self.steps
        )

    def find_value(self, document: JSON) -> JSON:
        """Return the value of a JSON *document* at this path; None if there is none."""
        value = document
        for step in self.steps:
            if isinstance(step, int):
                value = value[step] if isinstance(value, list) and step < len(value) else None
            else:
                value = value.get(step) if isinstance(value, dict) else None
        return value

    def build_exists_condition(self, json_column: ColumnElement[str]) -> ColumnElement[bool]:
        """Build the SQL condition that a JSON column has any value, even null, at this path."""
        exists = self._build_value_expression(json_column).is_not(None)
        names = [f"{_encode_json_text(step)}:" for step in self.steps if isinstance(step, str)]
        return and_(_build_any_text_condition(json_column, names[-1:]), exists) if names else exists

    def build_equals_condition(
        self, json_column: ColumnElement[str], value: str
    ) -> ColumnElement[bool]:
        """Build the SQL condition that a JSON column has *value* at this path.

        Args:
            value: A JSON value such as 8.5 or true, or a plain text.
        """
        json_text, stored_value = (
            _encode_json_text(value),
            self._build_value_expression(json_column),
        )
        parts = [value] if value in json_text else [value, json_text]
        is_equal = [
            stored_value == _JsonLiteral(literal(text))
            for text in (value, json_text)
            if is_json_text(text)
        ]
        return and_(_build_any_text_condition(json_column, parts), or_(*is_equal))

    def _build_value_expression(self, json_column: ColumnElement[str]) -> "_JsonValueAtPath":
        return _JsonValueAtPath(
            json_column,
            literal(_format_sqlite_json_path(self.steps)),
            literal(_format_postgres_json_path(self.steps)),
        )


class _JsonValueAtPath(FunctionElement[str]):
    """SQL function: the value of a JSON text at a path, in comparable form; NULL if missing.

    Its clauses: the JSON text, the SQLite path, the PostgreSQL path.
    """

    name = "json_value_at_path"
    type = Text()
    inherit_cache = True


class _JsonLiteral(FunctionElement[str]):
    """SQLAlchemy element: a JSON text, in the form in which `_JsonValueAtPath` compares it."""

    name = "json_literal"
    type = Text()
    inherit_cache = True


class _TextPositionSqlFunction(FunctionElement[int]):
    """SQL function: position of a text in another, from 1; 0 if it is not there."""

    name = "position"
    type = Integer()
    inherit_cache = True


@compiles(_TextPositionSqlFunction)
def _compile_text_position_sqlite(
    element: _TextPositionSqlFunction, compiler: SQLCompiler, **options: Any
) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(_TextPositionSqlFunction, "postgresql")
def _compile_text_position_postgres(
    element: _TextPositionSqlFunction, compiler: SQLCompiler, **options: Any
) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


@compiles(_JsonValueAtPath)
def _compile_json_value_sqlite(
    element: _JsonValueAtPath, compiler: SQLCompiler, **options: Any
) -> str:
    document, path, _ = (compiler.process(clause, **options) for clause in element.clauses)
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
    document, _, path = (compiler.process(clause, **options) for clause in element.clauses)
    json_path = f"CAST({path} AS jsonpath)"
    return f"(jsonb_path_query_first({_cast_to_jsonb(document)}, {json_path}, '{{}}', true))"


@compiles(_JsonLiteral, "postgresql")
def _compile_json_literal_postgres(
    element: _JsonLiteral, compiler: SQLCompiler, **options: Any
) -> str:
    return _cast_to_jsonb(compiler.process(element.clauses, **options))


def _cast_to_jsonb(sql_text: str) -> str:
    # PostgreSQL's jsonb does not accept NUL characters.
    return rf"CAST(replace({sql_text}, '\u0000', '\ufffd') AS jsonb)"


def _build_any_text_condition(
    json_column: ColumnElement[str], texts: list[str]
) -> ColumnElement[bool]:
    """Build the SQL condition that one of *texts* occurs in a JSON column, stored without spaces.

    A text search costs less than parsing JSON, and leaves few rows to parse.
    """
    return or_(*(_TextPositionSqlFunction(json_column, literal(text)) > 0 for text in texts))


def _encode_json_text(value: str) -> str:
    """Return a string as JSON text."""
    return orjson.dumps(value).decode()


def is_json_text(text: str) -> bool:
    """Return whether a string is valid JSON."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _format_sqlite_json_path(steps: JsonPathSteps) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f'."{step}"' for step in steps)


def _format_postgres_json_path(steps: JsonPathSteps) -> str:
    path = "".join(
        f"[{step}]" if isinstance(step, int) else f".{_encode_json_text(step)}" for step in steps
    )
    # Without "strict" it would also search in lists that no step names.
    return "strict $" + path.replace(r"\u0000", r"\ufffd")


def _format_path_member(name: str) -> str:
    return f".{name}" if re.fullmatch(r"[^\s.\[\]\"'=]+", name) else f'["{name}"]'


# The normalised event; for a rejected message, which has none, the message as sent.
MESSAGE_DOCUMENT = case(
    (messages.c.verdict == "rejected", messages.c.sent), else_=messages.c.normalised
)

# LIKE's wildcards, and its escape character.
_LIKE_ESCAPES = str.maketrans({character: f"/{character}" for character in "%_/"})


@dataclass(frozen=True, slots=True)
class MessageFilters:
    """Filters of a search for messages; empty filters match everything.

    Args:
        text: Part of the sent JSON, the message id or the reason; case does not matter.
        user: A user id or an anonymous id.
        verdicts: Any of these.
        since, until: ISO 8601, UTC, milliseconds; `until` is exclusive.
        paths: (path, value) pairs; None matches any value.
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


def build_filter_conditions(filters: MessageFilters) -> Iterator[ColumnElement[bool]]:
    """Yield the SQL conditions on the messages table for the *filters* of a message search."""
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
        yield _build_subscription_condition(filters.subscription)
    yield from build_time_conditions(filters)
    yield from _build_content_conditions(filters)


def build_time_conditions(filters: MessageFilters) -> Iterator[ColumnElement[bool]]:
    """Yield the SQL conditions for the times `since` and `until` of a message search."""
    if filters.since:
        yield messages.c.received_at >= filters.since
    if filters.until:
        yield messages.c.received_at < filters.until


def _build_content_conditions(filters: MessageFilters) -> Iterator[ColumnElement[bool]]:
    for path, value in filters.paths:
        if value is None:
            yield path.build_exists_condition(MESSAGE_DOCUMENT)
        else:
            yield path.build_equals_condition(MESSAGE_DOCUMENT, value)
    if filters.text:
        pattern = literal(_build_like_pattern(filters.text))
        columns = (messages.c.sent, messages.c.message_id, messages.c.reason)
        yield or_(*(_ContainsText(column, pattern) for column in columns))


def _build_like_pattern(text: str) -> str:
    return f"%{text.translate(_LIKE_ESCAPES)}%"


def _build_subscription_condition(subscription: str) -> ColumnElement[bool]:
    # A rejected duplicate has the messageId of a delivered message, but no deliveries.
    has_delivery = exists().where(
        deliveries.c.subscription == subscription, deliveries.c.message_id == messages.c.message_id
    )
    return and_(has_delivery, messages.c.verdict != "rejected")


class _ContainsText(FunctionElement[bool]):
    """SQL function: whether a text matches a LIKE pattern, ignoring case."""

    name = "contains"
    type = Boolean()
    inherit_cache = True


@compiles(_ContainsText)
def _compile_contains_text_sqlite(
    element: _ContainsText, compiler: SQLCompiler, **options: Any
) -> str:
    # SQLite's LIKE ignores case; comparing lower() of both, as SQLAlchemy would, takes half as long
    # again.
    text, pattern = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{text} LIKE {pattern} ESCAPE '/'"


@compiles(_ContainsText, "postgresql")
def _compile_contains_text_postgres(
    element: _ContainsText, compiler: SQLCompiler, **options: Any
) -> str:
    text, pattern = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{text} ILIKE {pattern} ESCAPE '/'"
