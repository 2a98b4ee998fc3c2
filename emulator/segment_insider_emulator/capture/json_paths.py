"""Paths into captured messages, such as `$.properties.products[0].id`, in Python and in SQL."""

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
from sqlalchemy import ColumnElement, Integer, Text, and_, literal, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON

Steps: TypeAlias = tuple[str | int, ...]

LONGEST = 400  # characters
EXAMPLE = "Write it like $.properties.cart_id or $.properties.products[0].price."
_STEP = re.compile(r"""\.?([^\s.\[\]"'=]+)|\[(\d{1,6})\]|\["([^"\\]+)"\]""")


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A place in a message: names of members and numbers of list entries.

    Raises: EmulatorError, from `parse`, for what is no path.
    """

    steps: Steps

    @classmethod
    def parse(cls, text: str, where: str = "path") -> "JsonPath":
        """Read a path; its `$` may be left out."""
        rest = text.strip().removeprefix("$")
        steps: list[str | int] = []
        while rest and len(text) <= LONGEST:
            found = _STEP.match(rest)
            if found is None:
                break
            name, number, quoted = found.groups()
            steps.append(int(number) if number else name or quoted)
            rest = rest[found.end() :]
        if rest or not steps:
            raise EmulatorError(f"{text[:60]!r} is no path", where, EXAMPLE)
        return cls(tuple(steps))

    def __str__(self) -> str:
        return "$" + "".join(
            f"[{step}]" if isinstance(step, int) else _member(step) for step in self.steps
        )

    def find(self, value: JSON) -> JSON:
        """What *value* has there; None also for nothing."""
        for step in self.steps:
            if isinstance(step, int):
                value = value[step] if isinstance(value, list) and step < len(value) else None
            else:
                value = value.get(step) if isinstance(value, dict) else None
        return value

    def is_in(self, document: ColumnElement[str]) -> ColumnElement[bool]:
        """Whether the JSON text *document* has anything there, null included."""
        found = self._of(document).is_not(None)
        named = [f"{_text(step)}:" for step in self.steps if isinstance(step, str)]
        return and_(_holds_any(document, named[-1:]), found) if named else found

    def equals(self, document: ColumnElement[str], wanted: str) -> ColumnElement[bool]:
        """Whether it has *wanted* there: a JSON value such as 8.5 or true, or a text."""
        text, found = _text(wanted), self._of(document)
        places = [wanted] if wanted in text else [wanted, text]
        values = [found == _Value(literal(each)) for each in (wanted, text) if is_json(each)]
        return and_(_holds_any(document, places), or_(*values))

    def _of(self, document: ColumnElement[str]) -> "_Found":
        return _Found(document, literal(_in_sqlite(self.steps)), literal(_in_postgres(self.steps)))


class _Found(FunctionElement[str]):
    """What a JSON text has at a place, as the database compares it; NULL for nothing.

    Its clauses: the text, and the place in the language of either database.
    """

    name = "found"
    type = Text()
    inherit_cache = True


class _Value(FunctionElement[str]):
    """A JSON text, as `_Found` is compared with it."""

    name = "value"
    type = Text()
    inherit_cache = True


class _Position(FunctionElement[int]):
    """Where a text stands in another, from 1; 0 where it does not."""

    name = "position"
    type = Integer()
    inherit_cache = True


@compiles(_Position)
def _position(element: _Position, compiler: SQLCompiler, **words: Any) -> str:
    return f"instr({compiler.process(element.clauses, **words)})"


@compiles(_Position, "postgresql")
def _position_in_postgres(element: _Position, compiler: SQLCompiler, **words: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **words)})"


@compiles(_Found)
def _found(element: _Found, compiler: SQLCompiler, **words: Any) -> str:
    document, path, _ = (compiler.process(each, **words) for each in element.clauses)
    return f"({document} -> {path})"


@compiles(_Value)
def _value(element: _Value, compiler: SQLCompiler, **words: Any) -> str:
    return compiler.process(element.clauses, **words)


@compiles(_Found, "postgresql")
def _found_in_postgres(element: _Found, compiler: SQLCompiler, **words: Any) -> str:
    document, _, path = (compiler.process(each, **words) for each in element.clauses)
    found = f"jsonb_path_query_first({_jsonb(document)}, CAST({path} AS jsonpath), '{{}}', true)"
    return f"({found})"


@compiles(_Value, "postgresql")
def _value_in_postgres(element: _Value, compiler: SQLCompiler, **words: Any) -> str:
    return _jsonb(compiler.process(element.clauses, **words))


def _jsonb(text: str) -> str:
    # PostgreSQL's JSON has every character but NUL.
    return rf"CAST(replace({text}, '\u0000', '\ufffd') AS jsonb)"


def _holds_any(document: ColumnElement[str], texts: list[str]) -> ColumnElement[bool]:
    """Whether one of *texts* stands anywhere in *document*, which is kept without spaces.

    Looking for a text costs less than reading the JSON, and leaves few documents to be read.
    """
    return or_(*(_Position(document, literal(each)) > 0 for each in texts))


def _text(value: str) -> str:
    """*value* as JSON writes it."""
    return orjson.dumps(value).decode()


def is_json(text: str) -> bool:
    """Whether *text* is a JSON value, and so means that value where it is looked for."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _in_sqlite(steps: Steps) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f'."{step}"' for step in steps)


def _in_postgres(steps: Steps) -> str:
    places = "".join(f"[{step}]" if isinstance(step, int) else f".{_text(step)}" for step in steps)
    # Else it would look into lists that no step names.
    return "strict $" + places.replace(r"\u0000", r"\ufffd")


def _member(name: str) -> str:
    return f".{name}" if re.fullmatch(r"[^\s.\[\]\"'=]+", name) else f'["{name}"]'
