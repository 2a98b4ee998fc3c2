"""Tables of a feature file, read as JSON values.

A cell is read as JSON where it is JSON ("8.50" is a number, "true" a Boolean, "[1, 2]" a list) and
as text elsewhere; quotes make text of anything. An empty cell is an absent value. A dotted header
is a place inside: "address.city", "products.0.price".
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import orjson

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject

StepTable: TypeAlias = Sequence[Sequence[str]]


def parse_cell(cell: str) -> JSON:
    """What one cell that is not empty says."""
    try:
        return orjson.loads(cell)
    except orjson.JSONDecodeError:
        return cell


def parse_text_cell(cell: str) -> JSON:
    """Return what one cell that is not empty says where a text belongs: 100234 is one."""
    value = parse_cell(cell)
    return cell if isinstance(value, bool | int | float) else value


def parse_rows(
    table: StepTable, is_text_cell: Callable[[str, str], bool] = lambda header, cell: False
) -> list[dict[str, JSON]]:
    """Header -> value for each row below the header; headers stay dotted.

    Args:
        is_text: Says of a header and a cell whether a text belongs there.
    Raises: EmulatorError, for two columns of one name.
    """
    headers, *lines = table
    _reject_duplicates(headers, headers)
    return [
        {
            header: parse_text_cell(cell) if is_text_cell(header, cell) else parse_cell(cell)
            for header, cell in zip(headers, line, strict=True)
            if cell
        }
        for line in lines
    ]


def parse_records(table: StepTable) -> list[JSONObject]:
    """One object for each row below the header."""
    return [nest_dotted_values(row) for row in parse_rows(table)]


def parse_pairs(
    table: StepTable,
    name_header: str,
    is_text_cell: Callable[[str, str], bool] = lambda name, cell: False,
) -> dict[str, JSON]:
    """Name -> value of a table with two columns, below its header; names stay dotted.

    Args:
        name: The header of the first column; that of the second is "value".
        is_text: Says of a name and a cell whether a text belongs there.
    Raises: EmulatorError, for another header, or a name listed twice.
    """
    require_header(table, (name_header, "value"))
    header, *lines = table
    _reject_duplicates(header, [name for name, _ in lines])
    return {
        name: parse_text_cell(cell) if is_text_cell(name, cell) else parse_cell(cell)
        for name, cell in lines
        if cell
    }


def require_header(table: StepTable, columns: Sequence[str]) -> None:
    """Refuse a table whose first row is not *columns*. Raises: EmulatorError."""
    if tuple(table[0]) != tuple(columns):
        expected_header = " | ".join(columns)
        rows_hint = f"Write each {columns[0]} on a line of its own." if columns[1:] else ""
        remedy = f"Begin with the line: | {expected_header} |. {rows_hint}".rstrip()
        raise EmulatorError("this table has another header", " | ".join(table[0]), remedy)


def split_words(words: str) -> list[str]:
    """What stands in a sentence: "email, sms and whatsapp" is three words."""
    return words.replace(" and ", ", ").split(", ")


def nest_dotted_values(dotted_values: dict[str, JSON]) -> JSONObject:
    """Values by dotted place as objects and lists within the object.

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
                raise EmulatorError(f"{step} has a value of its own already", place, remedy)
        at[last] = value
    return {name: _convert_indexes_to_lists(value) for name, value in tree.items()}


def _reject_duplicates(header: Sequence[str], names: Sequence[str]) -> None:
    for at, name in enumerate(names):
        if name in names[:at]:
            where = " | ".join(header)
            raise EmulatorError(f"{name!r} is listed twice", where, "Keep one of them.")


def _convert_indexes_to_lists(value: JSON) -> JSON:
    """Objects whose keys count up from 0 become lists."""
    if not isinstance(value, dict):
        return value
    inside = {key: _convert_indexes_to_lists(each) for key, each in value.items()}
    if inside and list(inside) == [str(at) for at in range(len(inside))]:
        return list(inside.values())
    return inside


def flatten_values(value: JSONObject, prefix: str = "") -> dict[str, JSON]:
    """Values by dotted place; a list is one value."""
    flat: dict[str, JSON] = {}
    for name, each in value.items():
        place = f"{prefix}{name}"
        if isinstance(each, dict):
            flat.update(flatten_values(each, f"{place}."))
        else:
            flat[place] = each
    return flat
