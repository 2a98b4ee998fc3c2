"""Liquid as Segment configures it: which tags and filters there are, and which are taken away.

Source: Segment, action-destinations, `mapping-kit/liquid-directive.ts`.
"""

from io import StringIO
from typing import Final, NoReturn

from liquid import BoundTemplate, Environment, TokenStream
from liquid.exceptions import BlockNestingError
from liquid.parser import get_parser

from segment_insider_emulator.mapping.liquid import conditions, tags
from segment_insider_emulator.mapping.liquid.errors import (
    LiquidError,
    UnlocatedLiquidError,
    join_surrogates,
    split_surrogates,
)
from segment_insider_emulator.mapping.liquid.filters import LIQUID_FILTERS
from segment_insider_emulator.mapping.liquid.filters.signature import LiquidFilter
from segment_insider_emulator.mapping.liquid.markup import tokenize_template
from segment_insider_emulator.mapping.liquid.scope import LiquidContext
from segment_insider_emulator.types import JSON

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
    conditions.IfTag,
    conditions.UnlessTag,
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
