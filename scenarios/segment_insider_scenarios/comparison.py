"""Tables compared, and told so that the difference can be seen."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import TypeAlias

import orjson

from segment_insider_emulator.cli.terminal import escape_json, is_single_safe_line
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios.tables import parse_cell

TableRow: TypeAlias = tuple[str, ...]


def format_cell(value: JSON) -> str:
    """Return *value* as a cell has it: equal for equal JSON values, and for no others.

    A text with line breaks or control characters is quoted and has them escaped, so that it takes
    one line and can be copied into a table.
    """
    value = _normalise_numbers(value)
    if (
        isinstance(value, str)
        and value
        and parse_cell(value) == value
        and is_single_safe_line(value)
    ):
        return value
    return escape_json(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).decode()


def format_row(values: JSONObject, columns: Sequence[str]) -> TableRow:
    """The cells of *values* in these columns; what it does not have is empty."""
    return tuple(format_cell(values[column]) if column in values else "" for column in columns)


def diff_rows(
    columns: Sequence[str],
    expected: list[TableRow],
    received: list[TableRow],
    empty_message: str = "Nothing arrived.",
) -> list[str]:
    """Lines that show what differs, nothing when nothing does.

    `-` is expected and did not arrive, `+` arrived and was not expected.

    Args:
        none: What to say when there is no row at all.
    """
    if expected == received:
        return []
    if not received:
        return [
            *_align_columns([(" ", tuple(columns)), *(("-", row) for row in expected)]),
            "",
            empty_message,
        ]
    marked = list(_mark_rows(expected, received))
    return [
        *_align_columns([(" ", tuple(columns)), *marked]),
        "",
        *_summarise_diff(columns, marked),
    ]


def diff_missing_rows(
    columns: Sequence[str], missing: list[TableRow], received: list[TableRow]
) -> list[str]:
    """Lines that show which rows are *missing* beside all that were received."""
    marked = [*(("-", row) for row in missing), *((" ", row) for row in received)]
    nearest = _describe_nearest_rows(columns, missing, received)
    summary = f"- {len(missing)} expected, not received here; the others were received."
    return [*_align_columns([(" ", tuple(columns)), *marked]), "", summary, *nearest]


def _normalise_numbers(value: JSON) -> JSON:
    """One form for equal numbers: JSON has no other number 21.0 beside 21."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_normalise_numbers(each) for each in value]
    if isinstance(value, dict):
        return {key: _normalise_numbers(each) for key, each in value.items()}
    return value


def _mark_rows(expected: list[TableRow], received: list[TableRow]) -> list[tuple[str, TableRow]]:
    marked: list[tuple[str, TableRow]] = []
    matcher = SequenceMatcher(None, expected, received, autojunk=False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        if tag == "equal":
            marked += [(" ", row) for row in expected[start:end]]
        else:
            marked += [("-", row) for row in expected[start:end]]
            marked += [("+", row) for row in received[other_start:other_end]]
    return marked


def _align_columns(marked: list[tuple[str, TableRow]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*(row for _, row in marked), strict=True)]
    return [f"  {mark} " + "  ".join(map(str.ljust, row, widths)).rstrip() for mark, row in marked]


def _summarise_diff(columns: Sequence[str], marked: list[tuple[str, TableRow]]) -> list[str]:
    missing = [row for mark, row in marked if mark == "-"]
    extra = [row for mark, row in marked if mark == "+"]
    if sorted(missing) == sorted(extra):
        return ["The same rows arrived in another order."]
    remarks = [f"- {len(missing)} expected, not received; + {len(extra)} received, not expected."]
    return remarks + _describe_nearest_rows(columns, missing, extra)


def _describe_nearest_rows(
    columns: Sequence[str], missing: list[TableRow], others: list[TableRow]
) -> list[str]:
    """What differs in the nearest row of each missing one; equal lines once."""
    lines = [
        _describe_nearest_row(columns, row, near)
        for row in missing
        if (near := _find_closest_row(row, others))
    ]
    return list(dict.fromkeys(lines))


def _find_closest_row(row: TableRow, others: list[TableRow]) -> TableRow | None:
    """The one with most cells in common and not all; None when none has any.

    One whose first cell is the same comes before all others: that cell names what the row is about.
    """
    near = max(
        others, key=lambda other: (row[0] == other[0], _count_equal_cells(row, other)), default=None
    )
    return near if near and 0 < _count_equal_cells(row, near) < len(row) else None


def _count_equal_cells(one: TableRow, other: TableRow) -> int:
    return sum(cell == twin for cell, twin in zip(one, other, strict=True))


def _describe_nearest_row(columns: Sequence[str], row: TableRow, nearest: TableRow) -> str:
    differing = [
        f"{column} is {twin or 'absent'}, expected {cell or 'absent'}{_quote_hint(twin, cell)}"
        for column, cell, twin in zip(columns, row, nearest, strict=True)
        if cell != twin
    ]
    return f"Nearest to {row[0] or 'it'}: {'; '.join(differing)}."


def _quote_hint(twin: str, cell: str) -> str:
    """What to do where a text and a number look alike."""
    return f" (write {twin} with its quotes: it is a text)" if twin == f'"{cell}"' else ""
