"""Values, operators and filters as liquidjs reads them, compiled to functions of a scope.

Source: liquidjs 10.30, `parser/tokenizer.ts`, `render/expression.ts`, `render/operator.ts`.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from segment_insider_emulator.mapping.javascript import MISSING
from segment_insider_emulator.mapping.liquid.scanner import Scanner
from segment_insider_emulator.mapping.liquid.scope import Evaluate, Scope
from segment_insider_emulator.mapping.liquid.values import (
    BLANK,
    EMPTY,
    NIL,
    contains,
    equal,
    holds,
    number,
    order,
    plain,
    read,
)
from segment_insider_emulator.types import JSON

Filters = Mapping[str, Callable[..., Any]]

_WORDS: Final = {
    "true": True,
    "false": False,
    "nil": NIL,
    "null": NIL,
    "empty": EMPTY,
    "blank": BLANK,
}
_PRECEDENCE: Final = {"not": 1, "and": 0, "or": 0}
_COMPARISON: Final = 2


def _ordered(*allowed: int) -> Callable[[JSON, JSON], bool]:
    return lambda left, right: order(left, right) in allowed


_OPERATORS: Final[dict[str, Callable[[JSON, JSON], bool]]] = {
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    ">": _ordered(1),
    "<": _ordered(-1),
    ">=": _ordered(0, 1),
    "<=": _ordered(-1, 0),
    "contains": contains,
    "and": lambda left, right: holds(left) and holds(right),
    "or": lambda left, right: holds(left) or holds(right),
}


def filtered_value(scanner: Scanner, filters: Filters) -> Evaluate:
    """Read `value | filter: argument | …`; a filter that is not in *filters* changes nothing.

    Raises: LiquidError, when there is no value or something else stands where a filter should.
    """
    value = _expression(scanner)
    while (step := _filter(scanner)) is not None:
        name, arguments = step
        if name in filters:
            value = _filtered(value, filters[name], arguments)
        elif arguments:
            value = _filtered(value, _unchanged, arguments)
    return value


def _unchanged(_scope: Scope, value: JSON, *_arguments: JSON) -> JSON:
    return value


def _filtered(value: Evaluate, function: Callable[..., Any], arguments: list[Evaluate]) -> Evaluate:
    if not arguments:
        return lambda scope: function(scope, value(scope))
    return lambda scope: function(scope, value(scope), *[each(scope) for each in arguments])


def _expression(scanner: Scanner) -> Evaluate:
    parts: list[Evaluate | str] = []
    while not scanner.at_end():
        part = scanner.operator() or operand(scanner)
        if part is None:
            break
        parts.append(part)
    if not parts:
        raise scanner.error(f"invalid value expression: {scanner.snapshot()}")
    if len(parts) == 1 and not isinstance(parts[0], str):
        return parts[0]
    return _calculation(_postfix(parts))


def _postfix(parts: list[Evaluate | str]) -> list[Evaluate | str]:
    """Operands before their operators; operators of one rank group from the right."""
    ordered: list[Evaluate | str] = []
    waiting: list[str] = []
    for part in parts:
        if not isinstance(part, str):
            ordered.append(part)
            continue
        while waiting and _rank(waiting[-1]) > _rank(part):
            ordered.append(waiting.pop())
        waiting.append(part)
    return ordered + waiting[::-1]


def _rank(operator: str) -> int:
    return _PRECEDENCE.get(operator, _COMPARISON)


def _calculation(parts: list[Evaluate | str]) -> Evaluate:
    def calculate(scope: Scope) -> JSON:
        operands: list[JSON] = []
        for part in parts:
            operands.append(_apply(part, operands) if isinstance(part, str) else part(scope))
        return operands[0]

    return calculate


def _apply(operator: str, operands: list[JSON]) -> bool:
    """Take the operands of *operator* off the stack; one that is not there is undefined."""
    right = operands.pop() if operands else MISSING
    if operator == "not":
        return not holds(right)
    left = operands.pop() if operands else MISSING
    return _OPERATORS[operator](left, right)


def operand(scanner: Scanner) -> Evaluate | None:
    """Read a literal, a range or a path; None when none of these begins here."""
    scanner.skip_blanks()
    value = _literal(scanner)
    if value is None and scanner.peek() == "(":
        value = _range(scanner)
    steps = _steps(scanner, begins=value is None)
    if value is None:
        return _path(steps) if steps else None
    return _path_from(value, steps) if steps else value


def leading_path(scanner: Scanner) -> Evaluate:
    """Read the path that a text begins with, and no more; without one the value is undefined."""
    scanner.skip_blanks()
    steps = _steps(scanner, begins=True)
    return _path(steps) if steps else _constant(MISSING)


def _literal(scanner: Scanner) -> Evaluate | None:
    if (word := scanner.word()) is not None:
        return _constant(_WORDS[word])
    if (text := scanner.quoted()) is not None:
        return _constant(text)
    if (figure := scanner.number()) is not None:
        return _constant(figure)
    return None


def _constant(value: JSON) -> Evaluate:
    return lambda _scope: value


def _range(scanner: Scanner) -> Evaluate:
    scanner.take("(")
    low = _required(scanner)
    scanner.skip_blanks()
    if scanner.peek() != "." or scanner.peek(1) != ".":
        raise scanner.error("invalid range syntax")
    scanner.at += 2
    high = _required(scanner)
    scanner.skip_blanks()
    if not scanner.take(")"):
        raise scanner.error("invalid range syntax")
    return lambda scope: _numbers(scope, low(scope), high(scope))


def _required(scanner: Scanner) -> Evaluate:
    value = operand(scanner)
    if value is None:
        raise scanner.error(f"unexpected token {scanner.snapshot()}, value expected")
    return value


def _numbers(scope: Scope, low: JSON, high: JSON) -> list[float]:
    first, last = number(low), number(high)
    length = last - first + 1
    if math.isnan(length) or length <= 0:
        return []
    scope.use_list(length)
    return [first + step for step in range(math.ceil(length))]


def _steps(scanner: Scanner, *, begins: bool) -> list[Evaluate]:
    """Read the parts of a path: names behind dots, and values in brackets."""
    steps: list[Evaluate] = []
    while True:
        if scanner.peek() == "[":
            steps.append(_bracketed(scanner))
        elif begins and not steps and (name := scanner.name()):
            steps.append(_constant(name))
        elif scanner.peek() == "." and scanner.peek(1) != ".":
            scanner.at += 1
            if not (name := scanner.name()):
                return steps
            steps.append(_constant(name))
        else:
            return steps


def _bracketed(scanner: Scanner) -> Evaluate:
    scanner.take("[")
    step = operand(scanner) or _constant("")
    if not scanner.step_behind("]"):
        raise scanner.error("[ not closed")
    return step


def _path(steps: list[Evaluate]) -> Evaluate:
    first, rest = steps[0], steps[1:]

    def follow(scope: Scope) -> JSON:
        value = scope.root(plain(first(scope)))
        for step in rest:
            value = read(value, plain(step(scope)))
        return value

    return follow


def _path_from(value: Evaluate, steps: list[Evaluate]) -> Evaluate:
    def follow(scope: Scope) -> JSON:
        result = value(scope)
        for step in steps:
            result = read(result, plain(step(scope)))
        return result

    return follow


def _filter(scanner: Scanner) -> tuple[str, list[Evaluate]] | None:
    scanner.skip_blanks()
    if scanner.at_end() or scanner.peek() in (")", ","):
        return None
    if not scanner.take("|"):
        raise scanner.error('expected "|" before filter')
    name = scanner.name()
    if not name:
        if not scanner.at_end():
            raise scanner.error("expected filter name")
        return None
    return name, _arguments(scanner)


def _arguments(scanner: Scanner) -> list[Evaluate]:
    scanner.skip_blanks()
    if scanner.peek() not in ("", ":", "|", ")", ","):
        raise scanner.error('expected ":" after filter name')
    arguments: list[Evaluate] = []
    separator = ":"
    while scanner.peek() == separator:
        scanner.at += 1
        if (argument := _argument(scanner)) is not None:
            arguments.append(argument)
        scanner.skip_blanks()
        if scanner.peek() not in ("", ",", "|", ")"):
            raise scanner.error(f"unexpected character {scanner.snapshot()}")
        separator = ","
    return arguments


def _argument(scanner: Scanner) -> Evaluate | None:
    """Read a value or `key: value`, which reaches the filter as a pair."""
    scanner.skip_blanks()
    begin = scanner.at
    value = operand(scanner)
    key = scanner.source[begin : scanner.at]
    if value is None:
        return None
    scanner.skip_blanks()
    if scanner.peek() != ":":
        return value
    scanner.at += 1
    named = operand(scanner) or _constant(MISSING)
    return lambda scope: [key, named(scope)]
