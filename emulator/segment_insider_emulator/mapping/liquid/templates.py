"""The compiler of Liquid templates with the tags and filters that Segment allows.

Source: Segment, action-destinations, `mapping-kit/liquid-directive.ts`.
"""

from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from typing import Final, NoReturn

from segment_insider_emulator.mapping.javascript import (
    count_utf16_units,
    join_surrogates,
    split_surrogates,
)
from segment_insider_emulator.mapping.liquid import LiquidError, UnlocatedLiquidError
from segment_insider_emulator.mapping.liquid.date_filters import DATE_FILTERS
from segment_insider_emulator.mapping.liquid.encoding_filters import ENCODING_FILTERS
from segment_insider_emulator.mapping.liquid.list_and_number_filters import (
    LIST_FILTERS,
    NUMBER_FILTERS,
)
from segment_insider_emulator.mapping.liquid.parser import (
    RenderAction,
    StopRendering,
    TemplateParser,
)
from segment_insider_emulator.mapping.liquid.runtime import LiquidContext, LiquidFilter
from segment_insider_emulator.mapping.liquid.text_filters import TEXT_FILTERS
from segment_insider_emulator.mapping.liquid.tokenizer import tokenize_template
from segment_insider_emulator.types import JSON

MAX_TEMPLATE_UNITS: Final = 1_000

DISABLED_FILTERS: Final = (
    "array_to_sentence_string",
    "concat",
    "find",
    "find_exp",
    "find_index",
    "find_index_exp",
    "group_by",
    "group_by_exp",
    "has",
    "has_exp",
    "map",
    "newline_to_br",
    "reject",
    "reject_exp",
    "reverse",
    "sort",
    "sort_natural",
    "type",
    "uniq",
    "where_exp",
)


def _make_disabled_filter(name: str) -> LiquidFilter:
    def raise_disabled_error(_context: LiquidContext, *_arguments: JSON) -> NoReturn:
        raise UnlocatedLiquidError(f'filter "{name}" is disabled')

    return raise_disabled_error


FILTERS: Final[dict[str, LiquidFilter]] = {
    **DATE_FILTERS,
    **ENCODING_FILTERS,
    **LIST_FILTERS,
    **NUMBER_FILTERS,
    **TEXT_FILTERS,
    **{name: _make_disabled_filter(name) for name in DISABLED_FILTERS},
}


def compile_liquid_template(source: str) -> Callable[[JSON], str]:
    """Compile a Liquid template to a function that renders it for one event.

    Compiling never fails. The returned function raises LiquidError for an event that cannot be
    rendered, and for every event when *source* has an error: that is when Segment notices.
    """
    try:
        render = _parse_template(source)
    except LiquidError as error:
        return _build_error_renderer(error)
    return lambda event: _render_template_for_event(render, event)


def find_liquid_syntax_error(source: str) -> str:
    """Return Segment's error for the Liquid template *source*; "" when it can be parsed."""
    try:
        _parse_template(source)
    except LiquidError as error:
        return str(error)
    return ""


def _parse_template(source: str) -> RenderAction:
    if count_utf16_units(source) > MAX_TEMPLATE_UNITS:
        limit = f"liquid template values are limited to {MAX_TEMPLATE_UNITS} characters"
        raise LiquidError("Error", limit)
    return TemplateParser(tokenize_template(split_surrogates(source)), FILTERS).parse_all_tokens()


def _render_template_for_event(render: RenderAction, event: JSON) -> str:
    output = StringIO()
    with suppress(StopRendering):
        render(LiquidContext(event), output)
    return join_surrogates(output.getvalue())


def _build_error_renderer(error: LiquidError) -> Callable[[JSON], str]:
    def raise_error(_event: JSON) -> str:
        raise LiquidError(error.error_name, str(error))

    return raise_error
