"""The query of the Live page: parsed from the address, and written back as text."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson
from flask import request, url_for
from werkzeug.datastructures import MultiDict

from segment_insider_emulator.clock import Clock
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.storage.json_conditions import JsonPath, MessagePath
from segment_insider_emulator.storage.message_filters import MessageFilters, build_message_filters
from segment_insider_emulator.storage.message_sorting import (
    COLUMN_VALUES,
    SortCursor,
    SortedPage,
    SortKey,
    SortOrder,
)
from segment_insider_emulator.storage.query_execution import IdRange
from segment_insider_emulator.storage.query_language import (
    FIELDS,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Negation,
    is_path,
    join_conjuncts,
    list_conjuncts,
    parse_query,
)
from segment_insider_emulator.storage.records import VERDICTS

_PLAIN_VALUE: Final = re.compile(r'[^\s()"=!<>~:][^\s()"]*')
_PLAIN_TEXT: Final = re.compile(r'(?!(?:and|or|not)$)[^\s()"=!<>~:\[\]]+', re.IGNORECASE)


def format_query(condition: Condition | None) -> str:
    """Return the text of a query that means a condition; "" for None."""
    match condition:
        case None:
            return ""
        case Comparison():
            return _format_comparison(condition)
        case Negation(Comparison(operator="=" | "~") as part) if _can_be_unequal(part.name):
            return _format_comparison(part, is_negated=True)
        case Negation(part):
            return f"not {_format_part(part)}"
        case AnyOf(parts):
            return " or ".join(map(_format_part, parts))
    return " ".join(map(_format_part, condition.parts))


def replace_field(
    condition: Condition | None, field_name: str, values: Sequence[str]
) -> Condition | None:
    """Return a query's condition with one field compared with other values, if there are any.

    Args:
        values: For `verdict`, any of them; for other fields, the first.
    """
    others = tuple(
        part
        for part in list_conjuncts(condition)
        if not (isinstance(part, Comparison) and part.name == field_name)
    )
    value = ",".join(values) if field_name == "verdict" else "".join(values[:1])
    return join_conjuncts((*others, Comparison(field_name, "=", value)) if value else others)


def _can_be_unequal(name: str) -> bool:
    return is_path(name) or (name in FIELDS and "!=" in FIELDS[name].operators)


def _format_part(condition: Condition) -> str:
    text = format_query(condition)
    return f"({text})" if isinstance(condition, AllOf | AnyOf) else text


def _format_comparison(comparison: Comparison, *, is_negated: bool = False) -> str:
    name, operator = comparison.name, comparison.operator
    value = comparison.value
    plain = _PLAIN_VALUE if name else _PLAIN_TEXT
    # Quotes matter where a value could be a number.
    must_quote = comparison.is_quoted and is_path(name)
    if must_quote or not plain.fullmatch(value):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        value = f'"{escaped}"'
    if not name:
        return value
    sign = ("!" if is_negated else "") + {"..": "="}.get(operator, operator)
    return f"{name}:{value}" if sign == "=" and not is_path(name) else f"{name} {sign} {value}"


MAX_PAGE_NUMBER = 2**63 - 1


def get_int_parameter(parameter_name: str, default: int = MAX_PAGE_NUMBER) -> int:
    """Return a query parameter of the page's URL as integer, or *default* if it is none."""
    text = request.args.get(parameter_name, "")
    # Too many digits are refused before Python spends time on them.
    value = int(text) if text.isdecimal() and len(text) < 20 else default
    return min(value, MAX_PAGE_NUMBER)


# Parameters that filter by one field; the list page writes a query instead.
FIELD_PARAMETERS = ("type", "event", "user", "source", "subscription", "since", "until")
LIST_PARAMETERS = ("verdict", "path", "column")
# Where a page begins: not part of what the list shows.
PAGE_PARAMETERS = ("before", "sorted", "last")
QUERY_PARAMETERS = ("q", *FIELD_PARAMETERS, *LIST_PARAMETERS, "sort", *PAGE_PARAMETERS)
SORT_COLUMNS = ("time", *COLUMN_VALUES)
MAX_VALUE_CHARS = 500
MAX_VALUES_PER_PARAMETER = 12
MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class MessageListQuery:
    """Filters, columns and page of the message list, as they are in its URL.

    Args:
        parameter_values: `query`, `column`, `sort` and `before` -> values, as the address has them.
        condition: What the query means.
        columns: Paths of values that are shown as extra columns.
        before_id: Only messages with a lower id; None for the newest.
        sort: Column of SORT_COLUMNS or path by which messages are sorted, with "-" before it for
            descending; "" for newest first.
        sorted_ids: Range of the messages that are sorted; None for as many as time allows.
        sort_cursor: Last message of the sorted page before this one.
    """

    filters: MessageFilters = field(default_factory=MessageFilters)
    columns: tuple[MessagePath, ...] = ()
    before_id: int | None = None
    sort: str = ""
    sorted_ids: IdRange | None = None
    sort_cursor: SortCursor | None = None
    parameter_values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    condition: Condition | None = None

    def get_parameter(self, name: str) -> str:
        """Return the first value of a parameter of the message list, or "" if it is not set."""
        return next(iter(self.parameter_values.get(name, ())), "")

    def get_parameter_values(self, name: str) -> tuple[str, ...]:
        """Return all values of a parameter of the message list."""
        return self.parameter_values.get(name, ())

    @property
    def is_filtered(self) -> bool:
        """Return whether the message list has any filter."""
        return self.filters != MessageFilters()

    def build_url_parameters(self, **changes: object) -> dict[str, object]:
        """Return the message list's URL parameters with *changes*, from the newest message on.

        A change of a field of the query language changes the query.
        """
        parameters: dict[str, object] = {
            name: list(values) for name, values in self.parameter_values.items()
        }
        for name in PAGE_PARAMETERS:
            parameters.pop(name, None)
        condition = self.condition
        for name, value in changes.items():
            if name in FIELDS:
                values = value if isinstance(value, list) else [value]
                condition = replace_field(condition, name, [str(text) for text in values if text])
                parameters["query"] = format_query(condition)
            else:
                parameters[name] = value
        return {name: value for name, value in parameters.items() if value not in ("", [])}

    @property
    def sort_order(self) -> SortOrder | None:
        """Return the order of the message list; None for the order of arrival."""
        column = self.sort.removeprefix("-")
        if column in ("", "time"):
            return None
        path = None if column in COLUMN_VALUES else MessagePath.parse(column, "sort")
        return SortOrder("" if path else column, path, is_descending=self.sort.startswith("-"))

    def build_sort_url(self, column: str) -> str:
        """Return the URL of the message list sorted by *column*, or the other way."""
        following = {column: f"-{column}", f"-{column}": ""}.get(self.sort, column)
        return self.build_url(sort=following)

    def build_next_sorted_url(self, page: SortedPage) -> str | None:
        """Return the URL of the page after a sorted one; None after the last."""
        if page.next_cursor is None:
            return None
        (rank, value), id = page.next_cursor
        return self.build_url(
            sorted=_format_id_range(page.sorted_ids), last=orjson.dumps([rank, value, id]).decode()
        )

    def build_thorough_sort_url(self, page: SortedPage) -> str:
        """Return the URL that takes more time to sort more messages."""
        return self.build_url(sorted=_format_id_range(IdRange(0, page.sorted_ids.high)))

    def get_sort_direction(self, column: str) -> str:
        """Return how the message list is sorted by *column*, as `aria-sort` has it."""
        directions = {column: "ascending", f"-{column}": "descending"}
        return directions.get(self.sort or "-time", "none")

    def build_return_parameters(self) -> dict[str, object]:
        """Return the URL parameters that lead back to this page of the message list."""
        page = {name: self.get_parameter(name) for name in PAGE_PARAMETERS}
        return self.build_url_parameters(**page)

    def build_url(self, **changes: object) -> str:
        """Return the URL of the message list with *changes*; None or "" removes a parameter."""
        return url_for("inspector.live.show_messages", **self.build_url_parameters(**changes))  # type: ignore[arg-type]  # a query may contain any value

    def build_url_without(self, name: str, value: str) -> str:
        """Return the URL of the message list without one value of a parameter."""
        return self.build_url(
            **{
                name: [
                    parameter_value
                    for parameter_value in self.get_parameter_values(name)
                    if parameter_value != value
                ]
            }
        )


def parse_list_query(query_args: MultiDict[str, str], clock: Clock) -> MessageListQuery:
    """Parse the URL parameters of the message list; unknown parameters are ignored.

    Raises: EmulatorError, for a value that cannot be meant.
    """
    values = dict(_iter_parameter_values(query_args))
    field_conditions = tuple(_build_conditions(values))
    text = query_args.get("query", "").strip()
    query_condition = parse_query(text)
    condition = join_conjuncts((*field_conditions, *list_conjuncts(query_condition)))
    if field_conditions:
        text = format_query(condition)
    kept: dict[str, tuple[str, ...]] = {
        name: values[name] for name in ("column", "sort", *PAGE_PARAMETERS) if name in values
    }
    return MessageListQuery(
        build_message_filters(condition, clock),
        tuple(MessagePath.parse(path, "column") for path in values.get("column", ())),
        parse_id(_get_first_value(values, "before"), "before"),
        _parse_sort(_get_first_value(values, "sort")),
        _parse_id_range(_get_first_value(values, "sorted")),
        _parse_sort_cursor(_get_first_value(values, "last")),
        {"query": (text,), **kept} if text else kept,
        condition,
    )


def has_other_form(query_args: MultiDict[str, str]) -> bool:
    """Return whether an address has another form than the one that links have.

    Older links filter by one parameter per field. A form without script sends empty parameters.
    """
    has_field_parameter = any(
        query_args.get(name) for name in ("q", "verdict", "path", *FIELD_PARAMETERS)
    )
    has_empty_parameter = any(
        not value.strip()
        for name in ("query", *QUERY_PARAMETERS)
        for value in query_args.getlist(name)
    )
    return has_field_parameter or has_empty_parameter


def parse_id(text: str, parameter_name: str) -> int | None:
    """Parse a numeric id from a URL parameter; "" gives None.

    Raises: EmulatorError.

    Raises: EmulatorError.
    """
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= MAX_ID):
        raise EmulatorError(
            f"{text[:40]!r} is not a number", parameter_name, "Give a whole number."
        )
    return int(text)


def _iter_parameter_values(
    query_args: MultiDict[str, str],
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in QUERY_PARAMETERS:
        values = [value.strip() for value in query_args.getlist(name) if value.strip()]
        values = values if name in LIST_PARAMETERS else values[:1]
        if (
            any(len(value) > MAX_VALUE_CHARS or "\0" in value for value in values)
            or len(values) > MAX_VALUES_PER_PARAMETER
        ):
            remedy = (
                f"Give at most {MAX_VALUES_PER_PARAMETER} values of at most "
                f"{MAX_VALUE_CHARS} characters."
            )
            raise EmulatorError("too many or too long values", name, remedy)
        if values:
            yield name, tuple(dict.fromkeys(values))


def _get_first_value(parameter_values: Mapping[str, tuple[str, ...]], name: str) -> str:
    return next(iter(parameter_values.get(name, ())), "")


def _build_conditions(parameter_values: Mapping[str, tuple[str, ...]]) -> Iterator[Condition]:
    """Yield the conditions of the parameters that each filter one field."""
    for name, values in parameter_values.items():
        if name == "q":
            yield Comparison("", "~", values[0], is_quoted=True)
        elif name == "verdict":
            yield Comparison("verdict", "=", ",".join(map(_check_verdict, values)))
        elif name == "path":
            yield from map(_parse_path_filter, values)
        elif name in FIELD_PARAMETERS:
            yield Comparison(name, "=", values[0], is_quoted=True)


def _check_verdict(name: str) -> str:
    if name not in VERDICTS:
        known = ", ".join(VERDICTS)
        raise EmulatorError(f"unknown verdict {name!r}", "verdict", f"Known: {known}.")
    return name


def _parse_path_filter(text: str) -> Condition:
    path_text, equals, expected = text.partition("=")
    path = str(JsonPath.parse(path_text))
    return Comparison(path, "=", expected.strip()) if equals else Comparison("has", "=", path)


def _parse_sort(text: str) -> str:
    column = text.removeprefix("-")
    if text and column not in SORT_COLUMNS:
        if not is_path(column):
            known = f"{', '.join(SORT_COLUMNS)}, or a path such as properties.price"
            raise EmulatorError(f"unknown column {text!r}", "sort", f"Known: {known}.")
        MessagePath.parse(column, "sort")
    return "" if text == "-time" else text


def _parse_id_range(text: str) -> IdRange | None:
    low, _, high = text.partition("-")
    if not text:
        return None
    return IdRange(parse_id(low, "sorted") or 0, parse_id(high, "sorted") or 0)


def _format_id_range(ids: IdRange) -> str:
    return f"{ids.low}-{ids.high}"


def _parse_sort_cursor(text: str) -> SortCursor | None:
    if not text:
        return None
    try:
        rank, value, id = orjson.loads(text)
        cursor = SortCursor(SortKey(int(rank), value), int(id))
    except (ValueError, TypeError, OverflowError):
        cursor = None
    if cursor is None or not cursor.key.is_valid:
        remedy = "Follow the links of the list."
        raise EmulatorError(f"{text[:40]!r} is not a place in the list", "last", remedy)
    return cursor
