"""Texts of queries: format conditions as people write them, and replace those of one field."""

import re
from collections.abc import Sequence
from typing import Final

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
)

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
