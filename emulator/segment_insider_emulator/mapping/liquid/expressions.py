"""Parsers of Liquid values, operators and filters; they return functions of a rendering context.

Source: liquidjs 10.30, `parser/tokenizer.ts`, `render/expression.ts`, `render/operator.ts`.
"""

import math
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from segment_insider_emulator.mapping.javascript import MISSING
from segment_insider_emulator.mapping.liquid.runtime import (
    BLANK,
    EMPTY,
    NIL,
    CompiledExpression,
    LiquidContext,
    LiquidFilter,
    compare_liquid_values,
    contains_value,
    get_property,
    is_equal,
    is_liquid_truthy,
    replace_liquid_keyword,
    to_number,
)
from segment_insider_emulator.mapping.liquid.tokenizer import TemplateScanner
from segment_insider_emulator.types import JSON

FilterTable: TypeAlias = Mapping[str, LiquidFilter]

_KEYWORD_VALUES: Final = {
    "true": True,
    "false": False,
    "nil": NIL,
    "null": NIL,
    "empty": EMPTY,
    "blank": BLANK,
}
_OPERATOR_RANKS: Final = {"not": 1, "and": 0, "or": 0}
_COMPARISON_RANK: Final = 2


def _make_order_comparison(*allowed: int) -> Callable[[JSON, JSON], bool]:
    return lambda left, right: compare_liquid_values(left, right) in allowed


_OPERATORS: Final[dict[str, Callable[[JSON, JSON], bool]]] = {
    "==": is_equal,
    "!=": lambda left, right: not is_equal(left, right),
    ">": _make_order_comparison(1),
    "<": _make_order_comparison(-1),
    ">=": _make_order_comparison(0, 1),
    "<=": _make_order_comparison(-1, 0),
    "contains": contains_value,
    "and": lambda left, right: is_liquid_truthy(left) and is_liquid_truthy(right),
    "or": lambda left, right: is_liquid_truthy(left) or is_liquid_truthy(right),
}


def parse_filtered_value(scanner: TemplateScanner, filters: FilterTable) -> CompiledExpression:
    """Parse Liquid's `value | filter: argument | …`; a filter not in *filters* changes nothing.

    Raises: LiquidError, when there is no value or something else is in the place of a filter.
    """
    value = _parse_expression(scanner)
    while (step := _parse_filter(scanner)) is not None:
        name, arguments = step
        if name in filters:
            value = _compile_filter_call(value, filters[name], arguments)
        elif arguments:
            value = _compile_filter_call(value, _return_value_unchanged, arguments)
    return value


def _return_value_unchanged(_context: LiquidContext, value: JSON, *_arguments: JSON) -> JSON:
    return value


def _compile_filter_call(
    value: CompiledExpression,
    filter_function: LiquidFilter,
    arguments: list[CompiledExpression],
) -> CompiledExpression:
    if not arguments:
        return lambda context: filter_function(context, value(context))
    return lambda context: filter_function(
        context, value(context), *[argument(context) for argument in arguments]
    )


def _parse_expression(scanner: TemplateScanner) -> CompiledExpression:
    parts: list[CompiledExpression | str] = []
    while not scanner.is_at_end():
        part = scanner.read_operator() or parse_operand(scanner)
        if part is None:
            break
        parts.append(part)
    if not parts:
        raise scanner.create_tokenization_error(
            f"invalid value expression: {scanner.format_source_excerpt()}"
        )
    if len(parts) == 1 and not isinstance(parts[0], str):
        return parts[0]
    return _compile_reverse_polish(_convert_to_reverse_polish(parts))


def _convert_to_reverse_polish(
    parts: list[CompiledExpression | str],
) -> list[CompiledExpression | str]:
    """Reorder a Liquid expression to reverse Polish; operators of one rank group from the right."""
    ordered: list[CompiledExpression | str] = []
    pending_operators: list[str] = []
    for part in parts:
        if not isinstance(part, str):
            ordered.append(part)
            continue
        rank = _get_operator_rank(part)
        while pending_operators and _get_operator_rank(pending_operators[-1]) > rank:
            ordered.append(pending_operators.pop())
        pending_operators.append(part)
    return ordered + pending_operators[::-1]


def _get_operator_rank(operator: str) -> int:
    return _OPERATOR_RANKS.get(operator, _COMPARISON_RANK)


def _compile_reverse_polish(parts: list[CompiledExpression | str]) -> CompiledExpression:
    def calculate(context: LiquidContext) -> JSON:
        operands: list[JSON] = []
        for part in parts:
            operands.append(
                _apply_operator(part, operands) if isinstance(part, str) else part(context)
            )
        return operands[0]

    return calculate


def _apply_operator(operator: str, operands: list[JSON]) -> bool:
    """Apply a Liquid operator to operands from the stack; a missing one is undefined."""
    right = operands.pop() if operands else MISSING
    if operator == "not":
        return not is_liquid_truthy(right)
    left = operands.pop() if operands else MISSING
    return _OPERATORS[operator](left, right)


def parse_operand(scanner: TemplateScanner) -> CompiledExpression | None:
    """Parse a Liquid literal, range or path; return None when none begins here."""
    scanner.skip_blanks()
    value = _parse_literal(scanner)
    if value is None and scanner.peek_character() == "(":
        value = _parse_range(scanner)
    steps = _parse_path_steps(scanner, starts_path=value is None)
    if value is None:
        return _compile_variable_path(steps) if steps else None
    return _compile_property_path(value, steps) if steps else value


def parse_leading_path(scanner: TemplateScanner) -> CompiledExpression:
    """Parse the Liquid path at the beginning of a text; without one the value is undefined."""
    scanner.skip_blanks()
    steps = _parse_path_steps(scanner, starts_path=True)
    return _compile_variable_path(steps) if steps else _compile_constant(MISSING)


def _parse_literal(scanner: TemplateScanner) -> CompiledExpression | None:
    if (keyword := scanner.read_keyword()) is not None:
        return _compile_constant(_KEYWORD_VALUES[keyword])
    if (text := scanner.read_quoted_text()) is not None:
        return _compile_constant(text)
    if (number := scanner.read_number()) is not None:
        return _compile_constant(number)
    return None


def _compile_constant(value: JSON) -> CompiledExpression:
    return lambda _context: value


def _parse_range(scanner: TemplateScanner) -> CompiledExpression:
    scanner.skip_character_and_compare("(")
    low = _parse_required_operand(scanner)
    scanner.skip_blanks()
    if scanner.peek_character() != "." or scanner.peek_character(1) != ".":
        raise scanner.create_tokenization_error("invalid range syntax")
    scanner.position += 2
    high = _parse_required_operand(scanner)
    scanner.skip_blanks()
    if not scanner.skip_character_and_compare(")"):
        raise scanner.create_tokenization_error("invalid range syntax")
    return lambda context: _list_range_numbers(context, low(context), high(context))


def _parse_required_operand(scanner: TemplateScanner) -> CompiledExpression:
    value = parse_operand(scanner)
    if value is None:
        raise scanner.create_tokenization_error(
            f"unexpected token {scanner.format_source_excerpt()}, value expected"
        )
    return value


def _list_range_numbers(context: LiquidContext, low: JSON, high: JSON) -> list[float]:
    first, last = to_number(low), to_number(high)
    length = last - first + 1
    if math.isnan(length) or length <= 0:
        return []
    context.count_list_memory(length)
    return [first + step for step in range(math.ceil(length))]


def _parse_path_steps(scanner: TemplateScanner, *, starts_path: bool) -> list[CompiledExpression]:
    """Parse the steps of a Liquid path: names after dots, values in brackets."""
    steps: list[CompiledExpression] = []
    while True:
        if scanner.peek_character() == "[":
            steps.append(_parse_bracket_step(scanner))
        elif starts_path and not steps and (name := scanner.read_name()):
            steps.append(_compile_constant(name))
        elif scanner.peek_character() == "." and scanner.peek_character(1) != ".":
            scanner.position += 1
            if not (name := scanner.read_name()):
                return steps
            steps.append(_compile_constant(name))
        else:
            return steps


def _parse_bracket_step(scanner: TemplateScanner) -> CompiledExpression:
    scanner.skip_character_and_compare("[")
    step = parse_operand(scanner) or _compile_constant("")
    if not scanner.skip_past_character("]"):
        raise scanner.create_tokenization_error("[ not closed")
    return step


def _compile_variable_path(steps: list[CompiledExpression]) -> CompiledExpression:
    first, rest = steps[0], steps[1:]

    def get_value(context: LiquidContext) -> JSON:
        value = context.get_variable(replace_liquid_keyword(first(context)))
        for step in rest:
            value = get_property(value, replace_liquid_keyword(step(context)))
        return value

    return get_value


def _compile_property_path(
    value: CompiledExpression, steps: list[CompiledExpression]
) -> CompiledExpression:
    def get_value(context: LiquidContext) -> JSON:
        result = value(context)
        for step in steps:
            result = get_property(result, replace_liquid_keyword(step(context)))
        return result

    return get_value


def _parse_filter(scanner: TemplateScanner) -> tuple[str, list[CompiledExpression]] | None:
    scanner.skip_blanks()
    if scanner.is_at_end() or scanner.peek_character() in (")", ","):
        return None
    if not scanner.skip_character_and_compare("|"):
        raise scanner.create_tokenization_error('expected "|" before filter')
    name = scanner.read_name()
    if not name:
        if not scanner.is_at_end():
            raise scanner.create_tokenization_error("expected filter name")
        return None
    return name, _parse_filter_arguments(scanner)


def _parse_filter_arguments(scanner: TemplateScanner) -> list[CompiledExpression]:
    scanner.skip_blanks()
    if scanner.peek_character() not in ("", ":", "|", ")", ","):
        raise scanner.create_tokenization_error('expected ":" after filter name')
    arguments: list[CompiledExpression] = []
    separator = ":"
    while scanner.peek_character() == separator:
        scanner.position += 1
        if (argument := _parse_filter_argument(scanner)) is not None:
            arguments.append(argument)
        scanner.skip_blanks()
        if scanner.peek_character() not in ("", ",", "|", ")"):
            raise scanner.create_tokenization_error(
                f"unexpected character {scanner.format_source_excerpt()}"
            )
        separator = ","
    return arguments


def _parse_filter_argument(scanner: TemplateScanner) -> CompiledExpression | None:
    """Parse an argument of a Liquid filter: a value, or `key: value`, which becomes a pair."""
    scanner.skip_blanks()
    begin = scanner.position
    value = parse_operand(scanner)
    key = scanner.source[begin : scanner.position]
    if value is None:
        return None
    scanner.skip_blanks()
    if scanner.peek_character() != ":":
        return value
    scanner.position += 1
    option = parse_operand(scanner) or _compile_constant(MISSING)
    return lambda context: [key, option(context)]
