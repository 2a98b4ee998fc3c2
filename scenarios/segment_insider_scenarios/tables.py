"""Tables below steps: cells parsed to JSON values, and rows compared with their differences.

A cell is parsed as JSON if it is JSON ("8.50" is a number, "true" a Boolean, "[1, 2]" a list),
else it is text; quotes make any value a text. An empty cell is an absent value. A dot in a header
means a nested value: "address.city", "products.0.price".
"""

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import TypeAlias

import orjson

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.terminal_output import escape_controls_in_json, is_single_safe_line
from segment_insider_emulator.types import JSON, JSONObject

StepTable: TypeAlias = Sequence[Sequence[str]]


def parse_cell(cell: str) -> JSON:
    """Parse one non-empty cell of a step's table: JSON if it is JSON, else text."""
    try:
        return orjson.loads(cell)
    except orjson.JSONDecodeError:
        return cell


def parse_text_cell(cell: str) -> JSON:
    """Parse one non-empty cell of a step's table as text: numbers and Booleans stay text."""
    value = parse_cell(cell)
    return cell if isinstance(value, bool | int | float) else value


def parse_rows(
    table: StepTable, is_text_cell: Callable[[str, str], bool] = lambda header, cell: False
) -> list[dict[str, JSON]]:
    """Return each row of a step's table as header -> value; dotted headers stay dotted.

    Args:
        is_text_cell: Says of a header and a cell whether a text belongs there.
    Raises: EmulatorError, for two columns of one name.
    """
    headers, *lines = table
    _reject_duplicate_names(headers, headers)
    return [
        {
            header: parse_text_cell(cell) if is_text_cell(header, cell) else parse_cell(cell)
            for header, cell in zip(headers, line, strict=True)
            if cell
        }
        for line in lines
    ]


def parse_records(table: StepTable) -> list[JSONObject]:
    """Return each row of a step's table as a nested JSON object."""
    return [nest_dotted_values(row) for row in parse_rows(table)]


def parse_pairs(
    table: StepTable,
    name_header: str,
    is_text_cell: Callable[[str, str], bool] = lambda name, cell: False,
) -> dict[str, JSON]:
    """Return a step's table of two columns as name -> value; names stay dotted.

    Args:
        name_header: The header of the first column; that of the second is "value".
        is_text_cell: Says of a name and a cell whether a text belongs there.
    Raises: EmulatorError, for another header, or a name listed twice.
    """
    require_table_header(table, (name_header, "value"))
    header, *lines = table
    _reject_duplicate_names(header, [name for name, _ in lines])
    return {
        name: parse_text_cell(cell) if is_text_cell(name, cell) else parse_cell(cell)
        for name, cell in lines
        if cell
    }


def require_table_header(table: StepTable, columns: Sequence[str]) -> None:
    """Reject a step's table whose first row is not *columns*.

    Raises: EmulatorError.
    """
    if tuple(table[0]) != tuple(columns):
        expected_header = " | ".join(columns)
        rows_hint = f"Write each {columns[0]} on a line of its own." if columns[1:] else ""
        remedy = f"Begin with the line: | {expected_header} |. {rows_hint}".rstrip()
        raise EmulatorError("this table has the wrong header", " | ".join(table[0]), remedy)


def split_enumeration(words: str) -> list[str]:
    """Split an enumeration in a step: "email, sms and whatsapp" is three words."""
    return words.replace(" and ", ", ").split(", ")


def nest_dotted_values(dotted_values: dict[str, JSON]) -> JSONObject:
    """Convert values by dotted path, e.g. "a.0.b", to nested objects and lists.

    Raises: EmulatorError, when a place is inside a value that has no inside.
    """
    tree: JSONObject = {}
    for place, value in dotted_values.items():
        at = tree
        *outer, last = place.split(".")
        for step in outer:
            at = at.setdefault(step, {})
            if not isinstance(at, dict):
                remedy = f"Give {step} either a value or values inside it."
                raise EmulatorError(f"{step} already has a value", place, remedy)
        at[last] = value
    return {name: _convert_indexes_to_lists(value) for name, value in tree.items()}


def _reject_duplicate_names(header: Sequence[str], names: Sequence[str]) -> None:
    for at, name in enumerate(names):
        if name in names[:at]:
            where = " | ".join(header)
            raise EmulatorError(f"{name!r} is listed twice", where, "Keep one of them.")


def _convert_indexes_to_lists(value: JSON) -> JSON:
    """Convert objects with the keys 0, 1, 2… to lists."""
    if not isinstance(value, dict):
        return value
    inside = {key: _convert_indexes_to_lists(member) for key, member in value.items()}
    if inside and list(inside) == [str(at) for at in range(len(inside))]:
        return list(inside.values())
    return inside


def flatten_values(value: JSONObject, prefix: str = "") -> dict[str, JSON]:
    """Convert nested objects to values by dotted path; a list stays one value."""
    flat: dict[str, JSON] = {}
    for name, member in value.items():
        place = f"{prefix}{name}"
        if isinstance(member, dict):
            flat.update(flatten_values(member, f"{place}."))
        else:
            flat[place] = member
    return flat


TableRow: TypeAlias = tuple[str, ...]


def format_cell(value: JSON) -> str:
    """Format a JSON value as a cell of a step's table; equal values give equal cells.

    A text with line breaks or control characters is quoted and escaped, so that it fits into one
    line and can be copied into a table.
    """
    value = _normalise_numbers(value)
    if (
        isinstance(value, str)
        and value
        and parse_cell(value) == value
        and is_single_safe_line(value)
    ):
        return value
    return escape_controls_in_json(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).decode()


def format_row(values: JSONObject, columns: Sequence[str]) -> TableRow:
    """Return values as cells of a table row in these columns; absent values are empty."""
    return tuple(format_cell(values[column]) if column in values else "" for column in columns)


def diff_rows(
    columns: Sequence[str],
    expected: list[TableRow],
    received: list[TableRow],
    empty_message: str = "Nothing arrived.",
) -> list[str]:
    """Return text lines that show how two tables' rows differ; none if they are equal.

    `-` marks expected rows that did not arrive, `+` rows that were not expected.

    Args:
        empty_message: What to say when there is no row at all.
    """
    if expected == received:
        return []
    if not received:
        return [
            *_align_row_columns([(" ", tuple(columns)), *(("-", row) for row in expected)]),
            "",
            empty_message,
        ]
    marked = list(mark_different_rows(expected, received))
    return [
        *_align_row_columns([(" ", tuple(columns)), *marked]),
        "",
        *_summarise_row_differences(columns, marked),
    ]


def diff_missing_rows(
    columns: Sequence[str], missing: list[TableRow], received: list[TableRow]
) -> list[str]:
    """Return text lines that show the *missing* table rows among all received rows."""
    marked = [*(("-", row) for row in missing), *((" ", row) for row in received)]
    nearest = _describe_nearest_rows(columns, missing, received)
    summary = f"- {len(missing)} expected, not received here; the others were received."
    return [*_align_row_columns([(" ", tuple(columns)), *marked]), "", summary, *nearest]


def _normalise_numbers(value: JSON) -> JSON:
    """Convert whole floats to int, so that 21.0 and 21 compare equal as text."""
    # A larger number has no whole form in the 64 bits that JSON writers know.
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    if isinstance(value, list):
        return [_normalise_numbers(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _normalise_numbers(member) for key, member in value.items()}
    return value


def mark_different_rows(
    expected: list[TableRow], received: list[TableRow]
) -> list[tuple[str, TableRow]]:
    """Return all rows of two tables: "-" marks expected ones, "+" received ones, " " both."""
    marked: list[tuple[str, TableRow]] = []
    matcher = SequenceMatcher(None, expected, received, autojunk=False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        if tag == "equal":
            marked += [(" ", row) for row in expected[start:end]]
        else:
            marked += [("-", row) for row in expected[start:end]]
            marked += [("+", row) for row in received[other_start:other_end]]
    return marked


def _align_row_columns(marked: list[tuple[str, TableRow]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*(row for _, row in marked), strict=True)]
    return [f"  {mark} " + "  ".join(map(str.ljust, row, widths)).rstrip() for mark, row in marked]


def _summarise_row_differences(
    columns: Sequence[str], marked: list[tuple[str, TableRow]]
) -> list[str]:
    missing = [row for mark, row in marked if mark == "-"]
    extra = [row for mark, row in marked if mark == "+"]
    if sorted(missing) == sorted(extra):
        return ["The same rows arrived in another order."]
    remarks = [f"- {len(missing)} expected, not received; + {len(extra)} received, not expected."]
    return remarks + _describe_nearest_rows(columns, missing, extra)


def _describe_nearest_rows(
    columns: Sequence[str], missing: list[TableRow], others: list[TableRow]
) -> list[str]:
    """Describe how the nearest received row differs, for each missing row."""
    lines = [
        _describe_nearest_row(columns, row, near)
        for row in missing
        if (near := _find_closest_row(row, others))
    ]
    return list(dict.fromkeys(lines))


def _find_closest_row(row: TableRow, others: list[TableRow]) -> TableRow | None:
    """Return the table row with most equal cells; None if no cell, or every cell, is equal.

    A row with the same first cell comes first, because that cell is its subject.
    """
    near = max(
        others, key=lambda other: (row[0] == other[0], _count_equal_cells(row, other)), default=None
    )
    return near if near and 0 < _count_equal_cells(row, near) < len(row) else None


def _count_equal_cells(one: TableRow, other: TableRow) -> int:
    return sum(cell == twin for cell, twin in zip(one, other, strict=True))


def _describe_nearest_row(columns: Sequence[str], row: TableRow, nearest: TableRow) -> str:
    differing = [
        f"{column} is {twin or 'absent'}, expected "
        f"{cell or 'absent'}{_suggest_quoting_cell(twin, cell)}"
        for column, cell, twin in zip(columns, row, nearest, strict=True)
        if cell != twin
    ]
    return f"Nearest to {row[0] or 'it'}: {'; '.join(differing)}."


def _suggest_quoting_cell(twin: str, cell: str) -> str:
    """Return a hint to quote a table cell's text that looks like a number; "" for other cells."""
    return f" (write {twin} with its quotes: it is a text)" if twin == f'"{cell}"' else ""
