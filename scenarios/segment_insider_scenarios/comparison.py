"""Tables compared, and told so that the difference can be seen."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import TypeAlias

import orjson

from segment_insider_emulator.cli.terminal import escaped, is_one_line
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios.tables import value_of

Row: TypeAlias = tuple[str, ...]


def text_of(value: JSON) -> str:
    """Return *value* as a cell has it: equal for equal JSON values, and for no others.

    A text with line breaks or control characters is quoted and has them escaped, so that it takes
    one line and can be copied into a table.
    """
    value = _canonical(value)
    if isinstance(value, str) and value and value_of(value) == value and is_one_line(value):
        return value
    return escaped(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).decode()


def row_of(values: JSONObject, columns: Sequence[str]) -> Row:
    """The cells of *values* in these columns; what it does not have is empty."""
    return tuple(text_of(values[column]) if column in values else "" for column in columns)


def difference(
    columns: Sequence[str],
    expected: list[Row],
    received: list[Row],
    none: str = "Nothing arrived.",
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
            *_aligned([(" ", tuple(columns)), *(("-", row) for row in expected)]),
            "",
            none,
        ]
    marked = list(_marked(expected, received))
    return [*_aligned([(" ", tuple(columns)), *marked]), "", *_remarks(columns, marked)]


def lacking(columns: Sequence[str], missing: list[Row], received: list[Row]) -> list[str]:
    """Lines that show which rows are *missing* beside all that were received."""
    marked = [*(("-", row) for row in missing), *((" ", row) for row in received)]
    nearest = _all_nearest(columns, missing, received)
    told = f"- {len(missing)} expected, not received here; the others were received."
    return [*_aligned([(" ", tuple(columns)), *marked]), "", told, *nearest]


def _canonical(value: JSON) -> JSON:
    """One form for equal numbers: JSON has no other number 21.0 beside 21."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_canonical(each) for each in value]
    if isinstance(value, dict):
        return {key: _canonical(each) for key, each in value.items()}
    return value


def _marked(expected: list[Row], received: list[Row]) -> list[tuple[str, Row]]:
    marked: list[tuple[str, Row]] = []
    matcher = SequenceMatcher(None, expected, received, autojunk=False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        if tag == "equal":
            marked += [(" ", row) for row in expected[start:end]]
        else:
            marked += [("-", row) for row in expected[start:end]]
            marked += [("+", row) for row in received[other_start:other_end]]
    return marked


def _aligned(marked: list[tuple[str, Row]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*(row for _, row in marked), strict=True)]
    return [f"  {mark} " + "  ".join(map(str.ljust, row, widths)).rstrip() for mark, row in marked]


def _remarks(columns: Sequence[str], marked: list[tuple[str, Row]]) -> list[str]:
    missing = [row for mark, row in marked if mark == "-"]
    extra = [row for mark, row in marked if mark == "+"]
    if sorted(missing) == sorted(extra):
        return ["The same rows arrived in another order."]
    remarks = [f"- {len(missing)} expected, not received; + {len(extra)} received, not expected."]
    return remarks + _all_nearest(columns, missing, extra)


def _all_nearest(columns: Sequence[str], missing: list[Row], others: list[Row]) -> list[str]:
    """What differs in the nearest row of each missing one; equal lines once."""
    lines = [_nearest(columns, row, near) for row in missing if (near := _closest(row, others))]
    return list(dict.fromkeys(lines))


def _closest(row: Row, others: list[Row]) -> Row | None:
    """The one with most cells in common and not all; None when none has any.

    One whose first cell is the same comes before all others: that cell names what the row is about.
    """
    near = max(others, key=lambda other: (row[0] == other[0], _alike(row, other)), default=None)
    return near if near and 0 < _alike(row, near) < len(row) else None


def _alike(one: Row, other: Row) -> int:
    return sum(cell == twin for cell, twin in zip(one, other, strict=True))


def _nearest(columns: Sequence[str], row: Row, nearest: Row) -> str:
    differing = [
        f"{column} is {twin or 'absent'}, expected {cell or 'absent'}{_quoting(twin, cell)}"
        for column, cell, twin in zip(columns, row, nearest, strict=True)
        if cell != twin
    ]
    return f"Nearest to {row[0] or 'it'}: {'; '.join(differing)}."


def _quoting(twin: str, cell: str) -> str:
    """What to do where a text and a number look alike."""
    return f" (write {twin} with its quotes: it is a text)" if twin == f'"{cell}"' else ""
