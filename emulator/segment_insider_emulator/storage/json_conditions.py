"""JSON paths such as `$.properties.products[].price`, and SQL conditions on the values there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

import orjson
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    Text,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON

JsonPathStep: TypeAlias = str | int | None  # None: each entry of a list
JsonPathSteps: TypeAlias = tuple[JsonPathStep, ...]

MAX_PATH_LENGTH = 400  # characters
PATH_EXAMPLE_HINT = "Write it like $.properties.cart_id or $.properties.products[0].price."
_STEP_PATTERN = re.compile(r"""\.?([^\s.\[\]"'=]+)|\[(\d{0,6})\]|\["([^"\\]+)"\]""")


@dataclass(frozen=True, slots=True)
class JsonPath:
    """Path to a value in the JSON of a message, e.g. `$.properties.products[0].id`.

    Args:
        steps: Member names and list indexes; None for each entry of a list, written `[]`.
    Raises: EmulatorError, from `parse`, for an invalid path.
    """

    steps: JsonPathSteps

    @classmethod
    def parse(cls, text: str, where: str = "path") -> "JsonPath":
        """Parse the text of a JSON path; its leading `$` is optional."""
        rest = text.strip().removeprefix("$")
        steps: list[JsonPathStep] = []
        while rest and len(text) <= MAX_PATH_LENGTH:
            match = _STEP_PATTERN.match(rest)
            if match is None:
                break
            name, number, quoted_name = match.groups()
            steps.append(name or quoted_name or (int(number) if number else None))
            rest = rest[match.end() :]
        if rest or not steps:
            raise EmulatorError(f"{text[:60]!r} is not a path", where, PATH_EXAMPLE_HINT)
        return cls(tuple(steps))

    def __str__(self) -> str:
        return "$" + "".join(map(_format_step, self.steps))

    def find_value(self, document: JSON) -> JSON:
        """Return the value of a JSON *document* at this path; None if there is none.

        A path through each entry of a list gives the list of their values.
        """
        value = document
        for position, step in enumerate(self.steps):
            if step is None:
                rest = JsonPath(self.steps[position + 1 :])
                return (
                    [rest.find_value(entry) for entry in value] if isinstance(value, list) else None
                )
            if isinstance(step, int):
                value = value[step] if isinstance(value, list) and step < len(value) else None
            else:
                value = value.get(step) if isinstance(value, dict) else None
        return value

    def split_at_lists(self) -> list[JsonPathSteps]:
        """Return the steps before, between and after those that mean each entry of a list."""
        parts: list[JsonPathSteps] = [()]
        for step in self.steps:
            if step is None:
                parts.append(())
            else:
                parts[-1] = (*parts[-1], step)
        return parts


@dataclass(frozen=True, slots=True)
class MessagePath:
    """Path to a value of a message as queries, columns and sorting name it.

    Args:
        document: "event" (the normalised event), "sent" (as sent) or "insider" (a user that
            Insider One received).
        path: In that document.
        text: The path as written, e.g. "insider.attributes.email".
    """

    document: str
    path: JsonPath
    text: str

    @classmethod
    def parse(cls, text: str, where: str = "path") -> "MessagePath":
        """Parse the text of a path. Raises: EmulatorError, for an invalid one."""
        steps = JsonPath.parse(text, where).steps
        root, rest = steps[0], steps[1:]
        if text.strip().startswith("$") or not rest or root not in ("sent", "insider"):
            return cls("event", JsonPath(steps), text)
        return cls(str(root), JsonPath(rest), text)


def format_query_path(document: str, steps: JsonPathSteps) -> str:
    """Return the path by which a query names a value; "" if it cannot.

    An entry of a list becomes each entry of it.

    Args:
        document: As of MessagePath; of "insider", *steps* are those in the body of the request.
    """
    if document == "insider":
        if len(steps) < 3 or steps[0] != "users":
            return ""
        steps = steps[2:]
    if not steps or any(isinstance(step, str) and not _is_nameable(step) for step in steps):
        return ""
    text = "".join(_format_step(None if isinstance(step, int) else step) for step in steps)
    if document != "event":
        return _shorten_path(document + text)
    is_plain = len(steps) > 1 and text.startswith(".") and steps[0] not in ("sent", "insider")
    return _shorten_path(text[1:] if is_plain else f"${text}")


def _is_nameable(name: str) -> bool:
    return bool(name) and not re.search(r'["\\]', name) and name.isprintable()


def _shorten_path(text: str) -> str:
    return text if len(text) <= MAX_PATH_LENGTH else ""


class JsonTest(NamedTuple):
    """Test of the value at a JSON path: an operator and the values to compare it with.

    Args:
        operator: "has", "=", "~", ">", ">=", "<" or "<=".
        values: Any of these, of JSON types; a text is only compared with texts, a number with
            numbers.
    """

    operator: str
    values: tuple[str | int | float | bool | None, ...] = ()


def build_json_condition(
    json_column: ColumnElement[str],
    path: JsonPath,
    tests: tuple[JsonTest, ...],
    *,
    is_encoded_twice: bool = False,
    document: ColumnElement[Any] | None = None,
) -> ColumnElement[bool]:
    """Build the SQL condition that one value at *path* passes all of *tests*.

    Args:
        json_column: Text that contains the JSON document.
        is_encoded_twice: Whether the document is a JSON text within the JSON of the column.
        document: The document, if it is not the column.
    """
    document = json_column if document is None else document
    parts = path.split_at_lists()
    passes = _DialectCondition(
        _build_sqlite_condition(document, parts, tests),
        func.jsonb_path_exists(
            _AsJsonb(document), _AsJsonPath(literal(_format_postgres_filter(parts, tests))),
            _AsJsonb(literal("{}")), literal(True),
        ),
    )  # fmt: skip
    needles = list(_list_needles(path, tests, is_encoded_twice))
    return and_(*(_TextPosition(json_column, literal(needle)) > 0 for needle in needles), passes)


def _list_needles(
    path: JsonPath, tests: tuple[JsonTest, ...], is_encoded_twice: bool
) -> Iterator[str]:
    """Yield texts that a JSON document contains wherever a value at *path* passes *tests*.

    A text search costs less than parsing JSON, and leaves few documents to parse.
    """
    names = [step for step in path.steps if isinstance(step, str)][-1:]
    values = [test.values[0] for test in tests if test.operator == "=" and len(test.values) == 1]
    for text in (*names, *values):
        if isinstance(text, str) and _PLAIN_TEXT.fullmatch(text):
            yield text if is_encoded_twice else f'"{text}"'


_PLAIN_TEXT = re.compile(r"[\w .:@/+-]+", re.ASCII)  # has no escapes in any JSON


def _build_sqlite_condition(
    document: ColumnElement[Any], parts: list[JsonPathSteps], tests: tuple[JsonTest, ...]
) -> ColumnElement[bool]:
    path = literal(_format_sqlite_path(parts[0]))
    type_at_path = func.json_type(document, path)
    if len(parts) == 1:
        return _build_value_condition(type_at_path, func.json_extract(document, path), tests)
    entries = func.json_each(document, path).table_valued("value", "type").alias()
    if parts[1:] == [()]:
        passes = _build_value_condition(entries.c.type, entries.c.value, tests)
    else:
        # Only lists and objects are JSON here; other values are already SQL values.
        is_json = entries.c.type.in_(("object", "array"))
        entry = case((is_json, entries.c.value), else_="null")
        passes = _build_sqlite_condition(entry, parts[1:], tests)
    found = exists(select(literal(1)).select_from(entries).where(passes))
    return and_(type_at_path == "array", found)


def _build_value_condition(
    json_type: ColumnElement[Any], value: ColumnElement[Any], tests: tuple[JsonTest, ...]
) -> ColumnElement[bool]:
    """Build the SQL condition that a value of SQLite, of a JSON type, passes all tests."""
    conditions: list[ColumnElement[bool]] = []
    for test in tests:
        if test.operator == "has":
            conditions.append(json_type.is_not(None))
        else:
            conditions.append(
                or_(*(_compare(json_type, value, test.operator, wanted) for wanted in test.values))
            )
    return and_(*conditions)


def _compare(
    json_type: ColumnElement[Any], value: ColumnElement[Any], operator: str, wanted: Any
) -> ColumnElement[bool]:
    if wanted is None or isinstance(wanted, bool):
        return json_type == orjson.dumps(wanted).decode()
    if isinstance(wanted, str):
        is_text = json_type == "text"
        if operator == "~":
            return and_(is_text, build_contains_condition(value, wanted))
        return and_(is_text, value.op(operator)(literal(wanted)))
    return and_(json_type.in_(("integer", "real")), value.op(operator)(literal(wanted)))


def _format_postgres_filter(parts: list[JsonPathSteps], tests: tuple[JsonTest, ...]) -> str:
    # Without "strict" it would also search in lists that no step names.
    text = f"strict $ ? ({_format_postgres_predicate(parts, tests)})"
    return text.replace(r"\u0000", r"\ufffd")


def _format_postgres_predicate(parts: list[JsonPathSteps], tests: tuple[JsonTest, ...]) -> str:
    value = "@" + "".join(
        f"[{step}]" if isinstance(step, int) else f".{_encode(step)}" for step in parts[0]
    )
    if len(parts) > 1:
        return f"exists ({value}[*] ? ({_format_postgres_predicate(parts[1:], tests)}))"
    return " && ".join(_format_postgres_test(value, test) for test in tests)


def _format_postgres_test(value: str, test: JsonTest) -> str:
    if test.operator == "has":
        return f"exists ({value})"
    if test.operator == "~":
        pattern = _encode(test.values[0])
        return f'({value} like_regex {pattern} flag "iq")'
    operator = "==" if test.operator == "=" else test.operator
    return (
        "(" + " || ".join(f"{value} {operator} {_encode(wanted)}" for wanted in test.values) + ")"
    )


def _encode(value: Any) -> str:
    if value in (float("inf"), float("-inf")):
        return "1e999" if value > 0 else "-1e999"
    return orjson.dumps(value).decode()


def _format_sqlite_path(steps: JsonPathSteps) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f'."{step}"' for step in steps)


def _format_step(step: JsonPathStep) -> str:
    if step is None:
        return "[]"
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if re.fullmatch(r"[^\s.\[\]\"'=()<>!~:$]+", step) else f'["{step}"]'


# LIKE's wildcards, and its escape character.
_LIKE_ESCAPES: Final = str.maketrans({character: f"/{character}" for character in "%_/"})


def build_contains_condition(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Build the SQL condition that a column contains *text*; case does not matter."""
    return _ContainsText(column, literal(f"%{text.translate(_LIKE_ESCAPES)}%"))


def extract_text(json_column: ColumnElement[Any], member: str) -> ColumnElement[str]:
    """Build the SQL expression of the text of a *member* of the object in a JSON column."""
    return _MemberText(json_column, literal(member), literal(f'$."{member}"'))


class _DialectCondition(FunctionElement[bool]):
    """SQL condition with two clauses: one for SQLite, and one for PostgreSQL."""

    name = "dialect_condition"
    type = Boolean()
    inherit_cache = True


class _AsJsonb(FunctionElement[Any]):
    """SQL function of PostgreSQL: a JSON text as jsonb."""

    name = "as_jsonb"
    inherit_cache = True


class _MemberText(FunctionElement[str]):
    """SQL function: text of a member of an object, by its name and its path."""

    name = "member_text"
    type = Text()
    inherit_cache = True


class _AsJsonPath(FunctionElement[Any]):
    """SQL function of PostgreSQL: a text as jsonpath."""

    name = "as_jsonpath"
    inherit_cache = True


class _ContainsText(FunctionElement[bool]):
    """SQL function: whether a text matches a LIKE pattern, ignoring case."""

    name = "contains"
    type = Boolean()
    inherit_cache = True


class _TextPosition(FunctionElement[int]):
    """SQL function: position of a text in another, from 1; 0 if it is not there."""

    name = "position"
    type = Integer()
    inherit_cache = True


@compiles(_DialectCondition)
def _compile_sqlite_condition(
    element: _DialectCondition, compiler: SQLCompiler, **options: Any
) -> str:
    return f"({compiler.process(next(iter(element.clauses)), **options)})"


@compiles(_DialectCondition, "postgresql")
def _compile_postgres_condition(
    element: _DialectCondition, compiler: SQLCompiler, **options: Any
) -> str:
    return compiler.process(list(element.clauses)[1], **options)


@compiles(_AsJsonb, "postgresql")
def _compile_as_jsonb(element: _AsJsonb, compiler: SQLCompiler, **options: Any) -> str:
    # PostgreSQL's jsonb does not accept NUL characters.
    text = compiler.process(element.clauses, **options)
    return rf"CAST(replace({text}, '\u0000', '\ufffd') AS jsonb)"


@compiles(_MemberText)
def _compile_member_text_sqlite(element: _MemberText, compiler: SQLCompiler, **options: Any) -> str:
    column, _, path = (compiler.process(clause, **options) for clause in element.clauses)
    return f"json_extract({column}, {path})"


@compiles(_MemberText, "postgresql")
def _compile_member_text_postgres(
    element: _MemberText, compiler: SQLCompiler, **options: Any
) -> str:
    column, member, _ = (compiler.process(clause, **options) for clause in element.clauses)
    return rf"(CAST(replace({column}, '\u0000', '\ufffd') AS jsonb) ->> {member})"


@compiles(_AsJsonPath, "postgresql")
def _compile_as_jsonpath(element: _AsJsonPath, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS jsonpath)"


@compiles(_TextPosition)
def _compile_text_position_sqlite(
    element: _TextPosition, compiler: SQLCompiler, **options: Any
) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(_TextPosition, "postgresql")
def _compile_text_position_postgres(
    element: _TextPosition, compiler: SQLCompiler, **options: Any
) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


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
