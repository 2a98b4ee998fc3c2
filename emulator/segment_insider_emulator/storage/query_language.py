"""The query language of message searches: its fields and operators, conditions, and parser.

For example `event:"Order Completed" and properties.total > 20`. docs/queries.md describes it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, cast

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.similar_names import find_intended_name
from segment_insider_emulator.storage.json_conditions import JsonPath, MessagePath
from segment_insider_emulator.storage.records import VERDICTS

if TYPE_CHECKING:
    from lark import Lark, Token, UnexpectedInput

MAX_QUERY_LENGTH: Final = 2_000  # characters
MAX_QUERY_CONDITIONS: Final = 50
MAX_QUERY_DEPTH: Final = 20  # groups within groups

OPERATORS: Final = {
    ":": "is",
    "=": "is, too",
    "!=": "is not",
    "~": "contains; upper and lower case are equal",
    "!~": "does not contain",
    ">": "is greater, or later",
    ">=": "is greater, or the same",
    "<": "is less, or earlier",
    "<=": "is less, or the same",
}
_EQUALITY = (":", "=", "!=")
_TEXT_OPERATORS = (*_EQUALITY, "~", "!~")
_NEGATIONS = {"!=": "=", "!~": "~"}
ORDER_OPERATORS: Final = (">", ">=", "<", "<=")


class QueryField(NamedTuple):
    """A field of the query language: its name, meaning, operators and an example."""

    name: str
    meaning: str
    operators: tuple[str, ...]
    example: str


FIELDS: Final = {
    field.name: field
    for field in (
        QueryField("event", "name of the event", _TEXT_OPERATORS, 'event:"Order Completed"'),
        QueryField("type", "type of the call", _TEXT_OPERATORS, "type:identify"),
        QueryField("user", "user id or anonymous id", _TEXT_OPERATORS, "user:ada"),
        QueryField(
            "verdict", "how the message ended; commas mean any of them", _EQUALITY,
            "verdict:dropped,failed",
        ),
        QueryField("reason", "why it ended so", _TEXT_OPERATORS, "reason ~ timezone"),
        QueryField(
            "cause", "the cause of a finding of Insider One", _EQUALITY,
            'cause:"wrong-format attributes.birthday"',
        ),
        QueryField(
            "subscription", "a subscription that matched", _TEXT_OPERATORS,
            'subscription:"Product Viewed Event"',
        ),
        QueryField("source", "source of the workspace", _TEXT_OPERATORS, 'source:"Web shop"'),
        QueryField("message", "the messageId", _TEXT_OPERATORS, "message:m1"),
        QueryField("since", "received at this time or later", (":", "="), "since:10m"),
        QueryField(
            "until", "received before this time", (":", "="), "until:2026-11-23T10:00"
        ),
        QueryField("has", "there is a value at this path", (":", "="), "has:traits.email"),
    )
}  # fmt: skip
# A path begins in the event; the first step may name another document.
PATH_ROOTS: Final = {
    "properties": "what Segment made of the call, likewise `traits.`, `context.` and `$.`",
    "sent": "the call as the SDK sent it",
    "insider": "the user that Insider One received, with `attributes`, `identifiers` and `events`",
}


class QueryError(EmulatorError):
    """Error of a query; `column` is where in its text, from 1."""

    column = 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """Condition of a query that compares one value: a field, a path, or the whole message.

    Args:
        name: A name of FIELDS, the text of a JSON path, or "" for a search for a text.
        operator: "=", "~", ">", ">=", "<", "<=", or ".." for a range.
        value: Both ends of a range are in it, as written.
        is_quoted: Then the value is a text, even if it looks like a number.
        column: Place in the query, from 1.
    """

    name: str
    operator: str
    value: str
    is_quoted: bool = False
    column: int = field(default=1, compare=False)

    @property
    def path(self) -> MessagePath:
        """Return the path that the condition compares, or that `has:` names."""
        return MessagePath.parse(self.value if self.name == "has" else self.name, "query")


@dataclass(frozen=True, slots=True)
class AllOf:
    """Condition of a query that all of several conditions hold."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Condition of a query that one of several conditions holds."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Negation:
    """Condition of a query that another condition does not hold."""

    part: "Condition"


Condition: TypeAlias = Comparison | AllOf | AnyOf | Negation


def parse_query(text: str) -> Condition | None:
    """Parse the text of a query; None if it is empty. Raises: QueryError."""
    if not text.strip():
        return None
    if len(text) > MAX_QUERY_LENGTH:
        raise build_query_error(
            "the query is too long", MAX_QUERY_LENGTH + 1, f"Use {MAX_QUERY_LENGTH} characters."
        )
    if "\0" in text:
        raise build_query_error("a NUL character cannot be searched for", text.index("\0") + 1, "")
    from lark import UnexpectedInput  # imported late: most commands parse no query

    try:
        condition = cast(Condition, _create_parser().parse(text))
    except UnexpectedInput as error:
        raise _explain_syntax_error(text, error) from None
    _check_size(condition)
    return condition


def list_conjuncts(condition: Condition | None) -> tuple[Condition, ...]:
    """Return the conditions that all have to hold for a query to hold."""
    if condition is None:
        return ()
    return condition.parts if isinstance(condition, AllOf) else (condition,)


def join_conjuncts(parts: tuple[Condition, ...]) -> Condition | None:
    """Return the condition that all of *parts* hold; None without parts."""
    return AllOf(parts) if len(parts) > 1 else next(iter(parts), None)


@cache
def _create_parser() -> "Lark":
    from lark import Lark

    grammar = files(__package__).joinpath("query.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", transformer=_ConditionBuilder())


class _ConditionBuilder:
    """Callbacks of the parser: build a condition of each rule of the grammar."""

    def any(self, parts: list[Condition]) -> Condition:
        return AnyOf(tuple(parts))

    def all(self, parts: list[Condition]) -> Condition:
        return AllOf(tuple(conjunct for part in parts for conjunct in list_conjuncts(part)))

    def negation(self, parts: list[Condition]) -> Condition:
        return _negate(parts[0])

    def text(self, tokens: "list[Token]") -> Condition:
        value, is_quoted = _read_value(tokens[0])
        return Comparison("", "~", value, is_quoted, _get_column(tokens[0]))

    def comparison(self, tokens: "list[Token]") -> Condition:
        name, operator, value_token = tokens
        _check_name(name)
        _check_operator(str(name), operator)
        value, is_quoted = _read_value(value_token)
        positive = _NEGATIONS.get(operator, "=" if operator == ":" else str(operator))
        comparison = Comparison(str(name), positive, value, is_quoted, _get_column(value_token))
        comparison = _recognise_range(comparison)
        _check_value(comparison)
        return _negate(comparison) if operator in _NEGATIONS else comparison


def _negate(condition: Condition) -> Condition:
    return condition.part if isinstance(condition, Negation) else Negation(condition)


def _read_value(token: "Token") -> tuple[str, bool]:
    if token.type == "STRING":
        return re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL), True
    return str(token), False


def is_path(name: str) -> bool:
    """Return whether a name in a query is a JSON path, not a field."""
    return bool(re.search(r"[.\[$]", name))


def _check_name(name: "Token") -> None:
    if is_path(name):
        _check_path(str(name), _get_column(name))
    elif name not in FIELDS:
        intended = find_intended_name(name, FIELDS)
        guess = f"Did you mean {intended}? " if intended else ""
        remedy = (
            f"{guess}Known: {', '.join(FIELDS)}; or a path such as properties.{name} or "
            f"$.{name}. Put a text to search for in quotes."
        )
        raise build_query_error(f"unknown field {str(name)[:40]!r}", _get_column(name), remedy)


def _check_path(text: str, column: int) -> None:
    try:
        JsonPath.parse(text)
    except EmulatorError as error:
        raise build_query_error(error.what, column, error.remedy) from None


def _check_operator(name: str, operator: "Token") -> None:
    known = FIELDS[name].operators if name in FIELDS else tuple(OPERATORS)
    if operator not in known:
        what = f"{str(operator)[:20]!r} is not an operator"
        what = f"{what} of {name}" if operator in OPERATORS else what
        raise build_query_error(what, _get_column(operator), f"Known here: {' '.join(known)}")


_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_RANGE = re.compile(r"(-?\d.*?)\.\.(-?\d.*)", re.ASCII)


def parse_number(text: str) -> int | float | None:
    """Return the number that a value of a query is; None if it is a text."""
    if not _JSON_NUMBER.fullmatch(text):
        return None
    is_small_integer = text.lstrip("-").isdecimal() and len(text) < 19
    return int(text) if is_small_integer else float(text)  # a database has 64 bits


def split_range(comparison: Comparison) -> tuple[str, str]:
    """Return the lowest and the highest value of a condition with a range."""
    match = _RANGE.fullmatch(comparison.value)
    assert match
    return match[1], match[2]


def _recognise_range(comparison: Comparison) -> Comparison:
    is_range = is_path(comparison.name) and comparison.operator == "="
    if is_range and not comparison.is_quoted and _RANGE.fullmatch(comparison.value):
        return replace(comparison, operator="..")
    return comparison


def _check_value(comparison: Comparison) -> None:
    name, value = comparison.name, comparison.value
    if name == "verdict":
        _check_verdicts(comparison)
    elif name == "has":
        _check_path(value, comparison.column)
    elif comparison.operator == "..":
        low, high = (parse_number(end) is None for end in split_range(comparison))
        if low != high:
            remedy = "Use two numbers or two times, such as 10..20."
            raise build_query_error(f"{value[:40]!r} is not a range", comparison.column, remedy)
    elif comparison.operator in ORDER_OPERATORS and not _has_order(comparison):
        what = f"{value[:40]!r} is neither a number nor a time"
        remedy = "Write 20 or 2026-11-23, or put a text in quotes."
        raise build_query_error(what, comparison.column, remedy)


def _has_order(comparison: Comparison) -> bool:
    value = comparison.value
    is_number_or_time = re.match(r"[-+]?\d", value) and not _RANGE.fullmatch(value)
    return comparison.is_quoted or bool(is_number_or_time)


def _check_verdicts(comparison: Comparison) -> None:
    for verdict in comparison.value.split(","):
        if verdict not in VERDICTS:
            intended = find_intended_name(verdict, VERDICTS)
            guess = f"Did you mean {intended}? " if intended else ""
            raise build_query_error(
                f"unknown verdict {verdict[:40]!r}",
                comparison.column,
                f"{guess}Known: {', '.join(VERDICTS)}.",
            )


def _check_size(condition: Condition) -> None:
    number = sum(1 for _ in iter_comparisons(condition))
    if number > MAX_QUERY_CONDITIONS or _measure_depth(condition) > MAX_QUERY_DEPTH:
        remedy = f"Use {MAX_QUERY_CONDITIONS} conditions, and {MAX_QUERY_DEPTH} groups in groups."
        raise build_query_error("the query has too many conditions", 1, remedy)


def iter_comparisons(condition: Condition) -> Iterator[Comparison]:
    """Yield the comparisons in a condition of a query, from left to right."""
    if isinstance(condition, Comparison):
        yield condition
        return
    for part in (condition.part,) if isinstance(condition, Negation) else condition.parts:
        yield from iter_comparisons(part)


def _measure_depth(condition: Condition) -> int:
    if isinstance(condition, Comparison):
        return 0
    parts = (condition.part,) if isinstance(condition, Negation) else condition.parts
    return 1 + max(map(_measure_depth, parts))


def _explain_syntax_error(text: str, error: "UnexpectedInput") -> QueryError:
    """Return the error for a query that the grammar refuses: what, and where."""
    unexpected: Any = error
    expected: set[str] = set(
        getattr(unexpected, "expected", None) or getattr(unexpected, "allowed", None) or ()
    )
    at = error.pos_in_stream if error.pos_in_stream is not None else len(text)
    token = getattr(unexpected, "token", None)
    if at >= len(text) or (token is not None and token.type == "$END"):
        return _explain_missing_end(text, expected)
    found = text[at:].split()[0][:20]
    if found[0] == ")":
        is_after_condition = "$END" in expected
        what = "there is no '(' for this ')'" if is_after_condition else "a condition is missing"
        return build_query_error(what, at + 1, _EXAMPLE)
    if '"' in found and "[" not in found:
        remedy = 'Write "a text" with a blank around it, and \\" for a quote within it.'
        return build_query_error("quotes do not match", at + 1, remedy)
    if "VALUE" in expected:
        return build_query_error(f"{found!r} is not a value", at + 1, "Put it in quotes.")
    if "WORD" in expected:
        what = f"a condition is missing before {found!r}"
        return build_query_error(what, at + 1, f"{_EXAMPLE} Put a text to search for in quotes.")
    return build_query_error(f"{found!r} is not expected here", at + 1, _EXAMPLE)


_EXAMPLE = 'Write conditions such as event:"Cart Viewed" and properties.price > 20.'


def _explain_missing_end(text: str, expected: set[str]) -> QueryError:
    column = len(text.rstrip()) + 1
    if "VALUE" in expected:
        return build_query_error("a value is missing", column, "Write one, such as user:ada.")
    if "RPAR" in expected:
        return build_query_error("')' is missing", column, "Close each '('.")
    return build_query_error("a condition is missing", column, _EXAMPLE)


def _get_column(token: "Token") -> int:
    return (token.start_pos or 0) + 1


def build_query_error(what: str, column: int, remedy: str) -> QueryError:
    """Return the error of a query with its place, a column from 1."""
    error = QueryError(what, f"query, column {column}", remedy)
    error.column = column
    return error
