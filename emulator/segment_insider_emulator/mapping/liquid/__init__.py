"""Liquid templates of the `@liquid` directive, rendered exactly as Segment does.

Segment runs liquidjs 10.30. The grammar is in `tokenizer` and `expressions`, the tags in `parser`,
the filters in the modules named after them.
"""

from segment_insider_emulator.mapping.javascript import join_surrogates


class LiquidError(Exception):
    """A Liquid template cannot be parsed or rendered.

    Args:
        error_name: The kind of error as Segment reports it, e.g. "ParseError".
        message: Segment's words; for errors in the template they end with line and column.
    """

    def __init__(self, error_name: str, message: str) -> None:
        self.error_name = error_name
        super().__init__(message)


class UnlocatedLiquidError(Exception):
    """A Liquid error without a position; the tag or output in which it occurs adds the position."""


def create_located_error(error_name: str, message: str, source: str, index: int) -> LiquidError:
    """Return a LiquidError with a position, e.g. `tag "x" not found, line:2, col:3`.

    Args:
        source: The template as single UTF-16 units.
        index: The unit where the faulty part begins.
    """
    before = source[:index]
    line = before.count("\n") + 1
    column = index - (before.rfind("\n") + 1) + 1
    return LiquidError(error_name, join_surrogates(f"{message}, line:{line}, col:{column}"))
