"""The filters of liquidjs 10.30 by name: each takes the scope, the value and its arguments.

What an argument leaves out is undefined; `name: value` arrives as the pair [name, value].
"""

from collections.abc import Callable
from io import StringIO
from typing import Any, Final, NoReturn

from liquid import BoundTemplate, Environment, TokenStream
from liquid.exceptions import BlockNestingError
from liquid.parser import get_parser

from segment_insider_emulator.mapping.javascript import count_utf16_units
from segment_insider_emulator.mapping.liquid import (
    LiquidError,
    UnlocatedLiquidError,
    date_filters,
    encoding_filters,
    join_surrogates,
    list_filters,
    number_filters,
    split_surrogates,
    tags,
    text_filters,
)
from segment_insider_emulator.mapping.liquid.runtime import LiquidContext, LiquidFilter
from segment_insider_emulator.mapping.liquid.tokenizer import tokenize_template
from segment_insider_emulator.types import JSON

LIQUID_FILTERS: Final[dict[str, Callable[..., Any]]] = {
    **date_filters.DATE_FILTERS,
    **encoding_filters.ENCODING_FILTERS,
    **list_filters.LIST_FILTERS,
    **number_filters.NUMBER_FILTERS,
    **encoding_filters.OUTPUT_FILTERS,
    **text_filters.TEXT_FILTERS,
}

TAG_CLASSES: Final = (
    tags.AssignTag,
    tags.BlockTag,
    tags.CaptureTag,
    tags.CommentTag,
    tags.ContentTag,
    tags.ContinueTag,
    tags.IncrementTag,
    tags.CycleTag,
    tags.DecrementTag,
    tags.EchoTag,
    tags.InlineCommentTag,
    tags.LiquidLinesTag,
    tags.OutputTag,
    tags.RawTag,
    tags.BreakTag,
    tags.UnknownTag,
    tags.IfTag,
    tags.UnlessTag,
)
DISABLED_TAGS: Final = ("case", "for", "include", "layout", "render", "tablerow")
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


class LiquidTemplate(BoundTemplate):
    """A template that parsed."""

    def render_event(self, event: JSON) -> str:
        """What *event* renders to.

        Raises: LiquidError.
        """
        buffer = StringIO()
        self.render_with_context(LiquidContext(self, event), buffer)
        return join_surrogates(buffer.getvalue())


class LiquidEngine(Environment):
    """The engine with liquidjs' grammar, tags and filters in the place of its own."""

    suppress_blank_control_flow_blocks = False
    # As deep as 1,000 characters can open and close blocks.
    block_nesting_limit = 90

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in TAG_CLASSES:
            self.add_tag(tag)
        for name in DISABLED_TAGS:
            self.tags[name] = tags.DisabledTag(self)
        for name, function in LIQUID_FILTERS.items():
            self.add_filter(name, function)
        for name in DISABLED_FILTERS:
            self.add_filter(name, _make_disabled_filter(name))

    def parse_template(self, source: str) -> LiquidTemplate:
        """Parse *source*.

        Raises: LiquidError.
        """
        stream = TokenStream(iter(tokenize_template(split_surrogates(source))))
        try:
            return LiquidTemplate(self, get_parser(self).parse(stream))
        except BlockNestingError:
            raise LiquidError("ParseError", "blocks are nested too deeply") from None


def _make_disabled_filter(name: str) -> LiquidFilter:
    def refuse(_scope: LiquidContext, *_arguments: JSON) -> NoReturn:
        raise UnlocatedLiquidError(f'filter "{name}" is disabled')

    return refuse


MAX_TEMPLATE_UNITS: Final = 1_000

_ENGINE: Final = LiquidEngine()


def compile_liquid_template(source: str) -> Callable[[JSON], str]:
    """Parse *source*; the result renders one event to text.

    Compiling never fails. The result raises LiquidError for an event that cannot be rendered,
    and for every event when *source* does not parse: that is when Segment notices.
    """
    try:
        template = _ENGINE.parse_template(_check_template_length(source))
    except LiquidError as error:
        return _build_error_renderer(error)
    return template.render_event


def find_syntax_error(source: str) -> str:
    """Why every rendering of *source* fails, in Segment's words; "" when it parses."""
    try:
        _ENGINE.parse_template(_check_template_length(source))
    except LiquidError as error:
        return str(error)
    return ""


def _check_template_length(source: str) -> str:
    if count_utf16_units(source) > MAX_TEMPLATE_UNITS:
        limit = f"liquid template values are limited to {MAX_TEMPLATE_UNITS} characters"
        raise LiquidError("Error", limit)
    return source


def _build_error_renderer(error: LiquidError) -> Callable[[JSON], str]:
    def fail(_event: JSON) -> str:
        raise LiquidError(error.error_name, str(error))

    return fail
